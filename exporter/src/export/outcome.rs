//! What an answer means: delivered, again, split, or never.
//!
//! Pure. The two tables below are those of the OTLP specification v1 ("Failures", "OTLP/gRPC
//! Response", "OTLP/HTTP Response"), with three deliberate differences, each said where it is made.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Longest text of a receiver that is kept: it ends in a log line.
const MAX_TEXT_BYTES: usize = 512;

/// The receiver took the request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Accepted {
    /// How many of its records it refused all the same (partial success). Never sent again.
    pub rejected: u64,
    /// Why, or a warning if none was refused.
    pub message: String,
}

/// The receiver did not take the request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct ExportError {
    /// What follows from it.
    pub verdict: Verdict,
    /// What the receiver or the network said, shortened. Not trusted: to be logged quoted.
    pub cause: String,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The same request can succeed later; not before the hint, if there is one.
    Retry(Option<Duration>),
    /// An operator has to act: credentials, or a path that is not there. The same request can succeed
    /// once that is done, so it is repeated, but seldom: a token that expires at night must not cost
    /// more data than an outage. The specification calls it permanent.
    Misconfigured,
    /// Something in the request is refused, its size or its content: parts of it can succeed.
    Refused,
    /// The same request will never succeed, and nothing says that a part of it would.
    Permanent,
}

// === impl Accepted ===

impl Accepted {
    /// From the fields of a partial success. A negative count is none.
    pub fn new(rejected: i64, message: &str) -> Self {
        Self {
            rejected: u64::try_from(rejected).unwrap_or(0),
            message: shorten(message),
        }
    }
}

// === impl ExportError ===

impl ExportError {
    /// With the text of the receiver, shortened.
    pub fn new(verdict: Verdict, cause: &str) -> Self {
        Self {
            verdict,
            cause: shorten(cause),
        }
    }

    /// No answer in time. The request may have been taken: a duplicate is possible.
    pub fn timeout(after: Duration) -> Self {
        Self::new(Verdict::Retry(None), &format!("no answer within {after:?}"))
    }

    /// No connection, or one that broke before the answer was complete.
    pub fn network(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::new(Verdict::Retry(None), &chain(error))
    }

    /// An answer that is not one of OTLP: something else listens there.
    pub fn not_otlp(cause: &str) -> Self {
        Self::new(
            Verdict::Misconfigured,
            &format!("the answer is not OTLP: {cause}"),
        )
    }

    /// From the status of a gRPC call.
    ///
    /// A status that has a source was made by the client out of an error of the connection: its code
    /// is a guess and is not looked at.
    pub fn from_status(status: &Status) -> Self {
        if let Some(source) = std::error::Error::source(status) {
            return Self::network(source);
        }
        let hint = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay);
        let cause = format!("{:?}: {}", status.code(), status.message());
        Self::new(grpc_verdict(status.code(), status.message(), hint), &cause)
    }

    /// From the status and the headers of an HTTP answer other than 200.
    pub fn from_http(status: StatusCode, headers: &HeaderMap, message: &str) -> Self {
        let cause = if message.is_empty() {
            status.to_string()
        } else {
            format!("{status}: {message}")
        };
        Self::new(http_verdict(status, retry_after(headers)), &cause)
    }
}

/// OTLP/gRPC: "CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS: retryable;
/// RESOURCE_EXHAUSTED: only if the server can recover, signalled by RetryInfo; all others: not".
fn grpc_verdict(code: Code, message: &str, hint: Option<Duration>) -> Verdict {
    match code {
        // tonic's servers say OUT_OF_RANGE to a message over their limit: repeating never helps.
        Code::OutOfRange if is_about_size(message) => Verdict::Refused,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::Retry(hint),
        Code::ResourceExhausted => match hint {
            Some(hint) => Verdict::Retry(Some(hint)),
            // Go's servers say this to a message over their limit.
            None => Verdict::Refused,
        },
        Code::InvalidArgument => Verdict::Refused,
        Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented => {
            Verdict::Misconfigured
        }
        Code::Ok
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Internal => Verdict::Permanent,
    }
}

/// OTLP/HTTP: "429, 502, 503, 504: retryable, with Retry-After; all other 4xx and 5xx: not".
fn http_verdict(status: StatusCode, hint: Option<Duration>) -> Verdict {
    match status.as_u16() {
        429 | 502 | 503 | 504 => Verdict::Retry(hint),
        // A proxy gave up waiting for our bytes; nothing was processed (RFC 9110, 15.5.9).
        408 => Verdict::Retry(hint),
        400 | 413 | 422 => Verdict::Refused,
        // Redirects are not followed: credentials would go with them.
        300..=399 | 401 | 403 | 404 | 405 | 407 | 415 => Verdict::Misconfigured,
        _ => Verdict::Permanent,
    }
}

/// tonic: "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes".
/// grpc-go: "grpc: received message larger than max (5 vs. 4)".
fn is_about_size(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["too large", "larger than", "message length"]
        .iter()
        .any(|words| message.contains(words))
}

/// Seconds, or a date (RFC 9110, 10.2.3). The date is compared with the receiver's own clock, its
/// `Date` header, so ours need not be right; without that header a date is no hint.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| -> Option<SystemTime> { httpdate::parse_http_date(text).ok() };
    let now = date(headers.get(header::DATE)?.to_str().ok()?)?;
    Some(date(value)?.duration_since(now).unwrap_or(Duration::ZERO))
}

/// An error and its causes on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Wrappers of the HTTP stack like to repeat what they wrap.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

fn shorten(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests;
