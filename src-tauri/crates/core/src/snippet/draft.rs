//! From a draft to a definition and back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use drawbridge_model::{
    BUILT_IN_COMPUTER, Endpoint, Isolation, Launch, Preset, Problem, RecordRule, SecretsRule,
    ServerDefinition, ServerName, Transport,
};

use crate::config::{check_header, check_url, check_variable, template};
use crate::view::{DraftTransport, DraftValue, ServerDraft};

/// Why a draft cannot become a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The name breaks a rule.
    #[error("the name is not valid: {0}")]
    BadName(String),
    /// Another server has the name.
    #[error("the name {0} is taken")]
    NameTaken(String),
    /// A field breaks a rule.
    #[error("{field}: {message}")]
    BadField {
        /// Which one, such as `command` or the name of a variable.
        field: String,
        /// What was expected, as a sentence. Never the value.
        message: String,
    },
}

impl DraftError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::BadName(rule) => format!("This name cannot be used: {rule}."),
            Self::NameTaken(name) if name == BUILT_IN_COMPUTER => {
                format!(
                    "The name {name} belongs to the server that is built in. Choose another name."
                )
            }
            Self::NameTaken(name) => {
                format!("There is a server named {name} already. Choose another name.")
            }
            Self::BadField { field, message } => format!("{field}: {message}"),
        };
        Problem::new(message, "")
    }
}

fn bad(field: &str, message: impl Into<String>) -> DraftError {
    DraftError::BadField { field: field.to_owned(), message: message.into() }
}

/// The definition a draft stands for. `taken` says whether a server has a name; `stored` is the
/// server being edited, which keeps its settings, its name if the draft has it too, and those
/// values the draft leaves out.
///
/// # Errors
/// When the name or a field breaks a rule.
pub fn check(
    draft: &ServerDraft,
    taken: impl Fn(&str) -> bool,
    stored: Option<&ServerDefinition>,
) -> Result<ServerDefinition, DraftError> {
    let text = draft.name.trim();
    let name = ServerName::new(text).map_err(|error| DraftError::BadName(error.to_string()))?;
    let own = stored.is_some_and(|stored| stored.name == name);
    if text == BUILT_IN_COMPUTER || (!own && taken(text)) {
        return Err(DraftError::NameTaken(text.to_owned()));
    }
    let transport = transport(&draft.transport, stored.map(|stored| &stored.transport))?;
    Ok(match stored {
        Some(stored) => ServerDefinition { name, transport, ..stored.clone() },
        None => ServerDefinition {
            name,
            transport,
            enabled: true,
            preset: Preset::default(),
            tools: BTreeMap::new(),
            isolation: Isolation::default(),
            secrets: SecretsRule::default(),
            record: RecordRule::default(),
        },
    })
}

/// A server as a draft to edit. Values of variables and headers are left out, since they may be
/// secrets.
#[must_use]
pub fn describe(server: &ServerDefinition) -> ServerDraft {
    let names = |map: &BTreeMap<String, String>| {
        map.keys().map(|name| DraftValue { name: name.clone(), value: None }).collect()
    };
    let transport = match &server.transport {
        Transport::Stdio(launch) => DraftTransport::Local {
            command: launch.command.clone(),
            args: launch.args.clone(),
            env: names(&launch.env),
            cwd: launch.cwd.as_ref().map(|cwd| cwd.to_string_lossy().into_owned()),
        },
        Transport::Http(endpoint) => {
            DraftTransport::Remote { url: endpoint.url.clone(), headers: names(&endpoint.headers) }
        }
        Transport::BuiltIn => DraftTransport::Local {
            command: String::new(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
        },
    };
    ServerDraft { name: server.name.as_str().to_owned(), transport }
}

fn transport(draft: &DraftTransport, stored: Option<&Transport>) -> Result<Transport, DraftError> {
    match draft {
        DraftTransport::Local { command, args, env, cwd } => {
            let command = command.trim();
            if command.is_empty() {
                return Err(bad("command", "Expected the name or path of a program."));
            }
            readable("command", command)?;
            for (index, arg) in args.iter().enumerate() {
                readable(&format!("Argument {}", index + 1), arg)?;
            }
            let kept = match stored {
                Some(Transport::Stdio(launch)) => Some(&launch.env),
                _ => None,
            };
            let cwd = cwd.as_deref().map(str::trim).filter(|cwd| !cwd.is_empty());
            if let Some(cwd) = cwd {
                readable("Folder", cwd)?;
            }
            Ok(Transport::Stdio(Launch {
                command: command.to_owned(),
                args: args.clone(),
                env: values(env, kept, check_variable)?,
                cwd: cwd.map(PathBuf::from),
            }))
        }
        DraftTransport::Remote { url, headers } => {
            let url = url.trim();
            check_url(url).map_err(|message| bad("Address", message))?;
            let kept = match stored {
                Some(Transport::Http(endpoint)) => Some(&endpoint.headers),
                _ => None,
            };
            let headers = values(headers, kept, check_header)?;
            Ok(Transport::Http(Endpoint { url: url.to_owned(), headers }))
        }
    }
}

fn values(
    drafted: &[DraftValue],
    kept: Option<&BTreeMap<String, String>>,
    check: fn(&str, &str) -> Result<(), &'static str>,
) -> Result<BTreeMap<String, String>, DraftError> {
    let mut map = BTreeMap::new();
    for DraftValue { name, value } in drafted {
        let name = name.trim();
        let value = match value {
            Some(value) => value.clone(),
            None => kept
                .and_then(|kept| kept.get(name).cloned())
                .ok_or_else(|| bad(name, "No value is stored for it. Give it one."))?,
        };
        check(name, &value).map_err(|message| bad(name, message))?;
        readable(name, &value)?;
        if map.insert(name.to_owned(), value).is_some() {
            return Err(bad(name, "It stands in the list twice."));
        }
    }
    Ok(map)
}

/// A text that means here what it says: without NUL, without another app's variables, and with
/// well-formed references.
fn readable(field: &str, value: &str) -> Result<(), DraftError> {
    if value.contains('\0') {
        return Err(bad(field, "It cannot hold a NUL character."));
    }
    if template::references(value).is_err() {
        return Err(bad(field, "A reference is written as ${env:NAME} or ${secret:NAME}."));
    }
    match template::vscode_variable(value) {
        Some(range) => {
            let variable = &value[range];
            Err(bad(
                field,
                format!("{variable} means something to VS Code only. Write the value itself here."),
            ))
        }
        None => Ok(()),
    }
}
