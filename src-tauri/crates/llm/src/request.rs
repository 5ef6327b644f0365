//! A request's body, looked at: which model it is about, and whether it asks for something that
//! leaves the computer. It is passed on as it came, but for the prefix that names a backend.

use std::borrow::Cow;
use std::io::Read as _;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most bytes a compressed body may become, as in Ollama (middleware, zstd).
const DECODED_BYTES: u64 = 20 * 1024 * 1024;

/// What was found in a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peeked {
    /// The model.
    pub model: Option<String>,
    /// Where its name stands in the body, with its quotation marks.
    place: Option<Range<usize>>,
    /// Whether the answer is to come piece by piece, where the body says.
    pub stream: Option<bool>,
    /// It has Ollama search the web, which Ollama does in its cloud.
    pub searches_the_web: bool,
}

/// Why a body was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It is not JSON, or not an object.
    #[error("The request is not a JSON object.")]
    NotJson,
    /// It names its model twice, so that we and the backend could read two different ones.
    #[error("The request names its model more than once.")]
    TwoModels,
    /// It is compressed in a way that is not taken.
    #[error(
        "The request is compressed in a way that is not taken here. Send it as it is, or as zstd."
    )]
    Encoding,
    /// It is compressed, and too large once it is not.
    #[error("The request is larger than 20 MiB once it is unpacked.")]
    TooLarge,
}

/// A body without its compression. `encoding` is the value of `Content-Encoding`.
///
/// # Errors
/// [`NotRead::Encoding`] and [`NotRead::TooLarge`].
pub fn unpacked(body: &Bytes, encoding: Option<&[u8]>) -> Result<Bytes, NotRead> {
    match encoding {
        None => Ok(body.clone()),
        Some(name) if name.eq_ignore_ascii_case(b"identity") => Ok(body.clone()),
        Some(name) if name.eq_ignore_ascii_case(b"zstd") => {
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(body.as_ref())
                .map_err(|_| NotRead::Encoding)?;
            let mut decoded = Vec::new();
            decoder
                .by_ref()
                .take(DECODED_BYTES + 1)
                .read_to_end(&mut decoded)
                .map_err(|_| NotRead::Encoding)?;
            match decoded.len() as u64 > DECODED_BYTES {
                true => Err(NotRead::TooLarge),
                false => Ok(decoded.into()),
            }
        }
        Some(_) => Err(NotRead::Encoding),
    }
}

/// Looks into a JSON body. Keys are compared without regard to case, as Go reads them, and a
/// model that is named twice is refused: whoever names one to us and another to Ollama would get
/// round what the person set.
///
/// # Errors
/// [`NotRead::NotJson`] and [`NotRead::TwoModels`].
pub fn peek(body: &[u8]) -> Result<Peeked, NotRead> {
    let Head(fields) = serde_json::from_slice(body).map_err(|_| NotRead::NotJson)?;
    let mut peeked = Peeked::default();
    let mut older = None;
    for (key, value) in fields {
        match folded(&key).as_str() {
            "model" if peeked.model.is_some() => return Err(NotRead::TwoModels),
            "model" => (peeked.model, peeked.place) = named(body, value)?,
            "name" if older.is_some() => return Err(NotRead::TwoModels),
            "name" => older = Some(named(body, value)?),
            "stream" => peeked.stream = serde_json::from_str(value.get()).ok(),
            "tools" => peeked.searches_the_web |= has_web_search(value),
            _ => {}
        }
    }
    // `name` is what `model` was called before; where both stand, Ollama reads `model`, and a
    // `name` is an ordinary field. An empty `model` counts as none there.
    if peeked.model.as_ref().is_none_or(String::is_empty)
        && let Some((model, place)) = older
    {
        (peeked.model, peeked.place) = (model, place);
    }
    Ok(peeked)
}

/// The fields of an object in the order they stand in, each with what was written.
struct Head<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Head<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = Head<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    fields.push((key.0, map.next_value()?));
                }
                Ok(Head(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A key as Go compares it (encoding/json, `foldName`): without regard to case, and with the two
/// letters outside ASCII that fold to one in it.
fn folded(key: &str) -> String {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

type Named = (Option<String>, Option<Range<usize>>);

fn named(body: &[u8], value: &RawValue) -> Result<Named, NotRead> {
    let Ok(name) = serde_json::from_str::<String>(value.get()) else {
        // Half of a surrogate pair is a letter for Go, and part of a name nobody looked at.
        let is_text = value.get().starts_with('"');
        return if is_text { Err(NotRead::NotJson) } else { Ok((None, None)) };
    };
    let start = (value.get().as_ptr() as usize).checked_sub(body.as_ptr() as usize);
    Ok((Some(name), start.map(|start| start..start + value.get().len())))
}

/// Whether one of the tools is Ollama's own search. Read as Ollama reads it: whichever way the key
/// is written, and of several each.
fn has_web_search(tools: &RawValue) -> bool {
    // What is no list of objects is none for Ollama either.
    let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(tools.get()) else { return false };
    let searches = |value: &RawValue| match serde_json::from_str::<Cow<'_, str>>(value.get()) {
        Ok(kind) => kind.trim().to_ascii_lowercase().starts_with("web_"),
        Err(_) => value.get().starts_with('"'),
    };
    tools.iter().any(|tool| {
        serde_json::from_str::<Head<'_>>(tool.get()).is_ok_and(|Head(fields)| {
            fields.iter().any(|(key, value)| folded(key) == "type" && searches(value))
        })
    })
}

impl Peeked {
    /// The body with another name for its model, and nothing else changed.
    #[must_use]
    pub fn renamed(&self, body: &Bytes, model: &str) -> Bytes {
        let Some(place) = &self.place else { return body.clone() };
        let name = serde_json::Value::from(model).to_string();
        let mut renamed = Vec::with_capacity(body.len() + name.len());
        renamed.extend_from_slice(&body[..place.start]);
        renamed.extend_from_slice(name.as_bytes());
        renamed.extend_from_slice(&body[place.end..]);
        renamed.into()
    }
}

/// The field `model` of a form (RFC 7578): of its parts only the heads are looked at, and the body
/// of that one.
#[must_use]
pub fn model_in_form(content_type: &str, body: &[u8]) -> Option<String> {
    let (_, parameters) = content_type.split_once(';')?;
    let boundary = parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim_matches('"'))?;
    let mark = format!("--{boundary}");
    let mut model = None;
    let mut rest = body;
    while let Some(start) = find_bytes(rest, mark.as_bytes()) {
        rest = &rest[start + mark.len()..];
        let Some(head_end) = find_bytes(rest, b"\r\n\r\n") else { break };
        let head = String::from_utf8_lossy(&rest[..head_end]).to_ascii_lowercase();
        let value = &rest[head_end + 4..];
        let end = find_bytes(value, mark.as_bytes()).unwrap_or(value.len());
        let names_model = head.lines().any(|line| {
            line.starts_with("content-disposition:")
                && line.split(';').any(|p| matches!(p.trim(), "name=\"model\"" | "name=model"))
        });
        if names_model {
            let value = String::from_utf8_lossy(&value[..end]).trim().to_owned();
            // Two of them are no name that anybody has, so that nothing is passed on by mistake.
            model = Some(if model.is_some() { String::new() } else { value });
        }
        rest = &value[end..];
    }
    model
}

fn find_bytes(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_model_is_found_wherever_it_stands() {
        for (body, model) in [
            (r#"{"model":"qwen3:8b"}"#, Some("qwen3:8b")),
            (r#"{"messages":[{"model":"no"}],"model":"a\u0041"}"#, Some("aA")),
            (r#"{"name":"old"}"#, Some("old")),
            (r#"{"name":"old","model":"new"}"#, Some("new")),
            (r#"{"name":"old","model":""}"#, Some("old")),
            (r#"{"Model":"qwen3"}"#, Some("qwen3")),
            (r#"{"model":7}"#, None),
            (r#"{"model":null}"#, None),
            ("{}", None),
            (" {\n} ", None),
        ] {
            assert_eq!(peek(body.as_bytes()).expect(body).model.as_deref(), model, "{body}");
        }
        for body in ["", "[]", "\"x\"", "{", "{\"model\":\"x\"", "{\"model\":\"x\"}}", "\u{fffd}"] {
            assert_eq!(peek(body.as_bytes()), Err(NotRead::NotJson), "{body}");
        }
        for body in [
            r#"{"model":"a","model":"b"}"#,
            r#"{"model":"a","MODEL":"b"}"#,
            r#"{"mod\u0065l":"a","model":"b"}"#,
            r#"{"name":"a","Name":"b"}"#,
        ] {
            assert_eq!(peek(body.as_bytes()), Err(NotRead::TwoModels), "{body}");
        }
    }

    #[test]
    fn a_search_of_the_web_is_seen() {
        for (tools, wanted) in [
            (r#"[{"type":"web_search"}]"#, true),
            (r#"[{"type":"web_search_20250305","name":"web_search"}]"#, true),
            (r#"[{"type":"function","function":{"name":"web_search"}}]"#, false),
            (r#"[{"name":"f","input_schema":{}},{"type":"web_search_preview"}]"#, true),
            (r#"[1,{"type":"web_search"}]"#, true),
            (r#"[{"Type":"web_search"}]"#, true),
            (r#"[{"type":" web_search"}]"#, true),
            (r#"[{"type":"function","type":"web_search"}]"#, true),
            (r#"[{"type":"web_search\ud800"}]"#, true),
            (r#"[{"type":7}]"#, false),
            ("null", false),
            (r#"[]"#, false),
            (r#"{"type":"web_search"}"#, false),
        ] {
            let body = format!(r#"{{"model":"m","tools":{tools}}}"#);
            assert_eq!(
                peek(body.as_bytes()).expect("it is read").searches_the_web,
                wanted,
                "{tools}"
            );
        }
    }

    #[test]
    fn what_go_reads_otherwise_is_read_as_go_does() {
        let long_s = "{\"model\":\"m\",\"tool\u{17f}\":[{\"type\":\"web_search\"}]}";
        assert!(peek(long_s.as_bytes()).expect("it is read").searches_the_web);
        // Half of a surrogate pair is a letter there, and text that nobody can look at here.
        let half = r#"{"model":"gpt-oss\ud800:120b-cloud"}"#;
        assert_eq!(peek(half.as_bytes()), Err(NotRead::NotJson));
    }

    #[test]
    fn zstd_is_unpacked_and_nothing_else() {
        // What `printf '{"model":"a"}' | zstd` writes, without its checksum.
        let packed = Bytes::from_static(&[
            0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x0d, 0x69, 0x00, 0x00, b'{', b'"', b'm', b'o', b'd',
            b'e', b'l', b'"', b':', b'"', b'a', b'"', b'}',
        ]);
        let unpacked_body = unpacked(&packed, Some(b"zstd")).expect("it is zstd");
        assert_eq!(&unpacked_body[..], br#"{"model":"a"}"#);
        assert_eq!(unpacked(&packed, None).expect("as it is"), packed);
        assert_eq!(unpacked(&packed, Some(b"gzip")), Err(NotRead::Encoding));
        assert_eq!(unpacked(&Bytes::from_static(b"{}"), Some(b"zstd")), Err(NotRead::Encoding));
    }

    #[test]
    fn a_form_names_its_model() {
        let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\
                    name=\"model\"\r\n--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
                    whisper\r\n--x--\r\n";
        let kind = "multipart/form-data; boundary=x";
        assert_eq!(model_in_form(kind, form.as_bytes()).as_deref(), Some("whisper"));
        let twice = form.replace(
            "--x--",
            "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nb\r\n--x--",
        );
        assert_eq!(model_in_form(kind, twice.as_bytes()).as_deref(), Some(""));
        assert_eq!(model_in_form("multipart/form-data", form.as_bytes()), None);
        assert_eq!(model_in_form(kind, b"--x"), None);
    }

    proptest! {
        #[test]
        fn another_name_changes_nothing_else(
            before in r#"("[a-z]{1,5}":(1|"x"|\[1, 2\]),)?"#,
            model in "[a-z0-9:/.]{1,12}",
            after in r#"(,"[A-K]{1,5}":(1e3|"\\u00e4"|\{ \}))?"#,
            space in " {0,3}",
            new in "[a-z\"\\\\]{1,12}",
        ) {
            let body = Bytes::from(format!(r#"{{{before}"model":{space}"{model}"{after}}}"#));
            let peeked = peek(&body).expect("it is read");
            prop_assert_eq!(peeked.model.as_deref(), Some(model.as_str()));
            let renamed = peeked.renamed(&body, &new);
            let written = serde_json::Value::from(new.as_str()).to_string();
            let wanted = format!(r#"{{{before}"model":{space}{written}{after}}}"#);
            prop_assert_eq!(renamed, Bytes::from(wanted));
        }
    }
}
