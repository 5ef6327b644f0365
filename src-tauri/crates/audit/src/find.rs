//! Which entries fit a filter, newest first.
//!
//! Each question ends after a bounded time, whatever it is and however many entries there are: it
//! then says up to where it looked, and going on from there is a question of its own. There are
//! three ways to look, and the one that should touch the fewest entries is taken: through the
//! entries of each group that fits, backwards through all entries, or through what has the words.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use drawbridge_model::{ActivityDecision, ActivityKind, ActivityOutcome, ActivityReason};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, named_params, params};

use crate::index::{ROWS_IN_PART, bucket_of, part_of};
use crate::text::Question;
use crate::words::{decision_word, kind_word, outcome_word, reason_word};

/// How long one way to look is followed.
const PATIENCE: Duration = Duration::from_millis(25);
/// How many entries are looked at between two looks at the clock.
const BETWEEN_LOOKS: u32 = 64;
/// Most entries of a part that are looked up one by one among those that have the words.
const ONE_BY_ONE: u32 = 48;
/// What finding the first entry of a group costs, in entries that are passed on the way.
const GROUP_COST: i64 = 8;

/// Which entries are meant. All that is set has to hold; of a list, any one, and an empty list
/// allows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words that all stand in the entry: in names, arguments, result or note, in any case. Where
    /// there is no space between them, they stand in a row. The last may be the beginning of a
    /// word. A text without any word is none.
    pub text: Option<String>,
    /// Not before this moment, in milliseconds since 1970 (UTC).
    pub from: Option<i64>,
    /// Before this moment.
    pub until: Option<i64>,
    /// The app; empty for entries without one.
    pub client: Option<String>,
    /// The server; empty for entries without one.
    pub server: Option<String>,
    /// The tool, prompt, resource, model or setting; empty for entries without one.
    pub subject: Option<String>,
    /// What happened.
    pub kinds: Vec<ActivityKind>,
    /// What was decided.
    pub decisions: Vec<ActivityDecision>,
    /// Why it was decided so.
    pub reasons: Vec<ActivityReason>,
    /// How it ended.
    pub outcomes: Vec<ActivityOutcome>,
}

impl Filter {
    fn chooses_groups(&self) -> bool {
        self.client.is_some()
            || self.server.is_some()
            || self.subject.is_some()
            || !self.kinds.is_empty()
            || !self.decisions.is_empty()
            || !self.reasons.is_empty()
            || !self.outcomes.is_empty()
    }
}

/// The groups that fit a filter, with how many entries each has.
pub(crate) fn groups(
    index: &Connection,
    filter: &Filter,
) -> rusqlite::Result<Option<Vec<(i64, i64)>>> {
    if !filter.chooses_groups() {
        return Ok(None);
    }
    const GROUPS: &str = "SELECT id, entries FROM groups WHERE entries > 0 \
         AND (:client IS NULL OR client = :client) \
         AND (:server IS NULL OR server = :server) \
         AND (:subject IS NULL OR subject = :subject) \
         AND (:kinds IS NULL OR instr(:kinds, ' ' || kind || ' ') > 0) \
         AND (:decisions IS NULL OR instr(:decisions, ' ' || decision || ' ') > 0) \
         AND (:reasons IS NULL OR instr(:reasons, ' ' || reason || ' ') > 0) \
         AND (:outcomes IS NULL OR instr(:outcomes, ' ' || outcome || ' ') > 0) \
         ORDER BY entries DESC";
    let mut groups = index.prepare_cached(GROUPS)?;
    let rows = groups.query_map(
        named_params! {
            ":client": filter.client,
            ":server": filter.server,
            ":subject": filter.subject,
            ":kinds": any_of(filter.kinds.iter().map(|kind| kind_word(*kind))),
            ":decisions": any_of(filter.decisions.iter().map(|it| decision_word(*it))),
            ":reasons": any_of(filter.reasons.iter().map(|reason| reason_word(*reason))),
            ":outcomes": any_of(filter.outcomes.iter().map(|outcome| outcome_word(*outcome))),
        },
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    rows.collect::<rusqlite::Result<_>>().map(Some)
}

/// Words with a space before and behind each; absent where there is none to choose.
fn any_of(words: impl Iterator<Item = &'static str>) -> Option<String> {
    let text = words.fold(String::new(), |text, word| text + " " + word);
    (!text.is_empty()).then(|| text + " ")
}

/// Entries that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The rows each began with, newest first.
    pub(crate) ids: Vec<i64>,
    /// What to go on before.
    pub(crate) next: Option<i64>,
}

/// The range of numbers an entry of a filter can have; `None` where it can have none.
pub(crate) fn range(index: &Connection, filter: &Filter) -> rusqlite::Result<Option<(i64, i64)>> {
    const FIRST: &str = "SELECT id FROM stories ORDER BY id LIMIT 1";
    const LAST: &str = "SELECT id FROM stories ORDER BY id DESC LIMIT 1";
    const SPAN: &str =
        "SELECT min(first), max(last) FROM spans WHERE bucket >= ?1 AND bucket <= ?2";
    let one = |sql| index.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).optional();
    let (Some(mut low), Some(mut high)) = (one(FIRST)?, one(LAST)?) else { return Ok(None) };
    if filter.from.is_some() || filter.until.is_some() {
        let first = filter.from.map_or(i64::MIN, bucket_of);
        let last = filter.until.map_or(i64::MAX, bucket_of);
        let span: (Option<i64>, Option<i64>) = index
            .prepare_cached(SPAN)?
            .query_row([first, last], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)) = span else { return Ok(None) };
        (low, high) = (low.max(first), high.min(last));
    }
    Ok((low <= high).then_some((low, high)))
}

/// At most `limit` entries before a number.
pub(crate) fn find(
    index: &Connection,
    filter: &Filter,
    before: Option<i64>,
    limit: usize,
) -> rusqlite::Result<Found> {
    find_within(index, filter, before, limit, PATIENCE)
}

fn find_within(
    index: &Connection,
    filter: &Filter,
    before: Option<i64>,
    limit: usize,
    patience: Duration,
) -> rusqlite::Result<Found> {
    let Some((low, high)) = range(index, filter)? else { return Ok(Found::default()) };
    let high = before.map_or(high, |before| high.min(before.saturating_sub(1)));
    let groups = groups(index, filter)?;
    if low > high || groups.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Found::default());
    }
    let search = Search {
        index,
        from: filter.from.unwrap_or(i64::MIN),
        until: filter.until.unwrap_or(i64::MAX),
        low,
        high,
        wanted: limit,
        patience,
    };
    if let Some(question) = filter.text.as_deref().and_then(Question::of) {
        return search.by_words(&question, groups.as_deref());
    }
    let Some(groups) = groups else { return search.backwards(None) };
    if search.is_better_by_groups(&groups)?
        && let Some(found) = search.by_groups(&groups)?
    {
        return Ok(found);
    }
    search.backwards(Some(groups.iter().map(|group| group.0).collect()))
}

/// One question.
struct Search<'a> {
    index: &'a Connection,
    from: i64,
    until: i64,
    low: i64,
    high: i64,
    wanted: usize,
    /// How long one way to look is followed.
    patience: Duration,
}

impl Search<'_> {
    fn is_in_time(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }

    fn asks_for_time(&self) -> bool {
        self.from != i64::MIN || self.until != i64::MAX
    }

    /// One more than wanted shows whether there are more.
    fn page(&self, mut ids: Vec<i64>, stopped: Option<i64>) -> Found {
        if ids.len() > self.wanted {
            ids.truncate(self.wanted);
            return Found { next: ids.last().copied(), ids };
        }
        Found { ids, next: stopped.filter(|stopped| *stopped > self.low) }
    }

    fn is_better_by_groups(&self, groups: &[(i64, i64)]) -> rusqlite::Result<bool> {
        const ALL: &str = "SELECT coalesce(sum(entries), 0) FROM groups";
        let all: i64 = self.index.prepare_cached(ALL)?.query_row([], |row| row.get(0))?;
        let fitting = groups.iter().map(|group| group.1).sum::<i64>().max(1);
        let wanted = i64::try_from(self.wanted).unwrap_or(i64::MAX);
        let count = i64::try_from(groups.len()).unwrap_or(i64::MAX);
        let by_groups = count.saturating_mul(GROUP_COST).saturating_add(wanted.saturating_mul(2));
        let backwards = wanted.saturating_mul(all) / fitting;
        Ok(by_groups < backwards)
    }

    /// Backwards through all entries.
    fn backwards(&self, groups: Option<HashSet<i64>>) -> rusqlite::Result<Found> {
        const STORIES: &str =
            "SELECT id, at, grp FROM stories WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC";
        let mut stories = self.index.prepare_cached(STORIES)?;
        let mut rows = stories.query([self.low, self.high])?;
        let (mut ids, mut clock) = (Vec::new(), Clock::new(self.patience));
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            if self.is_in_time(row.get(1)?) && has(groups.as_ref(), row.get(2)?) {
                ids.push(id);
            }
            if ids.len() > self.wanted {
                break;
            }
            if clock.is_late() {
                return Ok(self.page(ids, Some(id)));
            }
        }
        Ok(self.page(ids, None))
    }

    /// Through the entries of each group. `None` where that takes too long.
    fn by_groups(&self, groups: &[(i64, i64)]) -> rusqlite::Result<Option<Found>> {
        let mut ids = BTreeSet::new();
        let mut clock = Clock::new(self.patience);
        let mut low = self.low;
        for (group, _) in groups {
            let fits = |id, at| -> Option<i64> {
                if self.is_in_time(at) {
                    ids.insert(id);
                }
                if ids.len() > self.wanted + 1 {
                    ids.pop_first();
                }
                // What is older than the oldest of a full page is not on it.
                (ids.len() > self.wanted).then(|| ids.first().copied()).flatten()
            };
            let Some(full) = self.each_of_group(*group, low, self.high, &mut clock, fits)? else {
                return Ok(None);
            };
            low = low.max(full);
        }
        Ok(Some(self.page(ids.into_iter().rev().collect(), None)))
    }

    /// Calls `visit` for the entries of a group, newest first, until one is below what it gives.
    /// Gives the last of that, or `None` where it takes too long.
    fn each_of_group(
        &self,
        group: i64,
        low: i64,
        high: i64,
        clock: &mut Clock,
        mut visit: impl FnMut(i64, i64) -> Option<i64>,
    ) -> rusqlite::Result<Option<i64>> {
        const TIMED: &str = "SELECT id, at FROM stories \
             WHERE grp = ?1 AND id >= ?2 AND id <= ?3 ORDER BY id DESC";
        // Needs nothing but the index.
        const ANY: &str = "SELECT id, ?4 FROM stories \
             WHERE grp = ?1 AND id >= ?2 AND id <= ?3 ORDER BY id DESC";
        let mut low = low;
        let mut stories: CachedStatement<'_>;
        let mut rows = if self.asks_for_time() {
            stories = self.index.prepare_cached(TIMED)?;
            stories.query([group, low, high])?
        } else {
            stories = self.index.prepare_cached(ANY)?;
            stories.query([group, low, high, self.from])?
        };
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if id < low {
                break;
            }
            low = visit(id, row.get(1)?).unwrap_or(low);
            if clock.is_late() {
                return Ok(None);
            }
        }
        Ok(Some(low))
    }

    /// Through what has the words, a part after the other, newest first.
    fn by_words(
        &self,
        question: &Question,
        groups: Option<&[(i64, i64)]>,
    ) -> rusqlite::Result<Found> {
        let among: Option<HashSet<i64>> =
            groups.map(|groups| groups.iter().map(|group| group.0).collect());
        let (mut ids, mut clock) = (Vec::new(), Clock::new(self.patience));
        for part in parts(self.index, self.low, self.high)? {
            let start = part * ROWS_IN_PART;
            let low = self.low.max(start);
            let high = self.high.min(start + ROWS_IN_PART - 1);
            for (low, high) in self.worth_asking(groups, part, (low, high), question)? {
                let mut hits = self.index.prepare_cached(&hits(part))?;
                let mut hits = hits.query(params![question.asked, low, high])?;
                while let Some(hit) = hits.next()? {
                    let id = hit.get(0)?;
                    if self.fits(id, among.as_ref())? {
                        ids.push(id);
                    }
                    if ids.len() > self.wanted {
                        return Ok(self.page(ids, None));
                    }
                    if clock.is_late() {
                        return Ok(self.page(ids, Some(id)));
                    }
                }
            }
            if clock.is_over() {
                return Ok(self.page(ids, Some(start)));
            }
        }
        Ok(self.page(ids, None))
    }

    /// Where in a part entries of the groups are: a few of them one by one, or the whole range
    /// between the first and the last.
    fn worth_asking(
        &self,
        groups: Option<&[(i64, i64)]>,
        part: i64,
        (low, high): (i64, i64),
        question: &Question,
    ) -> rusqlite::Result<Vec<(i64, i64)>> {
        let Some((low, high)) = self.closed_range(part, (low, high), question)? else {
            return Ok(Vec::new());
        };
        let Some(groups) = groups.filter(|groups| groups.len() <= ONE_BY_ONE as usize) else {
            return Ok(vec![(low, high)]);
        };
        const NEWEST: &str = "SELECT id FROM stories \
             WHERE grp = ?1 AND id >= ?2 AND id <= ?3 ORDER BY id DESC LIMIT ?4";
        const OLDEST: &str = "SELECT id FROM stories \
             WHERE grp = ?1 AND id >= ?2 AND id <= ?3 ORDER BY id LIMIT 1";
        let most = ONE_BY_ONE + 1;
        let mut ids = BTreeSet::new();
        for (group, _) in groups {
            let mut newest = self.index.prepare_cached(NEWEST)?;
            for id in newest.query_map(params![group, low, high, most], |row| row.get(0))? {
                ids.insert(id?);
            }
        }
        if ids.len() <= ONE_BY_ONE as usize && !question.open {
            return Ok(ids.into_iter().rev().map(|id| (id, id)).collect());
        }
        let mut ends = (ids.first().copied(), ids.last().copied());
        if ids.len() > ONE_BY_ONE as usize {
            for (group, _) in groups {
                let mut oldest = self.index.prepare_cached(OLDEST)?;
                let oldest = oldest.query_row([*group, low, high], |row| row.get(0)).optional()?;
                ends.0 = ends.0.min(oldest.or(ends.0));
            }
        }
        Ok(ends.0.zip(ends.1).into_iter().collect())
    }

    /// Between which entries of a part all words are but the open one.
    fn closed_range(
        &self,
        part: i64,
        (low, high): (i64, i64),
        question: &Question,
    ) -> rusqlite::Result<Option<(i64, i64)>> {
        let Some(closed) = &question.closed else { return Ok(Some((low, high))) };
        let end = |sql: String| {
            let mut end = self.index.prepare_cached(&sql)?;
            end.query_row(params![closed, low, high], |row| row.get(0)).optional()
        };
        let Some(high) = end(hits(part))? else { return Ok(None) };
        let low = end(hits(part).replace("DESC", "ASC"))?.unwrap_or(low);
        Ok(Some((low, high)))
    }

    /// Whether an entry that has the words is there and fits all else.
    fn fits(&self, id: i64, groups: Option<&HashSet<i64>>) -> rusqlite::Result<bool> {
        const PLACE: &str = "SELECT at, grp FROM stories WHERE id = ?1";
        let mut place = self.index.prepare_cached(PLACE)?;
        let place = place.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok(place.is_some_and(|(at, group)| self.is_in_time(at) && has(groups, group)))
    }
}

fn has(groups: Option<&HashSet<i64>>, group: i64) -> bool {
    groups.is_none_or(|groups| groups.contains(&group))
}

/// Asks one part for the entries that have words.
pub(crate) fn hits(part: i64) -> String {
    format!(
        "SELECT rowid FROM words_{part} WHERE words_{part} MATCH ?1 \
         AND rowid >= ?2 AND rowid <= ?3 ORDER BY rowid DESC"
    )
}

/// The parts with the words of entries between two numbers, newest first.
pub(crate) fn parts(index: &Connection, low: i64, high: i64) -> rusqlite::Result<Vec<i64>> {
    const PARTS: &str = "SELECT part FROM parts WHERE part >= ?1 AND part <= ?2 ORDER BY part DESC";
    let mut parts = index.prepare_cached(PARTS)?;
    parts.query_map([part_of(low), part_of(high)], |row| row.get(0))?.collect()
}

/// Says when it is time to stop, and looks at the time now and then.
struct Clock {
    until: Instant,
    looks: u32,
}

impl Clock {
    fn new(patience: Duration) -> Self {
        Self { until: Instant::now() + patience, looks: 0 }
    }

    fn is_late(&mut self) -> bool {
        self.looks += 1;
        self.looks.is_multiple_of(BETWEEN_LOOKS) && self.is_over()
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::Reading;
    use crate::index;
    use crate::read::UpTo;

    fn record(folder: &std::path::Path) -> Reading {
        let file = Connection::open(folder.join(crate::file::FILE)).expect("opens");
        file.execute_batch(crate::file::TABLES).expect("tables");
        file.execute_batch(
            "INSERT INTO runs VALUES (1, 0);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO entries (id, run, at, step, kind, client, subject, arguments, chain)
             SELECT 65000 + i, 1, i * 1000, 'noted', 'toolCall', 'app' || (i % 100),
                    'tool' || (i % 7), 'word part' || (i % 5), x'00' FROM n",
        )
        .expect("rows");
        Reading::open(folder).expect("opens")
    }

    #[test]
    fn a_question_that_is_broken_off_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let reading = record(folder.path());
        let text = |text: &str| Some(text.to_owned());
        let name = |name: &str| Some(name.to_owned());
        let any = Filter::default;
        let filters = [
            any(),
            Filter { client: name("app7"), ..any() },
            Filter { client: name("app7"), from: Some(100_000), until: Some(900_000), ..any() },
            Filter { subject: name("tool3"), until: Some(2_000_000), ..any() },
            Filter { text: text("word"), ..any() },
            Filter { text: text("word part3"), ..any() },
            Filter { text: text("part3 wor"), client: name("app8"), ..any() },
            Filter { text: text("part4 "), subject: name("tool2"), ..any() },
            Filter { text: text("part4"), from: Some(1_000_000), ..any() },
        ];
        reading.page(None, 1).expect("the index is made");
        let index = index::open(&folder.path().join(index::FILE)).expect("opens");
        for filter in filters {
            let whole = find_within(&index, &filter, None, 9_000, Duration::from_secs(60));
            let whole = whole.expect("found").ids;
            assert!(!whole.is_empty(), "{filter:?}");
            for (limit, patience) in [(400, 0), (7, 0), (7, 60), (1, 60)] {
                let patience = Duration::from_secs(patience);
                let (pieces, broken_off) = pages(&index, &filter, limit, patience);
                assert_eq!(pieces, whole, "{limit} {patience:?} {filter:?}");
                let expected = limit == 400 && filter.client.is_none();
                assert!(broken_off > 0 || !expected, "nothing was broken off: {filter:?}");
            }
        }
    }

    /// All pages, and how many of them were broken off.
    fn pages(
        index: &Connection,
        filter: &Filter,
        limit: usize,
        patience: Duration,
    ) -> (Vec<i64>, usize) {
        let (mut ids, mut before, mut broken_off) = (Vec::new(), None, 0);
        loop {
            let found = find_within(index, filter, before, limit, patience).expect("found");
            broken_off += usize::from(found.ids.len() < limit && found.next.is_some());
            ids.extend(found.ids);
            let Some(next) = found.next else { return (ids, broken_off) };
            assert!(before.is_none_or(|before| next < before), "it goes on");
            before = Some(next);
        }
    }

    #[test]
    fn entries_of_a_group_are_read_in_their_order_from_the_index_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let reading = record(folder.path());
        let plan = reading.ask(UpTo::Newest, |open| {
            let plan = "EXPLAIN QUERY PLAN SELECT id, 1 FROM stories \
                 WHERE grp = 1 AND id >= 2 AND id <= 3 ORDER BY id DESC";
            Ok(open.index.query_row(plan, [], |row| row.get::<_, String>(3)).expect("a plan"))
        });
        let plan = plan.expect("asked");
        assert!(
            plan.contains("COVERING INDEX stories_by_group (grp=? AND rowid>? AND rowid<?)"),
            "{plan}"
        );
    }
}
