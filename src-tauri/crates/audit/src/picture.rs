//! The record in numbers: what there is to choose from, how much happened over time, and what it
//! takes on disk.

use std::collections::HashMap;

use drawbridge_model::{ActivityKind, ActivityOutcome};
use rusqlite::{Connection, OptionalExtension as _};

use crate::ReadError;
use crate::find::{self, Filter};
use crate::index::{BUCKET_MS, Trouble, bucket_of};
use crate::read::{Reading, UpTo};
use crate::words::{kind_word, outcome_word};

/// Most apps, and most servers, to choose from.
const NAMES: u32 = 200;
/// Most tools to choose from.
const TOOLS: u32 = 1_000;
/// Most bars of a picture.
const BARS: i64 = 60;
/// Most series of a picture, besides the rest.
const SERIES: usize = 6;
/// Most apps that are told apart when counting since a moment.
const CLIENTS: usize = 5;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// How long a bar lasts: the first with which there are few enough.
const WIDTHS: [i64; 8] = [BUCKET_MS, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, WEEK, 4 * WEEK];
/// 1970 began on a Thursday, and weeks begin on Mondays.
const FIRST_MONDAY: i64 = 4 * DAY;

const CALLS: [ActivityKind; 4] = [
    ActivityKind::ToolCall,
    ActivityKind::PromptUse,
    ActivityKind::ResourceRead,
    ActivityKind::ModelRequest,
];

/// A name in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCount {
    /// The app or server.
    pub name: String,
    /// How many entries it has.
    pub entries: i64,
}

/// A tool in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCount {
    /// Its server.
    pub server: String,
    /// Its name.
    pub tool: String,
    /// How many calls it has.
    pub entries: i64,
}

/// What there is to choose from when filtering, most frequent first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// The apps, at most 200.
    pub clients: Vec<NameCount>,
    /// The servers, at most 200.
    pub servers: Vec<NameCount>,
    /// The tools, at most 1,000.
    pub tools: Vec<ToolCount>,
}

/// What the bars of a picture are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DividedBy {
    /// The app.
    Client,
    /// Server and tool.
    Tool,
}

/// How much happened over time. Calls, uses, requests to models and refused requests count; what
/// servers did and what was set does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// When the first bar begins.
    pub from: i64,
    /// How long a bar lasts, in milliseconds.
    pub bar_ms: i64,
    /// How many bars there are, at most 60; none when nothing fits.
    pub bars: u32,
    /// The most frequent six, and after them the rest as one without a name.
    pub series: Vec<Series>,
    /// The filter's text was left out: entries are counted with and without it.
    pub without_text: bool,
}

/// What one app or tool did over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// The app, when divided by app; absent for the rest.
    pub client: Option<String>,
    /// The server, when divided by tool; absent where there is none, and for the rest.
    pub server: Option<String>,
    /// The tool, prompt, resource or model, when divided by tool; absent for the rest.
    pub tool: Option<String>,
    /// How many entries in each bar.
    pub counts: Vec<i64>,
}

/// What happened after an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// Calls, uses of prompts and resources, requests to models.
    pub calls: i64,
    /// How many of them were refused.
    pub refused: i64,
    /// How many of them failed.
    pub failed: i64,
    /// Servers that ended by themselves.
    pub crashes: i64,
    /// Whose calls, most active first, at most five.
    pub clients: Vec<NameCount>,
    /// The newest entry there is; 0 where there is none.
    pub newest: i64,
}

/// What the record takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// How many entries there are.
    pub entries: i64,
    /// Space on disk, in bytes, its search index included.
    pub bytes: u64,
    /// When the oldest entry was made, in milliseconds since 1970 (UTC).
    pub oldest: Option<i64>,
}

impl Reading {
    /// What there is to choose from when filtering.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn choices(&self) -> Result<Choices, ReadError> {
        self.ask(UpTo::Newest, |open| choices(&open.index).map_err(Trouble::Index))
    }

    /// How much happened over time. A range of time is widened to whole five minutes; days and
    /// weeks begin at midnight of the place that is `utc_offset_minutes` ahead of UTC.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn picture(
        &self,
        filter: &Filter,
        by: DividedBy,
        utc_offset_minutes: i32,
    ) -> Result<Picture, ReadError> {
        self.ask(UpTo::Newest, |open| {
            picture(&open.index, filter, by, utc_offset_minutes).map_err(Trouble::Index)
        })
    }

    /// What happened after the entry numbered `id`.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn since(&self, id: i64) -> Result<Since, ReadError> {
        self.ask(UpTo::Newest, |open| since(&open.index, id).map_err(Trouble::Index))
    }

    /// What the record takes.
    ///
    /// # Errors
    /// When the record or its index cannot be read.
    pub fn size(&self) -> Result<Size, ReadError> {
        let (entries, oldest) =
            self.ask(UpTo::Newest, |open| totals(&open.index).map_err(Trouble::Index))?;
        Ok(Size { entries, bytes: self.bytes_on_disk(), oldest })
    }
}

fn choices(index: &Connection) -> rusqlite::Result<Choices> {
    let names = |sql| {
        let mut names = index.prepare(sql)?;
        let names = names
            .query_map([NAMES], |row| Ok(NameCount { name: row.get(0)?, entries: row.get(1)? }))?;
        names.collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut tools = index.prepare(
        "SELECT server, subject, sum(entries) AS total FROM groups \
         WHERE kind = ?1 AND server <> '' AND subject <> '' AND entries > 0 \
         GROUP BY server, subject ORDER BY total DESC, server, subject LIMIT ?2",
    )?;
    let tools = tools
        .query_map(rusqlite::params![kind_word(ActivityKind::ToolCall), TOOLS], |row| {
            Ok(ToolCount { server: row.get(0)?, tool: row.get(1)?, entries: row.get(2)? })
        })?;
    Ok(Choices {
        clients: names(
            "SELECT client, sum(entries) AS total FROM groups WHERE client <> '' AND entries > 0 \
             GROUP BY client ORDER BY total DESC, client LIMIT ?1",
        )?,
        servers: names(
            "SELECT server, sum(entries) AS total FROM groups WHERE server <> '' AND entries > 0 \
             GROUP BY server ORDER BY total DESC, server LIMIT ?1",
        )?,
        tools: tools.collect::<rusqlite::Result<_>>()?,
    })
}

fn totals(index: &Connection) -> rusqlite::Result<(i64, Option<i64>)> {
    let entries =
        index.query_row("SELECT coalesce(sum(entries), 0) FROM groups", [], |row| row.get(0))?;
    let oldest =
        index.query_row("SELECT at FROM stories ORDER BY id LIMIT 1", [], |row| row.get(0));
    Ok((entries, oldest.optional()?))
}

fn since(index: &Connection, id: i64) -> rusqlite::Result<Since> {
    const AFTER: &str = "SELECT grp, count(*) FROM stories WHERE id > ?1 GROUP BY grp";
    const UP_TO: &str = "SELECT grp, count(*) FROM stories WHERE id <= ?1 GROUP BY grp";
    const GROUPS: &str = "SELECT id, kind, client, outcome, entries FROM groups";
    let end = |sql| index.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let newest = end("SELECT max(id) FROM stories")?.unwrap_or(0);
    let oldest = end("SELECT min(id) FROM stories")?.unwrap_or(0);
    // The smaller half is counted; the other is what is left of all.
    let after = id >= oldest + (newest - oldest) / 2;
    let mut counted = index.prepare(if after { AFTER } else { UP_TO })?;
    let counted = counted.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let counted = counted.collect::<rusqlite::Result<HashMap<i64, i64>>>()?;

    let mut since = Since { newest, ..Since::default() };
    let mut clients: HashMap<String, i64> = HashMap::new();
    let mut groups = index.prepare(GROUPS)?;
    let mut rows = groups.query([])?;
    while let Some(row) = rows.next()? {
        let counted = counted.get(&row.get(0)?).copied().unwrap_or(0);
        let entries = if after { counted } else { row.get::<_, i64>(4)? - counted };
        let (kind, outcome): (String, String) = (row.get(1)?, row.get(3)?);
        if kind == kind_word(ActivityKind::ServerCrashed) {
            since.crashes += entries;
        }
        if entries == 0 || !CALLS.iter().any(|call| kind_word(*call) == kind) {
            continue;
        }
        since.calls += entries;
        if outcome == outcome_word(ActivityOutcome::Refused) {
            since.refused += entries;
        } else if outcome == outcome_word(ActivityOutcome::Failed) {
            since.failed += entries;
        }
        *clients.entry(row.get(2)?).or_default() += entries;
    }
    clients.remove("");
    since.clients =
        clients.into_iter().map(|(name, entries)| NameCount { name, entries }).collect();
    since.clients.sort_by(|a, b| b.entries.cmp(&a.entries).then_with(|| a.name.cmp(&b.name)));
    since.clients.truncate(CLIENTS);
    Ok(since)
}

fn picture(
    index: &Connection,
    filter: &Filter,
    by: DividedBy,
    utc_offset_minutes: i32,
) -> rusqlite::Result<Picture> {
    let without_text = filter.text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let nothing = Picture { without_text, ..Picture::default() };
    let names = names(index, filter, by)?;
    let first = filter.from.map_or(i64::MIN, bucket_of);
    // The moment itself is not in the range any more.
    let last = filter.until.map_or(i64::MAX, |until| bucket_of(until.saturating_sub(1)));
    let mut moments = index.prepare_cached(
        "SELECT bucket, grp, entries FROM moments WHERE bucket >= ?1 AND bucket <= ?2",
    )?;
    let mut rows = moments.query([first, last])?;
    let mut moments: Vec<(i64, usize, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(name) = names.of_group.get(&row.get(1)?) {
            moments.push((row.get(0)?, *name, row.get(2)?));
        }
    }
    let (Some((earliest, ..)), Some((latest, ..))) = (moments.first(), moments.last()) else {
        return Ok(nothing);
    };
    // All places keep to whole five minutes, and what is counted together has to stay together.
    let offset = i64::from(utc_offset_minutes) * MINUTE / BUCKET_MS * BUCKET_MS;
    let Scale { from, bar_ms, bars } = Scale::of(*earliest, *latest, offset);

    let mut totals = vec![0; names.all.len()];
    for (_, name, entries) in &moments {
        totals[*name] += entries;
    }
    let mut most: Vec<usize> = (0..names.all.len())
        .filter(|name| totals[*name] > 0 && names.all[*name] != Name::default())
        .collect();
    most.sort_by(|a, b| {
        totals[*b].cmp(&totals[*a]).then_with(|| names.all[*a].cmp(&names.all[*b]))
    });
    most.truncate(SERIES);
    let mut places = vec![most.len(); names.all.len()];
    for (place, name) in most.iter().enumerate() {
        places[*name] = place;
    }

    let mut counts = vec![vec![0; bars]; most.len() + 1];
    for (bucket, name, entries) in &moments {
        let bar = (bucket * BUCKET_MS - from).div_euclid(bar_ms);
        let count = usize::try_from(bar).ok().and_then(|bar| counts[places[*name]].get_mut(bar));
        if let Some(count) = count {
            *count += entries;
        }
    }
    let rest = counts.pop().filter(|rest| rest.iter().any(|count| *count > 0));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut series: Vec<_> = most
        .iter()
        .zip(counts)
        .map(|(name, counts)| (&names.all[*name], counts))
        .map(|(Name(first, second), counts)| match by {
            DividedBy::Client => Series { client: some(first), counts, ..Series::default() },
            DividedBy::Tool => {
                Series { client: None, server: some(first), tool: some(second), counts }
            }
        })
        .collect();
    series.extend(rest.map(|counts| Series { counts, ..Series::default() }));
    let bars = u32::try_from(bars).unwrap_or(u32::MAX);
    Ok(Picture { from, bar_ms, bars, series, without_text })
}

/// The app, or server and tool. Empty where there is neither, which counts with the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name(String, String);

/// What there is to divide by.
#[derive(Default)]
struct Names {
    all: Vec<Name>,
    /// The place in it of each group that counts and fits.
    of_group: HashMap<i64, usize>,
}

fn names(index: &Connection, filter: &Filter, by: DividedBy) -> rusqlite::Result<Names> {
    let fitting = find::groups(index, filter)?;
    let fitting: Option<std::collections::HashSet<i64>> =
        fitting.map(|groups| groups.into_iter().map(|(group, _)| group).collect());
    let counts = |kind: &str| {
        CALLS.iter().chain([&ActivityKind::RequestRefused]).any(|it| kind_word(*it) == kind)
    };
    let mut names = Names::default();
    let mut places: HashMap<Name, usize> = HashMap::new();
    let mut groups = index.prepare("SELECT id, kind, client, server, subject FROM groups")?;
    let mut rows = groups.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let fits = fitting.as_ref().is_none_or(|groups| groups.contains(&id));
        if fits && counts(&row.get::<_, String>(1)?) {
            let name = match by {
                DividedBy::Client => Name(row.get(2)?, String::new()),
                DividedBy::Tool => Name(row.get(3)?, row.get(4)?),
            };
            let place = *places.entry(name.clone()).or_insert(names.all.len());
            if place == names.all.len() {
                names.all.push(name);
            }
            names.of_group.insert(id, place);
        }
    }
    Ok(names)
}

/// Where the bars are.
#[derive(Debug, PartialEq, Eq)]
struct Scale {
    from: i64,
    bar_ms: i64,
    bars: usize,
}

impl Scale {
    /// The narrowest bars with which there are few enough from the first bucket to the last.
    fn of(first: i64, last: i64, offset: i64) -> Self {
        let (first, last) = (first * BUCKET_MS, last * BUCKET_MS);
        let wider = std::iter::successors(Some(8 * WEEK), |width| width.checked_mul(2));
        let mut scale = Self { from: first, bar_ms: BUCKET_MS, bars: 1 };
        for bar_ms in WIDTHS.into_iter().chain(wider) {
            // Local time, and for weeks counted from a Monday.
            let shift = if bar_ms >= WEEK { offset - FIRST_MONDAY } else { offset };
            let bar = |at: i64| at.saturating_add(shift).div_euclid(bar_ms);
            let bars = bar(last) - bar(first) + 1;
            if bars <= BARS {
                let from = bar(first) * bar_ms - shift;
                scale = Self { from, bar_ms, bars: usize::try_from(bars).unwrap_or(1) };
                break;
            }
        }
        scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_begin_where_hours_days_and_weeks_do() {
        // 2025-11-19 was a Wednesday.
        let wednesday = 1_763_510_400_000;
        let two_hours = 2 * HOUR;
        for (length, bar_ms, bars, from) in [
            (0, BUCKET_MS, 1, wednesday + 7 * MINUTE - 2 * MINUTE),
            (5 * HOUR - 2 * BUCKET_MS, BUCKET_MS, 59, wednesday + BUCKET_MS),
            (5 * HOUR, 15 * MINUTE, 21, wednesday),
            (50 * HOUR, HOUR, 51, wednesday),
            (100 * HOUR, 3 * HOUR, 35, wednesday - two_hours),
            (10 * DAY, 6 * HOUR, 41, wednesday - two_hours),
            (50 * DAY, DAY, 51, wednesday - two_hours),
            (100 * DAY, WEEK, 15, wednesday - 2 * DAY - two_hours),
        ] {
            let first = bucket_of(wednesday + 7 * MINUTE);
            let last = bucket_of(wednesday + 7 * MINUTE + length);
            let scale = Scale::of(first, last, two_hours);
            assert_eq!(scale, Scale { from, bar_ms, bars }, "{length}");
        }
        let long = Scale::of(bucket_of(0), bucket_of(100 * 365 * DAY), 0);
        assert!(long.bars <= 60 && long.bar_ms % (4 * WEEK) == 0, "{long:?}");
        let endless = Scale::of(bucket_of(i64::MIN / 2), bucket_of(i64::MAX / 2), 0);
        assert!(endless.bars <= 60, "{endless:?}");
    }
}
