//! Bringing the index up to date with the record, a step at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use crate::index::{self, Progress, Trouble, bucket_of, part_of};
use crate::text::{apart, unescaped};
use crate::words::{BEGAN, ENDED, NOTED, outcome_word};
use drawbridge_model::ActivityOutcome;

/// Most rows of one step.
const ROWS: u32 = 1_000;
/// Most bytes of text of one step, about.
const BYTES: usize = 4 << 20;

/// What there is in the record at one moment.
#[derive(Debug, Clone, Copy)]
struct Target {
    newest: i64,
    run: i64,
    removed: i64,
}

fn target(record: &Connection) -> rusqlite::Result<Target> {
    const TARGET: &str = "SELECT coalesce((SELECT max(id) FROM entries), 0), \
         coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT before FROM removal), 0)";
    record.prepare_cached(TARGET)?.query_row([], |row| {
        Ok(Target { newest: row.get(0)?, run: row.get(1)?, removed: row.get(2)? })
    })
}

/// Brings the index up to what is in the record at this moment, in steps of which each is kept.
/// Before each `go_on` is asked, and told how many rows are missing.
pub(crate) fn catch_up(
    index: &Connection,
    record: &Connection,
    go_on: &mut dyn FnMut(i64) -> bool,
) -> Result<(), Trouble> {
    let target = target(record).map_err(Trouble::record)?;
    is_of_this_record(index, record, target)?;
    loop {
        let progress = index::progress(index).map_err(Trouble::Index)?;
        if progress.row >= target.newest
            && progress.run >= target.run
            && progress.removed >= target.removed
        {
            return Ok(());
        }
        if !go_on(target.newest - progress.row) {
            return Err(Trouble::Stopped);
        }
        let step = Transaction::new_unchecked(index, TransactionBehavior::Immediate);
        let step = step.map_err(Trouble::Index)?;
        // Another process may have gone on meanwhile.
        let mut progress = index::progress(&step).map_err(Trouble::Index)?;
        let mut removed = false;
        if progress.row < target.newest {
            take_rows(&step, record, target, &mut progress)?;
        } else if progress.run < target.run {
            let left = give_up_calls(&step, target.run).map_err(Trouble::Index)?;
            if !left {
                progress.run = target.run;
            }
        } else if progress.removed < target.removed {
            let left = remove(&step, target.removed).map_err(Trouble::Index)?;
            if !left {
                progress.removed = target.removed;
                removed = true;
            }
        }
        index::set_progress(&step, &progress).map_err(Trouble::Index)?;
        step.commit().map_err(Trouble::Index)?;
        if removed {
            give_pages_back(index).map_err(Trouble::Index)?;
        }
    }
}

/// The last row the index goes to must be in the record as it was, unless it was removed.
fn is_of_this_record(
    index: &Connection,
    record: &Connection,
    target: Target,
) -> Result<(), Trouble> {
    const CHAIN: &str = "SELECT chain FROM entries WHERE id = ?1";
    let progress = index::progress(index).map_err(Trouble::Index)?;
    let chain = record
        .prepare_cached(CHAIN)
        .and_then(|mut chain| chain.query_row([progress.row], |row| row.get(0)).optional())
        .map_err(Trouble::record)?;
    let known = progress.row == 0
        || match chain {
            Some(chain) => progress.chain == Some(chain),
            None => progress.row < target.removed,
        };
    // Where rows are numbered on in an older copy, what was removed tells.
    if known && progress.removed <= target.removed && progress.run <= target.run {
        Ok(())
    } else {
        Err(Trouble::Foreign)
    }
}

/// What can be chosen from, as the file has it; empty where absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct What {
    kind: String,
    client: String,
    server: String,
    subject: String,
    decision: String,
    reason: String,
    outcome: String,
}

/// A row of the record.
struct Told {
    id: i64,
    run: i64,
    at: i64,
    step: String,
    call: Option<i64>,
    what: What,
    client_says: Option<String>,
    note: Option<String>,
    chain: Option<Vec<u8>>,
    arguments: Option<String>,
    result: Option<String>,
}

macro_rules! told {
    ($where:literal) => {
        concat!(
            "SELECT id, run, at, step, call, kind, client, server, subject, decision, reason, \
             outcome, client_says, note, chain, arguments, result FROM entries ",
            $where
        )
    };
}

const NEXT: &str = told!("WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3");
const ONE: &str = told!("WHERE id = ?1");

impl Told {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = |column| row.get(column).map(Option::<String>::unwrap_or_default);
        Ok(Self {
            id: row.get(0)?,
            run: row.get(1)?,
            at: row.get(2)?,
            step: row.get(3)?,
            call: row.get(4)?,
            what: What {
                kind: text(5)?,
                client: text(6)?,
                server: text(7)?,
                subject: text(8)?,
                decision: text(9)?,
                reason: text(10)?,
                outcome: text(11)?,
            },
            client_says: row.get(12)?,
            note: row.get(13)?,
            chain: row.get(14)?,
            arguments: row.get(15)?,
            result: row.get(16)?,
        })
    }

    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.arguments) + length(&self.result)
    }
}

/// An entry as far as it was told.
struct Story {
    began: Told,
    ended: Option<Told>,
}

impl Story {
    fn what(&self) -> What {
        let mut what = self.began.what.clone();
        if let Some(ended) = &self.ended {
            let last = |mine: &mut String, word: &String| {
                if !word.is_empty() {
                    mine.clone_from(word);
                }
            };
            last(&mut what.decision, &ended.what.decision);
            last(&mut what.reason, &ended.what.reason);
            last(&mut what.outcome, &ended.what.outcome);
        }
        what
    }
}

fn rows_after(record: &Connection, after: i64, newest: i64) -> rusqlite::Result<(Vec<Told>, bool)> {
    let mut next = record.prepare_cached(NEXT)?;
    let mut rows = next.query(params![after, newest, ROWS])?;
    let (mut told, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let row = Told::read(row)?;
        bytes += row.bytes();
        told.push(row);
        if bytes >= BYTES {
            return Ok((told, false));
        }
    }
    let ended = told.len() < ROWS as usize;
    Ok((told, ended))
}

/// Takes the next rows up. The end of a call mostly comes with its beginning, so that most entries
/// are written once.
fn take_rows(
    step: &Connection,
    record: &Connection,
    target: Target,
    progress: &mut Progress,
) -> Result<(), Trouble> {
    if progress.row == 0 {
        progress.removed = target.removed;
    }
    let after = progress.row.max(target.removed - 1);
    let (rows, last) = rows_after(record, after, target.newest).map_err(Trouble::record)?;
    if let Some(row) = rows.last() {
        progress.row = row.id;
        progress.chain.clone_from(&row.chain);
    }
    if last {
        // Rows may be missing at the end, where they were removed meanwhile.
        progress.row = target.newest;
    }
    let mut stories: Vec<Story> = Vec::new();
    let mut places = HashMap::new();
    let mut late = Vec::new();
    for row in rows {
        match (row.step.as_str(), row.call) {
            (BEGAN | NOTED, _) => {
                places.insert(row.id, stories.len());
                stories.push(Story { began: row, ended: None });
            }
            (ENDED, Some(call)) => match places.get(&call) {
                Some(place) => {
                    let story = &mut stories[*place];
                    if story.began.step == BEGAN && story.ended.is_none() {
                        story.ended = Some(row);
                    }
                }
                None => late.push((call, row)),
            },
            _ => {}
        }
    }
    let mut tally = Tally::default();
    for story in &stories {
        tally.add(step, story).map_err(Trouble::Index)?;
    }
    for (call, row) in late {
        if !no_longer_runs(step, call).map_err(Trouble::Index)? {
            continue;
        }
        let began = record
            .prepare_cached(ONE)
            .and_then(|mut one| one.query_row([call], Told::read).optional())
            .map_err(Trouble::record)?;
        // Where it was removed meanwhile, its entry goes as well.
        let Some(began) = began else { continue };
        tally.end(step, &Story { began, ended: Some(row) }).map_err(Trouble::Index)?;
    }
    tally.write(step).map_err(Trouble::Index)
}

fn no_longer_runs(step: &Connection, call: i64) -> rusqlite::Result<bool> {
    Ok(step.prepare_cached("DELETE FROM running WHERE id = ?1")?.execute([call])? == 1)
}

/// Calls of earlier runs that have no end will never get one. Says whether some are left.
fn give_up_calls(step: &Connection, run: i64) -> rusqlite::Result<bool> {
    let mut lost = step.prepare_cached("SELECT id FROM running WHERE run < ?1 LIMIT ?2")?;
    let lost = lost.query_map(params![run, ROWS], |row| row.get(0))?;
    let lost = lost.collect::<rusqlite::Result<Vec<i64>>>()?;
    let mut tally = Tally::default();
    for id in &lost {
        no_longer_runs(step, *id)?;
        let Some((at, was)) = place(step, *id)? else { continue };
        let mut what = what(step, was)?;
        what.outcome = outcome_word(ActivityOutcome::Unknown).to_owned();
        let now = tally.group(step, what)?;
        tally.shift(at, was, now);
        let moved = step.prepare_cached("UPDATE stories SET grp = ?2 WHERE id = ?1");
        moved?.execute([*id, now])?;
    }
    tally.write(step)?;
    Ok(lost.len() == ROWS as usize)
}

/// When an entry was, and its group.
fn place(step: &Connection, id: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut place = step.prepare_cached("SELECT at, grp FROM stories WHERE id = ?1")?;
    place.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn what(step: &Connection, group: i64) -> rusqlite::Result<What> {
    let mut what = step.prepare_cached(
        "SELECT kind, client, server, subject, decision, reason, outcome FROM groups WHERE id = ?1",
    )?;
    what.query_row([group], |row| {
        Ok(What {
            kind: row.get(0)?,
            client: row.get(1)?,
            server: row.get(2)?,
            subject: row.get(3)?,
            decision: row.get(4)?,
            reason: row.get(5)?,
            outcome: row.get(6)?,
        })
    })
}

/// What a step changes in the counts, which is written once for all of its entries.
#[derive(Default)]
struct Tally {
    groups: HashMap<What, i64>,
    entries: HashMap<i64, i64>,
    moments: HashMap<(i64, i64), i64>,
    spans: HashMap<i64, (i64, i64)>,
}

impl Tally {
    /// The number of the group, which is made if it is not there.
    fn group(&mut self, step: &Connection, what: What) -> rusqlite::Result<i64> {
        const FIND: &str = "SELECT id FROM groups WHERE kind = ?1 AND client = ?2 AND server = ?3 \
             AND subject = ?4 AND decision = ?5 AND reason = ?6 AND outcome = ?7";
        const MAKE: &str = "INSERT INTO groups \
             (kind, client, server, subject, decision, reason, outcome) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        match self.groups.entry(what) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(new) => {
                let What { kind, client, server, subject, decision, reason, outcome } = new.key();
                let what = params![kind, client, server, subject, decision, reason, outcome];
                let found = step.prepare_cached(FIND)?.query_row(what, |row| row.get(0));
                let id = match found.optional()? {
                    Some(id) => id,
                    None => step.prepare_cached(MAKE)?.insert(what)?,
                };
                Ok(*new.insert(id))
            }
        }
    }

    fn count(&mut self, at: i64, group: i64, by: i64) {
        *self.entries.entry(group).or_default() += by;
        *self.moments.entry((bucket_of(at), group)).or_default() += by;
    }

    fn shift(&mut self, at: i64, from: i64, to: i64) {
        self.count(at, from, -1);
        self.count(at, to, 1);
    }

    fn add(&mut self, step: &Connection, story: &Story) -> rusqlite::Result<()> {
        const ADD: &str = "INSERT INTO stories (id, at, grp, ended) VALUES (?1, ?2, ?3, ?4)";
        let Told { id, at, run, .. } = story.began;
        let group = self.group(step, story.what())?;
        self.count(at, group, 1);
        let span = self.spans.entry(bucket_of(at)).or_insert((id, id));
        *span = (span.0.min(id), span.1.max(id));
        let ended = story.ended.as_ref().map(|ended| ended.id);
        step.prepare_cached(ADD)?.execute(params![id, at, group, ended])?;
        if story.began.step == BEGAN && ended.is_none() {
            let runs = step.prepare_cached("INSERT INTO running (id, run) VALUES (?1, ?2)");
            runs?.execute([id, run])?;
        }
        write_words(step, story, false)
    }

    /// The end of a call that was taken up in an earlier step.
    fn end(&mut self, step: &Connection, story: &Story) -> rusqlite::Result<()> {
        const END: &str = "UPDATE stories SET grp = ?2, ended = ?3 WHERE id = ?1";
        let id = story.began.id;
        let Some((at, was)) = place(step, id)? else { return Ok(()) };
        let now = self.group(step, story.what())?;
        self.shift(at, was, now);
        let ended = story.ended.as_ref().map(|ended| ended.id);
        step.prepare_cached(END)?.execute(params![id, now, ended])?;
        write_words(step, story, true)
    }

    fn write(self, step: &Connection) -> rusqlite::Result<()> {
        const GROUP: &str = "UPDATE groups SET entries = entries + ?2 WHERE id = ?1";
        const MOMENT: &str = "INSERT INTO moments (bucket, grp, entries) VALUES (?1, ?2, ?3) \
             ON CONFLICT (bucket, grp) DO UPDATE SET entries = entries + excluded.entries";
        const NO_MOMENT: &str =
            "DELETE FROM moments WHERE bucket = ?1 AND grp = ?2 AND entries <= 0";
        const SPAN: &str = "INSERT INTO spans (bucket, first, last) VALUES (?1, ?2, ?3) \
             ON CONFLICT (bucket) DO UPDATE \
             SET first = min(first, excluded.first), last = max(last, excluded.last)";
        for (group, by) in self.entries {
            step.prepare_cached(GROUP)?.execute([group, by])?;
            if by < 0 {
                step.prepare_cached("DELETE FROM groups WHERE id = ?1 AND entries <= 0")?
                    .execute([group])?;
            }
        }
        for ((bucket, group), by) in self.moments {
            step.prepare_cached(MOMENT)?.execute([bucket, group, by])?;
            if by < 0 {
                step.prepare_cached(NO_MOMENT)?.execute([bucket, group])?;
            }
        }
        for (bucket, (first, last)) in self.spans {
            step.prepare_cached(SPAN)?.execute([bucket, first, last])?;
        }
        Ok(())
    }
}

/// Writes the words of an entry, in place of those that were there.
fn write_words(step: &Connection, story: &Story, anew: bool) -> rusqlite::Result<()> {
    let Story { began, ended } = story;
    let part = part_of(began.id);
    let made = step.prepare_cached("INSERT OR IGNORE INTO parts (part) VALUES (?1)");
    if made?.execute([part])? == 1 {
        step.execute_batch(&words_table(part))?;
    }
    if anew {
        step.prepare_cached(&format!("DELETE FROM words_{part} WHERE rowid = ?1"))?
            .execute([began.id])?;
    }
    let ended = ended.as_ref();
    let plain = |text: &Option<String>| text.clone().map(|text| apart(text.into()).into_owned());
    let json = |text: Option<&String>| text.map(|text| apart(unescaped(text)).into_owned());
    let note = ended.and_then(|ended| ended.note.as_ref()).or(began.note.as_ref());
    step.prepare_cached(&format!(
        "INSERT INTO words_{part} \
         (rowid, client, client_says, server, subject, arguments, result, note) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))?
    .execute(params![
        began.id,
        began.what.client,
        plain(&began.client_says),
        began.what.server,
        apart((&*began.what.subject).into()),
        json(began.arguments.as_ref()),
        json(ended.and_then(|ended| ended.result.as_ref())),
        plain(&note.cloned()),
    ])
    .map(|_| ())
}

/// Keeps words without the text they are from, which the record has. A phrase is found by where
/// each word stands.
fn words_table(part: i64) -> String {
    format!(
        "CREATE VIRTUAL TABLE words_{part} USING fts5 (\
         client, client_says, server, subject, arguments, result, note, \
         content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2')"
    )
}

/// Removes some of the entries below a number. Says whether some are left.
fn remove(step: &Connection, before: i64) -> rusqlite::Result<bool> {
    let mut gone =
        step.prepare_cached("SELECT id, at, grp FROM stories WHERE id < ?1 ORDER BY id LIMIT ?2")?;
    let gone =
        gone.query_map(params![before, ROWS], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let gone = gone.collect::<rusqlite::Result<Vec<(i64, i64, i64)>>>()?;
    let kept_part = part_of(before);
    let mut tally = Tally::default();
    for &(id, at, group) in &gone {
        tally.count(at, group, -1);
        no_longer_runs(step, id)?;
        step.prepare_cached("DELETE FROM stories WHERE id = ?1")?.execute([id])?;
        // A part of which nothing is left goes as a whole.
        if part_of(id) == kept_part {
            step.prepare_cached(&format!("DELETE FROM words_{kept_part} WHERE rowid = ?1"))?
                .execute([id])?;
        }
    }
    tally.write(step)?;
    if gone.len() == ROWS as usize {
        return Ok(true);
    }
    step.execute("DELETE FROM spans WHERE last < ?1", [before])?;
    step.execute("UPDATE spans SET first = ?1 WHERE first < ?1", [before])?;
    let mut parts = step.prepare("SELECT part FROM parts WHERE part <= ?1")?;
    let parts = parts.query_map([kept_part], |row| row.get(0))?;
    for part in parts.collect::<rusqlite::Result<Vec<i64>>>()? {
        if part < kept_part {
            step.execute_batch(&format!("DROP TABLE words_{part}"))?;
            step.execute("DELETE FROM parts WHERE part = ?1", [part])?;
        } else {
            // Until its pieces are merged, words of what was removed are still in the file.
            step.execute_batch(&format!(
                "INSERT INTO words_{part}(words_{part}) VALUES('optimize')"
            ))?;
        }
    }
    Ok(false)
}

/// Gives pages nobody uses back to the disk: removing is also meant to make room, and what stood on
/// them is to be gone.
fn give_pages_back(index: &Connection) -> rusqlite::Result<()> {
    // Each row that is read gives one page back.
    let mut statement = index.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}
