//! Reading: from the tree to the [`Config`], with a place and an expectation for each mistake.

use std::fmt;
use std::path::Path;

use jsonc_parser::ast::{Object, Value};

use super::jsonc::{self, Document, kind_of, line_of, property, start_of, without_mark};
use super::{Config, audit, clients, gateway, models, servers};
use crate::view::ConfigProblem;

/// The sections of the file. Those without a reader have no settings so far and must be empty.
pub(super) const SECTIONS: &[&str] = &[
    "$schema",
    "mcpServers",
    "gateway",
    "clients",
    "ollama",
    "backends",
    "policy",
    "audit",
    "panel",
];

/// Sections that are kept for later.
pub(super) const EMPTY_SECTIONS: &[&str] = &["panel"];

/// Most bytes a config file may have: far above any real one, and little enough to read at once.
pub(super) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Something in the file that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    line: Option<u32>,
    offset: usize,
    key: String,
    message: String,
}

impl Fault {
    /// At a byte of the text; the line is filled in where the text is known.
    pub(super) fn new(offset: usize, key: &Key<'_>, message: impl Into<String>) -> Self {
        Self { line: None, offset, key: key.to_string(), message: message.into() }
    }

    pub(super) fn into_problem(self, path: &Path) -> ConfigProblem {
        ConfigProblem {
            path: path.display().to_string(),
            line: self.line,
            key: self.key,
            message: self.message,
        }
    }
}

/// Where in the file a value stands, as a path of keys.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    parent: Option<&'a Key<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Name(&'a str),
    Index(usize),
}

impl<'a> Key<'a> {
    pub(super) const ROOT: Key<'static> = Key { parent: None, step: Step::Root };

    pub(super) fn child<'b>(&'b self, name: &'b str) -> Key<'b>
    where
        'a: 'b,
    {
        Key { parent: Some(self), step: Step::Name(name) }
    }

    pub(super) fn index<'b>(&'b self, index: usize) -> Key<'b>
    where
        'a: 'b,
    {
        Key { parent: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, formatter)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(formatter, "[{index}]"),
            Step::Name(name) => {
                let first = self.parent.is_none_or(|parent| matches!(parent.step, Step::Root));
                let dot = if first { "" } else { "." };
                if name.contains(['.', '[', ' ', '"']) || name.is_empty() {
                    write!(formatter, "{dot}{name:?}")
                } else {
                    write!(formatter, "{dot}{name}")
                }
            }
        }
    }
}

/// What a reader of one value returns together with where the value starts.
pub(super) type Placed<T> = (T, usize);

/// One pass over a file: gathers the remarks and checks the kinds of values.
#[derive(Default)]
pub(super) struct Reading {
    text: String,
    pub(super) warnings: Vec<String>,
}

impl Reading {
    /// A remark on something that is kept but has no effect.
    pub(super) fn warn(&mut self, offset: usize, key: &Key<'_>, message: &str) {
        let line = line_of(&self.text, offset);
        self.warnings.push(format!("Line {line}, {key}: {message}"));
    }

    pub(super) fn object<'t, 'a>(
        &self,
        value: &'t Value<'a>,
        key: &Key<'_>,
    ) -> Result<&'t Object<'a>, Fault> {
        value.as_object().ok_or_else(|| wrong_kind(value, key, "a group in braces, { … }"))
    }

    pub(super) fn text(&self, value: &Value<'_>, key: &Key<'_>) -> Result<String, Fault> {
        match value {
            Value::StringLit(literal) => Ok(literal.value.to_string()),
            other => Err(wrong_kind(other, key, "a text in quotation marks")),
        }
    }

    pub(super) fn truth(&self, value: &Value<'_>, key: &Key<'_>) -> Result<bool, Fault> {
        match value {
            Value::BooleanLit(literal) => Ok(literal.value),
            other => Err(wrong_kind(other, key, "true or false")),
        }
    }

    pub(super) fn texts(
        &self,
        value: &Value<'_>,
        key: &Key<'_>,
    ) -> Result<Vec<Placed<String>>, Fault> {
        let Value::Array(array) = value else {
            return Err(wrong_kind(value, key, "a list of texts, [\"…\", \"…\"]"));
        };
        let element =
            |(index, element)| Ok((self.text(element, &key.index(index))?, start_of(element)));
        array.elements.iter().enumerate().map(element).collect()
    }

    /// The value under a key, read with one of the readers above, if the key is there.
    pub(super) fn optional<T>(
        &self,
        object: &Object<'_>,
        key: &Key<'_>,
        name: &str,
        read: fn(&Self, &Value<'_>, &Key<'_>) -> Result<T, Fault>,
    ) -> Result<Option<Placed<T>>, Fault> {
        property(object, name)
            .map(|found| Ok((read(self, &found.value, &key.child(name))?, start_of(&found.value))))
            .transpose()
    }

    /// Refuses keys of our own sections that do not exist.
    pub(super) fn only_known(
        &self,
        object: &Object<'_>,
        key: &Key<'_>,
        known: &[&str],
    ) -> Result<(), Fault> {
        let unknown = object.properties.iter().find(|p| !known.contains(&p.name.as_str()));
        unknown.map_or(Ok(()), |property| {
            let name = property.name.as_str();
            let expected = match nearest(name, known) {
                Some(near) => format!("This key does not exist. Did you mean {near}?"),
                None => format!("This key does not exist. Known here: {}.", known.join(", ")),
            };
            Err(Fault::new(property.range.start, &key.child(name), expected))
        })
    }
}

/// A value of the wrong kind. Names the kind that stands there, never the value.
pub(super) fn wrong_kind(value: &Value<'_>, key: &Key<'_>, expected: &str) -> Fault {
    Fault::new(start_of(value), key, format!("Expected {expected}, found {}.", kind_of(value)))
}

/// The known word a misspelt one is nearest to, if one is near.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase();
    let most = 1 + word.chars().count() / 4;
    known
        .iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), *candidate))
        .filter(|(steps, _)| *steps <= most)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, removed or replaced to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<(Config, Vec<String>), Fault> {
    let text = without_mark(text);
    let placed = |mut fault: Fault| {
        fault.line = Some(line_of(text, fault.offset));
        fault
    };
    if text.len() > MOST_BYTES {
        return Err(Fault {
            line: None,
            offset: 0,
            key: String::new(),
            message: "Expected a config file of at most 4 MiB.".to_owned(),
        });
    }
    let document = Document::parse(text)
        .map_err(|fault| placed(Fault::new(fault.offset, &Key::ROOT, fault.message)))?;
    let Some(root) = document.root else {
        return Ok((Config::default(), Vec::new()));
    };
    let mut reading = Reading { text: text.to_owned(), warnings: Vec::new() };
    let config = read_root(&root, &mut reading).map_err(placed)?;
    Ok((config, reading.warnings))
}

fn read_root(root: &Value<'_>, reading: &mut Reading) -> Result<Config, Fault> {
    let object = reading.object(root, &Key::ROOT)?;
    if let Some((path, second, first)) = jsonc::repeated_name(root) {
        let line = line_of(&reading.text, first);
        let mut fault = Fault::new(
            second,
            &Key::ROOT,
            format!(
                "This key stands here a second time; the first one is in line {line}. Remove one of them."
            ),
        );
        fault.key = path.join(".").replace(".[", "[");
        return Err(fault);
    }
    if let Some(foreign) =
        property(object, "servers").or_else(|| property(object, "context_servers"))
    {
        return Err(Fault::new(
            foreign.range.start,
            &Key::ROOT.child(foreign.name.as_str()),
            "This key does not exist. Servers stand under mcpServers.",
        ));
    }
    reading.only_known(object, &Key::ROOT, SECTIONS)?;
    reading.optional(object, &Key::ROOT, "$schema", Reading::text)?;
    for name in EMPTY_SECTIONS {
        if let Some(found) = property(object, name) {
            let key = Key::ROOT.child(name);
            if let Some(inner) = reading.object(&found.value, &key)?.properties.first() {
                return Err(Fault::new(
                    inner.range.start,
                    &key.child(inner.name.as_str()),
                    "This key does not exist. This section has no settings so far.",
                ));
            }
        }
    }
    let mut config = Config::default();
    if let Some(found) = property(object, "mcpServers") {
        let key = Key::ROOT.child("mcpServers");
        let section = reading.object(&found.value, &key)?;
        servers::read(section, &key, reading, &mut config)?;
    }
    if let Some(found) = property(object, "gateway") {
        let key = Key::ROOT.child("gateway");
        config.gateway = gateway::read(reading.object(&found.value, &key)?, &key, reading)?;
    }
    if let Some(found) = property(object, "policy") {
        let key = Key::ROOT.child("policy");
        let section = reading.object(&found.value, &key)?;
        config.changed_tools = servers::read_policy(section, &key, reading)?;
    }
    if let Some(found) = property(object, "audit") {
        let key = Key::ROOT.child("audit");
        config.audit = audit::read(reading.object(&found.value, &key)?, &key, reading)?;
    }
    if let Some(found) = property(object, "ollama") {
        let key = Key::ROOT.child("ollama");
        config.ollama = models::read_ollama(reading.object(&found.value, &key)?, &key, reading)?;
    }
    if let Some(found) = property(object, "backends") {
        let key = Key::ROOT.child("backends");
        let section = reading.object(&found.value, &key)?;
        config.backends = models::read_backends(section, &key, reading)?;
    }
    if let Some(found) = property(object, "clients") {
        let key = Key::ROOT.child("clients");
        let section = reading.object(&found.value, &key)?;
        config.clients = clients::read(section, &key, reading)?;
    }
    Ok(config)
}
