//! Reading a request's body, bounded in size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::limits::Limits;

/// Whether a body says of itself that it is JSON, once, and is not compressed.
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
        && !headers.contains_key(CONTENT_ENCODING)
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is longer than is taken.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// Its connection broke.
    Broken,
}

impl Unread {
    /// The status to answer with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    /// What to answer.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::TooLarge => "The message is larger than Drawbridge takes.",
            Self::TooSlow => "The message did not arrive in time.",
            Self::Broken => "The message did not arrive whole.",
        }
    }
}

/// Reads a body. One that arrives in one piece is not copied.
///
/// # Errors
/// [`Unread`].
pub async fn read(body: Incoming, limits: &Limits) -> Result<Bytes, Unread> {
    read_up_to(body, limits.body_bytes, limits.body_time).await
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// [`Unread`].
pub async fn read_up_to(
    mut body: Incoming,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, Unread> {
    if usize::try_from(body.size_hint().lower()).is_ok_and(|announced| announced > limit) {
        return Err(Unread::TooLarge);
    }
    let reading = async {
        let mut whole = Bytes::new();
        let mut pieces = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            if whole.len() + pieces.len() + data.len() > limit {
                return Err(Unread::TooLarge);
            }
            if whole.is_empty() && pieces.is_empty() {
                whole = data;
            } else {
                if pieces.is_empty() {
                    pieces.extend_from_slice(&std::mem::take(&mut whole));
                }
                pieces.extend_from_slice(&data);
            }
        }
        Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
    };
    tokio::time::timeout(patience, reading).await.unwrap_or(Err(Unread::TooSlow))
}
