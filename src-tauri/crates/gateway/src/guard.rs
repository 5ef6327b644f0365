//! The guard: whether a request may come near the routes at all, told from its head alone.
//!
//! It owns the rules about `Host`, `Origin`, `Sec-Fetch-Site` and preflights, in that order, and
//! nothing else: tokens are checked after it, and no byte of a body has been read before it. It is
//! a pure function of the request's head, the address we listen on and what the person added.
//!
//! Values are compared as text, with ASCII case folded. Nothing is parsed into an address or a URL
//! and compared by meaning: a parser that drops user info or a broken port would let through what
//! a browser never sends.

use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use http::{Method, StatusCode, request::Parts};

/// Names and origins the person added to those that are always allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardRules {
    /// Host names: `NAME` stands for that name with our port, `NAME:PORT` for exactly itself (a
    /// container that reaches us through a forwarded port names that port).
    pub hosts: Vec<String>,
    /// Origins as a browser writes them, such as `http://localhost:3000`. `null` and `*` are
    /// ignored: they name nobody.
    pub origins: Vec<String>,
}

/// Where we listen, as far as the guard cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listening {
    port: u16,
    port_text: String,
    names: Vec<&'static str>,
    origins: Vec<String>,
}

impl Listening {
    /// On `port` of 127.0.0.1 and, if `v6`, of `[::1]`.
    pub(crate) fn new(port: u16, v6: bool) -> Self {
        let mut names = vec!["127.0.0.1", "localhost"];
        if v6 {
            names.push("[::1]");
        }
        // A serialised origin leaves the default port out.
        let origins = names
            .iter()
            .map(|name| match port {
                80 => format!("http://{name}"),
                port => format!("http://{name}:{port}"),
            })
            .collect();
        Self { port, port_text: port.to_string(), names, origins }
    }
}

/// What the guard found in a request it lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It names no origin: a native program, or a browser's same-origin read.
    Plain,
    /// It comes from an allowed origin, which the answer has to name.
    From(HeaderValue),
    /// It is a browser's question whether an allowed origin may ask; the answer ends it.
    Preflight {
        /// The origin that asks.
        origin: HeaderValue,
        /// Whether it asked to reach a private network.
        private_network: bool,
    },
}

/// Why the guard turned a request away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardRefusal {
    /// No `Host`, several, one that is not a host, or one that differs from the target's.
    #[error("the request does not say unambiguously which host it is for")]
    HostMalformed,
    /// A `Host` that is neither ours nor added.
    #[error("the request is for a host that is not Drawbridge")]
    HostForeign,
    /// Several `Origin` lines.
    #[error("the request names more than one origin")]
    OriginDuplicate,
    /// An `Origin` that is neither ours nor added.
    #[error("the request comes from a website that may not use Drawbridge")]
    OriginForeign,
    /// `Sec-Fetch-Site` says a page of another site, or an address typed into a browser.
    #[error("the request comes from a browser on behalf of another site")]
    FetchSite,
}

impl GuardRefusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::HostMalformed => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::HostMalformed => "host_malformed",
            Self::HostForeign => "host_not_allowed",
            Self::OriginDuplicate | Self::OriginForeign => "origin_not_allowed",
            Self::FetchSite => "site_not_allowed",
        }
    }
}

/// Decides whether a request goes on to the token check. `path` is the target's path without a
/// token in it.
pub(crate) fn check(
    listening: &Listening,
    rules: &GuardRules,
    parts: &Parts,
    path: &str,
) -> Result<Admitted, GuardRefusal> {
    check_host(listening, rules, parts)?;
    let origin = check_origin(listening, rules, &parts.headers)?;
    let listed = matches!(origin, Some(Origin::Added(_)));
    if !listed {
        check_fetch_site(&parts.headers, path)?;
    }
    Ok(match origin {
        None => Admitted::Plain,
        Some(Origin::Own(origin) | Origin::Added(origin)) if parts.method == Method::OPTIONS => {
            let private_network = parts
                .headers
                .get("access-control-request-private-network")
                .is_some_and(|value| value == "true");
            Admitted::Preflight { origin, private_network }
        }
        Some(Origin::Own(origin) | Origin::Added(origin)) => Admitted::From(origin),
    })
}

/// The only value of a header that must not be repeated: browsers send one line, and a reader that
/// takes the first of two can be shown another than the one that counts.
fn only<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<Result<&'a [u8], ()>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(if values.next().is_some() { Err(()) } else { Ok(first.as_bytes()) })
}

fn check_host(
    listening: &Listening,
    rules: &GuardRules,
    parts: &Parts,
) -> Result<(), GuardRefusal> {
    let Some(Ok(host)) = only(&parts.headers, &HOST) else {
        return Err(GuardRefusal::HostMalformed);
    };
    // RFC 9112 section 3.2.2: an absolute target names the host again; two names are one too many.
    if let Some(authority) = parts.uri.authority() {
        let same = authority.as_str().as_bytes().eq_ignore_ascii_case(host);
        let ours = parts.uri.scheme_str().is_none_or(|scheme| scheme == "http");
        if !same || !ours {
            return Err(GuardRefusal::HostMalformed);
        }
    }
    let host = Host::read(host).ok_or(GuardRefusal::HostMalformed)?;
    let own = |name: &str| host.name.eq_ignore_ascii_case(name) && host.is_at(listening);
    let added = |entry: &String| match Host::read(entry.as_bytes()) {
        Some(Host { name, port: None }) => own(name),
        Some(entry) => host.name.eq_ignore_ascii_case(entry.name) && host.port == entry.port,
        None => false,
    };
    if listening.names.iter().any(|name| own(name)) || rules.hosts.iter().any(added) {
        Ok(())
    } else {
        Err(GuardRefusal::HostForeign)
    }
}

/// A `Host` value taken apart as text (RFC 9110 section 7.2, without user info, lists and the
/// characters no name on this computer has).
struct Host<'a> {
    name: &'a str,
    port: Option<&'a str>,
}

impl<'a> Host<'a> {
    fn read(value: &'a [u8]) -> Option<Self> {
        let value = std::str::from_utf8(value).ok()?;
        let end = match value.strip_prefix('[') {
            Some(inner) => {
                let length = inner.find(']')?;
                let literal = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
                inner[..length].chars().all(literal).then_some(length + 2)?
            }
            None => value.find(':').unwrap_or(value.len()),
        };
        let (name, rest) = value.split_at(end);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || (!name.starts_with('[') && !name.chars().all(plain)) {
            return None;
        }
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            Some(port) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
                port.parse::<u16>().ok()?;
                Some(port)
            }
            _ => return None,
        };
        Some(Self { name, port })
    }

    fn is_at(&self, listening: &Listening) -> bool {
        match self.port {
            Some(port) => port == listening.port_text,
            None => listening.port == 80,
        }
    }
}

enum Origin {
    /// It is the address we serve.
    Own(HeaderValue),
    /// The person listed it.
    Added(HeaderValue),
}

fn check_origin(
    listening: &Listening,
    rules: &GuardRules,
    headers: &HeaderMap,
) -> Result<Option<Origin>, GuardRefusal> {
    let origin = match only(headers, &ORIGIN) {
        None => return Ok(None),
        Some(Err(())) => return Err(GuardRefusal::OriginDuplicate),
        Some(Ok(origin)) => origin,
    };
    let named = |listed: &&String| origin.eq_ignore_ascii_case(listed.as_bytes());
    // The answer names the listed text, as a browser writes it, not what was sent.
    let answer = |listed: &String| HeaderValue::from_str(&listed.to_ascii_lowercase()).ok();
    if let Some(own) = listening.origins.iter().find(named).and_then(answer) {
        return Ok(Some(Origin::Own(own)));
    }
    let somebody =
        |listed: &&String| !matches!(listed.to_ascii_lowercase().as_str(), "null" | "*" | "");
    rules
        .origins
        .iter()
        .filter(somebody)
        .find(named)
        .and_then(answer)
        .map(|added| Some(Origin::Added(added)))
        .ok_or(GuardRefusal::OriginForeign)
}

/// Fetch metadata (W3C Fetch Metadata Request Headers, section 2.3). Pages cannot forge it; other
/// programs can, so it only ever refuses.
fn check_fetch_site(headers: &HeaderMap, path: &str) -> Result<(), GuardRefusal> {
    const SITE: http::HeaderName = http::HeaderName::from_static("sec-fetch-site");
    match only(headers, &SITE) {
        None | Some(Ok(b"same-origin")) => Ok(()),
        // An address typed by the person may open `/health`, but nothing that acts.
        Some(Ok(b"none")) if path != "/mcp" && !path.starts_with("/mcp/") => Ok(()),
        Some(_) => Err(GuardRefusal::FetchSite),
    }
}

#[cfg(test)]
mod tests;
