//! JSON with comments as a tree whose nodes know where they stand in the text.

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A parsed text. Byte ranges in `root` count from its start; nothing but blanks and comments in it
/// gives no root.
pub(crate) struct Document<'a> {
    pub(crate) root: Option<Value<'a>>,
}

/// A text that is not JSON with comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxFault {
    /// Where it goes wrong, in bytes from the start.
    pub(crate) offset: usize,
    /// What is wrong there, as a sentence. Never a piece of the text.
    pub(crate) message: String,
}

impl<'a> Document<'a> {
    /// Parses a text that has no byte order mark.
    pub(crate) fn parse(text: &'a str) -> Result<Self, SyntaxFault> {
        let options = ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        if let Some(offset) = text_over_lines(text) {
            let message = "This text is not closed with \" on its own line.".to_owned();
            return Err(SyntaxFault { offset, message });
        }
        let parsed = parse_to_ast(text, &CollectOptions::default(), &options)
            .map_err(|error| syntax_fault(text, &error))?;
        Ok(Self { root: parsed.value })
    }
}

/// Where a text in quotation marks begins that does not end on its line. The parser would go on to
/// the next quotation mark, wherever that is, and then complain about what follows it.
fn text_over_lines(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'/' => at = end_of_comment(text, at).unwrap_or(at + 1),
            b'"' => {
                let start = at;
                at += 1;
                while bytes.get(at) != Some(&b'"') {
                    match bytes.get(at) {
                        Some(b'\\') => at += 2,
                        None | Some(b'\n' | b'\r') => return Some(start),
                        Some(_) => at += 1,
                    }
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// The byte after a comment that begins here, if one does.
pub(crate) fn end_of_comment(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    if rest.starts_with("//") {
        return Some(at + rest.find(['\n', '\r']).unwrap_or(rest.len()));
    }
    let inside = rest.strip_prefix("/*")?;
    Some(at + inside.find("*/").map_or(rest.len(), |end| end + "/**/".len()))
}

/// The byte order mark some editors put in front.
pub(crate) const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// The text without a byte order mark.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// The line, from 1, in which a byte stands. Lines end as editors count them: LF, CRLF or CR.
pub(crate) fn line_of(text: &str, offset: usize) -> u32 {
    let bytes = text.as_bytes();
    let ends = (0..offset.min(bytes.len())).filter(|&at| match bytes[at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    u32::try_from(ends.count() + 1).unwrap_or(u32::MAX)
}

/// The column, from 1 and in characters, in which a byte stands.
pub(crate) fn column_of(text: &str, offset: usize) -> u32 {
    let before = &text[..offset.min(text.len())];
    let line = before.rsplit(['\n', '\r']).next().unwrap_or(before);
    u32::try_from(line.chars().count() + 1).unwrap_or(u32::MAX)
}

/// The property of that name. Names are unique in a checked document; in others the last wins, as
/// it does for most readers of JSON.
pub(crate) fn property<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t ObjectProp<'a>> {
    object.properties.iter().rfind(|property| property.name.as_str() == name)
}

/// The first property name that occurs twice in one object: its path, where the second stands and
/// where the first does. Readers disagree about which one counts, so neither may.
pub(crate) fn repeated_name(value: &Value<'_>) -> Option<(Vec<String>, usize, usize)> {
    fn walk(value: &Value<'_>, path: &mut Vec<String>) -> Option<(Vec<String>, usize, usize)> {
        match value {
            Value::Object(object) => {
                let mut seen = std::collections::HashMap::new();
                for property in &object.properties {
                    let name = property.name.as_str();
                    path.push(name.to_owned());
                    if let Some(first) = seen.insert(name, property.range.start) {
                        return Some((path.clone(), property.range.start, first));
                    }
                    if let found @ Some(_) = walk(&property.value, path) {
                        return found;
                    }
                    path.pop();
                }
                None
            }
            Value::Array(array) => {
                array.elements.iter().enumerate().find_map(|(index, element)| {
                    path.push(format!("[{index}]"));
                    let found = walk(element, path);
                    path.pop();
                    found
                })
            }
            _ => None,
        }
    }
    walk(value, &mut Vec::new())
}

/// What kind of value stands there, in words a person knows.
pub(crate) fn kind_of(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a text",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(literal) if literal.value => "true",
        Value::BooleanLit(_) => "false",
        Value::Object(_) => "a group in braces",
        Value::Array(_) => "a list in square brackets",
        Value::NullKeyword(_) => "null",
    }
}

fn syntax_fault(text: &str, error: &ParseError) -> SyntaxFault {
    let range = error.range();
    let offset = range.start.min(text.len());
    let message = match error.kind() {
        _ if starts_with_curly_quote(text, offset) => {
            "A curly quotation mark stands here. JSON needs the straight one: \"."
        }
        ParseErrorKind::ExpectedComma => "A comma is missing after this.",
        ParseErrorKind::UnterminatedObject => "This { is never closed: a } is missing.",
        ParseErrorKind::UnterminatedArray => "This [ is never closed: a ] is missing.",
        ParseErrorKind::UnterminatedCommentBlock => "This comment is never closed: */ is missing.",
        ParseErrorKind::ExpectedColonAfterObjectKey => "A colon is missing after this key.",
        ParseErrorKind::ExpectedObjectValue => "A value is missing after this key.",
        ParseErrorKind::ExpectedStringObjectProperty => {
            "A key stands here without quotation marks. Write it as \"key\"."
        }
        ParseErrorKind::SingleQuotedStringsNotAllowed => {
            "A text stands here in single quotation marks. JSON needs double ones: \"."
        }
        ParseErrorKind::MultipleRootJsonValues => {
            "Something stands after the end of the file's outermost braces."
        }
        ParseErrorKind::UnexpectedCloseBrace => "This } closes nothing.",
        ParseErrorKind::UnexpectedCloseBracket => "This ] closes nothing.",
        ParseErrorKind::UnexpectedComma => "This comma has nothing before it.",
        ParseErrorKind::UnexpectedColon => "This colon has no key before it.",
        ParseErrorKind::String(_) => {
            "A text here is not closed with \", or holds a backslash or a character JSON does not \
             allow. A backslash is written twice: \\\\."
        }
        ParseErrorKind::NestingDepthExceeded => "Braces or brackets are nested too deeply here.",
        ParseErrorKind::UnexpectedWord => {
            "A word stands here without quotation marks. A text is written as \"text\"."
        }
        _ => "This is not valid JSON.",
    };
    SyntaxFault { offset, message: message.to_owned() }
}

fn starts_with_curly_quote(text: &str, offset: usize) -> bool {
    text.get(offset..)
        .and_then(|rest| rest.chars().next())
        .is_some_and(|c| matches!(c, '\u{201C}'..='\u{201F}' | '\u{2018}'..='\u{201B}' | '\u{00AB}' | '\u{00BB}'))
}

/// The start of a value in the text.
pub(crate) fn start_of(value: &Value<'_>) -> usize {
    value.range().start
}

/// The first byte from here on that is neither blank nor part of a comment.
pub(crate) fn skip_trivia(text: &str, from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        at += blank;
        match end_of_comment(text, at) {
            Some(end) => at = end,
            None => return at,
        }
    }
}
