//! The config file: what a person may edit, read, checked and changed without losing a comment.
//!
//! [`parse`] turns the text into a [`Config`] or says in which line which key is wrong;
//! [`edit`] changes the text one place at a time; [`Store`] owns the file, follows it while it is
//! edited elsewhere and keeps what worked last. Reading is pure: nothing in here resolves a
//! `${secret:NAME}`, starts anything or listens anywhere.
//!
//! Invariants: a file that cannot be read as a whole changes nothing; no message holds a value
//! that may be a secret; what is not understood is kept where it stands.

pub mod edit;
pub mod schema;
pub mod template;

mod audit;
mod clients;
mod disk;
mod gateway;
pub(crate) mod jsonc;
mod models;
mod read;
mod servers;
pub(crate) mod splice;
mod store;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use drawbridge_model::{
    BUILT_IN_COMPUTER, ChangedTools, ClientName, Isolation, Preset, RecordRule, SecretsRule,
    ServerDefinition, ServerName, Transport,
};
use sha2::{Digest, Sha256};

pub use self::clients::{ClientEntry, TokenSource};
pub use self::models::{BackendEntry, ModelsEdit};
pub(crate) use self::models::{is_backend_name, is_duration};
pub(crate) use self::servers::{check_header, check_url, check_variable};
pub use self::store::{ApplyError, InForce, Loaded, Store, StoreSettings};
pub(crate) use self::watch::FileWatch;
use crate::view::{ConfigProblem, OllamaSettings};

/// The port the gateway listens on when nothing else is said.
pub const DEFAULT_PORT: u16 = 7337;

/// The config file as a whole, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The configured servers in the order of the file. The built-in one is not among them.
    pub servers: Vec<ServerDefinition>,
    /// The built-in server `computer`, with what `mcpServers.computer.drawbridge` says of it.
    pub computer: ServerDefinition,
    /// Where the gateway listens and whom it answers.
    pub gateway: GatewaySettings,
    /// What happens to tools that are added or changed later.
    pub changed_tools: ChangedTools,
    /// How long the record is kept.
    pub audit: AuditSettings,
    /// The apps that may connect.
    pub clients: BTreeMap<ClientName, ClientEntry>,
    /// What is set about Ollama.
    pub ollama: OllamaSettings,
    /// Other places that models are at, by name.
    pub backends: BTreeMap<String, BackendEntry>,
}

/// The section `audit`: how long the record is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// Days after which entries are removed, 1 to 36,500; never where absent.
    pub keep_days: Option<u32>,
    /// Megabytes on disk above which the oldest are removed, 10 to 1,000,000; never where absent.
    pub keep_megabytes: Option<u32>,
}

/// The section `gateway`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewaySettings {
    /// The port as the file gives it, 1 to 65535.
    pub port: Option<u16>,
    /// Host names, lower case, each with its port if it has one, that are answered beside the
    /// loopback ones.
    pub hosts: Vec<String>,
    /// Web origins, as browsers write them, that are answered beside our own.
    pub origins: Vec<String>,
}

impl GatewaySettings {
    /// The port of the file, or 7337.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }
}

impl Config {
    /// A server by name, the built-in one included.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&ServerDefinition> {
        self.all_servers().find(|server| server.name.as_str() == name)
    }

    /// All servers, the built-in one first, then in the order of the file.
    pub fn all_servers(&self) -> impl Iterator<Item = &ServerDefinition> {
        std::iter::once(&self.computer).chain(&self.servers)
    }
}

impl Default for Config {
    /// What an empty file says.
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            computer: computer(),
            gateway: GatewaySettings::default(),
            changed_tools: ChangedTools::default(),
            audit: AuditSettings::default(),
            clients: BTreeMap::new(),
            ollama: OllamaSettings::default(),
            backends: BTreeMap::new(),
        }
    }
}

/// The built-in server with the settings it has when the file says nothing: it runs, and its tools
/// are allowed, since it only reads the clock and the hardware.
fn computer() -> ServerDefinition {
    #[expect(clippy::expect_used, reason = "a constant that is a name")]
    let name = ServerName::new(BUILT_IN_COMPUTER).expect("the built-in server has a valid name");
    ServerDefinition {
        name,
        transport: Transport::BuiltIn,
        enabled: true,
        preset: Preset::Allow,
        tools: BTreeMap::new(),
        isolation: Isolation::Shared,
        secrets: SecretsRule::default(),
        record: RecordRule::default(),
    }
}

/// Reads a config file's text. An empty text is an empty config. Beside the config stand remarks
/// on what was kept but not understood.
///
/// # Errors
/// The first thing in the file that is not as expected, with line, key and expectation.
pub fn parse(text: &str, path: &Path) -> Result<(Config, Vec<String>), ConfigProblem> {
    read::read(text).map_err(|fault| fault.into_problem(path))
}

/// Names the content of a text, to tell whether it changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextHash([u8; 32]);

impl TextHash {
    /// The SHA-256 of a text.
    #[must_use]
    pub fn of(text: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(text.as_ref()).into())
    }
}

impl fmt::Display for TextHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for TextHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TextHash({self})")
    }
}
