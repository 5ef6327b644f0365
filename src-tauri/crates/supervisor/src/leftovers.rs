//! What runs is written down, so that what a killed guardian and a killed Drawbridge left behind
//! is found at the next start.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;

use crate::os::{self, Identity};

/// Something an earlier run left behind, which was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The server's process.
    pub pid: u32,
    /// All processes of its tree that were ended, itself included if it was still there.
    pub ended: Vec<u32>,
}

/// One running tree, as it is written down in `STATE_DIR/children/PID.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Family {
    boot: String,
    server: Identity,
    guardian: Identity,
    mark: String,
}

/// The note about one running tree. The file goes when the tree is gone.
#[derive(Debug)]
pub(crate) struct Note {
    file: PathBuf,
    family: Option<Family>,
}

impl Note {
    /// Writes a tree down. A note that cannot be written is a warning: the lifeline holds the tree
    /// all the same.
    pub(crate) fn write(
        state_dir: &Path,
        server: u32,
        guardian: Option<u32>,
        mark: String,
    ) -> Self {
        let folder = folder(state_dir);
        let file = folder.join(format!("{server}.json"));
        // A server that has ended already cannot be told apart from others any more.
        let guardian = guardian.and_then(Identity::of_child);
        let server =
            guardian.as_ref().and_then(|guardian| Identity::of_grandchild(server, guardian));
        let family = server.zip(guardian).map(|(server, guardian)| Family {
            boot: os::boot(),
            server,
            guardian,
            mark,
        });
        if let Some(family) = &family
            && let Err(error) = write(&folder, &file, family)
        {
            tracing::warn!(file = %file.display(), %error, "cannot note a running server");
        }
        Self { file, family }
    }

    /// The tree is gone.
    pub(crate) fn remove(self) {
        // It may never have been written.
        let _ = fs::remove_file(&self.file);
    }

    /// Ends what is left of the tree after its guardian was killed.
    pub(crate) fn end_tree(self) {
        if let Some(family) = &self.family {
            let ended = family.end();
            if !ended.is_empty() {
                tracing::warn!(?ended, "ended what a killed guardian left behind");
            }
        }
        self.remove();
    }
}

impl Family {
    fn end(&self) -> Vec<u32> {
        os::end_tree_of(&[self.guardian.clone(), self.server.clone()], &self.mark)
    }
}

/// Ends what an earlier run left behind, and forgets it. To be called at start, while no other
/// Drawbridge uses this folder, and before anything is spawned. A process is ended only if it
/// started in this boot at the time that was written down, descends from such a one, or carries
/// the mark of its tree.
pub async fn sweep_leftovers(state_dir: &Path) -> Vec<Leftover> {
    let folder = folder(state_dir);
    let tasks = TaskTracker::new();
    tasks.spawn_blocking(move || sweep(&folder)).await.unwrap_or_default()
}

fn sweep(folder: &Path) -> Vec<Leftover> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let boot = os::boot();
    let mut leftovers = vec![];
    for entry in entries.flatten() {
        let file = entry.path();
        let family =
            fs::read(&file).ok().and_then(|json| serde_json::from_slice::<Family>(&json).ok());
        if let Some(family) = family.filter(|family| family.boot == boot) {
            let ended = family.end();
            if !ended.is_empty() {
                leftovers.push(Leftover { pid: family.server.pid, ended });
            }
        }
        let _ = fs::remove_file(&file);
    }
    leftovers
}

fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("children")
}

fn write(folder: &Path, file: &Path, family: &Family) -> io::Result<()> {
    os::create_private_folder(folder)?;
    // Half a note is no note, and is passed over by the sweep.
    let mut out = os::private_file().write(true).create(true).truncate(true).open(file)?;
    out.write_all(&serde_json::to_vec(family)?)
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a process to be swept or left alone")]
    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    /// Writes a child of ours down as if it were a server.
    fn note(dir: &Path, child: &Child, change: impl Fn(&mut Family)) {
        let server = Identity::of_child(child.id()).unwrap();
        // The place of the guardian is taken by a process that never was.
        let guardian = Identity { started: server.started + 7, ..server.clone() };
        let mut family = Family { boot: os::boot(), server, guardian, mark: String::new() };
        change(&mut family);
        let file = folder(dir).join(format!("{}.json", child.id()));
        write(&folder(dir), &file, &family).unwrap();
    }

    #[tokio::test]
    async fn what_was_written_down_is_ended_and_strangers_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut ours, mut later, mut other_boot) = (sleeper(), sleeper(), sleeper());
        note(dir.path(), &ours, |_| {});
        note(dir.path(), &later, |family| family.server.started += 1);
        note(dir.path(), &other_boot, |family| family.boot = "another".into());
        let torn = folder(dir.path()).join("9.json");
        fs::File::create(&torn).unwrap().write_all(b"{\"boot\":").unwrap();

        let swept = sweep_leftovers(dir.path()).await;
        let pid = ours.id();
        assert_eq!(swept, [Leftover { pid, ended: vec![pid] }]);
        assert!(!ours.wait().unwrap().success(), "ended by the sweep");
        for stranger in [&mut later, &mut other_boot] {
            assert!(stranger.try_wait().unwrap().is_none(), "a stranger was ended");
            stranger.kill().unwrap();
            stranger.wait().unwrap();
        }
        assert_eq!(fs::read_dir(folder(dir.path())).unwrap().count(), 0, "all notes are gone");
    }

    #[test]
    fn a_pid_that_went_to_a_stranger_is_not_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let (mut guardian, mut stranger) = (sleeper(), sleeper());
        let note = Note::write(dir.path(), stranger.id(), Some(guardian.id()), String::new());
        assert!(note.family.is_none(), "it is no child of the guardian");
        assert!(!note.file.exists());
        for sleeper in [&mut guardian, &mut stranger] {
            sleeper.kill().unwrap();
            sleeper.wait().unwrap();
        }
    }

    #[tokio::test]
    async fn a_folder_without_notes_is_no_failure() {
        assert_eq!(sweep_leftovers(Path::new("/no/such/folder")).await, []);
    }
}
