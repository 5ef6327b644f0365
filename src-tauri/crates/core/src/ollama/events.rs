//! What happens to Ollama, and what is to be done then: what its life takes in and gives out.

use std::path::PathBuf;

use drawbridge_llm::api::{Loaded, Probed};
use drawbridge_model::{ActivityKind, Problem};

use crate::view::OllamaRunBy;

/// What the person wants, from the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) enabled: bool,
    pub(crate) start: bool,
    pub(crate) port: u16,
    /// Its program, where the person named one.
    pub(crate) path: Option<String>,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Looked {
    /// Which port was looked at.
    pub(crate) port: u16,
    pub(crate) probed: Probed,
    /// Its program, where it was looked for, and whether it was.
    pub(crate) program: Option<PathBuf>,
    pub(crate) searched: bool,
    /// Who runs it, where it answers.
    pub(crate) run_by: Option<OllamaRunBy>,
    /// Who holds the port, where a stranger does.
    pub(crate) holder: Option<String>,
    /// Its models in memory, where it answers.
    pub(crate) loaded: Option<Vec<Loaded>>,
}

/// How a run of ours ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exited {
    pub(crate) problem: Problem,
    /// Trying again would come to the same, such as for a program that is not Ollama.
    pub(crate) hopeless: bool,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Wanted(Wanted),
    Looked(Looked),
    /// The run of this number ended; with nothing where it was asked to.
    Ended(u64, Option<Exited>),
    /// The person wants it to run.
    Start,
    /// The person wants it to run afresh.
    Restart,
    /// The person wants to know at once.
    Look,
    /// Drawbridge is quitting.
    Quit,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Start the program, as the run of this number.
    Launch(u64, PathBuf),
    /// End the present run.
    Halt,
    /// Put on record.
    Note(ActivityKind, String),
}
