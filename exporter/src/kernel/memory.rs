//! Gives memory back that only the start needed: the kernel's type information takes 13 MB to parse.

/// Returns free heap pages to the kernel. Call it once after start.
pub fn release_free_memory() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "no crate wraps malloc_trim")]
    // SAFETY: malloc_trim has no preconditions; it takes its own locks.
    let _released = unsafe { libc::malloc_trim(0) };
}
