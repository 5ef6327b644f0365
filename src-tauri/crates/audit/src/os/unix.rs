use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt as _, OpenOptionsExt};
use std::path::Path;

/// Makes a folder, and those above it, that only this user can enter. One that is there stays as
/// it is.
pub(crate) fn create_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes an empty file that only this user can read, unless it is there. SQLite gives the files it
/// puts beside the database the mode of the database.
pub(crate) fn create_private_file(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file).map(|_| ())
}

/// Writes a file that only this user can read, over one that is there.
pub(crate) fn write_private_file(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file);
    options?.write_all(bytes)
}

/// Writes all of it at a place of the file, which need not be where the file is read from next.
pub(crate) fn write_at(file: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    file.write_all_at(bytes, place)
}
