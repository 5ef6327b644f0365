//! The record as a whole: how large it is, how long it is kept, checking, exporting, deleting.

use std::fs::File;
use std::io::BufWriter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_audit::{self as audit, Checked, ExportError, NotRecorded, Note, Record};
use drawbridge_model::{ActivityKind, ActivityOutcome};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Engine;
use super::activity::{filter_of, read_failed};
use crate::bridge::{CommandError, ErrorCode, PanelEvent};
use crate::clock::now_ms;
use crate::config::edit::Edit;
use crate::config::{AuditSettings, Loaded};
use crate::os;
use crate::view::{
    ActivityFilter, ExportForm, Exported, RecordBreak, RecordCheck, RecordState, RecordTask,
    RecordWork,
};

/// How often the panel is told how far something is.
const TOLD_EVERY: Duration = Duration::from_millis(100);
/// After something was put on record it is looked this much later whether the record is too long.
const BETWEEN_LOOKS: Duration = Duration::from_secs(600);
/// After a start other things come first.
const AFTER_START: Duration = Duration::from_secs(20);
/// So many rows take about a second to be made findable.
const MANY: i64 = 50_000;
/// So many rows leave memory behind that is worth giving back.
const SOME: i64 = 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MEGABYTE: u64 = 1_000_000;

/// What is being done with the record, and who wants to know.
pub(super) struct RecordDesk {
    ongoing: Mutex<Option<(RecordWork, CancellationToken)>>,
    events: broadcast::Sender<PanelEvent>,
}

impl RecordDesk {
    pub(super) fn new(events: broadcast::Sender<PanelEvent>) -> Arc<Self> {
        Arc::new(Self { ongoing: Mutex::default(), events })
    }

    fn set(&self, work: Option<(RecordWork, CancellationToken)>) {
        let told = work.as_ref().map(|(work, _)| *work);
        *self.ongoing.lock().unwrap_or_else(PoisonError::into_inner) = work;
        // Nobody may be looking.
        let _ = self.events.send(PanelEvent::RecordWorkMoved(told));
    }

    /// Tells of something that is done beside, unless something is done that was asked for.
    fn tell(&self, work: Option<RecordWork>) {
        if self.ongoing().is_none() {
            let _ = self.events.send(PanelEvent::RecordWorkMoved(work));
        }
    }

    fn ongoing(&self) -> Option<(RecordWork, CancellationToken)> {
        self.ongoing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins something that only one at a time may do.
    fn begin(self: &Arc<Self>, task: RecordTask, total: i64) -> Result<Working, CommandError> {
        let stop = CancellationToken::new();
        let work = RecordWork { task, done: 0, total };
        {
            let mut ongoing = self.ongoing.lock().unwrap_or_else(PoisonError::into_inner);
            if ongoing.is_some() {
                let sentence =
                    "Something else is being done with the record. Wait for it, or cancel it.";
                return Err(CommandError::new(ErrorCode::Other, sentence, ""));
            }
            *ongoing = Some((work, stop.clone()));
        }
        // Nobody may be looking.
        let _ = self.events.send(PanelEvent::RecordWorkMoved(Some(work)));
        Ok(Working { desk: Arc::clone(self), work, stop, told: Instant::now() })
    }
}

/// Something that is being done. Dropped, it is over.
struct Working {
    desk: Arc<RecordDesk>,
    work: RecordWork,
    stop: CancellationToken,
    told: Instant,
}

impl Working {
    /// Tells how far it is, and whether to go on.
    fn moved(&mut self, done: i64, total: i64) -> ControlFlow<()> {
        if self.stop.is_cancelled() {
            return ControlFlow::Break(());
        }
        self.work = RecordWork { done, total, ..self.work };
        if self.told.elapsed() >= TOLD_EVERY {
            self.told = Instant::now();
            self.desk.set(Some((self.work, self.stop.clone())));
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.desk.set(None);
    }
}

impl Engine {
    /// What the record takes, and how long it is kept.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn record_state(&self) -> Result<RecordState, CommandError> {
        let size = self.0.record.size().await.map_err(read_failed)?;
        let AuditSettings { keep_days, keep_megabytes } = self.0.store.loaded().config.audit;
        Ok(RecordState {
            entries: size.entries,
            bytes: i64::try_from(size.bytes).unwrap_or(i64::MAX),
            oldest: size.oldest,
            folder: self.0.paths.data_dir.display().to_string(),
            keep_days,
            keep_megabytes,
            work: self.0.record_desk.ongoing().map(|(work, _)| work),
        })
    }

    /// Says how long the record is kept, and how large it may grow.
    ///
    /// # Errors
    /// When a number is out of its range, or the config cannot be written.
    pub async fn set_record_limits(
        &self,
        keep_days: Option<u32>,
        keep_megabytes: Option<u32>,
    ) -> Result<(), CommandError> {
        let audit = AuditSettings { keep_days, keep_megabytes };
        self.edit(vec![Edit::SetAudit(audit)]).await?;
        self.note(format!("The record is kept {}", kept_for(audit)), None);
        Ok(())
    }

    /// Checks whether the record is as it was written.
    ///
    /// # Errors
    /// When it cannot be read, or the person broke it off.
    pub async fn check_record(&self) -> Result<RecordCheck, CommandError> {
        let total = *self.0.record.newest().borrow();
        let mut working = self.0.record_desk.begin(RecordTask::Check, total)?;
        let folder = self.0.paths.data_dir.clone();
        let checking = move || audit::check(&folder, |done| working.moved(done, total));
        match self.blocking(checking).await?.map_err(read_failed)? {
            Some(checked) => Ok(check_view(checked)),
            None => Err(cancelled()),
        }
    }

    /// Writes entries to a file, oldest first. A file that is there is replaced once all is written.
    ///
    /// # Errors
    /// When the record cannot be read or the file cannot be written, or the person broke it off. A
    /// file that was there stays as it was.
    pub async fn export_activity_to(
        &self,
        filter: ActivityFilter,
        form: ExportForm,
        file: PathBuf,
    ) -> Result<Exported, CommandError> {
        let mut working = self.0.record_desk.begin(RecordTask::Export, 0)?;
        let mut beside = file.clone().into_os_string();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        let form = match form {
            ExportForm::Csv => audit::ExportForm::Csv,
            ExportForm::JsonLines => audit::ExportForm::JsonLines,
        };
        let opened = {
            let beside = beside.clone();
            self.blocking(move || File::create(beside)).await?
        };
        let opened = opened.map_err(|error| not_written(&file, &error.to_string()))?;
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let progress = move |exported: audit::Exported| {
            working.moved(whole(exported.looked_at), whole(exported.of))
        };
        let exporting =
            self.0.record.export(filter_of(filter), form, BufWriter::new(opened), progress);
        let written = match exporting.await {
            Ok((writer, exported)) => {
                let (from, to) = (beside.clone(), file.clone());
                let finish = move || {
                    writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
                    std::fs::rename(from, to)
                };
                let finished = self.blocking(finish).await?;
                finished.map_err(|error| not_written(&file, &error.to_string())).map(|()| exported)
            }
            Err(ExportError::BrokenOff) => Err(cancelled()),
            Err(ExportError::Read(error)) => Err(read_failed(error)),
            Err(error) => Err(not_written(&file, &error.to_string())),
        };
        if written.is_err() {
            // It may not be there any more.
            let _gone = self.blocking(move || std::fs::remove_file(beside)).await?;
        }
        written.map(|exported| Exported {
            path: file.display().to_string(),
            entries: whole(exported.entries),
            bytes: whole(exported.bytes),
        })
    }

    /// Breaks off what is being done with the record.
    ///
    /// # Errors
    /// None; commands share one shape.
    pub async fn cancel_record_work(&self) -> Result<(), CommandError> {
        if let Some((_, stop)) = self.0.record_desk.ongoing() {
            stop.cancel();
        }
        Ok(())
    }

    /// Removes all there is on record, but for an entry that says so.
    ///
    /// # Errors
    /// When it cannot be done; some entries may be gone then.
    pub async fn delete_activity(&self) -> Result<(), CommandError> {
        let failed = |error: NotRecorded| CommandError::other(error.problem());
        // First of all it is on record: should this be broken off, that is known, and the next
        // start goes on with it.
        let note = shortened("All activity up to this moment was deleted by the person".to_owned());
        let note = self.0.record.note(note).await.map_err(failed)?;
        self.0.record.remove_before(note.number()).await.map(|_| ()).map_err(failed)
    }
}

/// Tells the panel how far it is when many rows have to be made findable, and gives back what memory
/// that took, until told to stop.
pub(super) async fn look_after_indexing(
    desk: Arc<RecordDesk>,
    mut behind: watch::Receiver<i64>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let telling = async {
        while behind.wait_for(|behind| *behind >= SOME).await.is_ok() {
            let mut total = 0;
            loop {
                let left = *behind.borrow_and_update();
                total = total.max(left);
                if left == 0 {
                    break;
                }
                if total >= MANY {
                    let work = RecordWork { task: RecordTask::Index, done: total - left, total };
                    desk.tell(Some(work));
                }
                tokio::time::sleep(TOLD_EVERY).await;
            }
            if total >= MANY {
                desk.tell(None);
            }
            if let Err(error) = tasks.spawn_blocking(os::give_memory_back).await {
                tracing::debug!(%error, "memory was not given back");
            }
        }
    };
    tokio::select! {
        () = telling => {}
        () = stop.cancelled() => {}
    }
}

/// Keeps the record as short as the person wants it, until told to stop. Nothing wakes up while
/// nothing is put on record.
pub(super) async fn keep_short(
    record: Record,
    mut loaded: watch::Receiver<Arc<Loaded>>,
    stop: CancellationToken,
) {
    let mut newest = record.newest();
    let started = Instant::now();
    // A clock that was set wrongly must not make everything look old: time is taken to have gone on
    // from the newest entry there was, by as much as has passed since, and a day.
    let now = || {
        let passed = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        now_ms().min(record.newest_at_open().saturating_add(passed).saturating_add(DAY_MS))
    };
    let keeping = async {
        tokio::time::sleep(AFTER_START).await;
        loop {
            let audit = loaded.borrow_and_update().config.audit;
            newest.borrow_and_update();
            if let Err(error) = shorten(&record, audit, now()).await {
                tracing::warn!(%error, "the record is longer than it should be");
            }
            let grown = async {
                // The record is closed after everything that is put there.
                let _open = newest.changed().await;
                tokio::time::sleep(BETWEEN_LOOKS).await;
            };
            let told_otherwise = loaded.wait_for(|loaded| loaded.config.audit != audit);
            tokio::select! {
                () = grown => {}
                told = told_otherwise => if told.is_err() { return },
            }
        }
    };
    tokio::select! {
        () = keeping => {}
        () = stop.cancelled() => {}
    }
}

/// Removes what is older than the person wants, and then the oldest of what is too much.
async fn shorten(record: &Record, audit: AuditSettings, now: i64) -> Result<(), NotRecorded> {
    if let Some(days) = audit.keep_days {
        let since = now - i64::from(days) * DAY_MS;
        let removed = record.remove_older_than(since).await?;
        put_shortened(record, removed, &format!("older than {}", counted(days, "day"))).await?;
    }
    if let Some(megabytes) = audit.keep_megabytes {
        let removed = record.remove_down_to(u64::from(megabytes) * MEGABYTE).await?;
        let why = format!("because the record took more than {megabytes} MB");
        put_shortened(record, removed, &why).await?;
    }
    Ok(())
}

async fn put_shortened(record: &Record, rows: i64, why: &str) -> Result<(), NotRecorded> {
    if rows == 0 {
        return Ok(());
    }
    let note = shortened(format!("The oldest {rows} rows were removed: {why}"));
    record.note(note).await.map(|_| ())
}

fn shortened(text: String) -> Note {
    let mut note = Note::new(ActivityKind::RecordShortened);
    note.outcome = Some(ActivityOutcome::Succeeded);
    note.note = Some(text);
    note
}

fn counted(number: u32, unit: &str) -> String {
    match number {
        1 => format!("1 {unit}"),
        number => format!("{number} {unit}s"),
    }
}

fn kept_for(audit: AuditSettings) -> String {
    let days = audit.keep_days.map(|days| format!("for {}", counted(days, "day")));
    let size = audit.keep_megabytes.map(|megabytes| format!("up to {megabytes} MB"));
    match (days, size) {
        (None, None) => "for good".to_owned(),
        (Some(only), None) | (None, Some(only)) => only,
        (Some(days), Some(size)) => format!("{days} and {size}"),
    }
}

fn cancelled() -> CommandError {
    CommandError::new(ErrorCode::Cancelled, "It was cancelled.", "")
}

fn not_written(file: &Path, detail: &str) -> CommandError {
    let sentence = format!(
        "The file {} could not be written. Check that there is room and that you may write there, or \
         choose another place.",
        file.display()
    );
    CommandError::new(ErrorCode::Other, sentence, detail)
}

fn check_view(checked: Checked) -> RecordCheck {
    RecordCheck {
        rows: checked.rows,
        from: checked.from,
        broken: checked.broken.map(|broken| RecordBreak {
            entry: Some(broken.row),
            at: broken.at,
            message: broken.sentence(),
        }),
    }
}
