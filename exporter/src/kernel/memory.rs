//! Gives memory back that only the start or a burst needed: parsing the kernel's type information alone
//! takes 13 MB.

/// Returns free heap pages to the kernel: some milliseconds at most.
pub fn release_free_memory() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "no crate wraps malloc_trim")]
    // SAFETY: malloc_trim has no preconditions; it takes its own locks.
    let _released = unsafe { libc::malloc_trim(0) };
}
