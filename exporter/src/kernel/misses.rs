//! Events that a program never saw, because the kernel did not run it.
//!
//! A program does not run on a processor where it runs already. Since about Linux 7 tracepoints can be
//! preempted: the program of one task is, and another task comes by on the same processor. The kernel
//! counts that with the program (since 5.12), and nowhere else.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use aya::programs::ProgramFd;

/// Command of bpf(2).
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;

/// Up to and with `recursion_misses` of `struct bpf_prog_info`, which is part of the kernel's ABI.
const INFO_BYTES: usize = 216;
const MISSES_AT: usize = 208;

/// The attached programs, held so that their counts can be read after they were detached.
pub(super) struct Misses(Vec<(&'static str, ProgramFd)>);

// === impl Misses ===

impl Misses {
    /// Of programs and the kind of event that each of them sees.
    pub(super) fn of(programs: Vec<(&'static str, ProgramFd)>) -> Self {
        Self(programs)
    }

    /// How many events of each kind passed its program by, since it was loaded.
    pub(super) fn read(&self) -> io::Result<Vec<(&'static str, u64)>> {
        let Self(programs) = self;
        programs
            .iter()
            .map(|(kind, program)| Ok((*kind, recursion_misses(program.as_fd())?)))
            .collect()
    }
}

/// Zero on kernels that do not count it.
fn recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    let mut info = [0_u64; INFO_BYTES / size_of::<u64>()];
    // union bpf_attr: a descriptor, the size of the buffer, its address.
    let mut attributes = [0_u64; 2];
    let [descriptor_and_size, address] = &mut attributes;
    let descriptor = u64::from(program.as_raw_fd().cast_unsigned());
    let (low, high) = if cfg!(target_endian = "little") {
        (0, 32)
    } else {
        (32, 0)
    };
    *descriptor_and_size = descriptor << low | (INFO_BYTES as u64) << high;
    *address = info.as_mut_ptr().expose_provenance() as u64;
    #[expect(unsafe_code, reason = "aya does not give away this field")]
    // SAFETY: the kernel reads `attributes`, whose size it is told, and writes at most the bytes of `info`
    // that it is told; both are exclusively ours and outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_OBJ_GET_INFO_BY_FD,
            attributes.as_mut_ptr(),
            size_of_val(&attributes),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(info
        .get(MISSES_AT / size_of::<u64>())
        .copied()
        .unwrap_or_default())
}
