//! What asks Ollama and other places over HTTP.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept.
const KEEP: Duration = Duration::from_secs(30);

/// Clients that ask no proxy, follow no redirect and never give up on an answer that has begun.
///
/// The certificates of the system are read when the first encrypted address is asked: most people
/// never need them, and without any of them everything on this computer still works.
#[derive(Debug, Clone)]
pub struct Http {
    plain: Client,
    encrypted: Arc<OnceLock<Client>>,
}

impl Http {
    /// Clients with no connection yet.
    ///
    /// # Errors
    /// When the system has no randomness to offer.
    pub fn new() -> Result<Self, reqwest::Error> {
        let plain = builder().tls_certs_only([]).build()?;
        Ok(Self { plain, encrypted: Arc::default() })
    }

    /// The client for addresses that begin with `http://`.
    #[must_use]
    pub fn plain(&self) -> Client {
        self.plain.clone()
    }

    /// Begins a request to this address.
    ///
    /// # Errors
    /// When the address is encrypted and the system has no certificates to offer.
    pub fn request(&self, method: Method, address: &str) -> Result<RequestBuilder, reqwest::Error> {
        let is_encrypted =
            address.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let client = match (is_encrypted, self.encrypted.get()) {
            (false, _) => &self.plain,
            (true, Some(client)) => client,
            (true, None) => {
                let client = builder().build()?;
                self.encrypted.get_or_init(|| client)
            }
        };
        Ok(client.request(method, address))
    }
}

fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .pool_idle_timeout(KEEP)
}
