//! Reading what a server offers, all pages of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_model::{ServerName, ToolName};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Offer, Prompt, Resource, Template, Tool, ToolAnnotations};
use crate::call::Outcome;
use crate::connection::{Connection, SendError};
use crate::event::ListKind;
use crate::names;
use crate::wire::{self, Field};

/// Most pages of one list, and most entries of it. A server that has more is broken or means
/// harm; what was read until then counts.
const PAGES_LIMIT: usize = 1000;
const ITEMS_LIMIT: usize = 10_000;
/// How long one page may take.
const PAGE_LIMIT: Duration = Duration::from_secs(60);

/// Reads every list the server declared.
///
/// # Errors
/// [`SendError`] when the connection ends or the server keeps silent. A list that the server
/// answers with an error is empty, and a warning says so.
pub async fn read_offer(
    server: &ServerName,
    connection: &Connection,
    warnings: &mut Vec<String>,
) -> Result<Offer, SendError> {
    let mut offer = Offer::default();
    for kind in ListKind::ALL {
        read_list(server, connection, kind, &mut offer, warnings).await?;
    }
    Ok(offer)
}

/// Reads one kind of list anew, if the server declared it, and leaves the rest of the offer.
///
/// # Errors
/// As for [`read_offer`].
pub async fn read_list(
    server: &ServerName,
    connection: &Connection,
    kind: ListKind,
    offer: &mut Offer,
    warnings: &mut Vec<String>,
) -> Result<(), SendError> {
    let can = connection.opening().capabilities;
    let declared = match kind {
        ListKind::Tools => can.tools,
        ListKind::Prompts => can.prompts,
        ListKind::Resources => can.resources,
    };
    if !declared {
        return Ok(());
    }
    let mut reader = Reader { connection, warnings };
    match kind {
        ListKind::Tools => {
            let slug = names::slug(server.as_str());
            let tools = reader.list("tools/list", "tools", |raw| tool(&slug, raw)).await?;
            offer.tools = Arc::new(distinct(tools, |tool| tool.name.as_str(), reader.warnings));
        }
        ListKind::Prompts => {
            let slug = names::slug(server.as_str());
            let prompts = reader.list("prompts/list", "prompts", |raw| prompt(&slug, raw)).await?;
            offer.prompts = Arc::new(distinct(prompts, |prompt| &prompt.name, reader.warnings));
        }
        ListKind::Resources => {
            let prefix = names::uri_prefix(server.as_str());
            let resources =
                reader.list("resources/list", "resources", |raw| resource(&prefix, raw)).await?;
            offer.resources = Arc::new(resources);
            let templates = reader
                .list("resources/templates/list", "resourceTemplates", |raw| template(&prefix, raw))
                .await?;
            offer.templates = Arc::new(templates);
        }
    }
    Ok(())
}

struct Reader<'a> {
    connection: &'a Connection,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    async fn list<T>(
        &mut self,
        method: &str,
        key: &str,
        entry: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Result<Vec<T>, SendError> {
        let mut entries = Vec::new();
        let mut cursors = HashSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_LIMIT {
            let params = match &cursor {
                Some(cursor) => format!(r#"{{"cursor":{cursor}}}"#),
                None => "{}".to_owned(),
            };
            let page = self.connection.ask(method, Some(&wire::raw(params)), PAGE_LIMIT).await?;
            let page = match page {
                Outcome::Result(page) => page,
                Outcome::Error(error) => {
                    // Many servers with resources know no templates and say so with an error.
                    if method != "resources/templates/list" {
                        self.warn(format!("{method} was answered with an error: {}", error.get()));
                    }
                    return Ok(entries);
                }
            };
            cursor = None;
            let mut items = 0_usize;
            let mut refused = Vec::new();
            let paths: [&[&str]; 2] = [&[key, "*"], &["nextCursor"]];
            let read = wire::find_each(&page, &paths, |path, field| {
                if path == 1 {
                    cursor = field.raw.starts_with('"').then(|| field.raw.to_owned());
                    return;
                }
                items += 1;
                if entries.len() >= ITEMS_LIMIT {
                    return;
                }
                match field.value().ok_or_else(|| "unreadable".to_owned()).and_then(&entry) {
                    Ok(item) => entries.push(item),
                    Err(why) => refused.push(format!("entry {items} was left out: {why}")),
                }
            });
            for refused in refused {
                self.warn(format!("{method}: {refused}"));
            }
            if let Err(error) = read {
                self.warn(format!("{method} was answered with an unreadable list: {error}"));
                return Ok(entries);
            }
            if entries.len() >= ITEMS_LIMIT {
                self.warn(format!("{method}: only the first {ITEMS_LIMIT} entries are used"));
                return Ok(entries);
            }
            match &cursor {
                None => return Ok(entries),
                Some(next) if !cursors.insert(next.clone()) => {
                    self.warn(format!("{method}: the page {next} came twice"));
                    return Ok(entries);
                }
                Some(_) => {}
            }
        }
        self.warn(format!("{method}: only the first {PAGES_LIMIT} pages are used"));
        Ok(entries)
    }

    fn warn(&mut self, warning: String) {
        // Enough to see what is wrong; ten thousand broken entries say no more than twenty.
        if self.warnings.len() < 20 {
            self.warnings.push(warning);
        }
    }
}

/// Keeps the first of entries with the same name.
fn distinct<T>(entries: Vec<T>, name: impl Fn(&T) -> &str, warnings: &mut Vec<String>) -> Vec<T> {
    let mut known = HashSet::new();
    let doubles: HashSet<usize> = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| !known.insert(name(entry).to_owned()))
        .map(|(index, _)| index)
        .collect();
    if !doubles.is_empty() {
        warnings.push(format!("{} entries were left out: their name came twice", doubles.len()));
    }
    entries
        .into_iter()
        .enumerate()
        .filter(|(index, _)| !doubles.contains(index))
        .map(|(_, entry)| entry)
        .collect()
}

/// The interpreted fields of an entry, in the order of `keys`.
fn fields<'a, const N: usize>(
    raw: &'a RawValue,
    keys: [&[&str]; N],
) -> Result<[Option<Field<'a>>; N], String> {
    if !raw.get().starts_with('{') {
        return Err("not an object".to_owned());
    }
    let mut found = [const { None }; N];
    wire::find_each(raw, &keys, |index, field| found[index] = Some(field))
        .map_err(|error| error.to_string())?;
    Ok(found)
}

fn text(field: Option<&Field<'_>>) -> Option<String> {
    field?.text().map(std::borrow::Cow::into_owned)
}

fn name(field: Option<&Field<'_>>, key: &str) -> Result<String, String> {
    text(field).filter(|name| !name.is_empty()).ok_or_else(|| format!("it has no `{key}`"))
}

fn exchanged(raw: &RawValue, field: Option<&Field<'_>>, with: &str) -> Box<RawValue> {
    let Some(field) = field else { return raw.to_owned() };
    let text = raw.get();
    let with = wire::raw_string(with);
    wire::raw([&text[..field.span.start], &with, &text[field.span.end..]].concat())
}

fn tool(slug: &str, raw: &RawValue) -> Result<Tool, String> {
    let [field, title, other_title, description, read_only, destructive, idempotent, open_world] =
        fields(
            raw,
            [
                &["name"],
                &["title"],
                &["annotations", "title"],
                &["description"],
                &["annotations", "readOnlyHint"],
                &["annotations", "destructiveHint"],
                &["annotations", "idempotentHint"],
                &["annotations", "openWorldHint"],
            ],
        )?;
    let name = name(field.as_ref(), "name")?;
    let name = ToolName::new(&name).map_err(|error| error.to_string())?;
    let exposed = names::exposed_in(slug, name.as_str());
    let claim = |field: Option<Field<'_>>| match field?.raw {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    Ok(Tool {
        digest: digest(raw)?,
        exposed_raw: exchanged(raw, field.as_ref(), &exposed),
        exposed: exposed.into(),
        name,
        raw: raw.to_owned(),
        title: text(title.as_ref()).or_else(|| text(other_title.as_ref())),
        description: text(description.as_ref()),
        annotations: ToolAnnotations {
            read_only: claim(read_only),
            destructive: claim(destructive),
            idempotent: claim(idempotent),
            open_world: claim(open_world),
        },
    })
}

/// Parts are told apart by their length, and one that is missing from an empty one.
fn digest(raw: &RawValue) -> Result<[u8; 32], String> {
    let parts = fields(
        raw,
        [
            &["name"],
            &["title"],
            &["description"],
            &["inputSchema"],
            &["outputSchema"],
            &["annotations"],
        ],
    )?;
    let mut hash = Sha256::new();
    for part in &parts {
        let text = part.as_ref().map(|part| part.raw);
        hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
        hash.update(text.unwrap_or_default());
    }
    Ok(hash.finalize().into())
}

fn prompt(slug: &str, raw: &RawValue) -> Result<Prompt, String> {
    let [field, title, description] = fields(raw, [&["name"], &["title"], &["description"]])?;
    let name = name(field.as_ref(), "name")?;
    let exposed = names::exposed_in(slug, &name);
    Ok(Prompt {
        exposed_raw: exchanged(raw, field.as_ref(), &exposed),
        exposed: exposed.into(),
        name,
        raw: raw.to_owned(),
        title: text(title.as_ref()),
        description: text(description.as_ref()),
    })
}

fn resource(prefix: &str, raw: &RawValue) -> Result<Resource, String> {
    let [field] = fields(raw, [&["uri"]])?;
    let uri = name(field.as_ref(), "uri")?;
    let exposed = format!("{prefix}{uri}");
    Ok(Resource {
        exposed_raw: exchanged(raw, field.as_ref(), &exposed),
        exposed,
        uri,
        raw: raw.to_owned(),
    })
}

fn template(prefix: &str, raw: &RawValue) -> Result<Template, String> {
    let [field] = fields(raw, [&["uriTemplate"]])?;
    let uri_template = name(field.as_ref(), "uriTemplate")?;
    let exposed = format!("{prefix}{uri_template}");
    Ok(Template {
        exposed_raw: exchanged(raw, field.as_ref(), &exposed),
        exposed,
        uri_template,
        raw: raw.to_owned(),
    })
}
