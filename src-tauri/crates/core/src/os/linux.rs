#![expect(unsafe_code, reason = "malloc_trim has no safe wrapper")]

/// glibc keeps what was freed for the next one who needs as much, above all what was freed by another
/// thread than the first.
pub(super) fn give_memory_back() {
    // SAFETY: takes locks of its own and touches nothing but free memory (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}
