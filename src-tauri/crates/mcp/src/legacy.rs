//! Opening a server of the era of `initialize`: MCP 2024-11-05 to 2025-11-25, basic/lifecycle.

use serde_json::value::RawValue;

use crate::error::ConnectError;
use crate::opening::{ConnectOptions, Opening};
use crate::wire;

/// Revisions with `initialize`, the newest last. A server answers with the one it was offered or
/// with another that it prefers.
const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// What follows the server's answer.
pub(crate) const INITIALIZED: &str = "notifications/initialized";
pub(crate) const INITIALIZE: &str = "initialize";

/// The parameters of `initialize`.
pub(crate) fn initialize_params(options: &ConnectOptions) -> String {
    format!(
        r#"{{"protocolVersion":"{}","capabilities":{},"clientInfo":{{"name":"drawbridge","title":"Drawbridge","version":{}}}}}"#,
        REVISIONS[REVISIONS.len() - 1],
        options.declare.capabilities(),
        wire::raw_string(&options.client_version),
    )
}

/// Reads the answer to `initialize`.
pub(crate) fn opening(result: &RawValue) -> Result<Opening, ConnectError> {
    let version = wire::find(result, &["protocolVersion"])
        .map_err(|error| ConnectError::Malformed { detail: error.to_string() })?
        .and_then(|field| field.text().map(std::borrow::Cow::into_owned))
        .ok_or_else(|| ConnectError::Malformed {
            detail: "the answer to initialize has no protocolVersion".to_owned(),
        })?;
    if !REVISIONS.contains(&version.as_str()) {
        return Err(ConnectError::Version { offered: version });
    }
    Ok(Opening::read(&version, result))
}
