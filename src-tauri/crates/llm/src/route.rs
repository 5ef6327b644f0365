//! The addresses of Ollama's API and of those it imitates, each with who may use it. What is not
//! listed is not passed on: a new version of Ollama may bring addresses nobody has thought about.

use http::Method;
use percent_encoding::percent_decode_str;

/// How an API writes its errors, and what its requests look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Ollama's own: `/api/…`.
    Ollama,
    /// OpenAI's: `/v1/…`.
    OpenAi,
    /// Anthropic's: `/v1/messages`.
    Anthropic,
}

impl Dialect {
    /// The dialect of a path, whether or not anything is there; `None` for the paths of others.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let below = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below("/v1/messages") {
            Some(Self::Anthropic)
        } else if below("/v1") {
            Some(Self::OpenAi)
        } else if below("/api") || path == "/" {
            Some(Self::Ollama)
        } else {
            None
        }
    }

    /// An error in the shape of this API.
    #[must_use]
    pub fn error(self, status: http::StatusCode, message: &str) -> Vec<u8> {
        let shape = match self {
            Self::Ollama => serde_json::json!({ "error": message }),
            Self::OpenAi => serde_json::json!({ "error": {
                "message": message,
                "type": match status.as_u16() {
                    404 => "not_found_error",
                    400..=499 => "invalid_request_error",
                    _ => "api_error",
                },
                "param": null,
                "code": null,
            }}),
            Self::Anthropic => serde_json::json!({ "type": "error", "error": {
                "type": match status.as_u16() {
                    401 => "authentication_error",
                    403 => "permission_error",
                    404 => "not_found_error",
                    413 => "request_too_large",
                    400..=499 => "invalid_request_error",
                    _ => "api_error",
                },
                "message": message,
            }}),
        };
        shape.to_string().into_bytes()
    }
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Asks whether Ollama is there. Answered also when it is not.
    Liveness,
    /// Lists models.
    List,
    /// Reads about models.
    Read,
    /// Asks a model.
    Inference,
    /// Downloads, changes or deletes models.
    Manage,
    /// Sends something to Ollama's cloud.
    LeavesTheComputer,
}

/// Where a request says which model it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Nowhere.
    Nothing,
    /// In the JSON body, as `model` or, in older requests, `name`.
    Body,
    /// In a form (`multipart/form-data`), as the field `model`.
    Form,
    /// In the path, behind this prefix.
    Path(&'static str),
}

/// One address that may be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// What it does.
    pub class: Class,
    /// How it speaks.
    pub dialect: Dialect,
    /// Where its model is named.
    pub names: Names,
    /// Its body may be of any length and is passed on as it comes.
    pub streams_in: bool,
}

/// What is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This.
    Route(Route),
    /// Something, but not with this method. These methods it takes.
    OtherMethod(&'static str),
    /// Nothing that is passed on.
    Nothing,
}

/// What a request is about. The path is taken as it was sent: `//api/tags`, a dot segment or an
/// escaped letter leads nowhere.
#[must_use]
pub fn find(method: &Method, path: &str) -> Found {
    use Class::{Inference, LeavesTheComputer, List, Liveness, Manage, Read};
    use Dialect::{Anthropic, Ollama, OpenAi};
    use Names::{Body, Form, Nothing, Path};

    let (methods, class, dialect, names): (&'static str, _, _, _) = match path {
        "/" | "/api/version" => ("GET, HEAD", Liveness, Ollama, Nothing),
        "/api/tags" => ("GET, HEAD", List, Ollama, Nothing),
        "/v1/models" => ("GET", List, OpenAi, Nothing),
        "/api/ps" | "/api/status" | "/api/experimental/model-recommendations" => {
            ("GET", Read, Ollama, Nothing)
        }
        "/api/show" => ("POST", Read, Ollama, Body),
        "/api/generate" | "/api/chat" | "/api/embed" | "/api/embeddings" => {
            ("POST", Inference, Ollama, Body)
        }
        "/v1/chat/completions" | "/v1/completions" | "/v1/embeddings" | "/v1/responses" => {
            ("POST", Inference, OpenAi, Body)
        }
        "/v1/audio/transcriptions" => ("POST", Inference, OpenAi, Form),
        "/v1/messages" => ("POST", Inference, Anthropic, Body),
        "/api/pull" | "/api/create" => ("POST", Manage, Ollama, Body),
        "/api/copy" => ("POST", Manage, Ollama, Nothing),
        "/api/delete" => ("DELETE", Manage, Ollama, Body),
        "/api/push" => ("POST", LeavesTheComputer, Ollama, Body),
        "/api/experimental/web_search" | "/api/experimental/web_fetch" => {
            ("POST", LeavesTheComputer, Ollama, Nothing)
        }
        _ if is_segment_below(path, "/v1/models/") => ("GET", Read, OpenAi, Path("/v1/models/")),
        _ if is_segment_below(path, "/api/blobs/") => ("POST, HEAD", Manage, Ollama, Nothing),
        _ => return Found::Nothing,
    };
    if !methods.split(", ").any(|taken| method == taken) {
        return Found::OtherMethod(methods);
    }
    let streams_in = path.starts_with("/api/blobs/");
    Found::Route(Route { class, dialect, names, streams_in })
}

/// Whether something follows the prefix that is a name and cannot lead elsewhere. The names of
/// models may hold slashes, which some clients write plainly and others escape.
fn is_segment_below(path: &str, prefix: &str) -> bool {
    let Some(rest) = path.strip_prefix(prefix) else { return false };
    let Ok(name) = percent_decode_str(rest).decode_utf8() else { return false };
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '/');
    name.chars().all(plain) && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(method: Method, path: &str) -> Option<Class> {
        match find(&method, path) {
            Found::Route(route) => Some(route.class),
            Found::OtherMethod(_) | Found::Nothing => None,
        }
    }

    #[test]
    fn each_address_has_the_class_of_the_table() {
        use Class::{Inference, LeavesTheComputer, List, Liveness, Manage, Read};
        for (method, path, wanted) in [
            ("GET", "/", Liveness),
            ("HEAD", "/", Liveness),
            ("GET", "/api/version", Liveness),
            ("HEAD", "/api/version", Liveness),
            ("GET", "/api/tags", List),
            ("HEAD", "/api/tags", List),
            ("POST", "/api/show", Read),
            ("GET", "/api/ps", Read),
            ("GET", "/api/status", Read),
            ("GET", "/v1/models", List),
            ("GET", "/v1/models/qwen3:8b", Read),
            ("GET", "/v1/models/me/qwen3:8b", Read),
            ("GET", "/v1/models/me%2Fqwen3%3A8b", Read),
            ("GET", "/api/experimental/model-recommendations", Read),
            ("POST", "/api/generate", Inference),
            ("POST", "/api/chat", Inference),
            ("POST", "/api/embed", Inference),
            ("POST", "/api/embeddings", Inference),
            ("POST", "/v1/chat/completions", Inference),
            ("POST", "/v1/completions", Inference),
            ("POST", "/v1/embeddings", Inference),
            ("POST", "/v1/responses", Inference),
            ("POST", "/v1/messages", Inference),
            ("POST", "/v1/audio/transcriptions", Inference),
            ("POST", "/api/pull", Manage),
            ("POST", "/api/create", Manage),
            ("POST", "/api/copy", Manage),
            ("DELETE", "/api/delete", Manage),
            ("POST", "/api/blobs/sha256:00", Manage),
            ("HEAD", "/api/blobs/sha256:00", Manage),
            ("POST", "/api/push", LeavesTheComputer),
            ("POST", "/api/experimental/web_search", LeavesTheComputer),
            ("POST", "/api/experimental/web_fetch", LeavesTheComputer),
        ] {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            assert_eq!(class(method.clone(), path), Some(wanted), "{method} {path}");
        }
    }

    #[test]
    fn what_is_not_listed_is_not_passed_on() {
        for path in [
            "/api/me",
            "/api/signout",
            "/api/user/keys/x",
            "/debug/pprof/",
            "/debug/pprof/heap",
            "/api",
            "/api/",
            "/api/new",
            "/api/chat/",
            "/api//chat",
            "//api/chat",
            "/API/chat",
            "/api/%63hat",
            "/v1",
            "/v1/files",
            "/v1/messages/count_tokens",
            "/v1/models/",
            "/v1/models/../../api/me",
            "/v1/models/%2e%2e/x",
            "/v1/models/x\\..\\..\\..\\debug\\pprof\\heap",
            "/v1/models/lab%2F..%2F..%2Fdebug",
            "/v1/models/lab/%252e%252e/debug",
            "/v1/models/lab%5c..%5cdebug",
            "/v1/models/a?b",
            "/v1/models/a%20b",
            "/v1/models/a%00",
            "/v1/models/%ff",
            "/api/blobs/x\\..\\..\\signout",
            "/api/blobs/x%2f..%2f..%2fpush",
            "/v1/models/a//b",
            "/api/blobs/",
            "/api/blobs/../me",
            "/x",
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::HEAD, Method::PUT] {
                assert_eq!(find(&method, path), Found::Nothing, "{method} {path}");
            }
        }
        assert_eq!(find(&Method::POST, "/api/tags"), Found::OtherMethod("GET, HEAD"));
        assert_eq!(find(&Method::GET, "/api/delete"), Found::OtherMethod("DELETE"));
        assert_eq!(find(&Method::PUT, "/"), Found::OtherMethod("GET, HEAD"));
    }

    #[test]
    fn an_error_has_the_shape_of_its_api() {
        use http::StatusCode;
        for (path, wanted) in [
            ("/api/chat", r#"{"error":"no"}"#),
            ("/", r#"{"error":"no"}"#),
            (
                "/v1/chat/completions",
                r#"{"error":{"code":null,"message":"no","param":null,"type":"not_found_error"}}"#,
            ),
            (
                "/v1/messages",
                r#"{"error":{"message":"no","type":"not_found_error"},"type":"error"}"#,
            ),
        ] {
            let dialect = Dialect::of(path).expect("a path of an API");
            let shape = dialect.error(StatusCode::NOT_FOUND, "no");
            let shape: serde_json::Value = serde_json::from_slice(&shape).expect("JSON");
            let wanted: serde_json::Value = serde_json::from_str(wanted).expect("JSON");
            assert_eq!(shape, wanted, "{path}");
        }
        for path in ["/mcp", "/health", "/apis", "/v10", "/apiary/x"] {
            assert_eq!(Dialect::of(path), None, "{path}");
        }
        assert_eq!(Dialect::of("/v1/messages/count_tokens"), Some(Dialect::Anthropic));
        assert_eq!(Dialect::of("/v1/messagesx"), Some(Dialect::OpenAi));
    }
}
