use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::windows::fs::FileExt as _;
use std::path::Path;

/// Makes a folder, and those above it. The folders of a user's profile are closed to other users
/// by the access list they inherit.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(folder)
}

/// Makes an empty file, unless it is there. It inherits the access list of its folder.
pub(crate) fn create_private_file(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).open(file).map(|_| ())
}

/// Writes a file that only this user can read, over one that is there.
pub(crate) fn write_private_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let options = OpenOptions::new().write(true).create(true).truncate(true).open(file);
    options?.write_all(bytes)
}

/// Writes all of it at a place of the file.
pub(crate) fn write_at(file: &File, mut bytes: &[u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, place)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        place += written as u64;
    }
    Ok(())
}
