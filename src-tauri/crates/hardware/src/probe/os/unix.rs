use std::io;
use std::path::Path;

/// All of the disk a folder lies on, and what this user may still write there, in bytes.
pub(crate) fn space(folder: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok((disk.f_blocks.saturating_mul(disk.f_frsize), disk.f_bavail.saturating_mul(disk.f_frsize)))
}
