//! How much room a folder has.

use std::path::Path;

use sysinfo::Disks;

use crate::view::DiskView;

/// The disk a folder is on, or will be on once it is made. Reads what is mounted: a few
/// milliseconds.
pub(crate) fn of(folder: &Path) -> Option<DiskView> {
    let existing = folder.ancestors().find(|part| part.exists())?.canonicalize().ok()?;
    let disks = Disks::new_with_refreshed_list().ok()?;
    let disk = disks
        .iter()
        .filter(|disk| existing.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().components().count())?;
    Some(DiskView {
        folder: folder.display().to_string(),
        total: disk.total_space(),
        free: disk.available_space(),
    })
}

/// Bytes that are free where a folder is.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    of(folder).map(|disk| disk.free)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_folder_that_is_not_there_yet_has_the_room_of_its_parent() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = super::of(folder.path()).expect("it is on a disk");
        let inside = super::of(&folder.path().join("a/b")).expect("it is on a disk");
        assert_eq!(here.total, inside.total);
        assert!(here.total > 0 && here.free <= here.total);
    }
}
