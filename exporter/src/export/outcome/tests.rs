use tonic_types::ErrorDetails;

use super::*;

fn grpc(code: Code, message: &str) -> Verdict {
    ExportError::from_status(&Status::new(code, message)).verdict
}

fn http(status: u16, headers: &[(&'static str, &str)]) -> Verdict {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                value.parse().unwrap(),
            )
        })
        .collect();
    ExportError::from_http(StatusCode::from_u16(status).unwrap(), &headers, "").verdict
}

#[test]
fn every_grpc_code_is_what_the_specification_says() {
    let retry = Verdict::Retry(None);
    for (code, verdict) in [
        (Code::Cancelled, retry),
        (Code::Unknown, Verdict::Permanent),
        (Code::InvalidArgument, Verdict::Refused),
        (Code::DeadlineExceeded, retry),
        (Code::NotFound, Verdict::Permanent),
        (Code::AlreadyExists, Verdict::Permanent),
        (Code::PermissionDenied, Verdict::Misconfigured),
        (Code::ResourceExhausted, Verdict::Refused),
        (Code::FailedPrecondition, Verdict::Permanent),
        (Code::Aborted, retry),
        (Code::OutOfRange, retry),
        (Code::Unimplemented, Verdict::Misconfigured),
        (Code::Internal, Verdict::Permanent),
        (Code::Unavailable, retry),
        (Code::DataLoss, retry),
        (Code::Unauthenticated, Verdict::Misconfigured),
    ] {
        assert_eq!(grpc(code, "why"), verdict, "{code:?}");
    }
}

#[test]
fn out_of_range_about_the_length_is_a_refusal() {
    let text = "Error, decoded message length too large: found 21 bytes, the limit is: 4 bytes";
    assert_eq!(grpc(Code::OutOfRange, text), Verdict::Refused);
}

#[test]
fn retry_info_is_a_hint_and_makes_exhaustion_retryable() {
    let hint = Duration::from_millis(2500);
    for code in [Code::ResourceExhausted, Code::Unavailable] {
        let details = ErrorDetails::with_retry_info(Some(hint));
        let status = Status::with_error_details(code, "slow down", details);
        assert_eq!(
            ExportError::from_status(&status).verdict,
            Verdict::Retry(Some(hint))
        );
    }
}

#[test]
fn a_status_made_of_a_connection_error_is_retried_whatever_its_code() {
    let broken = std::io::Error::other("reset");
    let status = Status::from_error(Box::new(broken));
    assert_eq!(status.code(), Code::Unknown);
    let error = ExportError::from_status(&status);
    assert_eq!(
        (error.verdict, error.cause.as_str()),
        (Verdict::Retry(None), "reset")
    );
}

#[test]
fn every_http_status_is_what_the_specification_says() {
    for (verdict, statuses) in [
        (Verdict::Retry(None), &[408, 429, 502, 503, 504][..]),
        (Verdict::Refused, &[400, 413, 422]),
        (Verdict::Misconfigured, &[301, 401, 403, 404, 405, 415]),
        (Verdict::Permanent, &[402, 409, 410, 500, 501, 505]),
    ] {
        for status in statuses {
            assert_eq!(http(*status, &[]), verdict, "{status}");
        }
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_by_the_receivers_clock() {
    let hint = |seconds| Verdict::Retry(Some(Duration::from_secs(seconds)));
    let (noon, later) = (
        "Tue, 15 Nov 1994 12:00:00 GMT",
        "Tue, 15 Nov 1994 12:01:30 GMT",
    );
    assert_eq!(http(429, &[("retry-after", "7")]), hint(7));
    assert_eq!(
        http(503, &[("retry-after", later), ("date", noon)]),
        hint(90)
    );
    assert_eq!(
        http(503, &[("retry-after", noon), ("date", later)]),
        hint(0)
    );
    assert_eq!(http(503, &[("retry-after", later)]), Verdict::Retry(None));
    assert_eq!(http(503, &[("retry-after", "soon")]), Verdict::Retry(None));
}

#[test]
fn a_text_of_the_receiver_is_cut_at_a_character() {
    let error = ExportError::new(Verdict::Permanent, &"\u{e9}".repeat(400));
    assert_eq!(error.cause.len(), MAX_TEXT_BYTES);
    assert_eq!(Accepted::new(-5, "").rejected, 0);
}
