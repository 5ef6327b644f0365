//! Finding and exchanging values inside a raw object.
//!
//! The scanner runs over text that serde_json has already accepted (that is what a [`RawValue`]
//! promises), so it need not check the grammar again: it only has to know where a value ends.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use super::WireError;

/// A value inside a raw object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'a> {
    /// The value as JSON text.
    pub raw: &'a str,
    /// Where it stands in the object it was found in, in bytes.
    pub span: Range<usize>,
}

impl<'a> Field<'a> {
    /// The value as a string, without its quotes and escapes; `None` when it is no string.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let inner = self.raw.strip_prefix('"')?.strip_suffix('"')?;
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str(self.raw).ok().map(Cow::Owned)
    }

    /// Whether the value is the literal `true`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.raw == "true"
    }

    /// The value as a raw value of its own.
    #[must_use]
    pub fn value(&self) -> Option<&'a RawValue> {
        serde_json::from_str(self.raw).ok()
    }
}

/// The exchange of one span of an object for another JSON text.
#[derive(Debug, Clone)]
pub struct Edit<'a> {
    /// The span, as a [`Field`] of the same object gives it.
    pub span: Range<usize>,
    /// The JSON text that takes its place.
    pub with: Cow<'a, str>,
}

/// Finds the value at a path of keys. Keys on the way may stand only once; where the path leads
/// through something that is no object there is nothing to find.
///
/// # Errors
/// [`WireError::Duplicate`] when a key of the path stands twice.
pub fn find<'a>(within: &'a RawValue, path: &[&str]) -> Result<Option<Field<'a>>, WireError> {
    let mut found = None;
    find_each(within, &[path], |_, field| found = Some(field))?;
    Ok(found)
}

/// Finds the values at several paths in one pass and hands each over with the index of its path.
/// The step `*` stands for every element of an array. At most 64 paths.
///
/// # Errors
/// [`WireError::Duplicate`] when a key of a path stands twice in one object.
pub fn find_each<'a>(
    within: &'a RawValue,
    paths: &[&[&str]],
    mut found: impl FnMut(usize, Field<'a>),
) -> Result<(), WireError> {
    debug_assert!(paths.len() <= 64, "a path is a bit of a 64-bit set");
    let active = paths
        .iter()
        .take(64)
        .enumerate()
        .filter(|(_, path)| !path.is_empty())
        .fold(0_u64, |set, (index, _)| set | 1 << index);
    let scan = Scan { text: within.get(), paths };
    scan.value(0, 0, active, &mut found).map(|_| ())
}

/// Exchanges the values at some paths. A path that leads nowhere changes nothing.
///
/// # Errors
/// [`WireError::Duplicate`] when a key of a path stands twice, [`WireError::NotJson`] when a
/// replacement is not JSON.
pub fn splice(
    within: &RawValue,
    replacements: &[(&[&str], &str)],
) -> Result<Box<RawValue>, WireError> {
    let paths: Vec<&[&str]> = replacements.iter().map(|(path, _)| *path).collect();
    rewrite(within, &paths, |index, _| Some(Cow::Borrowed(replacements[index].1)))
        .map(|changed| changed.unwrap_or_else(|| within.to_owned()))
}

/// Lets `change` decide on each value at some paths. `None` from it leaves the value; `None` as
/// the result means that nothing was changed.
///
/// # Errors
/// As for [`splice`].
pub fn rewrite<'a, 'r>(
    within: &'a RawValue,
    paths: &[&[&str]],
    mut change: impl FnMut(usize, &Field<'a>) -> Option<Cow<'r, str>>,
) -> Result<Option<Box<RawValue>>, WireError> {
    let mut edits = Vec::new();
    find_each(within, paths, |index, field| {
        if let Some(with) = change(index, &field) {
            edits.push(Edit { span: field.span, with });
        }
    })?;
    if edits.is_empty() {
        return Ok(None);
    }
    let mut out = Vec::with_capacity(within.get().len() + 64);
    apply(within.get(), &mut edits, &mut out);
    let text = String::from_utf8(out).map_err(|error| WireError::NotJson(error.to_string()))?;
    RawValue::from_string(text).map(Some).map_err(|error| WireError::NotJson(error.to_string()))
}

/// Appends `text` with the edits made. Sorts them; of edits that overlap the first counts, and
/// one that reaches past the end is left out.
pub fn apply(text: &str, edits: &mut [Edit<'_>], into: &mut Vec<u8>) {
    edits.sort_unstable_by_key(|edit| edit.span.start);
    let mut done = 0;
    for edit in edits.iter() {
        let Some(between) = text.get(done..edit.span.start) else { continue };
        if text.get(edit.span.clone()).is_none() {
            continue;
        }
        into.extend_from_slice(between.as_bytes());
        into.extend_from_slice(edit.with.as_bytes());
        done = edit.span.end;
    }
    into.extend_from_slice(&text.as_bytes()[done..]);
}

struct Scan<'a, 'p> {
    text: &'a str,
    paths: &'p [&'p [&'p str]],
}

type Found<'f, 'a> = dyn FnMut(usize, Field<'a>) + 'f;

impl<'a> Scan<'a, '_> {
    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(b'\0')
    }

    fn skip_space(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        at
    }

    /// From the opening quote to behind the closing one.
    fn skip_string(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = at + 1;
        loop {
            match bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
                Some(offset) if bytes[at + offset] == b'"' => return at + offset + 1,
                Some(offset) => at += offset + 2,
                None => return bytes.len(),
            }
        }
    }

    /// From the first byte of a value to behind its last one.
    fn skip_value(&self, at: usize) -> usize {
        match self.byte(at) {
            b'"' => self.skip_string(at),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                let mut at = at;
                while at < self.text.len() {
                    match self.byte(at) {
                        b'"' => {
                            at = self.skip_string(at);
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => {
                            depth -= 1;
                            if depth == 0 {
                                return at + 1;
                            }
                        }
                        _ => {}
                    }
                    at += 1;
                }
                self.text.len()
            }
            _ => {
                let mut at = at;
                while at < self.text.len()
                    && !matches!(self.byte(at), b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t')
                {
                    at += 1;
                }
                at
            }
        }
    }

    /// Scans one value for the paths in `active`, of which `depth` steps are done. Gives the
    /// place behind it. Recursion is as deep as the longest path.
    fn value(
        &self,
        at: usize,
        depth: usize,
        active: u64,
        found: &mut Found<'_, 'a>,
    ) -> Result<usize, WireError> {
        match self.byte(at) {
            b'{' if active != 0 => self.object(at, depth, active, found),
            b'[' if active != 0 => self.array(at, depth, active, found),
            _ => Ok(self.skip_value(at)),
        }
    }

    fn object(
        &self,
        at: usize,
        depth: usize,
        active: u64,
        found: &mut Found<'_, 'a>,
    ) -> Result<usize, WireError> {
        let mut seen = 0_u64;
        let mut at = self.skip_space(at + 1);
        while self.byte(at) == b'"' {
            let key_end = self.skip_string(at);
            let key = Field { raw: &self.text[at..key_end], span: at..key_end };
            let colon = self.skip_space(key_end);
            let start = self.skip_space(colon + 1);
            let here = match key.text() {
                Some(key) => {
                    let here = self.matching(&key, depth, active);
                    if seen & here != 0 {
                        return Err(WireError::Duplicate(key.into_owned()));
                    }
                    here
                }
                None => 0,
            };
            seen |= here;
            at = self.step(start, depth, here, found)?;
            at = self.skip_space(at);
            if self.byte(at) != b',' {
                break;
            }
            at = self.skip_space(at + 1);
        }
        Ok(at + 1)
    }

    fn array(
        &self,
        at: usize,
        depth: usize,
        active: u64,
        found: &mut Found<'_, 'a>,
    ) -> Result<usize, WireError> {
        let here = self.matching("*", depth, active);
        if here == 0 {
            return Ok(self.skip_value(at));
        }
        let mut at = self.skip_space(at + 1);
        while !matches!(self.byte(at), b']' | b'\0') {
            at = self.step(at, depth, here, found)?;
            at = self.skip_space(at);
            if self.byte(at) != b',' {
                break;
            }
            at = self.skip_space(at + 1);
        }
        Ok(at + 1)
    }

    /// One value that the paths in `here` lead to or through.
    fn step(
        &self,
        start: usize,
        depth: usize,
        here: u64,
        found: &mut Found<'_, 'a>,
    ) -> Result<usize, WireError> {
        let mut further = 0_u64;
        for index in bits(here) {
            if self.paths[index].len() > depth + 1 {
                further |= 1 << index;
            }
        }
        let end = self.value(start, depth + 1, further, found)?;
        for index in bits(here & !further) {
            found(index, Field { raw: &self.text[start..end], span: start..end });
        }
        Ok(end)
    }

    fn matching(&self, step: &str, depth: usize, active: u64) -> u64 {
        bits(active)
            .filter(|index| self.paths[*index][depth] == step)
            .fold(0, |set, index| set | 1 << index)
    }
}

fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (set != 0).then(|| {
            let index = set.trailing_zeros() as usize;
            set &= set - 1;
            index
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("a test writes JSON")
    }

    #[test]
    fn splicing_leaves_every_other_byte_alone() {
        let params = raw(
            r#"{ "arguments" : {"name":"inner","n":1e3 , "s":"a\"name\":}"}, "na\u006de" : "x" ,
            "_meta":{"vendor/x":[1.0,{"progressToken":5}],"progressToken":"t"},"z":null}"#,
        );
        let changed = splice(
            &params,
            &[(&["name"], r#""y""#), (&["_meta", "progressToken"], "7"), (&["absent", "a"], "1")],
        )
        .expect("no key stands twice");
        let expected = params
            .get()
            .replace(r#" : "x" "#, r#" : "y" "#)
            .replace(r#""progressToken":"t""#, r#""progressToken":7"#);
        assert_eq!(changed.get(), expected);
    }

    #[test]
    fn a_key_that_is_interpreted_may_stand_only_once() {
        for text in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","n\u0061me":"b"}"#,
            r#"{"_meta":{},"_meta":{"progressToken":1}}"#,
            r#"{"_meta":{"progressToken":1,"progressToken":2}}"#,
        ] {
            let text = raw(text);
            let found = splice(&text, &[(&["name"], "1"), (&["_meta", "progressToken"], "1")]);
            assert!(matches!(found, Err(WireError::Duplicate(_))), "{}", text.get());
        }
        let harmless = raw(r#"{"other":1,"other":2,"arguments":{"name":1,"name":2}}"#);
        assert_eq!(find(&harmless, &["name"]), Ok(None));
    }

    #[test]
    fn a_star_stands_for_every_element() {
        let result = raw(
            r#"{"content":[{"type":"text"},{"uri":"a"},7,[{"uri":"no"}],{"resource":{"uri":"b"}}]}"#,
        );
        let changed = rewrite(
            &result,
            &[&["content", "*", "uri"], &["content", "*", "resource", "uri"]],
            |_, field| Some(format!("\"p:{}\"", field.text().expect("a string")).into()),
        )
        .expect("no key stands twice")
        .expect("something changed");
        assert_eq!(
            changed.get(),
            r#"{"content":[{"type":"text"},{"uri":"p:a"},7,[{"uri":"no"}],{"resource":{"uri":"p:b"}}]}"#
        );
    }

    #[test]
    fn what_is_no_object_holds_nothing() {
        for text in ["1", "[]", "\"a\"", "{}", "[[{\"a\":1}]]", r#"{"a":1}"#, r#"{"a":[{"b":1}]}"#]
        {
            assert_eq!(find(&raw(text), &["a", "b"]), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_replacement_that_is_not_json_is_refused() {
        let within = raw(r#"{"a":1}"#);
        assert!(matches!(splice(&within, &[(&["a"], "}")]), Err(WireError::NotJson(_))));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c\"\\\\{}\\[\\],: \n\u{e9}]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\\u{e9}]{0,2}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scanner_finds_what_serde_json_finds(value in json(), pretty: bool, path in prop::collection::vec("[a-c]", 1..4)) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = raw(&text.expect("a value prints"));
            // Read back first: serde_json does not read every number as it printed it.
            let value: Value = serde_json::from_str(text.get()).expect("what was printed");
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let expected = path.iter().try_fold(&value, |value, key| value.as_object()?.get(*key));
            let found = find(&text, &path).expect("a map holds each key once");
            let found_value = found.as_ref().map(|field| serde_json::from_str::<Value>(field.raw).expect("a whole value"));
            prop_assert_eq!(found_value.as_ref(), expected);
            if let Some(field) = found {
                let changed = splice(&text, &[(&path, "[0]")]).expect("replaces");
                let by_hand = format!("{}[0]{}", &text.get()[..field.span.start], &text.get()[field.span.end..]);
                prop_assert_eq!(changed.get(), by_hand.as_str());
            }
        }
    }
}
