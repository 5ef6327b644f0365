//! Being told that the config file may have changed.
//!
//! The folder is watched, not the file: editors replace the file, and then a watch on it would
//! stay with the old one. Where the file is a symbolic link, the folders of the link and of what it
//! leads to are watched. Being told means "look", no more: what changed is found by reading.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// What is looked for in the events of the watched folders.
#[derive(Default, Clone, PartialEq, Eq)]
struct Interest {
    folders: BTreeSet<PathBuf>,
    names: BTreeSet<OsString>,
}

/// Watches the folders that matter for one file.
pub(crate) struct FileWatch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    interest: Arc<Mutex<Interest>>,
    trouble: Option<String>,
}

impl FileWatch {
    /// A watch and the channel on which it says "look". The channel holds one message, and more
    /// are dropped while it waits there: one look sees all that changed before it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<()>) {
        let (look, looks) = mpsc::channel(1);
        let interest = Arc::new(Mutex::new(Interest::default()));
        let of_interest = interest.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let interest = of_interest.lock().unwrap_or_else(PoisonError::into_inner);
            if event.is_err() || event.is_ok_and(|event| matters(&event, &interest)) {
                let _ = look.try_send(());
            }
        });
        let (watcher, trouble) = match watcher {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        (Self { watcher, watched: BTreeSet::new(), interest, trouble }, looks)
    }

    /// Watches what matters for the file as the links stand at this moment.
    pub(crate) fn follow(&mut self, file: &Path) {
        let interest = interest_in(file);
        let stale: Vec<_> = self.watched.difference(&interest.folders).cloned().collect();
        let missing: Vec<_> = interest.folders.difference(&self.watched).cloned().collect();
        *self.interest.lock().unwrap_or_else(PoisonError::into_inner) = interest;
        let Some(watcher) = &mut self.watcher else { return };
        for folder in stale {
            let _ = watcher.unwatch(&folder);
            self.watched.remove(&folder);
        }
        for folder in missing {
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder);
                    self.trouble = None;
                }
                Err(error) => self.trouble = Some(error.to_string()),
            }
        }
    }

    /// As [`Self::follow`], after the folder may have gone and come back, which ends a watch
    /// without a word.
    pub(super) fn follow_anew(&mut self, file: &Path) {
        if let Some(watcher) = &mut self.watcher {
            for folder in std::mem::take(&mut self.watched) {
                let _ = watcher.unwatch(&folder);
            }
        }
        self.follow(file);
    }

    /// Why changes go unseen, if they do.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

fn interest_in(file: &Path) -> Interest {
    let mut interest = Interest::default();
    let mut path = file.to_owned();
    // As many links as are followed when the file is written.
    for _ in 0..40 {
        if let Some(folder) = path.parent() {
            interest.folders.insert(folder.to_owned());
        }
        interest.names.extend(path.file_name().map(ToOwned::to_owned));
        let Ok(next) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    interest
}

/// Whether an event may mean that the file changed. Reading causes events too, and those must not
/// lead to more reading.
fn matters(event: &notify::Event, interest: &Interest) -> bool {
    let only_read = matches!(event.kind, EventKind::Access(kind)
        if kind != AccessKind::Close(AccessMode::Write));
    let ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| interest.names.contains(name))
            || interest.folders.contains(path)
    };
    !only_read && (event.need_rescan() || event.paths.iter().any(ours))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Event, ModifyKind, RemoveKind, RenameMode};

    use super::*;

    #[test]
    fn only_events_that_may_mean_a_change_of_the_file_matter() {
        let interest = interest_in(Path::new("/c/config.jsonc"));
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let moved_here = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        for (kind, path, expected) in [
            (open, "/c/config.jsonc", false),
            (EventKind::Access(AccessKind::Read), "/c/config.jsonc", false),
            (written, "/c/config.jsonc", true),
            (data, "/c/config.jsonc", true),
            (moved_here, "/c/config.jsonc", true),
            (EventKind::Create(CreateKind::File), "/c/config.jsonc", true),
            (EventKind::Remove(RemoveKind::File), "/c/config.jsonc", true),
            (EventKind::Remove(RemoveKind::Folder), "/c", true),
            (data, "/c/.drawbridge-x1.tmp", false),
            (data, "/c/config.jsonc~", false),
        ] {
            let event = Event::new(kind).add_path(path.into());
            assert_eq!(matters(&event, &interest), expected, "{kind:?} {path}");
        }
    }
}
