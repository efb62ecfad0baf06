use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue};
use proptest::prelude::*;

use super::super::escape::is_active;
use super::*;

fn string(text: &str) -> Value {
    Value::StringValue(text.into())
}

fn strings(texts: &[&str]) -> Value {
    let any = |text: &&str| AnyValue {
        value: Some(string(text)),
    };
    Value::ArrayValue(ArrayValue {
        values: texts.iter().map(any).collect(),
    })
}

fn record(event: &str, attributes: Vec<(&str, Value)>) -> LogRecord {
    let attributes = attributes
        .into_iter()
        .map(|(key, value)| KeyValue {
            key: key.into(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        })
        .collect();
    // 2023-11-14T22:13:20.123Z
    LogRecord {
        time_unix_nano: 1_700_000_000_123_456_789,
        event_name: event.into(),
        attributes,
        ..LogRecord::default()
    }
}

fn line(record: &LogRecord) -> String {
    let mut out = String::new();
    push_line(&mut out, record, Color::Never);
    out
}

fn exec(args: &[&str], path: &str, ancestors: &[&str]) -> LogRecord {
    record(
        event::KINTRACE_PROCESS_EXEC,
        vec![
            (attribute::PROCESS_PID, Value::IntValue(4242)),
            (attribute::PROCESS_USER_ID, Value::IntValue(1000)),
            (attribute::PROCESS_COMMAND_ARGS, strings(args)),
            (attribute::PROCESS_EXECUTABLE_PATH, string(path)),
            (
                attribute::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES,
                strings(ancestors),
            ),
        ],
    )
}

fn exit(more: Vec<(&'static str, Value)>) -> LogRecord {
    let mut attributes = vec![
        (attribute::PROCESS_PID, Value::IntValue(7)),
        (attribute::PROCESS_EXECUTABLE_PATH, string("/bin/true")),
    ];
    attributes.extend(more);
    record(event::KINTRACE_PROCESS_EXIT, attributes)
}

#[test]
fn an_exec_says_who_what_and_where_from() {
    let args = ["curl", "-s", "http://x/?a b"];
    assert_eq!(
        line(&exec(&args, "/usr/bin/curl", &["bash", "sshd", "systemd"])),
        "22:13:20.123 EXEC pid=4242 uid=1000 curl -s 'http://x/?a b' <- bash <- sshd <- systemd"
    );
}

#[test]
fn a_name_that_is_not_that_of_the_executable_is_found_out() {
    let line = line(&exec(&["ls"], "/bin/busybox", &[]));
    assert_eq!(
        line,
        "22:13:20.123 EXEC pid=4242 uid=1000 ls (/bin/busybox)"
    );
}

#[test]
fn an_exit_says_how_and_after_how_long() {
    let times = |end| {
        [
            (
                attribute::PROCESS_CREATION_TIME,
                string("2023-11-14T22:13:19.5Z"),
            ),
            (attribute::PROCESS_EXIT_TIME, string(end)),
        ]
    };
    let mut code = vec![(attribute::PROCESS_EXIT_CODE, Value::IntValue(3))];
    code.extend(times("2023-11-14T22:13:20.123Z"));
    assert_eq!(
        line(&exit(code)),
        "22:13:20.123 EXIT pid=7 code=3 after 0.623s /bin/true"
    );

    let mut signal = vec![(attribute::KINTRACE_PROCESS_EXIT_SIGNAL, string("SIGKILL"))];
    signal.extend(times("2023-11-14T23:15:20Z"));
    assert_eq!(
        line(&exit(signal)),
        "22:13:20.123 EXIT pid=7 signal=SIGKILL after 1h 2m /bin/true"
    );

    let backwards = exit(times("2023-11-14T22:00:00Z").into());
    assert_eq!(line(&backwards), "22:13:20.123 EXIT pid=7 /bin/true");
}

#[test]
fn colours_are_only_there_when_wanted() {
    let mut out = String::new();
    push_line(&mut out, &exec(&["id"], "/bin/id", &[]), Color::Always);
    assert!(out.starts_with("22:13:20.123 \x1b[32mEXEC\x1b[0m pid"));
}

#[test]
fn an_event_of_another_kind_shows_its_body() {
    let body = Some(AnyValue {
        value: Some(string("3 lost\x1b[0m")),
    });
    let record = LogRecord {
        body,
        ..record("kintrace.loss", Vec::new())
    };
    assert_eq!(line(&record), r"22:13:20.123 kintrace.loss 3 lost\x1b[0m");
}

proptest! {
    #[test]
    fn strangers_cannot_act_on_the_terminal_nor_forge_a_line(
        text in prop_oneof![any::<String>(), "[\u{0}-\u{a0}\u{202e}]{1,20}"]
    ) {
        let text = text.as_str();
        let exit = exit(vec![
            (attribute::KINTRACE_PROCESS_EXIT_SIGNAL, string(text)),
            (attribute::PROCESS_USER_ID, string(text)),
        ]);
        for record in [exec(&[text, text], text, &[text]), exec(&[], text, &[]), exit, record(text, vec![])] {
            prop_assert!(!line(&record).chars().any(is_active));
        }
    }
}
