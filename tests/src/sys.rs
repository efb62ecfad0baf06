//! System calls that no safe crate wraps: the one room of the tests with unsafe code.

#![expect(
    unsafe_code,
    reason = "processes are made in every way the kernel knows, also those that Rust cannot describe"
)]

use std::ffi::{CStr, c_char, c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr;
use std::time::Duration;

use rustix::thread::UnshareFlags;

/// What a process used, as wait4(2) says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    pub(crate) peak_bytes: u64,
}

/// Lets the child of `command` do something between fork and exec.
///
/// All programs here that fork have one thread, so the child may do what any program may.
pub(crate) fn before_exec(
    command: &mut Command,
    action: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: no other thread exists that could hold a lock at the moment of the fork.
    unsafe { command.pre_exec(action) };
}

/// Forks; the child does `child` and ends with its code.
pub(crate) fn fork(child: impl FnOnce() -> i32) -> io::Result<u32> {
    // SAFETY: the programs that call it have one thread, so no lock is held by a thread that is gone.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => exit_now(child()),
        pid => Ok(unsigned(pid)),
    }
}

/// clone3(2) with these `CLONE_*` flags, without new memory sharing; `pid` asks for a pid of choice.
pub(crate) fn clone3(
    flags: c_int,
    pid: Option<u32>,
    child: impl FnOnce() -> i32,
) -> io::Result<u32> {
    let set_tid = pid.map(|pid| [pid]);
    let set_tid_address = set_tid.as_ref().map_or(0, |set| set.as_ptr().addr() as u64);
    let is_sibling = flags & libc::CLONE_PARENT != 0;
    // flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size.
    // A sibling's end is told as the caller's own would be.
    let args: [u64; 10] = [
        u64::from(unsigned(flags)),
        0,
        0,
        0,
        if is_sibling {
            0
        } else {
            u64::from(unsigned(libc::SIGCHLD))
        },
        0,
        0,
        0,
        set_tid_address,
        u64::from(pid.is_some()),
    ];
    // SAFETY: without CLONE_VM it is a fork: the child has its own copy of the stack and of `set_tid`.
    let result = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        0 => exit_now(child()),
        pid => u32::try_from(pid).map_err(io::Error::other),
    }
}

/// execve(2) as it is: also without any argument. Returns only if it fails.
pub(crate) fn execve(path: &CStr, args: &[&CStr], env: &[&CStr]) -> io::Error {
    let (args, env) = (pointers(args), pointers(env));
    // SAFETY: both lists end in a null pointer, and all strings outlive the call.
    unsafe { libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// execveat(2) of a descriptor itself. Returns only if it fails.
pub(crate) fn exec_descriptor(file: BorrowedFd<'_>, args: &[&CStr]) -> io::Error {
    let (args, env) = (pointers(args), pointers(&[]));
    // SAFETY: both lists end in a null pointer, and all strings outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            c_long::from(file.as_raw_fd()),
            c"".as_ptr(),
            args.as_ptr(),
            env.as_ptr(),
            c_long::from(libc::AT_EMPTY_PATH),
        )
    };
    io::Error::last_os_error()
}

/// Ends the calling thread alone, the first one too.
pub(crate) fn exit_thread(code: i32) -> ! {
    // SAFETY: it does not return, and what the thread owned is leaked, not freed.
    unsafe { libc::syscall(libc::SYS_exit, c_long::from(code)) };
    unreachable!("exit(2) does not return")
}

/// Ends the process at once, without flushing or running destructors of a copied parent.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: it does not return and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Waits for the end of a child that has ended or will: its status as wait(2) encodes it, and its usage.
pub(crate) fn wait4(pid: u32) -> io::Result<(i32, Usage)> {
    let mut status = 0;
    // SAFETY: all fields of rusage are integers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to variables that live through the call.
    let result = unsafe { libc::wait4(signed(pid), &raw mut status, 0, &raw mut usage) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let duration = |time: libc::timeval| {
        let micros = time.tv_sec * 1_000_000 + time.tv_usec;
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    };
    let usage = Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024,
    };
    Ok((status, usage))
}

/// unshare(2) of the calling process, which has one thread.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: FILES is not among the flags that are used, so no descriptor changes its meaning.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Sets the loopback interface up: a machine that just booted has it down.
pub(crate) fn loopback_up() -> io::Result<()> {
    // SAFETY: plain calls; `request` is a whole ifreq whose name ends in a NUL, and it outlives them.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(*b"lo\0") {
            *to = c_char::from_ne_bytes([from]);
        }
        request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(0);
        let result = libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request);
        let error = io::Error::last_os_error();
        libc::close(socket);
        if result < 0 { Err(error) } else { Ok(()) }
    }
}

fn pointers(strings: &[&CStr]) -> Vec<*const c_char> {
    let pointers = strings.iter().map(|string| string.as_ptr());
    pointers.chain([ptr::null()]).collect()
}

const fn unsigned(number: c_int) -> u32 {
    number.cast_unsigned()
}

const fn signed(pid: u32) -> libc::pid_t {
    pid.cast_signed()
}
