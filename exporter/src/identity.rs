//! Ids that need no shared state: the same image has the same ids wherever and whenever they are computed.
//!
//! An image is (boot id, pid, start, exec id). One SHA-256 of it gives the entity id; its first half is the
//! span id. Trace ids come from the root of the trace and its window.

use sha2::{Digest as _, Sha256};

use crate::event::ImageId;

/// The kernel's random id of this boot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BootId(pub [u8; 16]);

/// Id of an image, unique over hosts and boots.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct EntityId(pub [u8; 16]);

/// OTLP span id. Never zero.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct SpanId(pub [u8; 8]);

/// OTLP trace id. Never zero.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TraceId(pub [u8; 16]);

/// Lower-case hex digits of an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hex([u8; 32]);

impl BootId {
    /// From the text of `/proc/sys/kernel/random/boot_id`; other characters than hex digits are skipped.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(&text.replace('-', "")).map(Self)
    }
}

impl EntityId {
    /// Of an image on this boot.
    pub fn of(boot: BootId, id: ImageId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"kintrace");
        hash.update(boot.0);
        hash.update(id.process.pid.0.to_le_bytes());
        hash.update(id.process.start.0.to_le_bytes());
        hash.update(id.exec_id.to_le_bytes());
        Self(first_bytes(hash))
    }

    /// The span of the image: the first half of its id.
    pub fn span_id(self) -> SpanId {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        let span = [a, b, c, d, e, f, g, h];
        // One in 2^64; OTLP gives zero a meaning.
        if span == [0; 8] {
            SpanId([0xff; 8])
        } else {
            SpanId(span)
        }
    }

    /// 32 hex digits.
    pub fn hex(self) -> Hex {
        Hex::of(self.0)
    }
}

impl TraceId {
    /// Of a window of a root: `root` names what the trace is of, kind included.
    pub fn of(boot: BootId, root: &str, age_window: u64, size_window: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"trace");
        hash.update(boot.0);
        hash.update(age_window.to_le_bytes());
        hash.update(size_window.to_le_bytes());
        hash.update(root.as_bytes());
        let id: [u8; 16] = first_bytes(hash);
        if id == [0; 16] {
            Self([0xff; 16])
        } else {
            Self(id)
        }
    }
}

impl Hex {
    fn of(bytes: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
            if let ([high, low], Some(h), Some(l)) = (
                pair,
                DIGITS.get(usize::from(byte >> 4)),
                DIGITS.get(usize::from(byte & 15)),
            ) {
                (*high, *low) = (*h, *l);
            }
        }
        Self(hex)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        // Digits are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Trace id and span id of a W3C `traceparent` value, if it is valid.
pub fn parse_traceparent(value: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = value.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_version_known = version == "00";
    if version.len() != 2
        || version == "ff"
        || flags.len() != 2
        || (is_version_known && parts.next().is_some())
    {
        return None;
    }
    let trace: [u8; 16] = parse_hex(trace)?;
    let span: [u8; 8] = parse_hex(span)?;
    (trace != [0; 16] && span != [0; 8]).then_some((TraceId(trace), SpanId(span)))
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2
        || !text
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(i * 2..i * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn first_bytes(hash: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pinned: a changed id breaks every receiver that joins records of two versions.
    #[test]
    fn ids_never_change() {
        let boot = BootId::parse("8d3c1e04-67f1-4c26-9f7a-2f6f1d1c9a10").unwrap();
        let entity = EntityId::of(boot, ImageId::new(4821, 1_000_000_007, 3));
        assert_eq!(entity.hex().as_str(), "dd92cddf8b5a3af178b98bb32ef8dd56");
        assert_eq!(entity.span_id().0, entity.0[..8]);
        assert_eq!(
            Hex::of(TraceId::of(boot, "unit ssh.service", 0, 0).0).as_str(),
            "612de380c4518ef327a56949f3915a0a"
        );
    }

    #[test]
    fn each_part_of_an_image_changes_its_id() {
        let boot = BootId([1; 16]);
        let ids = [
            EntityId::of(boot, ImageId::new(1, 2, 3)),
            EntityId::of(boot, ImageId::new(2, 2, 3)),
            EntityId::of(boot, ImageId::new(1, 3, 3)),
            EntityId::of(boot, ImageId::new(1, 2, 4)),
            EntityId::of(BootId([2; 16]), ImageId::new(1, 2, 3)),
        ];
        for (i, a) in ids.iter().enumerate() {
            assert!(ids.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn only_a_valid_traceparent_is_taken() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(parse_traceparent(valid).is_some());
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
    }
}
