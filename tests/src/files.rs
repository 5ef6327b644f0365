//! Writing files the ways editors and people do, which is on purpose not the atomic way of the
//! engine.
#![expect(clippy::disallowed_methods, reason = "tests write the files the engine is to notice")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Truncates and writes in place.
///
/// # Panics
/// When the file cannot be written.
pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}

/// Writes beside the file and renames over it.
///
/// # Panics
/// When the file cannot be written or renamed.
pub fn write_and_rename_over(path: &Path, text: &str) {
    let beside = path.with_extension("tmp~");
    write(&beside, text);
    std::fs::rename(&beside, path).unwrap_or_else(|error| panic!("rename: {error}"));
}

/// Deletes the file and creates it again, written in two pieces.
///
/// # Panics
/// When one of the steps fails.
pub fn delete_and_create(path: &Path, text: &str) {
    std::fs::remove_file(path).unwrap_or_else(|error| panic!("delete: {error}"));
    let mut file =
        std::fs::File::create(path).unwrap_or_else(|error| panic!("create again: {error}"));
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    for piece in [&text[..middle], &text[middle..]] {
        file.write_all(piece.as_bytes()).unwrap_or_else(|error| panic!("write: {error}"));
        file.sync_all().unwrap_or_else(|error| panic!("write out: {error}"));
    }
}

/// The text of a file, empty when there is none.
#[must_use]
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The repository's folder.
///
/// # Panics
/// When this package does not stand in the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_else(|| panic!("the tests package stands in the repository"))
}

/// Appends `size` bytes and says whether they all fitted.
#[must_use]
pub fn append(path: &Path, size: usize) -> bool {
    let file = std::fs::File::options().create(true).append(true).open(path);
    file.is_ok_and(|mut file| file.write_all(&vec![b'x'; size]).is_ok())
}
