//! VS Code: `.vscode/mcp.json` and the link that opens its own page for adding a server.
//!
//! The token is either asked for by VS Code (`inputs`), which then keeps it, or stands in the file.
//! The link never holds one.

use std::path::Path;

use drawbridge_model::Problem;
use jsonc_parser::ast::Value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::change::{self, ChangeError, PlannedChange};
use crate::config::jsonc::{
    self, BYTE_ORDER_MARK, Document, kind_of, line_of, property, start_of, without_mark,
};
use crate::config::splice::{self, Json, Misfit};
use crate::view::TokenPlacement;

/// Our name among VS Code's servers.
const SERVER: &str = "drawbridge";

/// The name under which VS Code keeps the token.
const INPUT: &str = "drawbridge_token";

/// What VS Code shows when it asks for the token.
const INPUT_DESCRIPTION: &str = "Drawbridge token";

/// What VS Code is to be told.
#[derive(Clone, PartialEq, Eq)]
pub struct Setup {
    /// The gateway's base address, such as `http://127.0.0.1:7337`.
    pub address: String,
    /// The token, where it is known. Only [`TokenPlacement::Inline`] needs it.
    pub token: Option<String>,
    /// Where the token stands.
    pub placement: TokenPlacement,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Setup")
            .field("address", &self.address)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

/// Why `mcp.json` cannot be changed. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The token is to stand in the file, but is not known any more.
    #[error("the token is not known")]
    NoToken,
    /// The file is not what VS Code reads.
    #[error("line {line}: {message}")]
    Unreadable {
        /// The line, from 1.
        line: u32,
        /// What was expected there, as a sentence. Never a value.
        message: String,
    },
    /// The folder cannot hold the file.
    #[error("{0}")]
    Folder(String),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ChangeError),
}

impl PlanError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::NoToken => "The token was shown once and is not known any more. Make a new one, \
                              or let VS Code ask for it."
                .to_owned(),
            Self::Unreadable { line, message } => format!(
                "The mcp.json in this folder has a mistake in line {line}: {message} Correct it in \
                 VS Code first; it was left as it is."
            ),
            Self::Folder(message) => message.clone(),
            Self::File(error) => return error.problem(),
        };
        Problem::new(message, self.to_string())
    }
}

#[derive(Serialize)]
struct Link<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    url: &'a str,
    headers: LinkHeaders,
    inputs: [LinkInput<'a>; 1],
}

#[derive(Serialize)]
struct LinkHeaders {
    #[serde(rename = "Authorization")]
    authorization: String,
}

#[derive(Serialize)]
struct LinkInput<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
    description: &'a str,
    password: bool,
}

/// The `vscode:mcp/install?…` link for a gateway's base address. VS Code asks for the token.
#[must_use]
pub fn install_link(address: &str) -> String {
    /// What JavaScript's `encodeURIComponent` leaves alone beside letters and digits.
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'!')
        .remove(b'~')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')');
    let link = Link {
        name: SERVER,
        kind: "http",
        url: &format!("{address}/mcp"),
        headers: LinkHeaders { authorization: format!("Bearer ${{input:{INPUT}}}") },
        inputs: [LinkInput {
            kind: "promptString",
            id: INPUT,
            description: INPUT_DESCRIPTION,
            password: true,
        }],
    };
    // A struct of texts always serialises.
    let json = serde_json::to_string(&link).unwrap_or_default();
    format!("vscode:mcp/install?{}", utf8_percent_encode(&json, KEPT))
}

/// What the gateway's entry in `mcp.json` looks like, as a new file.
///
/// # Errors
/// When the token is to stand in it and is not known.
pub fn content(setup: &Setup) -> Result<String, PlanError> {
    plan(None, setup)
}

/// The text of `mcp.json` with our entry in it: the other servers, inputs, comments and the order
/// stay as they are.
///
/// # Errors
/// When the text is not what VS Code reads, or the token is needed and not known.
pub fn plan(existing: Option<&str>, setup: &Setup) -> Result<String, PlanError> {
    let whole = existing.unwrap_or_default();
    let text = without_mark(whole);
    let authorization = match (setup.placement, &setup.token) {
        (TokenPlacement::Prompt, _) => format!("Bearer ${{input:{INPUT}}}"),
        (TokenPlacement::Inline, Some(token)) => format!("Bearer {token}"),
        (TokenPlacement::Inline, None) => return Err(PlanError::NoToken),
    };
    let found = inspect(text)?;
    let url = format!("{}/mcp", setup.address);
    let mut planned = text.to_owned();
    if setup.placement == TokenPlacement::Prompt && !found.has_input {
        planned = fit(text, splice::push(&planned, &["inputs"], input()))?;
    }
    let entry = ["servers", SERVER];
    if found.has_entry {
        for foreign in ["command", "args", "env", "cwd", "envFile"] {
            if let Some((without, _)) =
                fit(text, splice::cut(&planned, &[entry[0], entry[1], foreign]))?
            {
                planned = without;
            }
        }
        let mut keys = vec![("type", Json::Text("http".to_owned())), ("url", Json::Text(url))];
        let header = Json::Text(authorization);
        let headers = match found.has_headers {
            true => {
                let path = [entry[0], entry[1], "headers", "Authorization"];
                planned = set_text(text, planned, &path, header)?;
                None
            }
            false => Some(("headers", Json::Group(vec![("Authorization".to_owned(), header)]))),
        };
        keys.extend(headers);
        for (key, value) in keys {
            planned = set_text(text, planned, &[entry[0], entry[1], key], value)?;
        }
    } else {
        let text_of = |text: &str| Json::Text(text.to_owned());
        let headers = Json::Group(vec![("Authorization".to_owned(), Json::Text(authorization))]);
        let group = Json::Group(vec![
            ("type".to_owned(), text_of("http")),
            ("url".to_owned(), Json::Text(url)),
            ("headers".to_owned(), headers),
        ]);
        planned = fit(text, splice::set(&planned, &entry, group))?;
    }
    match text.len() == whole.len() {
        true => Ok(planned),
        false => Ok(format!("{BYTE_ORDER_MARK}{planned}")),
    }
}

/// Works out the change to `.vscode/mcp.json` in a project folder. Reads the disk and blocks.
///
/// # Errors
/// When the folder or the file is not as it has to be.
pub fn preview(folder: &Path, setup: &Setup) -> Result<PlannedChange, PlanError> {
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(PlanError::Folder(format!("{shown} is a file, not a folder."))),
        Err(_) => return Err(PlanError::Folder(format!("The folder {shown} does not exist."))),
    }
    let settings = match folder.file_name() {
        Some(name) if name == ".vscode" => folder.to_owned(),
        _ => folder.join(".vscode"),
    };
    if settings.exists() && !settings.is_dir() {
        return Err(PlanError::Folder(format!(
            "{} is a file, so VS Code's settings cannot be put there. Choose another folder.",
            settings.display()
        )));
    }
    let path = settings.join("mcp.json");
    let before = change::read(&path)?;
    let text = before.as_deref().map(std::str::from_utf8).transpose().map_err(|error| {
        let good = before.as_deref().unwrap_or_default();
        let lines = good[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        PlanError::Unreadable {
            line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
            message: "The file is not a text in UTF-8.".to_owned(),
        }
    })?;
    let after = plan(text, setup)?;
    Ok(PlannedChange::new(path, before.clone(), after))
}

fn input() -> Json {
    let text = |key: &str, value: &str| (key.to_owned(), Json::Text(value.to_owned()));
    Json::Group(vec![
        text("type", "promptString"),
        text("id", INPUT),
        text("description", INPUT_DESCRIPTION),
        ("password".to_owned(), Json::Truth(true)),
    ])
}

/// What of ours is in the file already.
#[derive(Default)]
struct Existing {
    has_entry: bool,
    has_headers: bool,
    has_input: bool,
}

fn inspect(text: &str) -> Result<Existing, PlanError> {
    let fault =
        |offset, message: String| PlanError::Unreadable { line: line_of(text, offset), message };
    let expected = |value: &Value<'_>, what: &str| {
        fault(start_of(value), format!("Expected {what}, found {}.", kind_of(value)))
    };
    let document = Document::parse(text).map_err(|error| fault(error.offset, error.message))?;
    let Some(root) = document.root else {
        return Ok(Existing::default());
    };
    let Value::Object(object) = &root else {
        return Err(expected(&root, "a group in braces, { … }"));
    };
    if let Some((path, second, _)) = jsonc::repeated_name(&root) {
        let key = path.last().cloned().unwrap_or_default();
        return Err(fault(second, format!("The key {key:?} stands here a second time.")));
    }
    let mut existing = Existing::default();
    if let Some(servers) = property(object, "servers") {
        let Value::Object(servers) = &servers.value else {
            return Err(expected(&servers.value, "a group of servers in braces"));
        };
        if let Some(entry) = property(servers, SERVER) {
            let Value::Object(entry) = &entry.value else {
                return Err(expected(&entry.value, "a server in braces"));
            };
            existing.has_entry = true;
            existing.has_headers = property(entry, "headers")
                .is_some_and(|headers| headers.value.as_object().is_some());
        }
    }
    if let Some(inputs) = property(object, "inputs") {
        let Value::Array(inputs) = &inputs.value else {
            return Err(expected(&inputs.value, "a list of inputs in square brackets"));
        };
        existing.has_input = inputs.elements.iter().filter_map(Value::as_object).any(|input| {
            let id = property(input, "id").and_then(|id| id.value.as_string_lit());
            id.is_some_and(|id| id.value == INPUT)
        });
    }
    Ok(existing)
}

/// Sets a value unless it stands there already in whatever spelling.
fn set_text(original: &str, text: String, path: &[&str], value: Json) -> Result<String, PlanError> {
    let same = splice::value_text(&text, path)
        .and_then(|value| serde_json::from_str::<String>(value).ok())
        .is_some_and(|found| Json::Text(found) == value);
    if same { Ok(text) } else { fit(original, splice::set(&text, path, value)) }
}

fn fit<T>(text: &str, result: Result<T, Misfit>) -> Result<T, PlanError> {
    result.map_err(|misfit| {
        let (offset, message) = match misfit {
            Misfit::Syntax(fault) => (fault.offset, fault.message),
            Misfit::Kind { offset, .. } => (offset, "Expected a group in braces.".to_owned()),
        };
        PlanError::Unreadable { line: line_of(text, offset), message }
    })
}
