//! Ollama's own API, as far as Drawbridge asks it for itself (Ollama, docs/api.md).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::pull::PullLine;

/// How long a quick question may take.
const QUICK: Duration = Duration::from_secs(5);
/// How long loading a model may take: Ollama itself gives up after five minutes without progress.
const LOADING: Duration = Duration::from_secs(15 * 60);
/// The most bytes of one answer, and of one line of a stream. A model's details with all its
/// tensors are a few hundred kilobytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Why Ollama did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It could not be reached, or the connection broke.
    #[error("Ollama does not answer: {0}")]
    Unreachable(String),
    /// It said no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// Its answer was not what its documentation says.
    #[error("Ollama's answer was not understood: {0}")]
    Strange(String),
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        // The address is ours, and of no use in the sentence.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Unreachable(text)
    }
}

/// What was found at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// Ollama, of this version.
    Answers(String),
    /// Something that takes connections and says nothing yet.
    Silent,
    /// Something else.
    Stranger,
    /// Nothing.
    Refused,
}

/// One Ollama.
#[derive(Debug, Clone)]
pub struct Ollama {
    http: reqwest::Client,
    base: String,
}

/// An installed model as `/api/tags` lists it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Listed {
    /// Its name with its tag.
    pub name: String,
    /// Bytes on disk.
    #[serde(default)]
    pub size: u64,
    /// What its content hashes to.
    #[serde(default)]
    pub digest: String,
    /// When it changed, as RFC 3339.
    #[serde(default)]
    pub modified_at: String,
    /// What is known without opening it.
    #[serde(default)]
    pub details: Details,
    /// What it can do, in newer versions.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Where it really runs, for a model of the cloud.
    pub remote_host: Option<String>,
}

/// What a list says of a model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Parameters, such as `8.2B`.
    pub parameter_size: String,
    /// Such as `Q4_K_M`.
    pub quantization_level: String,
}

/// A model in memory as `/api/ps` lists it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// What its content hashes to.
    #[serde(default)]
    pub digest: String,
    /// Bytes it takes in all.
    #[serde(default)]
    pub size: u64,
    /// Bytes of these on graphics cards.
    #[serde(default)]
    pub size_vram: u64,
    /// Tokens its conversation may have.
    pub context_length: Option<u64>,
    /// When it is taken out of memory, as RFC 3339; far in the future for one that stays.
    #[serde(default)]
    pub expires_at: String,
}

/// A time as Ollama writes it, in milliseconds since 1970 (UTC); `None` for the year 1, which
/// stands for "not known", and for anything more than a century away, which stands for "never".
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    (1970..2126).contains(&at.year()).then(|| (at.unix_timestamp_nanos() / 1_000_000) as i64)
}

impl Ollama {
    /// The one at this address, which has no slash at its end.
    #[must_use]
    pub fn new(http: reqwest::Client, base: impl Into<String>) -> Self {
        Self { http, base: base.into() }
    }

    /// Looks what is there. Only asks over HTTP: Ollama's own command would start its app.
    pub async fn probe(&self, patience: Duration) -> Probed {
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let asked = self.http.get(format!("{}/api/version", self.base)).timeout(patience).send();
        match asked.await {
            Ok(answer) if answer.status() == StatusCode::OK => match answer.bytes().await {
                Ok(body) => serde_json::from_slice::<Version>(&body)
                    .map_or(Probed::Stranger, |said| Probed::Answers(said.version)),
                Err(_) => Probed::Silent,
            },
            Ok(_) => Probed::Stranger,
            Err(error) if error.is_timeout() => Probed::Silent,
            Err(error) if error.is_connect() => Probed::Refused,
            // It closed the connection, or spoke something that is not HTTP.
            Err(error) if speaks_something_else(&error) => Probed::Stranger,
            Err(_) => Probed::Silent,
        }
    }

    /// The installed models.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn tags(&self) -> Result<Vec<Listed>, ApiError> {
        #[derive(Deserialize)]
        struct Tags {
            models: Option<Vec<Listed>>,
        }
        let tags: Tags = self.ask(Method::GET, "/api/tags", None, QUICK).await?;
        Ok(tags.models.unwrap_or_default())
    }

    /// The models in memory.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn ps(&self) -> Result<Vec<Loaded>, ApiError> {
        #[derive(Deserialize)]
        struct Ps {
            models: Option<Vec<Loaded>>,
        }
        let ps: Ps = self.ask(Method::GET, "/api/ps", None, QUICK).await?;
        Ok(ps.models.unwrap_or_default())
    }

    /// What a model is made of. `verbose` also brings arrays, and with them the whole vocabulary.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn show(&self, model: &str, verbose: bool) -> Result<Value, ApiError> {
        let body = match verbose {
            true => json!({ "model": model, "verbose": true }),
            false => json!({ "model": model }),
        };
        self.ask(Method::POST, "/api/show", Some(body), 4 * QUICK).await
    }

    /// Deletes an installed model.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete(&self, model: &str) -> Result<(), ApiError> {
        let body = json!({ "model": model });
        self.send(Method::DELETE, "/api/delete", Some(body), 4 * QUICK).await.map(drop)
    }

    /// Loads a model into memory. One that only embeds is asked to embed nothing.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn load(&self, model: &str, embeds: bool) -> Result<(), ApiError> {
        let (path, body) = match embeds {
            true => ("/api/embed", json!({ "model": model, "input": [] })),
            false => ("/api/generate", json!({ "model": model, "stream": false })),
        };
        self.send(Method::POST, path, Some(body), LOADING).await.map(drop)
    }

    /// Takes a model out of memory.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn unload(&self, model: &str) -> Result<(), ApiError> {
        let body = json!({ "model": model, "keep_alive": 0, "stream": false });
        self.send(Method::POST, "/api/generate", Some(body), 12 * QUICK).await.map(drop)
    }

    /// Downloads a model, and tells line by line how far it is. Dropping the stream stops it; what
    /// is here by then stays, and the next download of it goes on from there.
    ///
    /// # Errors
    /// [`ApiError`], now or as an item of the stream, which then ends.
    pub async fn pull(
        &self,
        model: &str,
    ) -> Result<impl Stream<Item = Result<PullLine, ApiError>> + Send + use<>, ApiError> {
        let body = json!({ "model": model, "stream": true });
        let request = self.http.post(format!("{}/api/pull", self.base));
        let answer = checked(with_json(request, &body).send().await?).await?;
        Ok(lines(answer.bytes_stream()).map(|line| {
            let line = line?;
            serde_json::from_slice::<PullLine>(&line)
                .map_err(|error| ApiError::Strange(error.to_string()))
        }))
    }

    async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        patience: Duration,
    ) -> Result<T, ApiError> {
        let body = self.send(method, path, body, patience).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::Strange(error.to_string()))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        patience: Duration,
    ) -> Result<Bytes, ApiError> {
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).timeout(patience);
        if let Some(body) = &body {
            request = with_json(request, body);
        }
        let mut answer = checked(request.send().await?).await?;
        let mut whole = BytesMut::new();
        while let Some(piece) = answer.chunk().await? {
            if whole.len() + piece.len() > MOST_BYTES {
                return Err(ApiError::Strange("it is too long".to_owned()));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

fn with_json(request: reqwest::RequestBuilder, body: &impl Serialize) -> reqwest::RequestBuilder {
    request.json(body)
}

/// Whether what was reached does not speak HTTP.
fn speaks_something_else(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if text.contains("invalid HTTP") || text.contains("message head") {
            return true;
        }
        source = cause.source();
    }
    false
}

async fn checked(answer: reqwest::Response) -> Result<reqwest::Response, ApiError> {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.bytes().await.unwrap_or_default();
    let message = serde_json::from_slice::<Said>(&body).map_or_else(
        |_| format!("Ollama answered {status}."),
        |said| said.error.chars().take(500).collect(),
    );
    Err(ApiError::Refused { status: status.as_u16(), message })
}

/// A stream of bytes, line by line. A last line without an end counts.
fn lines(
    bytes: impl Stream<Item = Result<Bytes, reqwest::Error>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, ApiError>> + Send {
    let start = (Box::pin(bytes), BytesMut::new(), false);
    stream::unfold(start, async |(mut bytes, mut left, mut over)| {
        loop {
            if let Some(end) = left.iter().position(|byte| *byte == b'\n') {
                let line = left.split_to(end + 1).freeze();
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some((Ok(line), (bytes, left, over)));
            }
            if over {
                let line = left.split().freeze();
                return (!line.trim_ascii().is_empty()).then_some((Ok(line), (bytes, left, over)));
            }
            match bytes.next().await {
                Some(Ok(piece)) if left.len() + piece.len() > MOST_BYTES => {
                    let error = ApiError::Strange("a line is too long".to_owned());
                    left.clear();
                    return Some((Err(error), (bytes, left, true)));
                }
                Some(Ok(piece)) => left.extend_from_slice(&piece),
                Some(Err(error)) => {
                    left.clear();
                    return Some((Err(error.into()), (bytes, left, true)));
                }
                None => over = true,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_go_writes_it() {
        for (text, wanted) in [
            ("2026-11-21T10:00:00Z", Some(1_795_255_200_000)),
            ("2026-11-21T11:00:00.123456789+01:00", Some(1_795_255_200_123)),
            ("0001-01-01T00:00:00Z", None),
            ("2318-11-02T10:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(moment(text), wanted, "{text}");
        }
    }
}
