//! What a single value may be: how it is read, how it is refused, how it is written back.
//!
//! A rule is the only place that knows the range of a key: the message that refuses a value, the
//! comment in `config/kintrace.yaml` and the check itself come from it. A rule sees one value; what
//! two values mean to each other is in `check.rs`. Here are numbers and words; `texts.rs` and `mapping.rs`
//! have the rest.

use std::time::Duration;

use super::choice::Choice;
use super::settings::Written;
use super::suggest;
use super::units::{ByteSize, parse_duration, show_duration};

/// What a key accepts.
pub(super) trait Rule: Sync {
    /// What the program gets.
    type Value: Clone + Sync;

    /// The range, for people; part of "Allowed: ...".
    fn allowed(&self) -> String;

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// What was written, why not, and what to write instead.
    fn parse(&self, written: &Written) -> Result<Self::Value, Vec<Fault>>;

    /// Writes a value as YAML that [`parse`](Self::parse) reads to the same, secrets excepted.
    fn write(&self, value: &Self::Value) -> Yaml;

    /// Whether it is a mapping whose entries people name.
    fn is_mapping(&self) -> bool {
        false
    }

    /// The name of an entry under which sources are laid over each other.
    fn entry_name(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// One reason to refuse a value.
#[derive(Debug)]
pub(super) struct Fault {
    /// The entry of the mapping, if it is one.
    pub(super) entry: Option<String>,
    pub(super) message: String,
}

/// A value as YAML.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Yaml {
    /// On the line of its key.
    Inline(String),
    /// Below its key: name and value, both ready to be written.
    Entries(Vec<(String, String)>),
}

/// `true` or `false`.
pub(super) struct Flag;
/// A number of things.
pub(super) struct Count(pub(super) usize, pub(super) usize);
/// A number of bytes.
pub(super) struct Size {
    pub(super) from: ByteSize,
    pub(super) to: ByteSize,
    pub(super) power_of_two: bool,
}
/// A duration.
pub(super) struct Span(pub(super) Duration, pub(super) Duration);
/// One of a few words.
pub(super) struct OneOf<C>(pub(super) std::marker::PhantomData<C>);
/// One of a few words, or empty: `None`, the more general key decides.
pub(super) struct OneOfOrEmpty<C>(pub(super) std::marker::PhantomData<C>);
/// Refuses a value as a whole.
pub(super) fn refuse<T>(message: String) -> Result<T, Vec<Fault>> {
    Err(vec![Fault {
        entry: None,
        message,
    }])
}

fn outside<T>(written: &Written, rule: &impl Rule) -> Result<T, Vec<Fault>> {
    refuse(format!(
        "{written} is out of range (allowed: {})",
        rule.allowed()
    ))
}

/// A text in double quotes. JSON's escapes are YAML's too; DEL and the C1 controls, which JSON leaves
/// alone, are not printable in YAML.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    for char in serde_json::Value::from(text).to_string().chars() {
        match char {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(char)));
            }
            char => quoted.push(char),
        }
    }
    quoted
}

// === impl Flag, Count ===

impl Rule for Flag {
    type Value = bool;

    fn allowed(&self) -> String {
        "true, false".into()
    }

    fn parse(&self, written: &Written) -> Result<bool, Vec<Fault>> {
        let Written::Flag(flag) = written else {
            return refuse(format!("{written} is not true or false"));
        };
        Ok(*flag)
    }

    fn write(&self, value: &bool) -> Yaml {
        Yaml::Inline(value.to_string())
    }
}

impl Rule for Count {
    type Value = usize;

    fn allowed(&self) -> String {
        format!("{}..{}", self.0, self.1)
    }

    fn parse(&self, written: &Written) -> Result<usize, Vec<Fault>> {
        let Written::Integer(number) = written else {
            return refuse(format!(
                "{written} is not a whole number ({})",
                self.allowed()
            ));
        };
        match usize::try_from(*number) {
            Ok(number) if (self.0..=self.1).contains(&number) => Ok(number),
            _ => outside(written, self),
        }
    }

    fn write(&self, value: &usize) -> Yaml {
        Yaml::Inline(value.to_string())
    }
}

// === impl Size, Span ===

impl Rule for Size {
    type Value = ByteSize;

    fn allowed(&self) -> String {
        let shape = if self.power_of_two {
            ", a power of two"
        } else {
            ""
        };
        format!("{}..{}{shape}", self.from, self.to)
    }

    fn parse(&self, written: &Written) -> Result<ByteSize, Vec<Fault>> {
        let size = if let Written::Integer(number) = written {
            u64::try_from(*number).ok().map(ByteSize::bytes)
        } else if let Written::Text(text) = written {
            text.parse().ok()
        } else {
            None
        };
        let Some(size) = size else {
            return refuse(format!(
                "{written} is not a size (write 65536, 64KiB, 8MiB, 1GiB)"
            ));
        };
        let fits = (self.from..=self.to).contains(&size);
        if !fits || (self.power_of_two && !size.get().is_power_of_two()) {
            return outside(written, self);
        }
        Ok(size)
    }

    fn write(&self, value: &ByteSize) -> Yaml {
        Yaml::Inline(value.to_string())
    }
}

impl Rule for Span {
    type Value = Duration;

    fn allowed(&self) -> String {
        format!("{}..{}", show_duration(self.0), show_duration(self.1))
    }

    fn parse(&self, written: &Written) -> Result<Duration, Vec<Fault>> {
        let duration = if let Written::Text(text) = written {
            parse_duration(text)
        } else {
            (*written == Written::Integer(0)).then_some(Duration::ZERO)
        };
        match duration {
            None => refuse(format!("{written} is not a duration (write 500ms, 5s, 2m)")),
            Some(duration) if (self.0..=self.1).contains(&duration) => Ok(duration),
            Some(_) => outside(written, self),
        }
    }

    fn write(&self, value: &Duration) -> Yaml {
        Yaml::Inline(show_duration(*value))
    }
}

// === impl OneOf, OneOfOrEmpty ===

fn choose<C: Choice>(written: &Written, allowed: &str) -> Result<C, Vec<Fault>> {
    let Written::Text(text) = written else {
        return refuse(format!("{written} is not one of {allowed}"));
    };
    if let Some(choice) = C::named(text) {
        return Ok(choice);
    }
    let names = C::ALL.iter().map(|choice| choice.name());
    let hint = match suggest::nearest(text, names) {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    };
    refuse(format!("{written} is not one of {allowed}{hint}"))
}

impl<C: Choice> Rule for OneOf<C> {
    type Value = C;

    fn allowed(&self) -> String {
        let names: Vec<_> = C::ALL.iter().map(|choice| choice.name()).collect();
        names.join(", ")
    }

    fn parse(&self, written: &Written) -> Result<C, Vec<Fault>> {
        choose(written, &self.allowed())
    }

    fn write(&self, value: &C) -> Yaml {
        Yaml::Inline(value.name().into())
    }
}

impl<C: Choice> Rule for OneOfOrEmpty<C> {
    type Value = Option<C>;

    fn allowed(&self) -> String {
        let names: Vec<_> = C::ALL.iter().map(|choice| choice.name()).collect();
        format!("{}, or \"\"", names.join(", "))
    }

    fn parse(&self, written: &Written) -> Result<Option<C>, Vec<Fault>> {
        if *written == Written::Text(String::new()) {
            return Ok(None);
        }
        choose(written, &self.allowed()).map(Some)
    }

    fn write(&self, value: &Option<C>) -> Yaml {
        match value {
            Some(choice) => Yaml::Inline(choice.name().into()),
            None => Yaml::Inline("\"\"".into()),
        }
    }
}
