//! Protobuf's wire format, appended to a buffer. Lengths are computed first, so each byte is written once.

/// A field whose value is a length and bytes.
pub(super) const fn bytes_tag(field: u32) -> u32 {
    field << 3 | 2
}

/// A field whose value is a varint.
pub(super) const fn varint_tag(field: u32) -> u32 {
    field << 3
}

const fn fixed64_tag(field: u32) -> u32 {
    field << 3 | 1
}

const fn fixed32_tag(field: u32) -> u32 {
    field << 3 | 5
}

/// Bytes of a varint.
pub(super) const fn varint_len(value: u64) -> usize {
    // 1 + the number of 7-bit groups after the first; zero takes one byte as well.
    ((70 - (value | 1).leading_zeros()) / 7) as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low seven bits are what is written"
)]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a length-delimited field with a tag of one byte.
pub(super) const fn delimited_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

/// Tag and length of a field whose content the caller appends.
pub(super) fn delimited(out: &mut Vec<u8>, field: u32, len: usize) {
    varint(out, u64::from(bytes_tag(field)));
    varint(out, len as u64);
}

pub(super) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    delimited(out, field, value.len());
    out.extend_from_slice(value);
}

pub(super) fn uint(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(varint_tag(field)));
    varint(out, value);
}

pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(fixed64_tag(field)));
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    varint(out, u64::from(fixed32_tag(field)));
    out.extend_from_slice(&value.to_le_bytes());
}

/// Reads a varint at the front: its value and its bytes.
pub(super) fn read_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

/// Room in front of a message for tag and length of the entry it becomes.
const HEAD: usize = 6;

/// Builds one entry of a repeated field 2: tag 0x12, length, message. The buffer is kept between records.
#[derive(Debug, Default)]
pub(super) struct Entry {
    buffer: Vec<u8>,
}

impl Entry {
    /// Empties it and gives out where the message is appended.
    pub(super) fn start(&mut self) -> &mut Vec<u8> {
        self.buffer.clear();
        self.buffer.resize(HEAD, 0);
        &mut self.buffer
    }

    /// Puts tag and length right in front of the message.
    pub(super) fn finish(&mut self) -> &[u8] {
        let len = (self.buffer.len() - HEAD) as u64;
        let start = HEAD - 1 - varint_len(len);
        let mut head = Vec::with_capacity(HEAD);
        head.push(0x12);
        varint(&mut head, len);
        if let Some(room) = self.buffer.get_mut(start..HEAD) {
            room.copy_from_slice(&head);
        }
        self.buffer.get(start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_as_long_as_said_and_read_back() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value), "{value}");
            assert_eq!(read_varint(&out), Some((value, out.len())));
        }
        assert_eq!(read_varint(&[0x80; 3]), None);
    }

    #[test]
    fn an_entry_has_its_length_in_front() {
        let mut entry = Entry::default();
        for len in [0usize, 1, 127, 128, 20_000] {
            entry.start().extend(std::iter::repeat_n(7, len));
            let bytes = entry.finish();
            let (read, head) = read_varint(&bytes[1..]).unwrap();
            assert_eq!(
                (bytes[0], usize::try_from(read).unwrap(), bytes.len()),
                (0x12, len, 1 + head + len)
            );
        }
    }
}
