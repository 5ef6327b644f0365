//! Tokens: which client a request comes from. A token is checked at each request; nothing else, a
//! session's id least of all, stands in for it.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderMap, HeaderName};

use crate::clients::{Client, Clients, TokenPlace};

/// Why a request has no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    /// It shows no token. A token in the query counts as none.
    #[error("the request shows no token")]
    Missing,
    /// It shows a token that is not one of ours, or one of ours in a place its app may not use.
    #[error("the request shows a token that is not valid")]
    Invalid,
    /// Its credentials cannot be read (RFC 6750 section 3.1, `invalid_request`).
    #[error("the request shows its token in a way that cannot be read")]
    Malformed,
}

impl Denied {
    pub(crate) fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer",
            Self::Invalid => "Bearer error=\"invalid_token\"",
            Self::Malformed => "Bearer error=\"invalid_request\"",
        }
    }

    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Missing => "This address needs the token that Drawbridge made for this app.",
            Self::Invalid => {
                "This token is not valid. Copy the app's set-up from Drawbridge again."
            }
            Self::Malformed => "The Authorization header cannot be read. Send `Bearer TOKEN`.",
        }
    }
}

/// Finds the client a request comes from. A token in the path decides alone: an app that was given
/// one cannot be trusted to leave its header empty, and many send a placeholder there.
pub(crate) fn client(
    clients: &Clients,
    headers: &HeaderMap,
    in_path: Option<&str>,
) -> Result<Arc<Client>, Denied> {
    if let Some(token) = in_path {
        let client = clients.holder_of(token).ok_or(Denied::Invalid)?;
        return match client.placement {
            TokenPlace::HeaderOrPath => Ok(Arc::clone(client)),
            TokenPlace::Header => Err(Denied::Invalid),
        };
    }
    let token = in_headers(headers)?;
    clients.holder_of(token).map(Arc::clone).ok_or(Denied::Invalid)
}

fn in_headers(headers: &HeaderMap) -> Result<&str, Denied> {
    const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
    let bearer = one(headers, &AUTHORIZATION)?.map(bearer).transpose()?;
    let key = one(headers, &API_KEY)?;
    match (bearer, key) {
        (None, None) => Err(Denied::Missing),
        // RFC 6750 section 2: one method a request. The same token twice harms nobody.
        (Some(bearer), Some(key)) if bearer != key => Err(Denied::Malformed),
        (Some(token), _) | (None, Some(token)) => Ok(token),
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Denied> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Denied::Malformed);
    }
    value.to_str().map(Some).map_err(|_| Denied::Malformed)
}

/// The token of `Bearer TOKEN` (RFC 6750 section 2.1). Another scheme is a credential that is not
/// ours.
fn bearer(value: &str) -> Result<&str, Denied> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.is_empty() {
        return Err(Denied::Malformed);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::Invalid);
    }
    let token = token.trim_matches(' ');
    let plain = |c: u8| {
        c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
    };
    if token.is_empty() || !token.bytes().all(plain) {
        return Err(Denied::Malformed);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use drawbridge_model::ClientName;
    use drawbridge_secrets::TokenDigest;
    use http::HeaderValue;

    use super::*;

    fn clients() -> Clients {
        Clients::new([("editor", TokenPlace::Header), ("chat", TokenPlace::HeaderOrPath)].map(
            |(name, placement)| Client {
                name: ClientName::new(name).expect("a plain name"),
                digest: TokenDigest::of(&format!("db_{name}")),
                placement,
                manages_models: false,
            },
        ))
    }

    fn decide(headers: &[(&'static str, &[u8])], in_path: Option<&str>) -> Result<String, Denied> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).expect("a header value"));
        }
        client(&clients(), &map, in_path).map(|client| client.name.to_string())
    }

    #[test]
    fn a_token_is_found_where_it_may_stand_and_nowhere_else() {
        use Denied::{Invalid, Malformed, Missing};
        let editor = Ok("editor".to_owned());
        let chat = Ok("chat".to_owned());
        type Row<'a> = (&'a [(&'static str, &'a [u8])], Option<&'a str>, Result<String, Denied>);
        let rows: &[Row<'_>] = &[
            (&[], None, Err(Missing)),
            (&[("authorization", b"Bearer db_editor")], None, editor.clone()),
            (&[("authorization", b"bearer  db_editor")], None, editor.clone()),
            (&[("x-api-key", b"db_editor")], None, editor.clone()),
            (&[("x-api-key", b"db_other")], None, Err(Invalid)),
            (&[("x-api-key", b"")], None, Err(Invalid)),
            (&[("authorization", b"Bearer db_other")], None, Err(Invalid)),
            (&[("authorization", b"Bearer db_editorx")], None, Err(Invalid)),
            (&[("authorization", b"Bearer db_edito")], None, Err(Invalid)),
            (&[("authorization", b"Basic db_editor")], None, Err(Invalid)),
            (&[("authorization", b"db_editor")], None, Err(Invalid)),
            (&[("authorization", b"Bearer")], None, Err(Malformed)),
            (&[("authorization", b"Bearer ")], None, Err(Malformed)),
            (&[("authorization", b"Bearer db_editor db_editor")], None, Err(Malformed)),
            (&[("authorization", b"Bearer db_editor,x")], None, Err(Malformed)),
            (&[("authorization", b"")], None, Err(Malformed)),
            (&[("authorization", b"Bearer \xff")], None, Err(Malformed)),
            (
                &[("authorization", b"Bearer db_editor"), ("authorization", b"Bearer db_editor")],
                None,
                Err(Malformed),
            ),
            (
                &[("authorization", b"Bearer db_editor"), ("x-api-key", b"db_editor")],
                None,
                editor.clone(),
            ),
            (
                &[("authorization", b"Bearer db_editor"), ("x-api-key", b"db_chat")],
                None,
                Err(Malformed),
            ),
            (&[], Some("db_chat"), chat.clone()),
            (&[], Some("db_editor"), Err(Invalid)),
            (&[], Some(""), Err(Invalid)),
            (&[], Some("db_other"), Err(Invalid)),
            (&[("authorization", b"Bearer ollama")], Some("db_chat"), chat),
            (&[("authorization", b"Bearer db_editor")], Some("db_other"), Err(Invalid)),
        ];
        for (headers, in_path, wanted) in rows {
            assert_eq!(decide(headers, *in_path), *wanted, "{headers:?} {in_path:?}");
        }
    }

    #[test]
    fn a_client_whose_token_changed_is_another_one() {
        let known = clients();
        let editor = Arc::clone(known.holder_of("db_editor").expect("it is known"));
        assert!(known.has(&editor));
        let renewed = Client { digest: TokenDigest::of("db_new"), ..(*editor).clone() };
        assert!(!known.has(&renewed));
        assert!(!Clients::new([renewed]).has(&editor));
        assert!(!Clients::default().has(&editor));
    }
}
