//! What of an event is incomplete.

/// Which parts of an event were cut or could not be read: `EVENT_TRUNCATED_*` and `EVENT_MISSING_*`.
///
/// The bits are the ABI's; [`EventFlags::names`] gives each a word.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EventFlags(pub u32);

impl EventFlags {
    /// Nothing is incomplete.
    pub const NONE: Self = Self(0);
    /// Arguments were cut.
    pub const TRUNCATED_ARGS: Self = Self(1 << 2);
    /// The path of the executable could not be read.
    pub const MISSING_PATH: Self = Self(1 << 8);
    /// The working directory could not be read.
    pub const MISSING_WORKING_DIRECTORY: Self = Self(1 << 9);
    /// The arguments could not be read.
    pub const MISSING_ARGS: Self = Self(1 << 10);

    /// Words of the low bits, which say what was cut; a bit here and its word never part.
    const TRUNCATED: [&'static str; 8] = [
        "path",
        "working_directory",
        "args",
        "environment",
        "filename",
        "interpreter",
        "ancestors",
        "cgroup",
    ];
    /// Words of the bits from 8 on, which say what could not be read.
    const MISSING: [&'static str; 10] = [
        "path",
        "working_directory",
        "args",
        "environment",
        "filename",
        "interpreter",
        "cgroup",
        "namespaces",
        "audit",
        "exact_cpu_time",
    ];

    /// All of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What was cut.
    pub fn truncated(self) -> impl Iterator<Item = &'static str> + Clone {
        self.words(&Self::TRUNCATED, 0)
    }

    /// What could not be read.
    pub fn missing(self) -> impl Iterator<Item = &'static str> + Clone {
        self.words(&Self::MISSING, 8)
    }

    fn words(
        self,
        words: &'static [&'static str],
        first: u32,
    ) -> impl Iterator<Item = &'static str> + Clone {
        (first..)
            .zip(words)
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, word)| *word)
    }
}
