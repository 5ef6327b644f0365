//! Why a server could not be opened, or an HTTP request came to nothing.

use std::time::Duration;

use drawbridge_model::Problem;

/// Why a connection could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The server ended before it answered.
    #[error("the server ended before it answered")]
    Exited,
    /// It did not answer in time.
    #[error("no answer within {} s", .limit.as_secs())]
    TimedOut {
        /// The time it had.
        limit: Duration,
    },
    /// It ended or kept silent after writing text that is not MCP.
    #[error("it writes text that is not MCP: {line}")]
    Rubbish {
        /// The first such line.
        line: String,
    },
    /// It answered with a JSON-RPC error.
    #[error("it refused: {error}")]
    Refused {
        /// The error object as JSON text.
        error: String,
    },
    /// It wants a protocol version that is not spoken here.
    #[error("it speaks MCP {offered}")]
    Version {
        /// The version it wants.
        offered: String,
    },
    /// It answered with something that is not an answer.
    #[error("not a valid answer: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
    /// It answered with more than is taken at once.
    #[error("a message of more than {limit} bytes was dropped")]
    TooLarge {
        /// Most bytes of a message.
        limit: usize,
    },
    /// It wants credentials, or others.
    #[error("HTTP {status}: credentials are missing or not accepted")]
    NeedsSignIn {
        /// 401 or 403.
        status: u16,
        /// What `WWW-Authenticate` says.
        challenge: Option<String>,
    },
    /// It answered with another HTTP status than success.
    #[error("HTTP {status}: {body}")]
    Status {
        /// The status.
        status: u16,
        /// The first 500 characters of the answer.
        body: String,
    },
    /// It redirects to another origin, where our headers are not sent, or in a way that would
    /// change the request.
    #[error("HTTP {status}: redirected")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// No connection could be made, or it broke.
    #[error("unreachable: {detail}")]
    Unreachable {
        /// What the network says.
        detail: String,
    },
    /// The configured address or a header cannot be used.
    #[error("the configured {what} cannot be used: {detail}")]
    Configuration {
        /// `address` or the name of the header.
        what: String,
        /// What is wrong with it. Never a header's value.
        detail: String,
    },
    /// Drawbridge is quitting, or the server was stopped meanwhile.
    #[error("stopped")]
    Stopped,
}

impl ConnectError {
    /// What happened and what to do, for a person.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Exited => {
                Problem::new("The server ended before it answered. Its log may say why.", detail)
            }
            Self::TimedOut { limit } => Problem::new(
                format!(
                    "The server did not answer within {} seconds. Check that its command starts \
                     an MCP server.",
                    limit.as_secs()
                ),
                detail,
            ),
            Self::Rubbish { .. } => Problem::new(
                "The program writes text that is not MCP. Check that its command starts an MCP \
                 server that uses standard input and output.",
                detail,
            ),
            Self::Refused { .. } => Problem::new("The server refused the connection.", detail),
            Self::Version { offered } => Problem::new(
                format!("The server speaks version {offered} of MCP, which Drawbridge does not."),
                detail,
            ),
            Self::Malformed { .. } => Problem::new(
                "The server's answer is not valid MCP. Check that the address or command is that \
                 of an MCP server.",
                detail,
            ),
            Self::TooLarge { .. } => Problem::new("The server's answer is too large.", detail),
            Self::NeedsSignIn { status: 403, .. } => Problem::new(
                "The server does not allow access with the credentials in its headers.",
                detail,
            ),
            Self::NeedsSignIn { challenge, .. } => Problem::new(
                "The server asks for credentials. Add them to its headers.",
                match challenge {
                    Some(challenge) => format!("{detail}; WWW-Authenticate: {challenge}"),
                    None => detail,
                },
            ),
            Self::Status { status: 404, .. } => {
                Problem::new("There is no MCP server at this address. Check the path.", detail)
            }
            Self::Status { status, .. } => {
                Problem::new(format!("The server answered with an HTTP error ({status})."), detail)
            }
            Self::Redirected { .. } => Problem::new(
                "The server has moved to another address. Enter that address if you trust it.",
                detail,
            ),
            Self::Unreachable { .. } => Problem::new(
                "The server cannot be reached. Check the address and the network.",
                detail,
            ),
            Self::Configuration { what, .. } => {
                Problem::new(format!("The {what} of this server cannot be used."), detail)
            }
            Self::Stopped => Problem::new("The server was stopped while it started.", detail),
        }
    }
}
