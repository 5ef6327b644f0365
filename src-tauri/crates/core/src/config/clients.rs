//! The section `clients`: the apps that may connect, and what they prove themselves with.

use std::collections::BTreeMap;
use std::fmt;

use drawbridge_model::ClientName;
use jsonc_parser::ast::Object;

use super::read::{Fault, Key, Reading};
use super::template;

/// One app that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientEntry {
    /// What its token is compared with.
    pub token: TokenSource,
    /// Whether its token may stand in the path (`/k/TOKEN/…`), for apps that cannot send headers.
    pub in_path: bool,
    /// Whether it may download, change and delete models.
    pub manages_models: bool,
}

/// Where a client's token comes from. The token itself is never in the file.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// The SHA-256 of the token as 64 lower-case hexadecimal digits.
    Sha256(String),
    /// One reference, `${env:NAME}` or `${secret:NAME}`, that stands for the token.
    Template(String),
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(_) => formatter.write_str("Sha256(…)"),
            Self::Template(reference) => {
                formatter.debug_tuple("Template").field(reference).finish()
            }
        }
    }
}

/// The keys a client may have.
pub(super) const CLIENT_KEYS: &[&str] = &["token", "tokenSha256", "tokenInPath", "manageModels"];

pub(super) fn read(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<BTreeMap<ClientName, ClientEntry>, Fault> {
    let mut clients = BTreeMap::new();
    for property in &section.properties {
        let name = property.name.as_str();
        let at = key.child(name);
        let name = ClientName::new(name).map_err(|error| {
            Fault::new(
                property.range.start,
                &at,
                format!(
                    "Expected the name of an app, of letters, digits, - _ and . only: {error}."
                ),
            )
        })?;
        let entry =
            read_client(reading.object(&property.value, &at)?, property.range.start, &at, reading)?;
        if let Some(other) = same_token(&clients, &entry) {
            return Err(Fault::new(
                property.range.start,
                &at,
                format!(
                    "Expected a token of its own, found the one of \"{other}\". Then nobody could tell the two apart."
                ),
            ));
        }
        clients.insert(name, entry);
    }
    Ok(clients)
}

fn read_client(
    entry: &Object<'_>,
    start: usize,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<ClientEntry, Fault> {
    reading.only_known(entry, key, CLIENT_KEYS)?;
    let token = reading.optional(entry, key, "token", Reading::text)?;
    let digest = reading.optional(entry, key, "tokenSha256", Reading::text)?;
    let in_path = reading.optional(entry, key, "tokenInPath", Reading::truth)?;
    let manages_models = reading.optional(entry, key, "manageModels", Reading::truth)?;
    let token = match (token, digest) {
        (Some((text, _)), None) if template::is_one_reference(&text) => TokenSource::Template(text),
        (Some((_, at)), None) => {
            return Err(Fault::new(
                at,
                &key.child("token"),
                "Expected one reference, such as \"${env:NAME}\" or \"${secret:NAME}\", and nothing \
                 around it. A token itself does not belong in this file; its SHA-256 can stand in \
                 tokenSha256.",
            ));
        }
        (None, Some((text, at))) => {
            let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !digits {
                return Err(Fault::new(
                    at,
                    &key.child("tokenSha256"),
                    "Expected the SHA-256 of the token, 64 hexadecimal digits.",
                ));
            }
            TokenSource::Sha256(text.to_ascii_lowercase())
        }
        (Some(_), Some((_, at))) => {
            return Err(Fault::new(
                at,
                &key.child("tokenSha256"),
                "Expected either token or tokenSha256, found both.",
            ));
        }
        (None, None) => {
            return Err(Fault::new(start, key, "Expected token or tokenSha256, found neither."));
        }
    };
    Ok(ClientEntry {
        token,
        in_path: in_path.is_some_and(|(value, _)| value),
        manages_models: manages_models.is_some_and(|(value, _)| value),
    })
}

fn same_token<'c>(
    clients: &'c BTreeMap<ClientName, ClientEntry>,
    entry: &ClientEntry,
) -> Option<&'c ClientName> {
    clients.iter().find(|(_, other)| other.token == entry.token).map(|(name, _)| name)
}
