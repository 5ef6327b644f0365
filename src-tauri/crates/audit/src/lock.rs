//! One engine per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::OpenError;

/// Holds a data folder for one engine: an advisory lock on the file `engine.lock` in it, which the
/// operating system lets go when the process ends, whichever way it ends.
#[derive(Debug)]
pub struct DataFolderLock {
    _file: File,
}

impl DataFolderLock {
    /// Makes the folder if it is not there, readable by the person alone, and takes it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another engine has it, [`OpenError::Folder`] when it cannot be
    /// made or written to.
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Folder { folder: folder.to_owned(), source };
        crate::os::create_private_folder(folder).map_err(unusable)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("engine.lock"))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_engine_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("data");
        let first = DataFolderLock::take(&folder).expect("nobody has it");
        assert!(matches!(DataFolderLock::take(&folder), Err(OpenError::InUse(_))));
        drop(first);
        DataFolderLock::take(&folder).expect("it was let go");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_with_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        File::create(&file).expect("a file");
        let error = DataFolderLock::take(&file.join("data")).expect_err("its parent is a file");
        assert!(matches!(error, OpenError::Folder { .. }), "{error}");
        assert!(error.problem().message.contains("data"), "{error}");
    }
}
