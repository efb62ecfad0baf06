//! Text that came from outside, made valid without losing a byte.

use std::fmt;

use compact_str::CompactString;

/// Text from the kernel or a user. Always valid UTF-8.
///
/// Bytes that are not UTF-8 were replaced by `\xNN`; then [`Text::was_escaped`] says so.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Text {
    /// Most texts of a process are short: up to 24 bytes need no allocation.
    text: CompactString,
    escaped: bool,
}

impl Text {
    /// Keeps UTF-8 as it is and writes every other byte as `\xNN`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self {
                text: text.into(),
                escaped: false,
            },
            Err(_) => Self {
                text: escape(bytes).into(),
                escaped: true,
            },
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether bytes that were not UTF-8 were replaced.
    pub fn was_escaped(&self) -> bool {
        self.escaped
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            text: text.into(),
            escaped: false,
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn escape(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ok = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_escaped_and_said() {
        let text = Text::from_bytes(b"caf\xe9 ok");
        assert_eq!(text.as_str(), "caf\\xe9 ok");
        assert!(text.was_escaped());
        assert!(!Text::from_bytes("caf\u{e9}".as_bytes()).was_escaped());
    }
}
