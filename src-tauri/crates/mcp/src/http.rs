//! Servers elsewhere that speak Streamable HTTP (MCP 2025-11-25, basic/transports).
//!
//! Only the headers of the endpoint are sent, and only to its origin: a redirect to another one
//! is an error. Nothing that a client sent to Drawbridge reaches a server but its messages.

pub(crate) mod link;
mod listen;
mod stream;

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::connection::Connection;
use crate::core::{Core, Link};
use crate::error::ConnectError;
use crate::event::ServerEvents;
use crate::opening::ConnectOptions;
use link::HttpLink;

/// Where a server is, and what it gets to see. `Debug` prints no header values.
#[derive(Clone)]
pub struct HttpEndpoint {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
}

impl fmt::Debug for HttpEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        formatter
            .debug_struct("HttpEndpoint")
            .field("origin", &self.url.origin().ascii_serialization())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

impl HttpEndpoint {
    /// An address and the headers to send with each request, every `${...}` in them resolved.
    ///
    /// # Errors
    /// [`ConnectError::Configuration`] when the address is no `http` or `https` one, or a header's
    /// name or value has characters that headers cannot have. The error never holds a value.
    pub fn new<'a>(
        url: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ConnectError> {
        let wrong = |what: &str, detail: String| ConnectError::Configuration {
            what: what.to_owned(),
            detail,
        };
        let url = Url::parse(url).map_err(|error| wrong("address", error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("address", "it is not an http or https address".to_owned()));
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong(&format!("header {name:?}"), "not a header name".to_owned()))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                wrong(&format!("header {name}"), "its value has control characters".to_owned())
            })?;
            value.set_sensitive(true);
            map.append(header, value);
        }
        Ok(Self { url, headers: map })
    }

    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

/// Opens a session with a remote server.
///
/// A session the server has forgotten is opened anew and the call retried once. What the server
/// sends apart from calls is read from a stream of its own, where it offers one.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(
    endpoint: HttpEndpoint,
    options: ConnectOptions,
) -> Result<(Connection, ServerEvents), ConnectError> {
    let link = HttpLink::new(endpoint, &options)?;
    let core = Core::new(Link::Http(Box::new(link)), &options);
    let connection = Connection::new(Arc::clone(&core));
    let events = ServerEvents { mailbox: Arc::clone(&core.events) };
    let Link::Http(link) = &core.link else { return Err(ConnectError::Stopped) };
    match link.open(&core).await {
        Ok(opening) => {
            let _ = core.opening.set(opening);
            options.tasks.spawn(listen::run(Arc::clone(&core)));
            Ok((connection, events))
        }
        Err(error) => {
            core.shut(&error.problem());
            Err(error)
        }
    }
}
