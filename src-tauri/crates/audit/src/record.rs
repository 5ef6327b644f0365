//! The handle everyone else holds.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use drawbridge_model::ActivityKind;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::marks::{MarksFile, MarksKeeper};
use crate::pen::Pen;
use crate::read::Readers;
use crate::reads::Reads;
use crate::row::Row;
use crate::told::{Afterwards, Begun, Recorded};
use crate::writer::Writer;
use crate::{
    CallBegan, CallEnded, Choices, DataFolderLock, DividedBy, EntryDetail, EntryId, ExportError,
    ExportForm, Exported, Filter, KeptState, NotRecorded, Note, OpenError, Page, Picture,
    ReadError, Reading, Since, Size, clerk, file,
};

/// The record: a handle that is cheap to clone. When the last one is dropped, what waits is
/// written and the file is let go; [`Record::close`] does that and waits for it.
#[derive(Clone)]
pub struct Record {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
    reads: Arc<Reads>,
    newest_at_open: i64,
    _last_handle: Arc<LastHandle>,
}

/// Closes the record when the last handle is dropped.
struct LastHandle(Arc<Writer>, Arc<Reads>);

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.1.shut();
        self.0.shut();
    }
}

impl Record {
    /// Opens the record in `folder`, making folder and file where they are not there, and keeps
    /// the folder for itself ([`DataFolderLock`]) until it is closed. Its tasks belong to `tasks`.
    ///
    /// # Errors
    /// Says what is wrong with folder or file. A file that is not a record is left as it is.
    pub async fn open(folder: &Path, tasks: &TaskTracker) -> Result<Self, OpenError> {
        let at = folder.to_owned();
        let broke_off = |error: tokio::task::JoinError| {
            let cause = NotRecorded::Unwritable(error.to_string().into());
            OpenError::File { file: folder.join(file::FILE), cause }
        };
        let taking = tasks.spawn_blocking(move || DataFolderLock::take(&at));
        let lock = taking.await.map_err(broke_off)??;
        let path = file::bring_up_to_date(folder, &lock).await?;
        let marks_file = MarksFile::in_folder(folder);
        let opening = tasks.spawn_blocking(move || {
            file::open(path, &marks_file).map(|opened| (opened, marks_file))
        });
        let (mut opened, marks_file) = opening.await.map_err(broke_off)??;

        let path = Arc::clone(&opened.file);
        let (marks, amiss) = (std::mem::take(&mut opened.marks), opened.amiss.take());
        let (removed, unfinished) = (marks.removed.row, opened.unfinished);
        let newest_at_open = opened.newest.at;
        let pen = Pen::new(opened).map_err(|error| OpenError::File {
            file: path.to_path_buf(),
            cause: NotRecorded::from_sqlite(&error, &path),
        })?;
        let writer = Arc::new(Writer::new(pen));
        let readers = Arc::new(Readers::new(&path));
        let reads = Arc::new(Reads::new(folder, tasks));
        let last_handle = Arc::new(LastHandle(Arc::clone(&writer), Arc::clone(&reads)));
        let employer = Arc::clone(&writer);
        let keeper = MarksKeeper::new(marks_file, marks);
        tasks.spawn_blocking(move || clerk::work(&employer, &path, keeper, lock));
        tasks.spawn(Arc::clone(&reads).keep_up(writer.newest()));
        let record = Self { writer, readers, reads, newest_at_open, _last_handle: last_handle };
        if unfinished {
            // A removal that was broken off goes on.
            let writer = Arc::clone(&record.writer);
            tasks.spawn(async move {
                if let Err(error) = writer.remove_before(removed + 1).await {
                    tracing::warn!(%error, "rows that were to be removed are still there");
                }
            });
        }
        if let Some(amiss) = amiss {
            tracing::warn!("{amiss}");
            let mut note = Note::new(ActivityKind::RecordShortened);
            note.note = Some(amiss);
            // Trouble with writing is told where it is told for calls.
            let _ = record.note(note).await;
        }
        Ok(record)
    }

    /// Puts on record that a call is about to run, and returns when that is done. Dropping the
    /// future before that is the call's end.
    ///
    /// # Errors
    /// When it could not be written, after two seconds at most. The call must then not run.
    pub async fn begin(&self, call: CallBegan) -> Result<EntryId, NotRecorded> {
        self.writer.write(call.into()).await
    }

    /// Puts on record that a call is about to run, and calls `then` the moment that is done or
    /// could not be: on the thread that wrote it, with calls that were written together. So it
    /// must neither block nor wait. What it gives is done when all of those have been told.
    ///
    /// This may return before `then` was called. Dropping what it gives, or the future itself,
    /// before that is the call's end, and `then` is never called; [`Begun::settle`] says which was
    /// first. The row waits from the moment this is called, and perhaps for the future to be polled.
    pub fn begin_then<T>(&self, call: CallBegan, then: T) -> impl Future<Output = Begun> + Send
    where
        T: FnOnce(Recorded) -> Option<Afterwards> + Send + 'static,
    {
        self.writer.write_then(call.into(), Box::new(then))
    }

    /// Puts on record how a call ended. The row is queued and written within milliseconds; this
    /// waits only while thousands are queued because the disk is full or the file is locked.
    pub fn end(&self, id: EntryId, end: CallEnded) -> impl Future<Output = ()> + Send {
        self.writer.queue_end(id, end)
    }

    /// As [`Record::end`], for a `Drop`, where nobody can wait.
    pub fn end_now(&self, id: EntryId, end: CallEnded) {
        self.writer.queue_end_now(id, end);
    }

    /// Puts on record something that is no call, and returns when that is committed.
    ///
    /// # Errors
    /// When it could not be written, after two seconds at most.
    pub async fn note(&self, note: Note) -> Result<EntryId, NotRecorded> {
        self.writer.write(Row::Noted(note)).await
    }

    /// At most `limit` entries (1 to 1,000) that fit, older than the one numbered `before`, newest
    /// first. What was put on record before is seen, but for ends of the last milliseconds.
    ///
    /// May be fewer than asked for although older ones follow, because looking for them is
    /// broken off after some 30 ms: going on from [`Page::next`] finds them.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn find(
        &self,
        filter: &Filter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page, ReadError> {
        let filter = filter.clone();
        self.ask(move |reading| reading.find(&filter, before, limit)).await
    }

    /// At most `limit` entries (1 to 1,000) older than the one numbered `before`, newest first.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn page(&self, before: Option<i64>, limit: u32) -> Result<Page, ReadError> {
        self.ask(move |reading| reading.page(before, limit)).await
    }

    /// One entry, whole; `None` when there is none of that number.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn entry(&self, id: i64) -> Result<Option<EntryDetail>, ReadError> {
        self.ask(move |reading| reading.entry(id)).await
    }

    /// What there is to choose from when filtering.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn choices(&self) -> Result<Choices, ReadError> {
        self.ask(|reading| reading.choices()).await
    }

    /// How much happened over time, as [`Reading::picture`](crate::Reading::picture) says.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn picture(
        &self,
        filter: &Filter,
        by: DividedBy,
        utc_offset_minutes: i32,
    ) -> Result<Picture, ReadError> {
        let filter = filter.clone();
        self.ask(move |reading| reading.picture(&filter, by, utc_offset_minutes)).await
    }

    /// What happened after the entry numbered `id`.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn since(&self, id: i64) -> Result<Since, ReadError> {
        self.ask(move |reading| reading.since(id)).await
    }

    /// What the record takes.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub async fn size(&self) -> Result<Size, ReadError> {
        self.ask(|reading| reading.size()).await
    }

    /// Writes all entries that fit, oldest first, as
    /// [`Reading::export`](crate::Reading::export) says, and gives back what it wrote to. It ends
    /// when the future is dropped or the record is closed.
    ///
    /// # Errors
    /// When the record cannot be read or the export cannot be written, or it was broken off. A
    /// part is written then.
    pub async fn export<W: Write + Send + 'static>(
        &self,
        filter: Filter,
        form: ExportForm,
        mut to: W,
        progress: impl FnMut(Exported) -> ControlFlow<()> + Send + 'static,
    ) -> Result<(W, Exported), ExportError> {
        let exporting = self.ask(move |reading| {
            reading.export(&filter, form, &mut to, progress).map(|exported| (to, exported))
        });
        exporting.await
    }

    /// Removes the rows with smaller numbers than this, in the background and in small steps, and
    /// says how many there were. The chain of the last of them is kept, so that what is left can
    /// still be checked.
    ///
    /// # Errors
    /// When it could not be done; some rows may be gone then.
    pub async fn remove_before(&self, id: i64) -> Result<i64, NotRecorded> {
        let removed = self.writer.remove_before(id).await;
        self.reads.forget_removed();
        removed
    }

    /// When the newest row was made that was there when the record was opened, in milliseconds
    /// since 1970 (UTC); 0 where there was none.
    #[must_use]
    pub fn newest_at_open(&self) -> i64 {
        self.newest_at_open
    }

    /// Why rows cannot be written, while that is so. It is tried again every two seconds.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<NotRecorded>> {
        self.writer.trouble()
    }

    /// The number of the newest row. It also grows with the end of a call.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.writer.newest()
    }

    /// How many rows cannot be found yet, while what finds them is brought up to date; 0
    /// otherwise.
    #[must_use]
    pub fn behind(&self) -> watch::Receiver<i64> {
        self.reads.behind()
    }

    /// What is kept beside the record.
    #[must_use]
    pub fn kept(&self) -> KeptState {
        KeptState::new(self.clone())
    }

    /// Writes what waits and lets file and folder go. Later writes are answered with
    /// [`NotRecorded::Closed`], and later ends are lost: it comes after the last call.
    pub async fn close(&self) {
        self.reads.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    async fn ask<T, E>(
        &self,
        question: impl FnOnce(&Reading) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ReadError> + Send + 'static,
    {
        self.writer.settle_journal().await;
        self.reads.ask(question).await
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }
}
