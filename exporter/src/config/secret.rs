//! A text that must not reach a log, a message or a screen.

use std::fmt;

/// What is shown instead of a secret.
pub(super) const HIDDEN: &str = "***";

/// A text whose `Debug` hides it. There is no `Display`: [`expose`](Self::expose) is the one way out.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

// === impl Secret ===

impl Secret {
    /// Hides `text` from here on.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}
