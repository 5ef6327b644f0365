//! Servers out of a pasted text, and a second look at them before they are added.
//!
//! [`read`] finds the servers in a piece of a README: a whole config of any client, a piece of one,
//! a single server, with code fences, comments and trailing commas. [`check`] turns a draft into a
//! definition or says which field is wrong; [`cautions`] says what deserves a second look. Nothing
//! here starts, adds or downloads anything.

mod cautions;
mod draft;
mod name;
#[cfg(test)]
mod tests;

use jsonc_parser::ast::{Object, Value};

pub use self::cautions::cautions;
pub use self::draft::{DraftError, check, describe};
use crate::config::jsonc::{
    self, Document, column_of, kind_of, line_of, property, start_of, without_mark,
};
use crate::view::{DraftTransport, DraftValue, ServerDraft};
use drawbridge_model::Problem;

/// Most bytes a pasted text may have.
const MOST_BYTES: usize = 1024 * 1024;

/// Why no server was found in a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct SnippetError {
    /// The line of the pasted text, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What was expected there, as a sentence. Never a value.
    pub message: String,
}

impl SnippetError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let Self { line, column, message } = self;
        Problem::new(format!("Line {line}, column {column}: {message}"), "")
    }
}

/// A mistake at a byte of the piece that is being read.
struct Fault {
    offset: usize,
    message: String,
}

impl Fault {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

/// The servers in a pasted text, in its order.
///
/// # Errors
/// When the text is not JSON, or holds no server, or one we cannot reach.
pub fn read(text: &str) -> Result<Vec<ServerDraft>, SnippetError> {
    let text = without_mark(text);
    let placed = |Fault { offset, message }| SnippetError {
        line: line_of(text, offset),
        column: column_of(text, offset),
        message,
    };
    if text.len() > MOST_BYTES {
        return Err(placed(Fault::new(0, "This text is too long to be a server's settings.")));
    }
    let mut first_fault = None;
    for (start, piece) in pieces(text) {
        match read_piece(piece) {
            Ok(drafts) => return Ok(drafts),
            Err(fault) => {
                let fault = Fault { offset: fault.offset + start, ..fault };
                first_fault.get_or_insert(fault);
            }
        }
    }
    let nothing = || Fault::new(0, "Nothing is here. Paste the JSON from the server's README.");
    Err(placed(first_fault.unwrap_or_else(nothing)))
}

/// The code blocks of a text, or the whole text when it has none, each with its start.
fn pieces(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(fence) = text[at..].find("```") {
        let opened = at + fence + 3;
        let Some(line_end) = text[opened..].find('\n') else { break };
        let start = opened + line_end + 1;
        let end = text[start..].find("```").map_or(text.len(), |end| start + end);
        found.push((start, &text[start..end]));
        at = (end + 3).min(text.len());
    }
    if found.is_empty() {
        found.push((0, text));
    }
    found.retain(|(_, piece)| !piece.trim().is_empty());
    found
}

fn read_piece(piece: &str) -> Result<Vec<ServerDraft>, Fault> {
    let cut = piece.trim_end().trim_end_matches(',');
    let begin = jsonc::skip_trivia(cut, 0);
    match cut[begin..].chars().next() {
        Some('{') => {
            let document = Document::parse(cut);
            let document = document.map_err(|fault| Fault::new(fault.offset, fault.message))?;
            read_root(document.root.as_ref(), begin)
        }
        Some('"') => {
            // A piece out of the middle of a file: "name": { … }
            let wrapped = format!("{{{cut}\n}}");
            let back = |fault: Fault| Fault {
                offset: fault.offset.saturating_sub(1).min(cut.len()),
                ..fault
            };
            let document = Document::parse(&wrapped)
                .map_err(|fault| back(Fault::new(fault.offset, fault.message)))?;
            read_root(document.root.as_ref(), 0).map_err(back)
        }
        Some('\u{2018}'..='\u{201F}') => Err(Fault::new(
            begin,
            "A curly quotation mark stands here. JSON needs the straight one: \".",
        )),
        _ => Err(Fault::new(
            begin,
            "This is not JSON. Paste the part of the README in braces, { … }.",
        )),
    }
}

fn read_root(root: Option<&Value<'_>>, begin: usize) -> Result<Vec<ServerDraft>, Fault> {
    let Some(root) = root else {
        return Err(Fault::new(begin, "Nothing is here but comments."));
    };
    if let Some((path, second, _)) = jsonc::repeated_name(root) {
        let key = path.last().cloned().unwrap_or_default();
        return Err(Fault::new(second, format!("The key {key:?} stands here a second time.")));
    }
    let object = as_object(root, "Here")?;
    for name in ["mcpServers", "servers", "context_servers"] {
        if let Some(found) = property(object, name) {
            return read_map(as_object(&found.value, name)?);
        }
    }
    if let Some(mcp) = property(object, "mcp")
        && let Value::Object(inner) = &mcp.value
        && !is_server(inner)
    {
        return match property(inner, "servers") {
            Some(found) => read_map(as_object(&found.value, "servers")?),
            None => read_map(inner),
        };
    }
    if is_server(object) {
        let transport = read_transport(object, object.range.start, "This server")?;
        return Ok(vec![ServerDraft { name: name::suggest(&transport), transport }]);
    }
    let servers = object.properties.iter().any(|p| p.value.as_object().is_some_and(is_server));
    match servers {
        true => read_map(object),
        false if property(object, "inputs").is_some() || object.properties.is_empty() => {
            Err(Fault::new(object.range.start, "No server is in here."))
        }
        false => Err(Fault::new(
            object.range.start,
            "No server is in here. Expected a group such as \"mcpServers\", or one with a \
             \"command\" or a \"url\".",
        )),
    }
}

fn is_server(object: &Object<'_>) -> bool {
    ["command", "url", "serverUrl", "httpUrl"].iter().any(|name| property(object, name).is_some())
}

fn as_object<'t, 'a>(value: &'t Value<'a>, name: &str) -> Result<&'t Object<'a>, Fault> {
    value.as_object().ok_or_else(|| {
        let found = kind_of(value);
        Fault::new(start_of(value), format!("{name}: expected a group in braces, found {found}."))
    })
}

fn read_map(servers: &Object<'_>) -> Result<Vec<ServerDraft>, Fault> {
    if servers.properties.is_empty() {
        return Err(Fault::new(servers.range.start, "No server is in here."));
    }
    let mut drafts: Vec<ServerDraft> = Vec::new();
    for entry in &servers.properties {
        let key = entry.name.as_str();
        let name = name::fitting(key);
        if drafts.iter().any(|draft| draft.name == name) {
            let message = format!("{key:?}: another server here has nearly the same name.");
            return Err(Fault::new(entry.range.start, message));
        }
        let object = as_object(&entry.value, &format!("{key:?}"))?;
        let transport = read_transport(object, entry.range.start, &format!("{key:?}"))?;
        drafts.push(ServerDraft { name, transport });
    }
    Ok(drafts)
}

fn read_transport(server: &Object<'_>, start: usize, who: &str) -> Result<DraftTransport, Fault> {
    if let Some(found) = property(server, "type").or_else(|| property(server, "transport"))
        && let Value::StringLit(kind) = &found.value
        && kind.value == "sse"
    {
        return Err(Fault::new(
            found.range.start,
            format!(
                "{who} is of the older type \"sse\", which is not supported yet. Look in its \
                 README for a Streamable HTTP address."
            ),
        ));
    }
    let url = ["url", "serverUrl", "httpUrl"].iter().find_map(|name| property(server, name));
    match (property(server, "command"), url) {
        (Some(_), Some(url)) => Err(Fault::new(
            url.range.start,
            format!("{who} has a command and an address. Expected one of the two."),
        )),
        (None, None) => {
            Err(Fault::new(start, format!("{who} has neither a \"command\" nor a \"url\".")))
        }
        (Some(command), None) => {
            let mut words = match &command.value {
                Value::StringLit(literal) => vec![literal.value.to_string()],
                list => texts(list, who, "command")?,
            };
            if words.is_empty() {
                return Err(Fault::new(
                    command.range.start,
                    format!("{who} has an empty command."),
                ));
            }
            let command = words.remove(0);
            if let Some(args) = property(server, "args") {
                words.extend(texts(&args.value, who, "args")?);
            }
            let env = property(server, "env").or_else(|| property(server, "environment"));
            let env = env.map_or(Ok(Vec::new()), |env| values(&env.value, who, "env"))?;
            let cwd =
                property(server, "cwd").map(|cwd| text(&cwd.value, who, "cwd")).transpose()?;
            Ok(DraftTransport::Local { command, args: words, env, cwd })
        }
        (None, Some(url)) => {
            let url = text(&url.value, who, "url")?;
            let headers = property(server, "headers");
            let headers =
                headers.map_or(Ok(Vec::new()), |found| values(&found.value, who, "headers"))?;
            Ok(DraftTransport::Remote { url, headers })
        }
    }
}

fn text(value: &Value<'_>, who: &str, key: &str) -> Result<String, Fault> {
    match value {
        Value::StringLit(literal) => Ok(literal.value.to_string()),
        Value::NumberLit(number) => Ok(number.value.to_owned()),
        Value::BooleanLit(truth) => Ok(truth.value.to_string()),
        other => {
            let found = kind_of(other);
            let message = format!("{who}: expected a text under {key:?}, found {found}.");
            Err(Fault::new(start_of(other), message))
        }
    }
}

fn texts(value: &Value<'_>, who: &str, key: &str) -> Result<Vec<String>, Fault> {
    match value {
        Value::Array(array) => array.elements.iter().map(|one| text(one, who, key)).collect(),
        other => {
            let found = kind_of(other);
            let message = format!("{who}: expected a list of texts under {key:?}, found {found}.");
            Err(Fault::new(start_of(other), message))
        }
    }
}

fn values(value: &Value<'_>, who: &str, key: &str) -> Result<Vec<DraftValue>, Fault> {
    let object = as_object(value, &format!("{who}, {key:?}"))?;
    let set = object.properties.iter().filter(|p| p.value.as_null_keyword().is_none());
    set.map(|property| {
        let name = property.name.as_str().to_owned();
        let value = Some(text(&property.value, who, key)?);
        Ok(DraftValue { name, value })
    })
    .collect()
}
