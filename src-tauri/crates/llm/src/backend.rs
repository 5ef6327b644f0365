//! Where models are: Ollama on this computer, and other places the person added.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use url::Url;

use crate::model_name;
use crate::route::Dialect;

/// What a backend speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ollama's API, and those it imitates.
    Ollama,
    /// OpenAI's API alone.
    OpenAi,
}

/// Whether a backend is worth asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Yes.
    Ready,
    /// No, and this is why and what to do, as an app's user reads it.
    Down(Arc<str>),
}

/// One place that models are at.
#[derive(Clone)]
pub struct Backend {
    /// Its name, the prefix of its models; empty for Ollama on this computer.
    pub name: String,
    /// What it speaks.
    pub kind: Kind,
    /// Its address, without `/v1` and without a slash at the end.
    base: String,
    /// What it is given as `Authorization`. Marked so that it never shows.
    pub authorization: Option<HeaderValue>,
    /// Whether it is worth asking.
    pub reach: Reach,
}

impl fmt::Debug for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Backend")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("base", &self.base)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// Why an address cannot be that of a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It cannot be read.
    #[error("Expected an address, such as \"http://192.168.1.20:8000\".")]
    NotAnAddress,
    /// It is none of HTTP.
    #[error("Expected an address that begins with http:// or https://.")]
    Scheme,
    /// It holds a name or a password.
    #[error("A name or password does not belong in the address. Keep it as a secret.")]
    Credentials,
    /// It has a query or a fragment.
    #[error("Expected an address without ? and #.")]
    Query,
}

/// The address of a backend as it is used: people write it with or without `/v1` and a slash.
///
/// # Errors
/// [`BadAddress`].
pub fn base_of(address: &str) -> Result<String, BadAddress> {
    let url = Url::parse(address.trim()).map_err(|_| BadAddress::NotAnAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadAddress::Scheme);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(BadAddress::NotAnAddress);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(BadAddress::Query);
    }
    let text = url.as_str().trim_end_matches('/');
    Ok(text.strip_suffix("/v1").unwrap_or(text).trim_end_matches('/').to_owned())
}

/// Whether an address is on this computer.
#[must_use]
pub fn is_on_this_computer(base: &str) -> bool {
    Url::parse(base).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

impl Backend {
    /// Ollama on this computer.
    #[must_use]
    pub fn ollama(port: u16, reach: Reach) -> Self {
        Self {
            name: String::new(),
            kind: Kind::Ollama,
            base: format!("http://127.0.0.1:{port}"),
            authorization: None,
            reach,
        }
    }

    /// Another place.
    ///
    /// # Errors
    /// When the address is none.
    pub fn elsewhere(
        name: impl Into<String>,
        kind: Kind,
        address: &str,
        authorization: Option<HeaderValue>,
        reach: Reach,
    ) -> Result<Self, BadAddress> {
        let authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(Self { name: name.into(), kind, base: base_of(address)?, authorization, reach })
    }

    /// Its address, without `/v1` and without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address of a path, which begins with a slash and may carry a query.
    #[must_use]
    pub fn at(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.base)
    }

    /// The name apps use for a model of this backend.
    #[must_use]
    pub fn prefixed(&self, model: &str) -> String {
        match self.name.is_empty() {
            true => model.to_owned(),
            false => format!("{}/{model}", self.name),
        }
    }
}

/// All places, as the gateway reads them: an immutable table, swapped whole.
#[derive(Debug, Clone)]
pub struct Backends {
    /// Ollama on this computer.
    pub ollama: Arc<Backend>,
    /// The others that are used, by name.
    pub others: Vec<Arc<Backend>>,
    /// Which of the others has models without a prefix.
    pub default: Option<String>,
    /// The models that one lists; `None` before it has answered.
    pub default_lists: Option<Arc<[String]>>,
    /// Whether the person lets requests go to Ollama's cloud.
    pub cloud: bool,
    /// The model that is listed first.
    pub default_model: Option<String>,
}

impl Backends {
    /// Ollama on this computer and nothing else, and no word from it yet.
    #[must_use]
    pub fn ollama_alone(port: u16) -> Self {
        let sentence = "Ollama is being looked for. Try again in a moment.";
        Self {
            ollama: Arc::new(Backend::ollama(port, Reach::Down(sentence.into()))),
            others: Vec::new(),
            default: None,
            default_lists: None,
            cloud: false,
            default_model: None,
        }
    }

    /// The backend of a model, and the name the model has there. The longest prefix does not
    /// matter: a name holds no slash.
    #[must_use]
    pub fn of_model<'m>(&self, model: &'m str, dialect: Dialect) -> (&Arc<Backend>, &'m str) {
        if let Some((prefix, rest)) = model.split_once('/')
            && let Some(backend) = self.others.iter().find(|backend| backend.name == prefix)
        {
            return (backend, rest);
        }
        (self.without_prefix(model, dialect), model)
    }

    /// Where a model without a prefix is: at the default place, unless that cannot be asked so, or
    /// is known not to have it. Then Ollama's own are still found under the names they are listed
    /// with.
    #[must_use]
    pub fn without_prefix(&self, model: &str, dialect: Dialect) -> &Arc<Backend> {
        let has = |lists: &Arc<[String]>| {
            model.is_empty() || lists.iter().any(|listed| model_name::same(listed, model))
        };
        self.default
            .as_ref()
            .and_then(|name| self.others.iter().find(|backend| backend.name == *name))
            .filter(|backend| backend.kind == Kind::Ollama || dialect != Dialect::Ollama)
            .filter(|_| self.default_lists.as_ref().is_none_or(has))
            .unwrap_or(&self.ollama)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        for (written, base) in [
            ("http://127.0.0.1:8000", Ok("http://127.0.0.1:8000")),
            ("http://127.0.0.1:8000/", Ok("http://127.0.0.1:8000")),
            ("http://127.0.0.1:8000/v1/", Ok("http://127.0.0.1:8000")),
            (" https://models.example/team/v1 ", Ok("https://models.example/team")),
            ("https://models.example:443", Ok("https://models.example")),
            ("http://[::1]:8000/v1", Ok("http://[::1]:8000")),
            ("127.0.0.1:8000", Err(BadAddress::NotAnAddress)),
            ("localhost:8000", Err(BadAddress::Scheme)),
            ("ftp://x", Err(BadAddress::Scheme)),
            ("http://me:x@host", Err(BadAddress::Credentials)),
            ("http://host/?key=x", Err(BadAddress::Query)),
            ("", Err(BadAddress::NotAnAddress)),
        ] {
            assert_eq!(base_of(written).as_deref(), base.as_deref(), "{written}");
        }
        for (base, here) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("http://127.0.0.1.example", false),
            ("http://192.168.1.2:1", false),
            ("https://models.example", false),
        ] {
            assert_eq!(is_on_this_computer(base), here, "{base}");
        }
    }

    #[test]
    fn a_prefix_leads_to_its_backend_and_nothing_else_does() {
        let place = |name: &str| {
            let value = HeaderValue::from_static("Bearer hush");
            let backend =
                Backend::elsewhere(name, Kind::OpenAi, "http://x", Some(value), Reach::Ready);
            Arc::new(backend.expect("an address"))
        };
        let mut backends = Backends {
            ollama: Arc::new(Backend::ollama(11434, Reach::Ready)),
            others: vec![place("lab"), place("me")],
            default: None,
            default_lists: None,
            cloud: false,
            default_model: None,
        };
        let found = |backends: &Backends, model: &str| {
            let (backend, bare) = backends.of_model(model, Dialect::OpenAi);
            (backend.name.clone(), bare.to_owned())
        };
        for (model, name, bare) in [
            ("qwen3:8b", "", "qwen3:8b"),
            ("lab/llama", "lab", "llama"),
            ("lab/meta-llama/Llama-3", "lab", "meta-llama/Llama-3"),
            ("labs/llama", "", "labs/llama"),
            ("hf.co/me/x", "", "hf.co/me/x"),
            ("lab", "", "lab"),
            ("/x", "", "/x"),
        ] {
            assert_eq!(found(&backends, model), (name.to_owned(), bare.to_owned()), "{model}");
        }
        backends.default = Some("me".to_owned());
        assert_eq!(found(&backends, "qwen3:8b").0, "me");
        let speaks = |backends: &Backends, model: &str, dialect| {
            backends.of_model(model, dialect).0.name.clone()
        };
        assert_eq!(speaks(&backends, "qwen3:8b", Dialect::Ollama), "", "it does not speak that");
        backends.default_lists = Some(["far".to_owned()].into());
        assert_eq!(found(&backends, "far").0, "me");
        assert_eq!(found(&backends, "qwen3:8b").0, "", "it is known not to be there");
        backends.default = Some("gone".to_owned());
        assert_eq!(found(&backends, "qwen3:8b").0, "", "Ollama stands in");
        assert!(!format!("{backends:?}").contains("hush"), "a secret does not show");
    }
}
