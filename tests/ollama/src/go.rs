//! Requests in JSON, refused in the words of Go where they are not well formed.

use serde_json::{Map, Value};

use crate::body::{Answer, Response};

/// Why a request is refused: a status and the text of its error.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Where to sign in.
    pub(crate) signin_url: Option<String>,
    /// It comes from what passes on to the cloud, before any dialect: its shape is the native one
    /// on every route.
    pub(crate) passing: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into(), signin_url: None, passing: false }
    }

    /// As the native routes say it.
    pub(crate) fn native(&self) -> Response {
        let mut body = Map::new();
        body.insert("error".to_owned(), self.message.clone().into());
        if let Some(url) = &self.signin_url {
            body.insert("signin_url".to_owned(), url.clone().into());
        }
        json(self.status, &Value::Object(body))
    }
}

/// An answer in JSON.
pub(crate) fn json(status: u16, body: &Value) -> Response {
    bytes(status, "application/json; charset=utf-8", body.to_string().into_bytes())
}

/// An answer with a body of any type; none has no type.
pub(crate) fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Answer::whole(body));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    header(&mut response, "content-type", content_type);
    response
}

/// Sets a header; a value that cannot stand in one is left out.
pub(crate) fn header(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = hyper::header::HeaderValue::from_str(value)
        && !value.is_empty()
    {
        response.headers_mut().append(name, value);
    }
}

/// An answer without a body.
pub(crate) fn empty(status: u16) -> Response {
    bytes(status, "", Vec::new())
}

/// Whether a value is of a type.
type Fits = fn(&Value) -> bool;

/// The object a request brings.
pub(crate) fn object(body: &[u8], structure: &str) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Err(Refusal::new(400, "missing request body"));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::new(400, syntax(body, &error)))?;
    let Value::Object(object) = value else {
        let message = format!(
            "json: cannot unmarshal {} into Go value of type api.{structure}",
            kind(&value)
        );
        return Err(Refusal::new(400, message));
    };
    let typed: [(&str, &str, Fits); 7] = [
        ("model", "string", Value::is_string),
        ("name", "string", Value::is_string),
        ("prompt", "string", Value::is_string),
        ("from", "string", Value::is_string),
        ("stream", "bool", Value::is_boolean),
        ("messages", "[]api.Message", Value::is_array),
        ("options", "map[string]interface {}", Value::is_object),
    ];
    for (field, name, fits) in typed {
        let value = object.get(field).filter(|value| !value.is_null());
        if let Some(value) = value.filter(|value| !fits(value)) {
            let message = format!(
                "json: cannot unmarshal {} into Go struct field {structure}.{field} of type {name}",
                kind(value)
            );
            return Err(Refusal::new(400, message));
        }
    }
    Ok(object)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn syntax(body: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected EOF".to_owned();
    }
    let before: usize =
        body.split(|byte| *byte == b'\n').take(error.line() - 1).map(|line| line.len() + 1).sum();
    let at = (before + error.column()).saturating_sub(1).min(body.len() - 1);
    let found = char::from(body[at]);
    let previous = body[..at].iter().rev().find(|byte| !byte.is_ascii_whitespace());
    let looked_for = match previous {
        Some(b'{' | b',') => "looking for beginning of object key string",
        Some(b'"') => "after object key",
        Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'}' => {
            "after object key:value pair"
        }
        _ => "looking for beginning of value",
    };
    format!("invalid character '{found}' {looked_for}")
}

/// The text of a field; empty where there is none.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_refused_in_the_words_of_go() {
        let refused = |body: &str| object(body.as_bytes(), "ChatRequest").unwrap_err().message;
        assert_eq!(refused(""), "missing request body");
        assert_eq!(refused("{"), "unexpected EOF");
        assert_eq!(
            refused("{bad"),
            "invalid character 'b' looking for beginning of object key string"
        );
        assert_eq!(
            refused("{\"model\":5}"),
            "json: cannot unmarshal number into Go struct field ChatRequest.model of type string"
        );
        assert_eq!(
            refused("[]"),
            "json: cannot unmarshal array into Go value of type api.ChatRequest"
        );
    }
}
