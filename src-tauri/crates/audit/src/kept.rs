//! What a person switched in the panel or tray and that holds until it is switched back.

use std::collections::BTreeSet;

use drawbridge_model::{ServerName, ToolName};
use serde::{Deserialize, Serialize};

use crate::row::Row;
use crate::{NotRecorded, ReadError, Record};

const PAUSED: &str = "paused";
const SWITCHED_OFF: &str = "switchedOff";
const ANSWERS: &str = "answers";

/// A small store of values by key, in the same file as the record and written by the same writer.
#[derive(Clone)]
pub struct KeptState {
    record: Record,
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

    /// Whether all tools are paused.
    ///
    /// # Errors
    /// When the file cannot be read. Whoever asks at start treats that as paused.
    pub async fn paused(&self) -> Result<bool, ReadError> {
        Ok(self.get(PAUSED).await?.unwrap_or_default())
    }

    /// Keeps whether all tools are paused.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn set_paused(&self, paused: bool) -> Result<(), NotRecorded> {
        self.set(PAUSED, &paused).await
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
        self.set(SWITCHED_OFF, all).await
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
        self.set(ANSWERS, answers).await
    }

    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        key: &'static str,
    ) -> Result<Option<T>, ReadError> {
        let Some(text) = self.record.readers().kept(key).await? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(ReadError::Unexpected { column: key, value: text }),
        }
    }

    async fn set<T: Serialize>(&self, key: &'static str, value: &T) -> Result<(), NotRecorded> {
        let value = serde_json::to_string(value)
            .map_err(|error| NotRecorded::Unwritable(error.to_string().into()))?;
        self.record.writer().write(Row::Kept { key, value }).await.map(|_| ())
    }
}
