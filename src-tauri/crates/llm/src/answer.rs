//! How an answer of a model went, told from its bytes on their way to the app: what it took, and
//! whether it came to its end. Nothing of it is changed or held back, and only the last of it is
//! kept until it is over.

use memchr::memmem;
use serde::Deserialize;

use crate::route::{Dialect, Route};

/// Bytes of an answer's end that are looked at: more than its last line or event with its figures
/// takes.
const TAIL_BYTES: usize = 32 * 1024;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One JSON value.
    Json,
    /// A JSON object a line (`application/x-ndjson`).
    Lines,
    /// Events (`text/event-stream`).
    Events,
    /// Something else: nothing is read from it.
    Other,
}

/// Follows one answer.
#[derive(Debug)]
pub struct Follower {
    form: Form,
    marker: Option<memmem::Finder<'static>>,
    tail: Vec<u8>,
    bytes: u64,
    complete: bool,
}

/// What an answer was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Tokens of the prompt, where the answer says.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, where it says.
    pub answer_tokens: Option<u64>,
    /// Its end was there: a stream that stops before is broken off, whatever its status was
    /// (Ollama's own routes swallow an error in the middle of an answer in OpenAI's or Anthropic's
    /// shape).
    pub complete: bool,
    /// The error it ended with.
    pub error: Option<String>,
}

impl Follower {
    /// Follows the answer of an address, by its `Content-Type`.
    #[must_use]
    pub fn new(route: &Route, path: &str, content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let form = if essence.eq_ignore_ascii_case("application/x-ndjson") {
            Form::Lines
        } else if essence.eq_ignore_ascii_case("text/event-stream") {
            Form::Events
        } else if essence.eq_ignore_ascii_case("application/json") {
            Form::Json
        } else {
            Form::Other
        };
        let marker = (form == Form::Events).then(|| {
            memmem::Finder::new(match (route.dialect, path) {
                (Dialect::Anthropic, _) => "message_stop",
                (_, "/v1/responses") => "response.completed",
                _ => "data: [DONE]",
            })
        });
        Self { form, marker, tail: Vec::new(), bytes: 0, complete: false }
    }

    /// Takes in what came next.
    pub fn feed(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        let seam = self.marker.as_ref().map_or(0, |marker| marker.needle().len());
        let from = self.tail.len().saturating_sub(seam);
        match piece.len() > TAIL_BYTES {
            // Of a large piece only the end is kept; the marker is looked for in all of it.
            true => {
                self.complete |= self.marked(piece);
                self.tail.clear();
                self.tail.extend_from_slice(&piece[piece.len() - TAIL_BYTES..]);
            }
            false => {
                self.tail.extend_from_slice(piece);
                self.complete |= self.marked(&self.tail[from..]);
                if self.tail.len() > 2 * TAIL_BYTES {
                    self.tail.drain(..self.tail.len() - TAIL_BYTES);
                }
            }
        }
    }

    fn marked(&self, text: &[u8]) -> bool {
        self.marker.as_ref().is_some_and(|marker| marker.find(text).is_some())
    }

    /// Bytes that came so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The mark with which a stream ends was there, so that nothing follows.
    #[must_use]
    pub fn saw_the_end(&self) -> bool {
        matches!(self.form, Form::Lines | Form::Events) && self.told().complete
    }

    /// What the answer was, once all of it came.
    #[must_use]
    pub fn told(&self) -> Told {
        let tail = &self.tail[..];
        match self.form {
            Form::Other => Told { complete: true, ..Told::default() },
            Form::Json => Told { complete: true, ..figures(tail) },
            Form::Lines => {
                let line = last_line(tail);
                let told = figures(line);
                // The line may be longer than what is kept of it; its figures stand at its end.
                let ended = serde_json::from_slice::<Line>(line).map_or_else(
                    |_| memmem::find(line, b"\"total_duration\":").is_some(),
                    |line| line.done == Some(true) || line.status.as_deref() == Some("success"),
                );
                Told { complete: ended && told.error.is_none(), ..told }
            }
            Form::Events => {
                let told = figures(tail);
                Told { complete: self.complete && told.error.is_none(), ..told }
            }
        }
    }
}

#[derive(Deserialize)]
struct Line {
    done: Option<bool>,
    status: Option<String>,
}

fn last_line(tail: &[u8]) -> &[u8] {
    tail.split(|byte| *byte == b'\n')
        .rfind(|line| !line.trim_ascii().is_empty())
        .unwrap_or_default()
}

/// The figures at the end of a text, by the names that the three APIs give them. The last one of
/// each counts: a usage grows from event to event.
fn figures(text: &[u8]) -> Told {
    let number = |names: &[&str]| {
        names.iter().find_map(|name| {
            let start = memmem::rfind(text, format!("\"{name}\":").as_bytes())?;
            let digits = text[start + name.len() + 3..].trim_ascii_start();
            let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
            std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
        })
    };
    Told {
        prompt_tokens: number(&["prompt_eval_count", "prompt_tokens", "input_tokens"]),
        answer_tokens: number(&["eval_count", "completion_tokens", "output_tokens"]),
        complete: false,
        error: error_of(text),
    }
}

/// The error that a text is, in the shape of any of the three APIs.
fn error_of(text: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Shape {
        error: Said,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Text(String),
        Object { message: String },
    }
    let line = last_line(text).trim_ascii();
    let line = line.strip_prefix(b"data:").unwrap_or(line);
    match serde_json::from_slice::<Shape>(line).ok()?.error {
        Said::Text(message) | Said::Object { message } => Some(message.chars().take(500).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Found, find};
    use http::Method;

    fn told(path: &str, kind: &str, pieces: &[&str]) -> Told {
        let Found::Route(route) = find(&Method::POST, path) else { panic!("{path} is known") };
        let mut follower = Follower::new(&route, path, kind);
        for piece in pieces {
            follower.feed(piece.as_bytes());
        }
        assert_eq!(follower.bytes(), pieces.iter().map(|p| p.len() as u64).sum::<u64>());
        follower.told()
    }

    const NDJSON: &str = "application/x-ndjson";
    const EVENTS: &str = "text/event-stream";

    #[test]
    fn a_stream_of_lines_ends_with_its_figures() {
        let end =
            "{\"done\":true,\"total_duration\":7,\"prompt_eval_count\":169,\"eval_count\":15}\n";
        let all = told("/api/chat", NDJSON, &["{\"done\":false}\n", end]);
        let wanted =
            Told { prompt_tokens: Some(169), answer_tokens: Some(15), complete: true, error: None };
        assert_eq!(all, wanted);
        let (first, second) = end.split_at(20);
        assert_eq!(told("/api/chat", NDJSON, &["{\"done\":false}\n", first, second]), wanted);

        let long = format!("{{\"done\":true,\"context\":[{}],", "1,".repeat(TAIL_BYTES));
        let cut =
            told("/api/generate", NDJSON, &[&long, "\"total_duration\":7,\"eval_count\":3}\n"]);
        assert!(cut.complete, "its beginning is not kept: {cut:?}");
        assert_eq!(cut.answer_tokens, Some(3));

        assert!(!told("/api/chat", NDJSON, &["{\"done\":false}\n"]).complete, "it broke off");
        assert!(!told("/api/chat", NDJSON, &[]).complete);
        assert!(told("/api/pull", NDJSON, &["{\"status\":\"success\"}\n"]).complete);
        let failed = told("/api/chat", NDJSON, &["{\"done\":false}\n{\"error\":\"no memory\"}\n"]);
        assert_eq!((failed.complete, failed.error.as_deref()), (false, Some("no memory")));
    }

    #[test]
    fn a_stream_of_events_ends_with_its_marker() {
        let usage =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":4}}\n\n";
        let chat = "/v1/chat/completions";
        let whole = told(chat, EVENTS, &["data: {}\n\n", usage, "data: [DO", "NE]\n\n"]);
        assert_eq!(
            (whole.complete, whole.prompt_tokens, whole.answer_tokens),
            (true, Some(11), Some(4))
        );
        assert!(!told(chat, EVENTS, &["data: {}\n\n", usage]).complete, "no end was there");

        let long = format!("data: {{\"x\":\"{}\"}}\n\n", "y".repeat(3 * TAIL_BYTES));
        let done = format!("event: response.completed\n{long}");
        assert!(told("/v1/responses", EVENTS, &["event: a\n\n", &done]).complete);
        assert!(!told("/v1/responses", EVENTS, &[&long]).complete);
        let anthropic = told(
            "/v1/messages",
            EVENTS,
            &[
                "data: {\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}\n\n",
                "data: {\"usage\":{\"output_tokens\":9}}\n\nevent: message_stop\ndata: {}\n\n",
            ],
        );
        assert_eq!(
            (anthropic.complete, anthropic.prompt_tokens, anthropic.answer_tokens),
            (true, Some(5), Some(9))
        );
    }

    #[test]
    fn a_whole_answer_is_complete_and_may_be_an_error() {
        let body = r#"{"usage":{"prompt_tokens": 2,"completion_tokens":3}}"#;
        let whole = told("/v1/completions", "application/json; charset=utf-8", &[body]);
        assert_eq!(
            (whole.complete, whole.prompt_tokens, whole.answer_tokens),
            (true, Some(2), Some(3))
        );
        for (body, wanted) in [
            (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
            (r#"{"error":{"message":"bad","type":"x"}}"#, "bad"),
        ] {
            let error = told("/api/chat", "application/json", &[body]).error;
            assert_eq!(error.as_deref(), Some(wanted));
        }
        assert!(told("/api/chat", "text/plain", &["x"]).complete);
    }
}
