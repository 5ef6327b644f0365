//! The section `mcpServers`: the servers, in the shape every MCP client uses.

use std::collections::BTreeMap;
use std::path::PathBuf;

use drawbridge_model::{
    BUILT_IN_COMPUTER, ChangedTools, Endpoint, Isolation, Launch, Mode, Preset, RecordRule,
    SecretsRule, ServerDefinition, ServerName, ToolName, Transport,
};
use jsonc_parser::ast::{Object, Value};

use super::jsonc::{property, start_of};
use super::read::{Fault, Key, Placed, Reading, nearest, wrong_kind};
use super::{Config, template};

/// The keys of a server that mean something to us; others belong to other apps and are kept.
pub(super) const SERVER_KEYS: &[&str] =
    &["type", "command", "args", "env", "cwd", "url", "headers", "disabled", "drawbridge"];

/// The keys of `mcpServers.NAME.drawbridge`, which are ours.
pub(super) const DRAWBRIDGE_KEYS: &[&str] =
    &["enabled", "preset", "tools", "isolation", "secrets", "record"];

/// The words for how a server is reached, other apps' words included. Without a kind: a transport
/// that is not spoken here.
const TYPES: [(&str, Option<Kind>); 6] = [
    ("stdio", Some(Kind::Local)),
    ("local", Some(Kind::Local)),
    ("http", Some(Kind::Remote)),
    ("streamable-http", Some(Kind::Remote)),
    ("streamableHttp", Some(Kind::Remote)),
    ("sse", None),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Remote,
}

pub(super) fn read(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &mut Reading,
    config: &mut Config,
) -> Result<(), Fault> {
    for property in &section.properties {
        let text = property.name.as_str();
        let at = key.child(text);
        let name = ServerName::new(text).map_err(|error| {
            Fault::new(
                property.range.start,
                &at,
                format!("Expected the name of a server: {error}."),
            )
        })?;
        let entry = reading.object(&property.value, &at)?;
        let start = property.range.start;
        if text == BUILT_IN_COMPUTER {
            read_computer(entry, start, &at, reading, config)?;
        } else {
            config.servers.push(read_server(name, entry, start, &at, reading)?);
        }
    }
    Ok(())
}

fn read_computer(
    entry: &Object<'_>,
    start: usize,
    key: &Key<'_>,
    reading: &mut Reading,
    config: &mut Config,
) -> Result<(), Fault> {
    if entry.properties.iter().any(|property| property.name.as_str() != "drawbridge") {
        return Err(Fault::new(
            start,
            key,
            "The name computer belongs to the server that is built in, of which only the group \
             drawbridge can be set. Give this server another name.",
        ));
    }
    if let Some(found) = property(entry, "drawbridge") {
        let at = key.child("drawbridge");
        let own = reading.object(&found.value, &at)?;
        if let Some(isolation) = property(own, "isolation") {
            return Err(Fault::new(
                isolation.range.start,
                &at.child("isolation"),
                "The built-in server has no process of its own, so this cannot be set.",
            ));
        }
        read_own(own, &at, reading, &mut config.computer)?;
    }
    Ok(())
}

fn read_server(
    name: ServerName,
    entry: &Object<'_>,
    start: usize,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<ServerDefinition, Fault> {
    let transport = read_transport(entry, start, key, reading)?;
    let disabled = reading.optional(entry, key, "disabled", Reading::truth)?;
    let mut server = ServerDefinition {
        name,
        transport,
        enabled: true,
        preset: Preset::default(),
        tools: BTreeMap::new(),
        isolation: Isolation::default(),
        secrets: SecretsRule::default(),
        record: RecordRule::default(),
    };
    if let Some(found) = property(entry, "drawbridge") {
        let at = key.child("drawbridge");
        read_own(reading.object(&found.value, &at)?, &at, reading, &mut server)?;
    }
    server.enabled &= !disabled.is_some_and(|(disabled, _)| disabled);
    for foreign in &entry.properties {
        let name = foreign.name.as_str();
        if !SERVER_KEYS.contains(&name) {
            let remark = match (name, nearest(name, SERVER_KEYS)) {
                ("envFile", _) => "kept, but the file is not read: put its values under env.",
                (_, Some(near)) => &format!("kept, but not used. Did you mean {near}?"),
                (_, None) => "kept, but not used.",
            };
            reading.warn(foreign.range.start, &key.child(name), remark);
        }
    }
    Ok(server)
}

fn read_transport(
    entry: &Object<'_>,
    start: usize,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<Transport, Fault> {
    let command = reading.optional(entry, key, "command", Reading::text)?;
    let url = reading.optional(entry, key, "url", Reading::text)?;
    let kind = read_type(entry, key, reading)?;
    match (command, url) {
        (Some(_), Some((_, at))) => Err(Fault::new(
            at,
            &key.child("url"),
            "Expected either command, for a program on this computer, or url, for a server \
             elsewhere; found both.",
        )),
        (None, None) => {
            let other = ["serverUrl", "httpUrl"].iter().find_map(|name| property(entry, name));
            Err(match other {
                Some(other) => Fault::new(
                    other.range.start,
                    &key.child(other.name.as_str()),
                    "This key is another app's word for the address. Here it is called url.",
                ),
                None => Fault::new(
                    start,
                    key,
                    "Expected command, for a program on this computer, or url, for a server \
                     elsewhere; found neither.",
                ),
            })
        }
        (Some(command), None) => match kind {
            Some((Kind::Remote, at)) => Err(Fault::new(
                at,
                &key.child("type"),
                "This type has a url, but here stands a command. Leave type out, or write \
                 \"stdio\".",
            )),
            _ => read_launch(command, entry, key, reading).map(Transport::Stdio),
        },
        (None, Some(url)) => match kind {
            Some((Kind::Local, at)) => Err(Fault::new(
                at,
                &key.child("type"),
                "This type has a command, but here stands a url. Leave type out, or write \
                 \"http\".",
            )),
            _ => read_endpoint(url, entry, key, reading).map(Transport::Http),
        },
    }
}

fn read_type(
    entry: &Object<'_>,
    key: &Key<'_>,
    reading: &Reading,
) -> Result<Option<Placed<Kind>>, Fault> {
    let Some((text, at)) = reading.optional(entry, key, "type", Reading::text)? else {
        return Ok(None);
    };
    match TYPES.iter().find(|(name, _)| *name == text) {
        Some((_, Some(kind))) => Ok(Some((*kind, at))),
        Some((_, None)) => Err(Fault::new(
            at,
            &key.child("type"),
            "Servers of the older type \"sse\" are not supported yet. If this server also has a \
             Streamable HTTP address, write that one and \"http\".",
        )),
        None => Err(Fault::new(
            at,
            &key.child("type"),
            "Expected \"stdio\" or \"http\". It can also be left out.",
        )),
    }
}

fn read_launch(
    (command, command_at): Placed<String>,
    entry: &Object<'_>,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<Launch, Fault> {
    if command.trim().is_empty() || command.contains('\0') {
        return Err(Fault::new(
            command_at,
            &key.child("command"),
            "Expected the name or path of a program.",
        ));
    }
    check_references(&command, command_at, &key.child("command"), reading)?;
    let args_key = key.child("args");
    let mut args = Vec::new();
    let listed = reading.optional(entry, key, "args", Reading::texts)?;
    for (index, (arg, at)) in listed.into_iter().flat_map(|(list, _)| list).enumerate() {
        let arg_key = args_key.index(index);
        if arg.contains('\0') {
            return Err(Fault::new(at, &arg_key, "An argument cannot hold a NUL character."));
        }
        check_references(&arg, at, &arg_key, reading)?;
        args.push(arg);
    }
    let env = read_map(entry, "env", key, reading, check_variable)?;
    let cwd = reading.optional(entry, key, "cwd", Reading::text)?;
    let cwd = cwd
        .map(|(cwd, at)| match cwd.trim().is_empty() || cwd.contains('\0') {
            true => Err(Fault::new(at, &key.child("cwd"), "Expected the path of a folder.")),
            false => Ok(PathBuf::from(cwd)),
        })
        .transpose()?;
    if let Some(found) = property(entry, "headers") {
        reading.warn(found.range.start, &key.child("headers"), "not used: it belongs to a url.");
    }
    Ok(Launch { command, args, env, cwd })
}

fn read_endpoint(
    (url, at): Placed<String>,
    entry: &Object<'_>,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<Endpoint, Fault> {
    check_url(&url).map_err(|expected| Fault::new(at, &key.child("url"), expected))?;
    let headers = read_map(entry, "headers", key, reading, check_header)?;
    for name in ["args", "env", "cwd"] {
        if let Some(found) = property(entry, name) {
            reading.warn(found.range.start, &key.child(name), "not used: it belongs to a command.");
        }
    }
    Ok(Endpoint { url, headers })
}

fn read_map(
    entry: &Object<'_>,
    name: &str,
    key: &Key<'_>,
    reading: &mut Reading,
    check: fn(&str, &str) -> Result<(), &'static str>,
) -> Result<BTreeMap<String, String>, Fault> {
    let mut map = BTreeMap::new();
    let Some(found) = property(entry, name) else {
        return Ok(map);
    };
    let key = key.child(name);
    for property in &reading.object(&found.value, &key)?.properties {
        let name = property.name.as_str();
        let at = key.child(name);
        let value = reading.text(&property.value, &at)?;
        check(name, &value).map_err(|expected| Fault::new(property.range.start, &at, expected))?;
        check_references(&value, start_of(&property.value), &at, reading)?;
        map.insert(name.to_owned(), value);
    }
    Ok(map)
}

fn check_references(
    value: &str,
    at: usize,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<(), Fault> {
    template::references(value).map_err(|_| {
        Fault::new(at, key, "Expected a reference to be written as ${env:NAME} or ${secret:NAME}.")
    })?;
    if let Some(range) = template::vscode_variable(value) {
        let remark = format!(
            "{} means something to VS Code only and is handed on as it stands.",
            &value[range]
        );
        reading.warn(at, key, &remark);
    }
    Ok(())
}

/// Reads the group `drawbridge` of a server.
fn read_own(
    own: &Object<'_>,
    key: &Key<'_>,
    reading: &mut Reading,
    server: &mut ServerDefinition,
) -> Result<(), Fault> {
    const MODES: [(&str, Mode); 4] = [
        ("off", Mode::Off),
        ("ask", Mode::Ask),
        ("ask-every-time", Mode::AskEveryTime),
        ("allow", Mode::Allow),
    ];
    const PRESETS: [(&str, Preset); 4] = [
        ("ask", Preset::Ask),
        ("read", Preset::Read),
        ("allow", Preset::Allow),
        ("off", Preset::Off),
    ];
    const ISOLATIONS: [(&str, Isolation); 2] =
        [("shared", Isolation::Shared), ("per-app", Isolation::PerApp)];
    const SECRETS: [(&str, SecretsRule); 3] =
        [("mark", SecretsRule::Mark), ("mask", SecretsRule::Mask), ("block", SecretsRule::Block)];
    const RECORDS: [(&str, RecordRule); 3] = [
        ("content", RecordRule::Content),
        ("shapes", RecordRule::Shapes),
        ("nothing", RecordRule::Nothing),
    ];
    reading.only_known(own, key, DRAWBRIDGE_KEYS)?;
    if let Some((enabled, _)) = reading.optional(own, key, "enabled", Reading::truth)? {
        server.enabled = enabled;
    }
    if let Some(found) = property(own, "preset") {
        server.preset = choice(&found.value, &key.child("preset"), &PRESETS)?;
    }
    if let Some(found) = property(own, "isolation") {
        server.isolation = choice(&found.value, &key.child("isolation"), &ISOLATIONS)?;
    }
    if let Some(found) = property(own, "secrets") {
        server.secrets = choice(&found.value, &key.child("secrets"), &SECRETS)?;
    }
    if let Some(found) = property(own, "record") {
        server.record = choice(&found.value, &key.child("record"), &RECORDS)?;
    }
    if let Some(found) = property(own, "tools") {
        let key = key.child("tools");
        for tool in &reading.object(&found.value, &key)?.properties {
            let text = tool.name.as_str();
            let at = key.child(text);
            let name = ToolName::new(text).map_err(|error| {
                Fault::new(tool.range.start, &at, format!("Expected the name of a tool: {error}."))
            })?;
            server.tools.insert(name, choice(&tool.value, &at, &MODES)?);
        }
    }
    Ok(())
}

/// Reads the section `policy`.
pub(super) fn read_policy(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &Reading,
) -> Result<ChangedTools, Fault> {
    const CHANGED_TOOLS: [(&str, ChangedTools); 2] =
        [("hold", ChangedTools::Hold), ("accept", ChangedTools::Accept)];
    reading.only_known(section, key, &["changedTools"])?;
    property(section, "changedTools").map_or(Ok(ChangedTools::default()), |found| {
        choice(&found.value, &key.child("changedTools"), &CHANGED_TOOLS)
    })
}

/// One of a few words.
fn choice<T: Copy>(value: &Value<'_>, key: &Key<'_>, choices: &[(&str, T)]) -> Result<T, Fault> {
    let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let expected = words.join(", ");
    let Value::StringLit(literal) = value else {
        return Err(wrong_kind(value, key, &format!("one of {expected}")));
    };
    let found = choices.iter().find(|(word, _)| *word == literal.value);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let known: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let hint = match nearest(&literal.value, &known) {
            Some(near) => format!(" Did you mean \"{near}\"?"),
            None => String::new(),
        };
        Fault::new(
            start_of(value),
            key,
            format!("Expected one of {expected}, found another text.{hint}"),
        )
    })
}

/// Whether a remote server can have this address.
pub(crate) fn check_url(url: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "Expected an address that begins with http:// or https://.";
    if url.contains("${") {
        return Err("A reference cannot stand in an address, which is shown. Send the value as a \
                    header instead.");
    }
    let parsed = url::Url::parse(url).map_err(|_| EXPECTED)?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err(EXPECTED);
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(
            "A name and password cannot stand in an address, which is shown. Send them as \
                    the header Authorization instead.",
        );
    }
    if parsed.fragment().is_some() {
        return Err("Expected an address without a # part.");
    }
    Ok(())
}

/// Whether a header can be sent (RFC 9110, sections 5.1 and 5.5).
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err("Expected the name of a header: letters, digits and - only.");
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err("A header's value cannot hold a line break or another control character.");
    }
    Ok(())
}

/// Whether a variable can be set for a process.
pub(crate) fn check_variable(name: &str, value: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("Expected the name of a variable, without =.");
    }
    if value.contains('\0') {
        return Err("A variable's value cannot hold a NUL character.");
    }
    Ok(())
}
