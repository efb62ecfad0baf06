//! One record, one line, for people.
//!
//! ```text
//! 12:00:01.123 EXEC pid=4242 uid=1000 curl -s 'http://x/?a b' <- bash <- sshd <- systemd
//! 12:00:01.456 EXIT pid=4242 uid=1000 code=0 after 0.333s curl -s 'http://x/?a b' <- bash
//! ```

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use kintrace_semconv::{attribute, event};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::Color;
use super::escape::{push_plain, push_shell_word};

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

/// What the line needs of a record's attributes.
#[derive(Default)]
struct Fields<'a> {
    pid: Option<&'a AnyValue>,
    user_id: Option<&'a AnyValue>,
    executable_path: Option<&'a str>,
    executable_name: Option<&'a str>,
    args: Vec<&'a str>,
    exit_code: Option<i64>,
    exit_signal: Option<&'a str>,
    exited: Option<SystemTime>,
    created: Option<SystemTime>,
    ancestors: Vec<&'a str>,
}

/// Appends the line of a record, without its newline.
pub(crate) fn push_line(out: &mut String, record: &LogRecord, color: Color) {
    let fields = Fields::read(record);
    push_time(out, record.time_unix_nano);
    match record.event_name.as_str() {
        event::KINTRACE_PROCESS_EXEC => {
            push_colored(out, "EXEC", GREEN, color);
            fields.push_who(out);
            fields.push_command(out);
        }
        event::KINTRACE_PROCESS_EXIT => {
            let is_clean = fields.exit_signal.is_none() && fields.exit_code.unwrap_or(0) == 0;
            push_colored(out, "EXIT", if is_clean { YELLOW } else { RED }, color);
            fields.push_who(out);
            fields.push_end(out);
            fields.push_command(out);
        }
        other => {
            push_plain(out, other);
            fields.push_who(out);
            if let Some(Value::StringValue(body)) = record.body.as_ref().and_then(value) {
                out.push(' ');
                push_plain(out, body);
            }
        }
    }
    for ancestor in &fields.ancestors {
        out.push_str(" <- ");
        push_plain(out, ancestor);
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn read(record: &'a LogRecord) -> Self {
        let mut fields = Self::default();
        for pair in &record.attributes {
            let Some(value) = &pair.value else { continue };
            match pair.key.as_str() {
                attribute::PROCESS_PID => fields.pid = Some(value),
                attribute::PROCESS_USER_ID => fields.user_id = Some(value),
                attribute::PROCESS_EXECUTABLE_PATH => fields.executable_path = text(value),
                attribute::PROCESS_EXECUTABLE_NAME => fields.executable_name = text(value),
                attribute::PROCESS_COMMAND_ARGS => fields.args = texts(value),
                attribute::PROCESS_EXIT_CODE => fields.exit_code = int(value),
                attribute::KINTRACE_PROCESS_EXIT_SIGNAL => fields.exit_signal = text(value),
                attribute::PROCESS_EXIT_TIME => fields.exited = time(value),
                attribute::PROCESS_CREATION_TIME => fields.created = time(value),
                attribute::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES => {
                    fields.ancestors = texts(value);
                }
                _ => {}
            }
        }
        fields
    }

    fn push_who(&self, out: &mut String) {
        for (name, any) in [(" pid=", self.pid), (" uid=", self.user_id)] {
            match any.and_then(value) {
                Some(Value::IntValue(number)) => push(out, format_args!("{name}{number}")),
                Some(Value::StringValue(text)) => {
                    out.push_str(name);
                    push_plain(out, text);
                }
                _ => {}
            }
        }
    }

    fn push_end(&self, out: &mut String) {
        match (self.exit_signal, self.exit_code) {
            (Some(signal), _) => {
                out.push_str(" signal=");
                push_plain(out, signal);
            }
            (None, Some(code)) => push(out, format_args!(" code={code}")),
            (None, None) => {}
        }
        // A clock that was set back between the two leaves no duration to tell.
        let lived = self
            .exited
            .zip(self.created)
            .map(|(end, start)| end.duration_since(start));
        match lived {
            Some(Ok(lived)) if lived < Duration::from_secs(60) => {
                push(out, format_args!(" after {:.3}s", lived.as_secs_f64()));
            }
            Some(Ok(lived)) => {
                let seconds = Duration::from_secs(lived.as_secs());
                push(
                    out,
                    format_args!(" after {}", humantime::format_duration(seconds)),
                );
            }
            Some(Err(_)) | None => {}
        }
    }

    /// The command line, and the executable where the name it was called by is another.
    fn push_command(&self, out: &mut String) {
        for arg in &self.args {
            out.push(' ');
            push_shell_word(out, arg);
        }
        let Some(executable) = self.executable_path.or(self.executable_name) else {
            return;
        };
        match self.args.first() {
            None => {
                out.push(' ');
                push_shell_word(out, executable);
            }
            Some(called) if last_segment(called) != last_segment(executable) => {
                out.push_str(" (");
                push_plain(out, executable);
                out.push(')');
            }
            Some(_) => {}
        }
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Time of day, UTC.
fn push_time(out: &mut String, unix_nanos: u64) {
    let millis = unix_nanos / 1_000_000;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    push(
        out,
        format_args!("{hours:02}:{minutes:02}:{:02}.{millis:03} ", seconds % 60),
    );
}

fn push_colored(out: &mut String, word: &str, code: &str, color: Color) {
    match color {
        Color::Always => push(out, format_args!("{code}{word}{RESET}")),
        Color::Never => out.push_str(word),
    }
}

fn push(out: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ok = out.write_fmt(words);
}

fn value(value: &AnyValue) -> Option<&Value> {
    value.value.as_ref()
}

fn text(any: &AnyValue) -> Option<&str> {
    let Value::StringValue(text) = value(any)? else {
        return None;
    };
    Some(text)
}

fn int(any: &AnyValue) -> Option<i64> {
    let Value::IntValue(number) = value(any)? else {
        return None;
    };
    Some(*number)
}

fn texts(any: &AnyValue) -> Vec<&str> {
    match value(any) {
        Some(Value::ArrayValue(array)) => array.values.iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

fn time(any: &AnyValue) -> Option<SystemTime> {
    humantime::parse_rfc3339(text(any)?).ok()
}

#[cfg(test)]
mod tests;
