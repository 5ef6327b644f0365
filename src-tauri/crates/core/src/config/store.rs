//! The owner of the config file: reads it, follows it while others edit it, changes it.
//!
//! One task does all reading and writing, so edits come one after the other and each begins with
//! what is on the disk at that moment: an edit made by hand is never lost, and a hand edit that
//! cannot be read is never written over. What is in force changes only when a whole, valid file was
//! read or written.
//!
//! **Races that remain.** Between the last look at the file and the rename that replaces it lie
//! some microseconds; a save by an editor that falls into them is lost. An editor that had the file
//! open and saves its older copy over ours wins, as its person wanted; the newest file counts.
//!
//! **A file that goes away.** Editors that delete and create leave a moment without a file, or with
//! an empty one. So an absent or blank file counts only after a while (two seconds), and then as a
//! mistake and not as "no servers": what was in force goes on, and the next edit writes it anew. A
//! file that was never there, or was blank from the start, is an empty config.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_model::{Problem, ServerName};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::disk::{OnDisk, Wrote, read_file, write_over};
use super::edit::{self, Edit, EditError, RemovedText};
use super::watch::FileWatch;
use super::{Config, TextHash, parse};
use crate::atomic_write::{self, WriteError};
use crate::view::ConfigProblem;

/// Edits that may wait for their turn; more callers wait before theirs is taken.
const MOST_WAITING: usize = 16;

/// How often an edit is tried again when somebody else writes the file at the same moment.
const MOST_TRIES: usize = 5;

/// What the store works on.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The config file.
    pub file: PathBuf,
    /// Where a copy of the newest valid config is kept.
    pub last_good: PathBuf,
    /// How long the file must be left alone before it is read: 300 ms unless set.
    pub quiet: Duration,
    /// How long the file may be absent before that counts: 2 s unless set.
    pub absence: Duration,
    /// Who waits for the store's task.
    pub tasks: TaskTracker,
    /// Ends the store's task.
    pub stop: CancellationToken,
}

impl StoreSettings {
    /// With the usual times.
    #[must_use]
    pub fn new(paths: &crate::paths::Paths, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            file: paths.config_file.clone(),
            last_good: paths.last_good_config(),
            quiet: Duration::from_millis(300),
            absence: Duration::from_secs(2),
            tasks,
            stop,
        }
    }
}

/// What is in force, and how the file stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What is in force.
    pub config: Arc<Config>,
    /// The text it was read from.
    pub text_hash: TextHash,
    /// Where it comes from.
    pub in_force: InForce,
    /// Remarks on what was kept but not understood, and on changes that go unseen.
    pub warnings: Vec<String>,
    /// Why the file as it stands is not in force.
    pub problem: Option<ConfigProblem>,
}

/// Where the config in force comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InForce {
    /// The file as it stands, or as it stood before somebody broke it.
    File,
    /// The copy of an earlier version, since the file was broken from the start.
    LastGood,
    /// Nothing: the file was broken from the start and there is no copy.
    Nothing,
}

/// Why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file or the edit does not fit.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The file could not be read.
    #[error("the config file could not be read: {}", .0.message)]
    Unreadable(ConfigProblem),
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Somebody else kept writing the file.
    #[error("the config file kept changing")]
    Contended,
    /// The store has ended.
    #[error("the config store has ended")]
    Stopped,
}

impl ApplyError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Edit(error) => error.problem(),
            Self::Write(error) => error.problem(),
            Self::Unreadable(problem) => Problem::new(
                format!("{} Nothing was changed.", problem.message),
                problem.path.clone(),
            ),
            Self::Contended => Problem::new(
                "Another program keeps writing the config file. Nothing was changed; try again.",
                "",
            ),
            Self::Stopped => Problem::new("Drawbridge is quitting. Nothing was changed.", ""),
        }
    }
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        error.problem()
    }
}

/// A handle on the config file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    file: Arc<Path>,
    requests: mpsc::Sender<Request>,
    loaded: watch::Receiver<Arc<Loaded>>,
}

#[derive(Debug)]
enum Request {
    Apply { edit: Box<Edit>, done: oneshot::Sender<Result<Arc<Loaded>, ApplyError>> },
    Remove { server: ServerName, done: oneshot::Sender<Removal> },
}

type Removal = Result<(Arc<Loaded>, RemovedText), ApplyError>;

impl Store {
    /// Reads the file and begins to follow it. Its folder is made when it is missing. This cannot
    /// fail: whatever is wrong stands in [`Loaded::problem`].
    pub async fn open(settings: StoreSettings) -> Self {
        let file = std::path::absolute(&settings.file).unwrap_or_else(|_| settings.file.clone());
        if let Some(folder) = file.parent() {
            // Where this fails, reading says why.
            let _ = tokio::fs::create_dir_all(folder).await;
        }
        let (mut watch, looks) = FileWatch::new();
        // Watched before it is read, so that no change falls between the two.
        watch.follow(&file);
        let (text, on_disk, loaded) = first_load(&file, &settings.last_good, &watch).await;
        let (publish, loaded) = watch::channel(Arc::new(loaded));
        let (requests, queue) = mpsc::channel(MOST_WAITING);
        let store = Self { file: file.as_path().into(), requests, loaded };
        let mut keeper = Keeper {
            file,
            watch,
            text,
            on_disk,
            absent_since: None,
            copied: None,
            publish,
            settings: settings.clone(),
        };
        settings.tasks.spawn(async move {
            keeper.save_copy().await;
            keeper.run(queue, looks).await;
        });
        store
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// What is in force.
    #[must_use]
    pub fn loaded(&self) -> Arc<Loaded> {
        self.loaded.borrow().clone()
    }

    /// What is in force, and every change of it.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Loaded>> {
        self.loaded.clone()
    }

    /// Changes the file. When this returns, the change is on the disk and in force.
    ///
    /// # Errors
    /// When the file has a mistake, cannot be read or written, or the edit does not fit. Then
    /// nothing has changed.
    pub async fn apply(&self, edit: Edit) -> Result<Arc<Loaded>, ApplyError> {
        let (done, answer) = oneshot::channel();
        let request = Request::Apply { edit: Box::new(edit), done };
        self.requests.send(request).await.map_err(|_| ApplyError::Stopped)?;
        answer.await.unwrap_or(Err(ApplyError::Stopped))
    }

    /// Takes a server out of the file. What is returned beside puts it back, by
    /// [`Edit::RestoreServer`].
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn remove_server(&self, server: ServerName) -> Removal {
        let (done, answer) = oneshot::channel();
        let request = Request::Remove { server, done };
        self.requests.send(request).await.map_err(|_| ApplyError::Stopped)?;
        answer.await.unwrap_or(Err(ApplyError::Stopped))
    }
}

async fn first_load(file: &Path, last_good: &Path, watch: &FileWatch) -> (String, OnDisk, Loaded) {
    let on_disk = read_file(file).await;
    let problem = match &on_disk {
        OnDisk::Absent { .. } => None,
        OnDisk::Unreadable(problem) => Some(problem.clone()),
        OnDisk::Text(text) => match parse(text, file) {
            Ok((config, warnings)) => {
                let warnings = with_trouble(warnings, watch);
                let loaded = loaded(text, config, warnings, InForce::File, None);
                return (text.clone(), on_disk.clone(), loaded);
            }
            Err(problem) => Some(problem),
        },
    };
    if problem.is_none() {
        let warnings = with_trouble(Vec::new(), watch);
        let loaded = loaded("", Config::default(), warnings, InForce::File, None);
        return (String::new(), on_disk, loaded);
    }
    problem.iter().for_each(log);
    if let OnDisk::Text(text) = read_file(last_good).await
        && let Ok((config, warnings)) = parse(&text, last_good)
    {
        let warnings = with_trouble(warnings, watch);
        tracing::warn!("the last good version of the config is in force");
        let loaded = loaded(&text, config, warnings, InForce::LastGood, problem);
        return (text, on_disk, loaded);
    }
    let warnings = with_trouble(Vec::new(), watch);
    let loaded = loaded("", Config::default(), warnings, InForce::Nothing, problem);
    (String::new(), on_disk, loaded)
}

fn log(problem: &ConfigProblem) {
    let line = problem.line.unwrap_or_default();
    tracing::warn!(path = %problem.path, line, key = %problem.key, "{}", problem.message);
}

fn loaded(
    text: &str,
    config: Config,
    warnings: Vec<String>,
    in_force: InForce,
    problem: Option<ConfigProblem>,
) -> Loaded {
    let config = Arc::new(config);
    Loaded { config, text_hash: TextHash::of(text), in_force, warnings, problem }
}

fn with_trouble(mut warnings: Vec<String>, watch: &FileWatch) -> Vec<String> {
    if let Some(trouble) = watch.trouble() {
        warnings.push(format!(
            "Changes made to the config file by other programs go unseen until Drawbridge starts \
             again: {trouble}"
        ));
    }
    warnings
}

/// The task's own state.
struct Keeper {
    file: PathBuf,
    watch: FileWatch,
    /// The text that is in force.
    text: String,
    /// What was found last.
    on_disk: OnDisk,
    absent_since: Option<Instant>,
    /// The copy that stands in the data folder.
    copied: Option<TextHash>,
    publish: watch::Sender<Arc<Loaded>>,
    settings: StoreSettings,
}

impl Keeper {
    async fn run(mut self, mut queue: mpsc::Receiver<Request>, mut looks: mpsc::Receiver<()>) {
        let stop = self.settings.stop.clone();
        // When the file is looked at next, and when the first of the signals for it came.
        let mut look_at: Option<Instant> = None;
        let mut told_at: Option<Instant> = None;
        loop {
            let due = look_at.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                request = queue.recv() => {
                    let Some(request) = request else { return };
                    self.answer(request).await;
                    look_at = self.absence_ends().or(look_at);
                }
                Some(()) = looks.recv() => {
                    // A file that never rests is read all the same, after ten times the quiet.
                    let told = *told_at.get_or_insert_with(Instant::now);
                    let latest = told + self.settings.quiet * 10;
                    look_at = Some(latest.min(Instant::now() + self.settings.quiet));
                }
                () = sleep_until(due), if look_at.is_some() => {
                    told_at = None;
                    self.look().await;
                    look_at = self.absence_ends();
                }
            }
            self.save_copy().await;
        }
    }

    /// When an absence that has been noticed will count.
    fn absence_ends(&self) -> Option<Instant> {
        let ends = self.absent_since.map(|since| since + self.settings.absence);
        ends.filter(|ends| *ends > Instant::now())
    }

    /// Reads the file and takes over what it says.
    async fn look(&mut self) {
        self.watch.follow(&self.file);
        let found = read_file(&self.file).await;
        let absent = matches!(found, OnDisk::Absent { .. }) && !self.text.trim().is_empty();
        if !absent {
            self.absent_since = None;
            self.take(found);
            return;
        }
        let since = *self.absent_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.settings.absence {
            return;
        }
        if let Some(folder) = self.file.parent() {
            // The folder may have gone too. It is ours, and without it nothing can be watched.
            let _ = tokio::fs::create_dir_all(folder).await;
            self.watch.follow_anew(&self.file);
        }
        self.take(found);
    }

    /// Takes over what was found, if it differs from what was found before.
    fn take(&mut self, found: OnDisk) {
        if found == self.on_disk && !matches!(found, OnDisk::Absent { .. }) {
            return;
        }
        self.on_disk = found.clone();
        match found {
            OnDisk::Text(text) => match parse(&text, &self.file) {
                Ok((config, warnings)) => self.put_in_force(text, config, warnings),
                Err(problem) => self.report(problem),
            },
            OnDisk::Unreadable(problem) => self.report(problem),
            OnDisk::Absent { .. } if self.text.trim().is_empty() => {
                self.put_in_force(String::new(), Config::default(), Vec::new());
            }
            OnDisk::Absent { blank } => self.report(ConfigProblem {
                path: self.file.display().to_string(),
                line: None,
                key: String::new(),
                message: match blank {
                    false => "The config file is gone. What it said stays in force, and the next \
                              change made in the panel writes it anew. For an empty config, write \
                              {} into the file."
                        .to_owned(),
                    true => "The config file is empty. What it said stays in force, and the next \
                             change made in the panel writes it anew. For an empty config, write \
                             {} into the file."
                        .to_owned(),
                },
            }),
        }
    }

    fn put_in_force(&mut self, text: String, config: Config, warnings: Vec<String>) {
        let warnings = with_trouble(warnings, &self.watch);
        let loaded = loaded(&text, config, warnings, InForce::File, None);
        self.text = text;
        self.publish(loaded);
    }

    fn report(&mut self, problem: ConfigProblem) {
        let mut loaded = Loaded::clone(&self.publish.borrow());
        log(&problem);
        loaded.problem = Some(problem);
        self.publish(loaded);
    }

    fn publish(&mut self, loaded: Loaded) {
        self.publish.send_if_modified(|current| {
            let changed = **current != loaded;
            if changed {
                *current = Arc::new(loaded);
            }
            changed
        });
    }

    async fn answer(&mut self, request: Request) {
        // An answer nobody waits for any more is dropped; the change has been made all the same.
        match request {
            Request::Apply { edit, done } => {
                let path = self.file.clone();
                let change = |text: &str| Ok((edit::apply(text, &edit, &path)?, ()));
                let _ = done.send(self.change(change).await.map(|(loaded, ())| loaded));
            }
            Request::Remove { server, done } => {
                let path = self.file.clone();
                let change = |text: &str| edit::remove_server(text, &server, &path);
                let _ = done.send(self.change(change).await);
            }
        }
    }

    /// One change: read, change, look again, write, take over.
    async fn change<T>(
        &mut self,
        change: impl Fn(&str) -> Result<(String, T), EditError>,
    ) -> Result<(Arc<Loaded>, T), ApplyError> {
        for _ in 0..MOST_TRIES {
            let before = self.settled().await;
            let base = match &before {
                OnDisk::Text(text) => text.clone(),
                OnDisk::Absent { .. } => self.text.clone(),
                OnDisk::Unreadable(problem) => return Err(ApplyError::Unreadable(problem.clone())),
            };
            let (text, beside) = change(&base)?;
            let nothing_to_write = text == base && text.trim().is_empty();
            if nothing_to_write {
                return Ok((self.publish.borrow().clone(), beside));
            }
            if before != OnDisk::Text(text.clone()) {
                let wrote = write_over(&self.settings.tasks, &self.file, before, &text).await?;
                if wrote == Wrote::No {
                    continue;
                }
            }
            self.absent_since = None;
            self.watch.follow(&self.file);
            self.take(OnDisk::Text(text));
            return Ok((self.publish.borrow().clone(), beside));
        }
        Err(ApplyError::Contended)
    }

    /// What is on the disk. An absence is waited out first, since an editor may be about to write.
    async fn settled(&mut self) -> OnDisk {
        loop {
            let found = read_file(&self.file).await;
            if !matches!(found, OnDisk::Absent { .. }) || self.text.trim().is_empty() {
                return found;
            }
            let since = *self.absent_since.get_or_insert_with(Instant::now);
            let ends = since + self.settings.absence;
            if Instant::now() >= ends {
                return found;
            }
            // Bounded by the absence; the watch may have ended with the folder, so we look.
            sleep_until(ends.min(Instant::now() + self.settings.absence / 20)).await;
        }
    }

    /// Keeps a copy of what is in force, to start from when the file is broken at the next start.
    async fn save_copy(&mut self) {
        let hash = TextHash::of(&self.text);
        let in_force = self.publish.borrow().in_force;
        if self.copied == Some(hash) || in_force != InForce::File || self.text.trim().is_empty() {
            return;
        }
        self.copied = Some(hash);
        let (path, text) = (self.settings.last_good.clone(), self.text.clone());
        let write = move || {
            if std::fs::read(&path).is_ok_and(|copy| copy == text.as_bytes()) {
                return Ok(());
            }
            atomic_write::write(&path, text.as_bytes())
        };
        match self.settings.tasks.spawn_blocking(write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the copy of the config was not written"),
            Err(error) => tracing::error!(%error, "writing the copy of the config ended early"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_absence_counts_only_after_a_while() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("config.jsonc");
        let text = "{ \"gateway\": { \"port\": 1 } }";
        atomic_write::write(&file, text.as_bytes()).expect("writes");
        let (watch, _looks) = FileWatch::new();
        let last_good = home.path().join("copy");
        let (text, on_disk, loaded) = first_load(&file, &last_good, &watch).await;
        let (publish, shown) = watch::channel(Arc::new(loaded));
        let settings = StoreSettings {
            file: file.clone(),
            last_good,
            quiet: Duration::ZERO,
            absence: Duration::from_secs(3600),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let (absent_since, copied) = (None, None);
        let mut keeper = Keeper {
            file: file.clone(),
            watch,
            text: text.clone(),
            on_disk,
            absent_since,
            copied,
            publish,
            settings,
        };
        let before = shown.borrow().clone();

        std::fs::remove_file(&file).expect("deletes");
        keeper.look().await;
        assert_eq!(*shown.borrow(), before, "an editor may be about to create it");
        assert!(keeper.absence_ends().is_some(), "it is looked at again");

        atomic_write::write(&file, text.as_bytes()).expect("writes");
        keeper.look().await;
        assert_eq!((keeper.absence_ends(), shown.borrow().clone()), (None, before.clone()));

        std::fs::remove_file(&file).expect("deletes");
        keeper.settings.absence = Duration::ZERO;
        keeper.look().await;
        let after = shown.borrow().clone();
        assert!(after.problem.is_some(), "it stayed away");
        assert_eq!(after.config, before.config);
        assert_eq!(keeper.absence_ends(), None, "and is waited for without looking");
    }
}
