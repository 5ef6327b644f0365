//! Changes to the config file as pure functions from text to text.
//!
//! A change touches its own place and nothing else: comments, order, blank lines, unknown keys and
//! the way lines end stay. A text that is not a valid config is never changed, and no change makes
//! an invalid one.

use std::collections::BTreeMap;
use std::path::Path;

use drawbridge_model::{
    BUILT_IN_COMPUTER, ClientName, Isolation, Mode, Preset, Problem, RecordRule, SecretsRule,
    ServerDefinition, ServerName, ToolName, Transport,
};

use super::jsonc::{BYTE_ORDER_MARK, without_mark};
use super::models::{self, ModelsEdit};
use super::splice::{self, Cut, Json, Misfit};
use super::{AuditSettings, ClientEntry, Config, TokenSource, parse};
use crate::view::ConfigProblem;

/// One change to the config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Sets modes of single tools; `None` takes a tool's own mode away, so that its server's
    /// preset counts.
    SetToolModes {
        /// The server, which may be the built-in one.
        server: ServerName,
        /// The tools and their modes.
        modes: Vec<(ToolName, Option<Mode>)>,
    },
    /// Sets the mode of tools without one of their own.
    SetPreset {
        /// The server, which may be the built-in one.
        server: ServerName,
        /// What it shall be.
        preset: Preset,
    },
    /// Sets what is done about keys, tokens and passwords in arguments and results.
    SetSecretsRule {
        /// The server, which may be the built-in one.
        server: ServerName,
        /// What it shall be.
        rule: SecretsRule,
    },
    /// Sets how much of the content of its calls is kept on record.
    SetRecordRule {
        /// The server, which may be the built-in one.
        server: ServerName,
        /// What it shall be.
        rule: RecordRule,
    },
    /// Sets how long the record is kept.
    SetAudit(AuditSettings),
    /// Switches a server on or off.
    SetEnabled {
        /// The server, which may be the built-in one.
        server: ServerName,
        /// Whether it is to run.
        enabled: bool,
    },
    /// Adds a server at the end.
    AddServer(ServerDefinition),
    /// Changes how a server is reached, and its name if the definition has another one. The group
    /// `drawbridge` and keys of other apps stay as they are in the file.
    ReplaceServer {
        /// Its name so far.
        server: ServerName,
        /// Its name and transport from then on; what else it holds is not looked at.
        with: Box<ServerDefinition>,
    },
    /// Takes a server out. [`remove_server`] also gives what puts it back.
    RemoveServer(ServerName),
    /// Puts a removed server back where it was, with its comments.
    RestoreServer(Box<RemovedText>),
    /// Adds an app, or replaces what it proves itself with.
    PutClient {
        /// The app.
        client: ClientName,
        /// Its entry.
        entry: ClientEntry,
    },
    /// Takes an app out.
    RemoveClient(ClientName),
    /// Sets the gateway's port, 1 to 65535.
    SetPort(u16),
    /// Changes something about models.
    Models(ModelsEdit),
}

/// A server that was taken out of the file, as text.
#[derive(Clone, PartialEq, Eq)]
pub struct RemovedText {
    name: ServerName,
    section_before: String,
    section_after: String,
    cut: Cut,
}

impl RemovedText {
    /// The server's name.
    #[must_use]
    pub fn name(&self) -> &ServerName {
        &self.name
    }
}

impl std::fmt::Debug for RemovedText {
    /// Without the text, which may hold values that are nobody's business.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RemovedText").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a change was not made. The text is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file has a mistake, so its places cannot be told for sure.
    #[error("the config file has a mistake: {}", .0.message)]
    Broken(ConfigProblem),
    /// The change itself is not valid, such as a header's name with a blank in it.
    #[error("the change is not valid: {}", .0.message)]
    Invalid(ConfigProblem),
    /// No server has that name.
    #[error("there is no server {0}")]
    NoSuchServer(ServerName),
    /// A server has that name already.
    #[error("there is a server {0} already")]
    NameTaken(ServerName),
    /// The name belongs to the built-in server, which cannot be added, changed or removed.
    #[error("the name {0} is reserved")]
    Reserved(ServerName),
    /// No app has that name.
    #[error("there is no client {0}")]
    NoSuchClient(ClientName),
}

impl EditError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Broken(problem) => format!(
                "The config file has a mistake{}, so it was not changed. Correct it first: {}",
                problem.line.map(|line| format!(" in line {line}")).unwrap_or_default(),
                problem.message
            ),
            Self::Invalid(problem) => {
                format!("{} Nothing was changed.", problem.message)
            }
            Self::NoSuchServer(name) => {
                format!("There is no server named {name} in the config file any more.")
            }
            Self::NameTaken(name) => {
                format!("There is a server named {name} already. Choose another name.")
            }
            Self::Reserved(name) => format!(
                "The name {name} belongs to the server that is built in. It can be switched off, \
                 but not removed or replaced."
            ),
            Self::NoSuchClient(name) => {
                format!("There is no app named {name} in the config file any more.")
            }
        };
        let detail = match self {
            Self::Broken(problem) | Self::Invalid(problem) => {
                format!("{}: {}", problem.path, problem.key)
            }
            other => other.to_string(),
        };
        Problem::new(message, detail)
    }
}

/// The text after a change. `path` is only named in errors.
///
/// # Errors
/// When the text is not a valid config, or the change does not fit it.
pub fn apply(text: &str, edit: &Edit, path: &Path) -> Result<String, EditError> {
    if let Edit::RemoveServer(name) = edit {
        return remove_server(text, name, path).map(|(text, _)| text);
    }
    checked(text, path, |text, config| change(text, config, edit))
}

/// The text without a server, and what puts the server back.
///
/// # Errors
/// As [`apply`].
pub fn remove_server(
    text: &str,
    name: &ServerName,
    path: &Path,
) -> Result<(String, RemovedText), EditError> {
    let mut removed = None;
    let text = checked(text, path, |text, config| {
        known(config, name, BuiltIn::Refused)?;
        let section =
            |text| splice::value_text(text, &["mcpServers"]).unwrap_or_default().to_owned();
        let found = splice::cut(text, &["mcpServers", name.as_str()])?;
        let (after, cut) = found.ok_or_else(|| EditError::NoSuchServer(name.clone()))?;
        removed = Some(RemovedText {
            name: name.clone(),
            section_before: section(text),
            section_after: section(&after),
            cut,
        });
        Ok(after)
    })?;
    let removed = removed.ok_or_else(|| EditError::NoSuchServer(name.clone()))?;
    Ok((text, removed))
}

/// Why a step of a change failed: an error of ours, or a text that is not laid out as a valid
/// config is.
enum Fail {
    Edit(EditError),
    Misfit,
}

impl From<EditError> for Fail {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

impl From<Misfit> for Fail {
    fn from(_: Misfit) -> Self {
        Self::Misfit
    }
}

fn checked(
    text: &str,
    path: &Path,
    change: impl FnOnce(&str, &Config) -> Result<String, Fail>,
) -> Result<String, EditError> {
    let (config, _) = parse(text, path).map_err(EditError::Broken)?;
    let plain = without_mark(text);
    let changed = change(plain, &config).map_err(|fail| match fail {
        Fail::Edit(error) => error,
        // A valid config has the groups a change needs, so this names the file as a whole.
        Fail::Misfit => EditError::Broken(ConfigProblem {
            path: path.display().to_string(),
            line: None,
            key: String::new(),
            message: "The file is not laid out as expected.".to_owned(),
        }),
    })?;
    parse(&changed, path).map_err(EditError::Invalid)?;
    match plain.len() == text.len() {
        true => Ok(changed),
        false => Ok(format!("{BYTE_ORDER_MARK}{changed}")),
    }
}

/// Whether a change may be about the built-in server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BuiltIn {
    /// It may.
    Welcome,
    /// It may not: there is nothing in the file to change.
    Refused,
}

fn known<'c>(
    config: &'c Config,
    name: &ServerName,
    built_in: BuiltIn,
) -> Result<&'c ServerDefinition, EditError> {
    if built_in == BuiltIn::Refused && name.as_str() == BUILT_IN_COMPUTER {
        return Err(EditError::Reserved(name.clone()));
    }
    config.server(name.as_str()).ok_or_else(|| EditError::NoSuchServer(name.clone()))
}

fn free(config: &Config, name: &ServerName) -> Result<(), EditError> {
    if name.as_str() == BUILT_IN_COMPUTER {
        return Err(EditError::Reserved(name.clone()));
    }
    match config.server(name.as_str()) {
        Some(_) => Err(EditError::NameTaken(name.clone())),
        None => Ok(()),
    }
}

fn change(text: &str, config: &Config, edit: &Edit) -> Result<String, Fail> {
    match edit {
        Edit::SetToolModes { server, modes } => {
            let known = known(config, server, BuiltIn::Welcome)?;
            let mut text = text.to_owned();
            // Of two modes for one tool the later one counts.
            let modes: BTreeMap<_, _> = modes.iter().cloned().collect();
            for (tool, mode) in &modes {
                let path = ["mcpServers", server.as_str(), "drawbridge", "tools", tool.as_str()];
                match mode {
                    Some(mode) if known.tools.get(tool) == Some(mode) => {}
                    Some(mode) => text = splice::set(&text, &path, mode_word(*mode))?,
                    None => text = without(text, &path)?,
                }
            }
            Ok(text)
        }
        Edit::SetPreset { server, preset } => {
            let known = known(config, server, BuiltIn::Welcome)?;
            let path = ["mcpServers", server.as_str(), "drawbridge", "preset"];
            match known.preset == *preset {
                true => Ok(text.to_owned()),
                false => Ok(splice::set(text, &path, preset_word(*preset))?),
            }
        }
        Edit::SetSecretsRule { server, rule } => {
            let known = known(config, server, BuiltIn::Welcome)?;
            let path = ["mcpServers", server.as_str(), "drawbridge", "secrets"];
            match known.secrets == *rule {
                true => Ok(text.to_owned()),
                false => Ok(splice::set(text, &path, secrets_word(*rule))?),
            }
        }
        Edit::SetRecordRule { server, rule } => {
            let known = known(config, server, BuiltIn::Welcome)?;
            let path = ["mcpServers", server.as_str(), "drawbridge", "record"];
            match known.record == *rule {
                true => Ok(text.to_owned()),
                false => Ok(splice::set(text, &path, record_word(*rule))?),
            }
        }
        Edit::SetAudit(audit) => {
            let limits = [
                ("keepDays", config.audit.keep_days, audit.keep_days),
                ("keepMegabytes", config.audit.keep_megabytes, audit.keep_megabytes),
            ];
            let mut text = text.to_owned();
            for (key, was, wanted) in limits {
                text = match wanted {
                    _ if was == wanted => text,
                    Some(number) => {
                        splice::set(&text, &["audit", key], Json::Number(number.into()))?
                    }
                    None => without(text, &["audit", key])?,
                };
            }
            Ok(text)
        }
        Edit::SetEnabled { server, enabled } => {
            let known = known(config, server, BuiltIn::Welcome)?;
            set_enabled(text, known, *enabled)
        }
        Edit::AddServer(server) => {
            free(config, &server.name)?;
            let path = ["mcpServers", server.name.as_str()];
            Ok(splice::set(text, &path, server_group(server))?)
        }
        Edit::ReplaceServer { server, with } => {
            let known = known(config, server, BuiltIn::Refused)?;
            if with.name != *server {
                free(config, &with.name)?;
            }
            let text = replace_transport(text, known, &with.transport)?;
            let path = ["mcpServers", server.as_str()];
            match with.name == *server {
                true => Ok(text),
                false => Ok(splice::rename(&text, &path, with.name.as_str())?),
            }
        }
        Edit::RemoveServer(server) => Err(EditError::NoSuchServer(server.clone()).into()),
        Edit::RestoreServer(removed) => {
            free(config, &removed.name)?;
            if splice::value_text(text, &["mcpServers"]) == Some(&removed.section_after) {
                let before = &removed.section_before;
                return Ok(splice::replace_value_text(text, &["mcpServers"], before)?);
            }
            Ok(splice::paste(text, &["mcpServers"], &removed.cut)?)
        }
        Edit::PutClient { client, entry } => put_client(text, config, client, entry),
        Edit::RemoveClient(client) => {
            if !config.clients.contains_key(client) {
                return Err(EditError::NoSuchClient(client.clone()).into());
            }
            without(text.to_owned(), &["clients", client.as_str()])
        }
        Edit::Models(edit) => Ok(models::change(text, config, edit)?),
        Edit::SetPort(port) if config.gateway.port == Some(*port) => Ok(text.to_owned()),
        Edit::SetPort(port) => {
            Ok(splice::set(text, &["gateway", "port"], Json::Number(u64::from(*port)))?)
        }
    }
}

fn without(text: String, path: &[&str]) -> Result<String, Fail> {
    Ok(splice::cut(&text, path)?.map_or(text, |(without, _)| without))
}

/// `disabled: true`, as other apps write it, wins over our own key, so switching on must turn both
/// and switching off needs one.
fn set_enabled(text: &str, known: &ServerDefinition, enabled: bool) -> Result<String, Fail> {
    let server = ["mcpServers", known.name.as_str()];
    if known.enabled == enabled {
        return Ok(text.to_owned());
    }
    let disabled = [server[0], server[1], "disabled"];
    let own = [server[0], server[1], "drawbridge", "enabled"];
    if !enabled {
        return Ok(splice::set(text, &own, Json::Truth(false))?);
    }
    let mut text = text.to_owned();
    if splice::value_text(&text, &disabled) == Some("true") {
        text = splice::set(&text, &disabled, Json::Truth(false))?;
    }
    if splice::value_text(&text, &own) == Some("false") {
        text = splice::set(&text, &own, Json::Truth(true))?;
    }
    Ok(text)
}

fn put_client(
    text: &str,
    config: &Config,
    client: &ClientName,
    entry: &ClientEntry,
) -> Result<String, Fail> {
    let path = ["clients", client.as_str()];
    if config.clients.get(client) == Some(entry) {
        return Ok(text.to_owned());
    }
    let (key, other, value) = match &entry.token {
        TokenSource::Sha256(digest) => ("tokenSha256", "token", digest),
        TokenSource::Template(reference) => ("token", "tokenSha256", reference),
    };
    let value = Json::Text(value.clone());
    let Some(existing) = config.clients.get(client) else {
        let mut group = vec![(key.to_owned(), value)];
        if entry.in_path {
            group.push(("tokenInPath".to_owned(), Json::Truth(true)));
        }
        return Ok(splice::set(text, &path, Json::Group(group))?);
    };
    let mut text = splice::set(text, &[path[0], path[1], key], value)?;
    text = without(text, &[path[0], path[1], other])?;
    // What an app may do with models is no part of what it proves itself with.
    if existing.in_path != entry.in_path {
        let path = [path[0], path[1], "tokenInPath"];
        text = splice::set(&text, &path, Json::Truth(entry.in_path))?;
    }
    Ok(text)
}

fn mode_word(mode: Mode) -> Json {
    Json::Text(match mode {
        Mode::Off => "off".to_owned(),
        Mode::Ask => "ask".to_owned(),
        Mode::AskEveryTime => "ask-every-time".to_owned(),
        Mode::Allow => "allow".to_owned(),
    })
}

fn preset_word(preset: Preset) -> Json {
    Json::Text(match preset {
        Preset::Ask => "ask".to_owned(),
        Preset::Read => "read".to_owned(),
        Preset::Allow => "allow".to_owned(),
        Preset::Off => "off".to_owned(),
    })
}

fn secrets_word(rule: SecretsRule) -> Json {
    Json::Text(match rule {
        SecretsRule::Mark => "mark".to_owned(),
        SecretsRule::Mask => "mask".to_owned(),
        SecretsRule::Block => "block".to_owned(),
    })
}

fn record_word(rule: RecordRule) -> Json {
    Json::Text(match rule {
        RecordRule::Content => "content".to_owned(),
        RecordRule::Shapes => "shapes".to_owned(),
        RecordRule::Nothing => "nothing".to_owned(),
    })
}

/// The keys of a transport in the order people write them. A key without a value has none.
fn transport_keys(transport: &Transport) -> Vec<(&'static str, Option<Json>)> {
    let texts = |list: &[String]| Json::List(list.iter().cloned().map(Json::Text).collect());
    let (mut command, mut args, mut env, mut cwd, mut url, mut headers) = Default::default();
    match transport {
        Transport::Stdio(launch) => {
            command = Some(Json::Text(launch.command.clone()));
            args = (!launch.args.is_empty()).then(|| texts(&launch.args));
            env = (!launch.env.is_empty()).then(|| Json::texts(&launch.env));
            cwd = launch.cwd.as_ref().map(|cwd| Json::Text(cwd.to_string_lossy().into_owned()));
        }
        Transport::Http(endpoint) => {
            url = Some(Json::Text(endpoint.url.clone()));
            headers = (!endpoint.headers.is_empty()).then(|| Json::texts(&endpoint.headers));
        }
        Transport::BuiltIn => {}
    }
    vec![
        ("command", command),
        ("args", args),
        ("env", env),
        ("cwd", cwd),
        ("url", url),
        ("headers", headers),
    ]
}

fn server_group(server: &ServerDefinition) -> Json {
    let present = |(key, value): (&str, Option<Json>)| value.map(|value| (key.to_owned(), value));
    let mut keys: Vec<_> =
        transport_keys(&server.transport).into_iter().filter_map(present).collect();
    if matches!(server.transport, Transport::Http(_)) {
        keys.insert(0, ("type".to_owned(), Json::Text("http".to_owned())));
    }
    let mut own = Vec::new();
    if !server.enabled {
        own.push(("enabled".to_owned(), Json::Truth(false)));
    }
    own.push(("preset".to_owned(), preset_word(server.preset)));
    if !server.tools.is_empty() {
        let tool = |(name, mode): (&ToolName, &Mode)| (name.as_str().to_owned(), mode_word(*mode));
        own.push(("tools".to_owned(), Json::Group(server.tools.iter().map(tool).collect())));
    }
    if server.isolation == Isolation::PerApp {
        own.push(("isolation".to_owned(), Json::Text("per-app".to_owned())));
    }
    if server.secrets != SecretsRule::default() {
        own.push(("secrets".to_owned(), secrets_word(server.secrets)));
    }
    if server.record != RecordRule::default() {
        own.push(("record".to_owned(), record_word(server.record)));
    }
    keys.push(("drawbridge".to_owned(), Json::Group(own)));
    Json::Group(keys)
}

fn replace_transport(
    text: &str,
    known: &ServerDefinition,
    with: &Transport,
) -> Result<String, Fail> {
    let server = known.name.as_str();
    let mut text = text.to_owned();
    let same_kind = std::mem::discriminant(&known.transport) == std::mem::discriminant(with);
    if !same_kind {
        // A key that had no effect beside the old transport would gain one beside the new.
        for key in ["type", "command", "args", "env", "cwd", "url", "headers"] {
            text = without(text, &["mcpServers", server, key])?;
        }
    }
    let before = match same_kind {
        true => transport_keys(&known.transport),
        false => transport_keys(&Transport::BuiltIn),
    };
    for ((key, old), (_, new)) in before.into_iter().zip(transport_keys(with)) {
        let path = ["mcpServers", server, key];
        match (old, new) {
            (old, new) if old == new => {}
            (_, None) => text = without(text, &path)?,
            (Some(Json::Group(old)), Some(Json::Group(new))) => {
                for (name, _) in old.iter().filter(|(name, _)| !new.iter().any(|(n, _)| n == name))
                {
                    text = without(text, &["mcpServers", server, key, name])?;
                }
                for (name, value) in new.into_iter().filter(|pair| !old.contains(pair)) {
                    text = splice::set(&text, &["mcpServers", server, key, &name], value)?;
                }
            }
            (_, Some(new)) => text = splice::set(&text, &path, new)?,
        }
    }
    Ok(text)
}
