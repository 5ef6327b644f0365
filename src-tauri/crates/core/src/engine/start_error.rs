use drawbridge_audit::{OpenError, ReadError};
use drawbridge_gateway::BindError;
use drawbridge_model::Problem;

use crate::view::ConfigProblem;

/// Why the engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The record cannot be opened: the data folder is in use or cannot be used.
    #[error("the record could not be opened")]
    Record(#[from] OpenError),
    /// The config cannot be understood, and there is no earlier one that could.
    #[error("the config {} could not be understood", .0.path)]
    BadConfig(ConfigProblem),
    /// What was kept over the last restart cannot be read.
    #[error("what was kept could not be read")]
    Kept(#[from] ReadError),
    /// The gateway cannot listen.
    #[error("the gateway could not listen")]
    Port(#[from] BindError),
    /// No HTTP client can be made.
    #[error("no HTTP client could be made: {0}")]
    Http(String),
}

impl StartError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Record(error) => error.problem(),
            Self::BadConfig(problem) => Problem::new(problem.sentence(), ""),
            Self::Kept(error) => error.problem(),
            Self::Port(error) => error.problem(),
            Self::Http(detail) => Problem::new(
                "The system does not give what encrypted connections need: random numbers, or the \
                 certificates it trusts. Check its installation.",
                detail,
            ),
        }
    }
}
