//! A program of a hundred bytes that ends at once. A storm of it is a storm of events, and not of page
//! faults: this file's own start takes ten times as long as what is watched.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Result;

/// exit(0).
#[cfg(target_arch = "x86_64")]
const CODE: &[u8] = &[
    0xb8, 0x3c, 0x00, 0x00, 0x00, // mov eax, 60
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
];
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;

/// exit(0).
#[cfg(target_arch = "aarch64")]
const CODE: &[u8] = &[
    0xa8, 0x0b, 0x80, 0xd2, // mov x8, 93
    0x00, 0x00, 0x80, 0xd2, // mov x0, 0
    0x01, 0x00, 0x00, 0xd4, // svc 0
];
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

/// Where the file stands in memory.
const BASE: u64 = 0x40_0000;
const ELF_HEADER: u16 = 64;
const PROGRAM_HEADER: u16 = 56;

/// Writes it to a new file.
pub(super) fn write(path: &Path) -> Result<()> {
    fs::write(path, elf())?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// One segment that holds the whole file, headers too.
fn elf() -> Vec<u8> {
    let code_at = u64::from(ELF_HEADER + PROGRAM_HEADER);
    let size = code_at + CODE.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    // An executable, for this machine, of version 1.
    put(&2_u16.to_le_bytes());
    put(&MACHINE.to_le_bytes());
    put(&1_u32.to_le_bytes());
    // Entry, offsets of the program headers and of no section headers, flags.
    put(&(BASE + code_at).to_le_bytes());
    put(&u64::from(ELF_HEADER).to_le_bytes());
    put(&0_u64.to_le_bytes());
    put(&0_u32.to_le_bytes());
    // Sizes and counts of the headers.
    for number in [ELF_HEADER, PROGRAM_HEADER, 1, 0, 0, 0] {
        put(&number.to_le_bytes());
    }
    // To be loaded, readable and executable.
    put(&1_u32.to_le_bytes());
    put(&5_u32.to_le_bytes());
    for number in [0, BASE, BASE, size, size, 0x1000] {
        put(&number.to_le_bytes());
    }
    put(CODE);
    file
}
