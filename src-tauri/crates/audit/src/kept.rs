//! What a person switched in the panel or tray and that holds until it is switched back.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use drawbridge_model::{ServerName, ToolName};
use serde::{Deserialize, Serialize};

use crate::read::Readers;
use crate::row::Row;
use crate::{NotRecorded, ReadError, Record, file};

const PAUSES: &str = "pauses";
const LOOKED_AT: &str = "lookedAt";
const SWITCHED_OFF: &str = "switchedOff";
const ANSWERS: &str = "answers";
const PULLS: &str = "pulls";
const MEASURED: &str = "measuredModels";
/// Followed by the name of the server.
const PINS: &str = "pins:";

/// A small store of values by key, in the same file as the record and written by the same writer.
#[derive(Clone)]
pub struct KeptState {
    record: Record,
}

/// Up to where the person has looked at what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAt {
    /// The newest entry they have seen.
    pub entry: i64,
    /// When they looked, in milliseconds since 1970 (UTC).
    pub at: i64,
}

/// A server or one tool that was switched off apart from the config file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// The server.
    pub server: ServerName,
    /// The tool; absent for the whole server.
    pub tool: Option<ToolName>,
}

impl KeptState {
    pub(crate) fn new(record: Record) -> Self {
        Self { record }
    }

    /// The pauses that hold, in the form of whoever decides by them.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another form.
    pub async fn pauses<T: for<'de> Deserialize<'de>>(&self) -> Result<Option<T>, ReadError> {
        self.get(PAUSES).await
    }

    /// Keeps the pauses that hold, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_pauses<T: Serialize>(&self, pauses: &T) -> Result<(), NotRecorded> {
        self.set(PAUSES.into(), pauses).await
    }

    /// What is known of each server's tools, in the form of whoever decides by it.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another form.
    pub async fn pins<T: for<'de> Deserialize<'de>>(
        &self,
    ) -> Result<BTreeMap<ServerName, T>, ReadError> {
        pins(self.record.readers()).await
    }

    /// Keeps what is known of one server's tools, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_pins<T: Serialize>(
        &self,
        server: &ServerName,
        pins: &T,
    ) -> Result<(), NotRecorded> {
        self.set(format!("{PINS}{server}").into(), pins).await
    }

    /// What is switched off apart from the config file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn switched_off(&self) -> Result<BTreeSet<SwitchedOff>, ReadError> {
        Ok(self.get(SWITCHED_OFF).await?.unwrap_or_default())
    }

    /// Keeps what is switched off apart from the config file, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_switched_off(&self, all: &BTreeSet<SwitchedOff>) -> Result<(), NotRecorded> {
        self.set(SWITCHED_OFF.into(), all).await
    }

    /// What the person allowed for good, in the form of whoever decides by it.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another form.
    pub async fn answers<T: for<'de> Deserialize<'de>>(&self) -> Result<Option<T>, ReadError> {
        self.get(ANSWERS).await
    }

    /// Keeps what the person allowed for good, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_answers<T: Serialize>(&self, answers: &T) -> Result<(), NotRecorded> {
        self.set(ANSWERS.into(), answers).await
    }

    /// The downloads that are wanted, in the form of whoever makes them.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another form.
    pub async fn pulls<T: for<'de> Deserialize<'de>>(&self) -> Result<Option<T>, ReadError> {
        self.get(PULLS).await
    }

    /// Keeps the downloads that are wanted, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_pulls<T: Serialize>(&self, pulls: &T) -> Result<(), NotRecorded> {
        self.set(PULLS.into(), pulls).await
    }

    /// What models were measured to take, in the form of whoever measures.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another form.
    pub async fn measured<T: for<'de> Deserialize<'de>>(&self) -> Result<Option<T>, ReadError> {
        self.get(MEASURED).await
    }

    /// Keeps what models were measured to take, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_measured<T: Serialize>(&self, measured: &T) -> Result<(), NotRecorded> {
        self.set(MEASURED.into(), measured).await
    }

    /// Up to where the person has looked at what happened.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another form.
    pub async fn looked_at(&self) -> Result<Option<LookedAt>, ReadError> {
        self.get(LOOKED_AT).await
    }

    /// Keeps up to where the person has looked, in place of what was kept before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_looked_at(&self, looked_at: LookedAt) -> Result<(), NotRecorded> {
        self.set(LOOKED_AT.into(), &looked_at).await
    }

    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, ReadError> {
        let Some(text) = self.record.readers().kept(key).await? else { return Ok(None) };
        parsed(key, text).map(Some)
    }

    async fn set<T: Serialize>(
        &self,
        key: Cow<'static, str>,
        value: &T,
    ) -> Result<(), NotRecorded> {
        let value = serde_json::to_string(value)
            .map_err(|error| NotRecorded::Unwritable(error.to_string().into()))?;
        self.record.writer().write(Row::Kept { key, value }).await.map(|_| ())
    }
}

/// What is known of each server's tools in a data folder that another process may be using.
///
/// # Errors
/// When the file cannot be read, or holds another form.
pub async fn read_pins<T: for<'de> Deserialize<'de>>(
    folder: &Path,
) -> Result<BTreeMap<ServerName, T>, ReadError> {
    let readers = Readers::new(&folder.join(file::FILE));
    let all = pins(&readers).await;
    readers.close().await;
    all
}

async fn pins<T: for<'de> Deserialize<'de>>(
    readers: &Readers,
) -> Result<BTreeMap<ServerName, T>, ReadError> {
    let mut all = BTreeMap::new();
    for (name, text) in readers.kept_under(PINS).await? {
        // What is no name of a server is none that was configured.
        if let Ok(server) = ServerName::new(&name) {
            all.insert(server, parsed("pins", text)?);
        }
    }
    Ok(all)
}

fn parsed<T: for<'de> Deserialize<'de>>(key: &'static str, text: String) -> Result<T, ReadError> {
    serde_json::from_str(&text).map_err(|_| ReadError::Unexpected { column: key, value: text })
}
