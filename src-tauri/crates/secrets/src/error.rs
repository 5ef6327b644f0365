use drawbridge_model::Problem;

/// Why a secret could not be read or kept. The text inside is what the operating system said; it
/// never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The keyring is locked, or the person did not let us in.
    #[error("the keyring is locked: {0}")]
    Locked(String),
    /// There is no keyring on this computer, or none that answers.
    #[error("no keyring answers: {0}")]
    Missing(String),
    /// Anything else.
    #[error("the keyring failed: {0}")]
    Other(String),
}

impl StoreError {
    /// What the person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Locked(_) => {
                "The keyring of this computer is locked, so that Drawbridge cannot reach its \
                 secrets. Unlock the keyring and try again."
            }
            Self::Missing(_) => {
                "This computer has no keyring that Drawbridge can keep secrets in. Install or \
                 start one (on Linux for instance GNOME Keyring or KWallet), or keep the value in \
                 an environment variable and write ${env:NAME} instead. Then start Drawbridge \
                 again."
            }
            Self::Other(_) => {
                "The keyring of this computer did not do what Drawbridge asked. Try again; if \
                 this stays, restart the keyring or log out and in."
            }
        };
        Problem::new(message, self.to_string())
    }
}
