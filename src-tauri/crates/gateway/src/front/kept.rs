//! How much of arguments and results is kept on record, as the person chose for the server.

use std::fmt;
use std::fmt::Write as _;

use drawbridge_audit::{CallBegan, Excerpt, KEPT_BYTES};
use drawbridge_model::RecordRule;
use drawbridge_policy::Policy;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::calls::Crossing;
use crate::edge::Edge;

/// What the person chose for a server.
pub(super) fn rule(policy: &Policy, server: &str) -> RecordRule {
    policy.servers.get(server).map(|rules| rules.record).unwrap_or_default()
}

/// What is kept of a JSON text.
pub(super) fn excerpt(rule: RecordRule, text: &str) -> Excerpt {
    match rule {
        RecordRule::Content => Excerpt::of(text),
        RecordRule::Shapes => Excerpt::instead_of(text.len(), &shape(text)),
        RecordRule::Nothing => Excerpt::instead_of(text.len(), ""),
    }
}

impl Crossing {
    /// Takes away what was to be kept of its arguments where the person wants less by now.
    pub(super) fn keep_no_more(&self, edge: &Edge, began: &mut CallBegan) {
        let rule = self.kept(edge);
        if rule == began.rule {
            return;
        }
        began.rule = rule;
        began.arguments = began.arguments.take().map(|arguments| {
            Excerpt::instead_of(usize::try_from(arguments.bytes()).unwrap_or(usize::MAX), "")
        });
    }

    /// What is kept of its result: no more than the person wants by now, and no more than when it
    /// began.
    pub(super) fn kept(&self, edge: &Edge) -> RecordRule {
        let now = rule(&edge.shared.policy.load(), self.server.as_str());
        match (self.rule, now) {
            (RecordRule::Nothing, _) | (_, RecordRule::Nothing) => RecordRule::Nothing,
            (RecordRule::Shapes, _) | (_, RecordRule::Shapes) => RecordRule::Shapes,
            (RecordRule::Content, RecordRule::Content) => RecordRule::Content,
        }
    }
}

/// The same JSON with the kind and length of each value in its place. Names of fields stay.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut json = serde_json::Deserializer::from_str(text);
    match (Shape { out: &mut shape }).deserialize(&mut json) {
        Ok(()) => shape,
        Err(_) => "\"not JSON\"".to_owned(),
    }
}

/// Writes the shape of one value.
struct Shape<'a> {
    out: &'a mut String,
}

impl Shape<'_> {
    fn word(self, word: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = write!(self.out, "\"{word}\"");
    }

    /// What is cut off later need not be written.
    fn is_long(&self) -> bool {
        self.out.len() > KEPT_BYTES
    }
}

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.word(format_args!("nothing"));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.word(format_args!("yes or no"));
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.word(format_args!("number"));
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.word(format_args!("number"));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.word(format_args!("number"));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.word(format_args!("text of {} characters", text.chars().count()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.out.push('[');
        let mut first = true;
        loop {
            if self.is_long() {
                while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                break;
            }
            let before = self.out.len();
            if !first {
                self.out.push(',');
            }
            if list.next_element_seed(Shape { out: self.out })?.is_none() {
                self.out.truncate(before);
                break;
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.out.push('{');
        let mut first = true;
        while let Some(name) = fields.next_key::<String>()? {
            if self.is_long() {
                fields.next_value::<serde::de::IgnoredAny>()?;
                continue;
            }
            if !first {
                self.out.push(',');
            }
            first = false;
            self.out.push_str(&drawbridge_mcp::wire::raw_string(&name));
            self.out.push(':');
            fields.next_value_seed(Shape { out: self.out })?;
        }
        self.out.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lengths_stay_and_values_go() {
        for (text, expected) in [
            (r#"{}"#, "{}"),
            (r#"[]"#, "[]"),
            (r#""Grüße""#, r#""text of 5 characters""#),
            (r#"-1.5e3"#, r#""number""#),
            (
                r#"{"path":"/home/me","depth":2,"all":true,"none":null,"list":["a",["b"],{}]}"#,
                r#"{"path":"text of 8 characters","depth":"number","all":"yes or no","none":"nothing","list":["text of 1 characters",["text of 1 characters"],{}]}"#,
            ),
            (r#"{"a\"b":1}"#, r#"{"a\"b":"number"}"#),
            ("{", r#""not JSON""#),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_text_has_a_shape_that_ends() {
        let long = format!("[{}]", vec!["{\"secret\":\"hunter2\"}"; 100_000].join(","));
        let shape = shape(&long);
        assert!(shape.len() < KEPT_BYTES + 200, "{}", shape.len());
        assert!(!shape.contains("hunter2"));
        assert!(serde_json::from_str::<serde_json::Value>(&shape).is_ok());
    }

    #[test]
    fn of_what_is_not_kept_only_the_size_is() {
        let kept = excerpt(RecordRule::Nothing, "{\"secret\":\"hunter2\"}");
        assert_eq!(kept, Excerpt::instead_of(20, ""));
    }
}
