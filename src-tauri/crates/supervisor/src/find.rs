//! Where a program is.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::os;

/// The file that `command` names: a path is taken as it is, relative to `cwd`; a name is looked up
/// in `path`. Only what can be run counts. Relative folders in `path` are passed over, since what
/// they name depends on who asks.
///
/// On Windows a name without an ending is tried with those that `PATHEXT` lists, and a file without
/// one is never taken: next to `npx.cmd` lies an `npx` for other shells.
#[must_use]
pub fn find_program(command: &str, path: &OsStr, cwd: Option<&Path>) -> Option<PathBuf> {
    match look_up(command, path, cwd) {
        Found::Program(program) => Some(program),
        Found::NotExecutable(_) | Found::Nothing => None,
    }
}

/// What a lookup came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file that can be run.
    Program(PathBuf),
    /// A file that cannot be run, and none that can.
    NotExecutable(PathBuf),
    /// No file.
    Nothing,
}

pub(crate) fn look_up(command: &str, path: &OsStr, cwd: Option<&Path>) -> Found {
    if command.is_empty() {
        return Found::Nothing;
    }
    let folders: Vec<PathBuf> = if command.contains(std::path::is_separator) {
        // Joining an absolute path leaves that path alone.
        vec![cwd.map_or_else(PathBuf::new, Path::to_path_buf)]
    } else {
        env::split_paths(path).filter(|folder| folder.is_absolute()).collect()
    };
    let mut found = Found::Nothing;
    for folder in folders {
        for name in os::program_names(command) {
            let file = folder.join(name);
            if !file.is_file() {
                continue;
            }
            if os::is_executable(&file) {
                return Found::Program(file);
            }
            if found == Found::Nothing {
                found = Found::NotExecutable(file);
            }
        }
    }
    found
}
