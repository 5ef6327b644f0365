//! Paths: which address a request is for.

use std::borrow::Cow;

use drawbridge_llm::route::Dialect;
use percent_encoding::percent_decode_str;

/// A path taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The token in the base address, for apps that cannot send headers.
    pub(crate) token: Option<&'a str>,
    /// The path without the token.
    pub(crate) path: &'a str,
}

impl<'a> Target<'a> {
    /// Splits `/k/TOKEN/rest` into token and rest. The query is never looked at: a token in it
    /// counts as none.
    pub(crate) fn read(path: &'a str) -> Self {
        let Some(rest) = path.strip_prefix("/k/") else { return Self { token: None, path } };
        let (token, path) = match rest.find('/') {
            Some(end) => (&rest[..end], &rest[end..]),
            None => (rest, "/"),
        };
        Self { token: Some(token), path }
    }

    /// The path as logs and the record may show it.
    pub(crate) fn shown(&self) -> String {
        let path = mask(self.path);
        if self.token.is_some() { format!("/k/***{path}") } else { path }
    }
}

/// Hides what looks like one of our tokens wherever a path holds it, and bounds the length.
fn mask(path: &str) -> String {
    let mut shown = String::new();
    let mut rest = path;
    while let Some(start) = rest.find("db_") {
        shown.push_str(&rest[..start]);
        shown.push_str("db_***");
        rest = rest[start + 3..]
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    }
    shown.push_str(rest);
    shown.chars().take(200).flat_map(char::escape_default).collect()
}

/// What an address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/mcp`: all that the client may use.
    Merged,
    /// `/mcp/{server}`: one server, by its name as configured.
    Single(Cow<'a, str>),
    /// `/health`.
    Health,
    /// Models, in this API.
    Models(Dialect),
    /// Where an app looks for an authorization server. There is none, and saying so keeps the app
    /// from starting to register with us.
    NoAuthorizationServer,
    /// Nothing.
    Unknown,
}

impl<'a> Route<'a> {
    pub(crate) fn read(path: &'a str) -> Self {
        if path.split('/').any(|segment| segment == ".well-known") {
            return Self::NoAuthorizationServer;
        }
        match path {
            "/mcp" | "/mcp/" => Self::Merged,
            "/health" => Self::Health,
            _ => match path.strip_prefix("/mcp/") {
                Some(server) if !server.contains('/') => {
                    percent_decode_str(server).decode_utf8().map_or(Self::Unknown, Self::Single)
                }
                _ => Dialect::of(path).map_or(Self::Unknown, Self::Models),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_leads_where_the_table_says() {
        for (path, token, route) in [
            ("/mcp", None, Route::Merged),
            ("/mcp/", None, Route::Merged),
            ("/mcp/files", None, Route::Single("files".into())),
            ("/mcp/my%20notes", None, Route::Single("my notes".into())),
            ("/mcp/Gr%C3%B6%C3%9Fe", None, Route::Single("Größe".into())),
            ("/mcp/%ff", None, Route::Unknown),
            ("/mcp/a/b", None, Route::Unknown),
            ("/MCP", None, Route::Unknown),
            ("//mcp", None, Route::Unknown),
            ("/health", None, Route::Health),
            ("/health/", None, Route::Unknown),
            ("/", None, Route::Models(Dialect::Ollama)),
            ("/api/chat", None, Route::Models(Dialect::Ollama)),
            ("/api/../mcp", None, Route::Models(Dialect::Ollama)),
            ("/v1/chat/completions", None, Route::Models(Dialect::OpenAi)),
            ("/v1/messages", None, Route::Models(Dialect::Anthropic)),
            ("/v2", None, Route::Unknown),
            ("/debug/pprof/", None, Route::Unknown),
            ("/k/db_x/mcp", Some("db_x"), Route::Merged),
            ("/k/db_x/mcp/files", Some("db_x"), Route::Single("files".into())),
            ("/k/db_x/health", Some("db_x"), Route::Health),
            ("/k/db_x", Some("db_x"), Route::Models(Dialect::Ollama)),
            ("/k/db_x/api/tags", Some("db_x"), Route::Models(Dialect::Ollama)),
            ("/k/", Some(""), Route::Models(Dialect::Ollama)),
            ("/k//mcp", Some(""), Route::Merged),
            ("/.well-known/oauth-protected-resource", None, Route::NoAuthorizationServer),
            ("/.well-known/oauth-protected-resource/mcp", None, Route::NoAuthorizationServer),
            ("/.well-known/openid-configuration", None, Route::NoAuthorizationServer),
            ("/mcp/.well-known/openid-configuration", None, Route::NoAuthorizationServer),
        ] {
            let target = Target::read(path);
            assert_eq!(target.token, token, "{path}");
            assert_eq!(Route::read(target.path), route, "{path}");
        }
    }

    #[test]
    fn no_shown_path_holds_a_token() {
        for (path, shown) in [
            ("/mcp", "/mcp"),
            ("/k/db_Secret-1_x/mcp", "/k/***/mcp"),
            ("/k/other/mcp", "/k/***/mcp"),
            ("/x/db_Secret-1_x/y", "/x/db_***/y"),
            ("/%6b/db_Secret/mcp", "/%6b/db_***/mcp"),
            ("/db_adb_b", "/db_***"),
        ] {
            assert_eq!(Target::read(path).shown(), shown, "{path}");
        }
        assert!(Target::read(&"/x".repeat(500)).shown().len() <= 400);
    }
}
