//! Reads structs and enums out of the BTF section of an object. Format: kernel's `uapi/linux/btf.h`.

use std::collections::HashMap;

/// One struct: its size and the byte offset of each member.
#[derive(Debug, Default)]
pub(crate) struct Struct {
    pub(crate) size: u32,
    pub(crate) members: Vec<(String, u32)>,
}

/// What an object's BTF says.
#[derive(Debug, Default)]
pub(crate) struct Btf {
    pub(crate) structs: HashMap<String, Struct>,
    pub(crate) enums: HashMap<String, i64>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Parses a whole `.BTF` section.
pub(crate) fn parse(section: &[u8]) -> Btf {
    assert_eq!(&section[..2], &[0x9f, 0xeb], "little-endian BTF magic");
    let header_len = word(section, 4) as usize;
    let types_at = header_len + word(section, 8) as usize;
    let types_end = types_at + word(section, 12) as usize;
    let strings_at = header_len + word(section, 16) as usize;
    let name = |offset: u32| -> String {
        let start = strings_at + offset as usize;
        let end = start + section[start..].iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(section[start..end].to_vec()).unwrap()
    };
    let mut btf = Btf::default();
    let mut at = types_at;
    while at < types_end {
        let (type_name, info, size) = (
            word(section, at),
            word(section, at + 4),
            word(section, at + 8),
        );
        let (kind, count) = ((info >> 24) & 0x1f, (info & 0xffff) as usize);
        let has_bitfields = info >> 31 == 1;
        at += 12;
        match kind {
            4 | 5 => {
                let mut members = Vec::new();
                for i in 0..count {
                    let member = at + i * 12;
                    let bits = word(section, member + 8);
                    let bits = if has_bitfields {
                        bits & 0x00ff_ffff
                    } else {
                        bits
                    };
                    members.push((name(word(section, member)), bits / 8));
                }
                btf.structs
                    .insert(name(type_name), Struct { size, members });
                at += count * 12;
            }
            6 => {
                for i in 0..count {
                    let entry = at + i * 8;
                    let value = word(section, entry + 4).cast_signed();
                    btf.enums
                        .insert(name(word(section, entry)), i64::from(value));
                }
                at += count * 8;
            }
            1 | 14 | 17 => at += 4,
            3 => at += 12,
            13 => at += count * 8,
            15 => at += count * 12,
            19 => at += count * 12,
            _ => {}
        }
    }
    btf
}
