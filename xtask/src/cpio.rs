//! Writes an initramfs: the "newc" form of cpio, which the kernel unpacks at boot.
//!
//! Only what an init of ours needs: folders, files, character devices. No hard links, owner root.
//! The format is in the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::io::{self, Write};

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive being written. It is not complete before [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct Archive<W> {
    to: W,
    /// Number of entries so far: the next inode number.
    entries: u32,
}

/// The fields of a header that differ between the kinds of entries.
#[derive(Default)]
struct Entry<'a> {
    name: &'a str,
    mode: u32,
    device: (u32, u32),
    content: &'a [u8],
}

// === impl Archive ===

impl<W: Write> Archive<W> {
    pub(crate) const fn new(to: W) -> Self {
        Self { to, entries: 0 }
    }

    /// A folder, mode 755. `name` has no leading slash.
    pub(crate) fn folder(&mut self, name: &str) -> io::Result<()> {
        self.entry(&Entry {
            name,
            mode: FOLDER | 0o755,
            ..Entry::default()
        })
    }

    /// A file that can be executed, mode 755.
    pub(crate) fn program(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.entry(&Entry {
            name,
            mode: FILE | 0o755,
            content,
            ..Entry::default()
        })
    }

    /// A character device, mode 600.
    pub(crate) fn device(&mut self, name: &str, major: u32, minor: u32) -> io::Result<()> {
        let mode = CHARACTER_DEVICE | 0o600;
        self.entry(&Entry {
            name,
            mode,
            device: (major, minor),
            ..Entry::default()
        })
    }

    /// Writes the end mark.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.entry(&Entry {
            name: "TRAILER!!!",
            ..Entry::default()
        })?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let Entry {
            name,
            mode,
            device: (major, minor),
            content,
        } = *entry;
        let size = u32::try_from(content.len())
            .map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))?;
        let name_size = u32::try_from(name.len() + 1)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))?;
        self.entries += 1;
        // inode, mode, uid, gid, links, mtime, size, device of the file, device, name size, check.
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            major,
            minor,
            name_size,
            0,
        ];
        write!(self.to, "070701")?;
        for field in fields {
            write!(self.to, "{field:08x}")?;
        }
        self.to.write_all(name.as_bytes())?;
        self.to.write_all(b"\0")?;
        self.align(110 + name.len() + 1)?;
        self.to.write_all(content)?;
        self.align(content.len())
    }

    /// Fills up to a multiple of four.
    fn align(&mut self, written: usize) -> io::Result<()> {
        let fill = b"\0\0\0"
            .get(..written.next_multiple_of(4) - written)
            .unwrap_or_default();
        self.to.write_all(fill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_layout_that_the_kernel_reads() {
        let mut archive = Archive::new(Vec::new());
        archive.program("init", b"hello").unwrap();
        let bytes = archive.to;
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000081ed", "mode");
        assert_eq!(&bytes[54..62], b"00000005", "size");
        assert_eq!(
            &bytes[94..102],
            b"00000005",
            "size of the name with its zero"
        );
        assert_eq!(&bytes[110..115], b"init\0");
        assert_eq!(&bytes[116..121], b"hello", "content is aligned to four");
        assert_eq!(bytes.len(), 124, "and filled up to four");
    }

    #[test]
    fn a_device_carries_its_numbers() {
        let mut archive = Archive::new(Vec::new());
        archive.device("dev/console", 5, 1).unwrap();
        assert_eq!(&archive.to[78..94], b"0000000500000001");
    }

    #[test]
    fn an_archive_ends_with_the_trailer() {
        let bytes = Archive::new(Vec::new()).finish().unwrap();
        assert!(bytes.windows(10).any(|window| window == b"TRAILER!!!"));
        assert_eq!(bytes.len() % 4, 0);
    }
}
