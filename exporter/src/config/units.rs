//! Sizes and durations as people write them: `64KiB`, `1m 30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ByteSize(u64);

const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

// === impl ByteSize ===

impl ByteSize {
    /// `n` bytes.
    pub const fn bytes(n: u64) -> Self {
        Self(n)
    }

    /// `n` times 1024 bytes.
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }

    /// `n` times 1024 KiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// `n` times 1024 MiB.
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number, as the length of something in memory. Every target of kintrace has 64 bits.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Parses a whole number with one of the units B, KiB, MiB, GiB, or without one. `64K` and `64KB` are
/// refused: they mean 64000 to some and 65536 to others.
impl FromStr for ByteSize {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (digits, factor) = UNITS
            .iter()
            .find_map(|&(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
            .unwrap_or((text, 1));
        let digits = digits.trim_end();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        let number = digits.parse::<u64>().ok().ok_or(())?;
        number.checked_mul(factor).map(Self).ok_or(())
    }
}

/// Prints the largest unit that needs no fraction, so that what is printed parses to the same size.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS
            .iter()
            .find(|&&(_, factor)| self.0 > 0 && self.0.is_multiple_of(factor))
        {
            None | Some((_, 1)) => write!(f, "{}", self.0),
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
        }
    }
}

/// Parses `500ms`, `5s`, `1m 30s`; a number without a unit is refused, except zero.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// Prints a duration so that it parses to the same.
pub(super) fn show_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_whole_numbers_of_binary_units() {
        assert_eq!("8MiB".parse(), Ok(ByteSize::mib(8)));
        assert_eq!("65536".parse(), Ok(ByteSize::kib(64)));
        assert_eq!("12 B".parse(), Ok(ByteSize::bytes(12)));
        for text in [
            "",
            "MiB",
            "8MB",
            "8M",
            "-1",
            "+1",
            "1.5MiB",
            "99999999999GiB",
            "8 mib",
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(()), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_unit_without_a_fraction() {
        assert_eq!(ByteSize::bytes(0).to_string(), "0");
        assert_eq!(ByteSize::bytes(1025).to_string(), "1025");
        assert_eq!(ByteSize::kib(1024).to_string(), "1MiB");
        assert_eq!(ByteSize::kib(1025).to_string(), "1025KiB");
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_to_the_same(bytes: u64, nanos in 0..u64::MAX) {
            let size = ByteSize::bytes(bytes);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }
    }
}
