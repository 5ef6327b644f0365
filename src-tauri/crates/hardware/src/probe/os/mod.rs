//! What differs between operating systems: where the numbers come from.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::Sources;
#[cfg(target_os = "macos")]
pub(crate) use macos::Sources;
#[cfg(unix)]
pub(crate) use unix::space;
#[cfg(windows)]
pub(crate) use windows::{Sources, space};
