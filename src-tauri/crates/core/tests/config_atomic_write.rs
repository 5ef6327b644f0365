//! A file is written whole or not at all.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use drawbridge_core::atomic_write::{WriteError, write};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_made_with_its_folders_and_replaced_without_leftovers() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("a/b/file.json");
    write(&path, b"one").expect("writes");
    write(&path, b"").expect("writes");
    write(&path, b"three").expect("writes");
    assert_eq!(fs::read(&path).expect("readable"), b"three");
    assert_eq!(names(&home.path().join("a/b")), ["file.json"], "no draft is left behind");
}

#[test]
fn what_cannot_be_written_says_why_and_changes_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    write(&file, b"kept").expect("writes");
    for (path, words) in [
        (file.join("below"), "is a file and not a folder"),
        (file.join("far/below"), "is a file and not a folder"),
        (home.path().to_owned(), "is not a file"),
    ] {
        let problem = write(&path, b"lost").expect_err("it cannot").problem();
        assert!(problem.message.contains(words), "{}: {problem:?}", path.display());
        assert!(problem.message.contains("Nothing was changed"), "{problem:?}");
    }
    let mut read_only = fs::metadata(&file).expect("there").permissions();
    read_only.set_readonly(true);
    fs::set_permissions(&file, read_only).expect("set");
    let error = write(&file, b"lost").expect_err("it is read-only");
    assert!(matches!(error, WriteError::ReadOnly { .. }), "{error:?}");
    assert_eq!(fs::read(&file).expect("readable"), b"kept");
    assert_eq!(names(home.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_also_to_a_file_that_is_not_there_yet() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("real")).expect("made");
    symlink("real/file", home.path().join("second")).expect("links");
    symlink("second", home.path().join("first")).expect("links");
    for content in [b"one", b"two"] {
        write(&home.path().join("first"), content).expect("writes");
        assert_eq!(fs::read(home.path().join("real/file")).expect("readable"), content);
        assert!(fs::symlink_metadata(home.path().join("first")).expect("there").is_symlink());
    }
    symlink("round", home.path().join("round")).expect("links");
    let error = write(&home.path().join("round"), b"lost").expect_err("a circle");
    assert!(matches!(error, WriteError::Circle { .. }), "{error:?}");
}

/// A disk of 64 KiB, unmounted when it goes.
#[cfg(target_os = "linux")]
struct TinyDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl TinyDisk {
    /// `None` where this user may not mount.
    #[expect(clippy::disallowed_methods, reason = "mounting is a program's business")]
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

#[cfg(target_os = "linux")]
impl Drop for TinyDisk {
    #[expect(clippy::disallowed_methods, reason = "unmounting is a program's business")]
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let Some(disk) = TinyDisk::mount() else {
        eprintln!("not run: this user may not mount a small disk");
        return;
    };
    let path = disk.0.path().join("config.jsonc");
    write(&path, b"kept").expect("there is room");
    let mut filler = fs::File::create(disk.0.path().join("filler")).expect("opens");
    while std::io::Write::write_all(&mut filler, &[0; 1024]).is_ok() {}
    let error = write(&path, &[b'x'; 32 * 1024]).expect_err("the disk is full");
    assert!(error.problem().message.contains("the disk is full"), "{error:?}");
    assert_eq!(fs::read(&path).expect("readable"), b"kept");
    assert_eq!(names(disk.0.path()), ["config.jsonc", "filler"], "no draft is left behind");
}
