//! Models people run with Ollama, with their shapes, so that a verdict needs no download.
//!
//! The numbers of the shapes were read from the sources each entry names. Ollama's library tells
//! the size of a download in two digits, and not the sizes of the parts: those are computed by the
//! rule of the quantization, and agree with the download within [`TOLERANCE`].

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::sizing::{Placement, Pools, Setup, Shape, place};
use crate::verdict::Nearest;

/// How far the computed weights may be off the size of the download, as a share of it. The
/// library rounds to two digits.
pub const TOLERANCE: f64 = 0.035;

/// A model of Ollama's library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// What `ollama pull` takes.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it is made for.
    pub purpose: Purpose,
    /// What it is good for, in a sentence.
    pub about: String,
    /// The size of the download in bytes, as the library rounds it.
    pub download: u64,
    /// Its licence.
    pub licence: String,
    /// How its weights are stored.
    pub quantization: String,
    /// Whether the sizes of its parts are computed by the rule of its quantization, rather than
    /// read from its file.
    pub computed: bool,
    /// What is less sure than the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its experts, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<Experts>,
    /// Where the numbers of its shape were read.
    pub source: String,
    /// Where the size of its download was read.
    pub size_source: String,
    /// The day that was done.
    pub checked: String,
    /// Its shape.
    pub shape: Shape,
}

/// What a model is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// Conversation.
    Chat,
    /// Code.
    Code,
    /// Conversation about texts and pictures.
    Vision,
    /// Making texts findable.
    Embedding,
    /// Thinking before it answers.
    Reasoning,
}

/// The experts of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Experts {
    /// How many there are.
    pub of: u64,
    /// The length of one's hidden vector.
    pub length: u64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    checked: String,
    entries: Vec<Entry>,
}

/// A test reads the file, so that the empty one in its place is never seen.
static FILE: LazyLock<File> =
    LazyLock::new(|| serde_json::from_str(include_str!("catalog.json")).unwrap_or_default());

/// All models, by name.
#[must_use]
pub fn entries() -> &'static [Entry] {
    &FILE.entries
}

/// The day the catalog was last checked, as `2026-11-21`.
#[must_use]
pub fn checked() -> &'static str {
    &FILE.checked
}

/// The model of that name.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    entries().iter().find(|entry| entry.name == name)
}

/// The largest model for a purpose that lies wholly on the graphics cards, or in main memory where
/// none does, and is clearly smaller than the model asked about: a coarser version of that one
/// before any other. Where the one asked about lies in main memory itself, one that lies there too
/// is at most half as large, so that it answers faster.
#[must_use]
pub fn nearest(
    name: &str,
    shape: &Shape,
    purpose: Purpose,
    setup: &Setup,
    pools: &Pools,
) -> Option<Nearest<'static>> {
    let runs = |wanted: Placement, below: u64, is: &dyn Fn(&Entry) -> bool| {
        let fitting = entries().iter().filter(|entry| {
            entry.shape.weights <= below
                && is(entry)
                && place(&entry.shape, setup, pools, 1.0).placement == wanted
        });
        fitting.max_by_key(|entry| entry.shape.weights)
    };
    let smaller = shape.weights / 10 * 9;
    let in_memory = match place(shape, setup, pools, 1.0).placement {
        Placement::Memory => Some(shape.weights / 2),
        Placement::TooLarge => Some(smaller),
        // Partly on a card is better than beside it.
        _ => None,
    };
    let either = |is: &dyn Fn(&Entry) -> bool| {
        runs(Placement::Fits, smaller, is).or_else(|| runs(Placement::Memory, in_memory?, is))
    };
    // Other versions have the name of the first with more behind it: `llama3.1:8b-instruct-q8_0`.
    let version = either(&|entry| {
        let more = name.strip_prefix(entry.name.as_str());
        more.is_some_and(|more| more.starts_with('-'))
            && entry.shape.architecture == shape.architecture
    });
    let other = || either(&|entry| entry.purpose == purpose);
    version
        .map(|entry| Nearest { name: &entry.name, version: true })
        .or_else(|| other().map(|entry| Nearest { name: &entry.name, version: false }))
}
