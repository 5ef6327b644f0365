//! The forms of answer an app takes, from its `Accept` header.

use http::header::{ACCEPT, HeaderMap};

/// What a POST may be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// Only one JSON message.
    Json,
    /// Only an event stream.
    Stream,
    /// Whatever fits. Also when nothing is said: the revisions ask apps to accept both, so silence
    /// is read as that.
    Either,
}

/// What is accepted; `None` when it is neither of the two.
pub fn forms(headers: &HeaderMap) -> Option<Forms> {
    let mut said = false;
    let (mut json, mut stream) = (false, false);
    for range in ranges(headers) {
        said = true;
        match range {
            "*/*" => (json, stream) = (true, true),
            "application/json" | "application/*" => json = true,
            "text/event-stream" | "text/*" => stream = true,
            _ => {}
        }
    }
    match (json, stream) {
        _ if !said => Some(Forms::Either),
        (true, true) => Some(Forms::Either),
        (true, false) => Some(Forms::Json),
        (false, true) => Some(Forms::Stream),
        (false, false) => None,
    }
}

/// Whether an event stream is asked for by name: a GET is answered with nothing else.
pub(crate) fn wants_stream(headers: &HeaderMap) -> bool {
    ranges(headers).any(|range| range == "text/event-stream")
}

/// The media ranges, folded, without parameters and without those of quality 0 (RFC 9110 section
/// 12.5.1).
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused = parts.any(|p| {
                p.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
            });
            const KNOWN: [&str; 5] =
                ["*/*", "application/json", "application/*", "text/event-stream", "text/*"];
            let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name));
            (!refused && !name.is_empty()).then(|| known.unwrap_or("other"))
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_accept_header_is_read_leniently() {
        for (values, wanted, stream) in [
            (&[] as &[&'static str], Some(Forms::Either), false),
            (&["*/*"], Some(Forms::Either), false),
            (&["application/json, text/event-stream"], Some(Forms::Either), true),
            (&["application/json", "text/event-stream"], Some(Forms::Either), true),
            (&["Application/JSON;q=0.5,Text/Event-Stream"], Some(Forms::Either), true),
            (&["application/json"], Some(Forms::Json), false),
            (&["application/*"], Some(Forms::Json), false),
            (&["application/json, text/event-stream;q=0"], Some(Forms::Json), false),
            (&["text/event-stream"], Some(Forms::Stream), true),
            (&["text/html"], None, false),
            (&["text/html, */*;q=0.8"], Some(Forms::Either), false),
            (&["application/jsonx"], None, false),
            (&[""], Some(Forms::Either), false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(forms(&headers), wanted, "{values:?}");
            assert_eq!(wants_stream(&headers), stream, "{values:?}");
        }
    }
}
