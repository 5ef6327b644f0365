//! What differs between operating systems: giving memory back.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux;

/// Gives memory that is not used any more back to the system, where its allocator does not do so by
/// itself. Takes a few milliseconds. For after something large that is rarely done.
pub(crate) fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    linux::give_memory_back();
}
