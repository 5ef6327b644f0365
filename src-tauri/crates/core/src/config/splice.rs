//! Changing one place of a JSON text and leaving every other byte as it is.
//!
//! Each function parses the text, works out the few byte ranges to replace, and replaces them. New
//! lines are indented and ended as the ones around them. A comment on a property's own line, and
//! comment lines directly above it, belong to it and go where it goes; comments above the first
//! property of a group may speak of the whole group, so they stay.

use std::ops::Range;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;

use super::jsonc::{Document, SyntaxFault, end_of_comment, property, skip_trivia};

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Text(String),
    Truth(bool),
    Number(u64),
    List(Vec<Json>),
    Group(Vec<(String, Json)>),
}

/// Why a text could not be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is not JSON.
    Syntax(SyntaxFault),
    /// Something other than a group (or a list) stands where one is needed: its path and offset.
    Kind { path: Vec<String>, offset: usize },
}

/// A property taken out of a text, with its comments and its neighbours' names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    leading: String,
    body: String,
    trailing: String,
    previous: Option<String>,
    next: Option<String>,
}

type Splice = (Range<usize>, String);

fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|(range, _)| range.start);
    let mut changed = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (range, with) in splices {
        changed.push_str(&text[at..range.start]);
        changed.push_str(&with);
        at = range.end;
    }
    changed.push_str(&text[at..]);
    changed
}

/// How a text is laid out.
struct Layout {
    newline: &'static str,
    unit: String,
}

impl Layout {
    fn of(text: &str, root: Option<&Value<'_>>) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let unit = root.and_then(|root| first_indent(text, root)).unwrap_or("  ").to_owned();
        Self { newline, unit }
    }
}

/// The indentation of the outermost property that begins a line.
fn first_indent<'t>(text: &'t str, value: &Value<'_>) -> Option<&'t str> {
    let object = value.as_object()?;
    let own_line = |p: &&ObjectProp<'_>| begins_line(text, p.range.start);
    let indent = object.properties.iter().find(own_line).map(|p| indent_at(text, p.range.start))?;
    (!indent.is_empty()).then_some(indent)
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind(['\n', '\r']).map_or(0, |at| at + 1)
}

fn indent_at(text: &str, offset: usize) -> &str {
    let line = &text[line_start(text, offset)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn begins_line(text: &str, offset: usize) -> bool {
    text[line_start(text, offset)..offset].chars().all(|c| matches!(c, ' ' | '\t'))
}

fn has_newline(text: &str) -> bool {
    text.contains(['\n', '\r'])
}

/// The ranges of the comments between two bytes that hold nothing but blanks and comments.
fn comments(text: &str, from: usize, to: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        match end_of_comment(text, at) {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

fn comma_after(text: &str, end: usize) -> Option<usize> {
    let at = skip_trivia(text, end);
    text[at..].starts_with(',').then_some(at)
}

/// The end of the comments that follow a byte on its line, if nothing else follows on it.
fn same_line_end(text: &str, from: usize) -> usize {
    let mut end = from;
    loop {
        let rest = &text[end..];
        let trimmed = rest.trim_start_matches([' ', '\t']);
        let at = end + rest.len() - trimmed.len();
        match end_of_comment(text, at) {
            Some(line_end) if trimmed.starts_with("//") => return line_end,
            Some(close) => end = close,
            None if trimmed.is_empty() || trimmed.starts_with(['\n', '\r', '}', ']']) => {
                return end;
            }
            None => return from,
        }
    }
}

/// The end of the line if only blanks stand between here and it.
fn blank_line_end(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let trimmed = rest.trim_start_matches([' ', '\t']);
    let at = from + rest.len() - trimmed.len();
    match trimmed.chars().next() {
        None | Some('\n' | '\r') => Some(at),
        _ => None,
    }
}

fn newline_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    at + if rest.starts_with("\r\n") { 2 } else { usize::from(!rest.is_empty()) }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Json {
    /// A group of texts.
    pub(crate) fn texts<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let pair = |(name, value): (&String, &String)| (name.clone(), Self::Text(value.clone()));
        Self::Group(pairs.into_iter().map(pair).collect())
    }

    fn inside(self, path: &[&str]) -> Self {
        path.iter().rev().fold(self, |value, name| Self::Group(vec![((*name).to_owned(), value)]))
    }

    fn on_one_line(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Truth(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(list) => {
                format!("[{}]", list.iter().map(Self::on_one_line).collect::<Vec<_>>().join(", "))
            }
            Self::Group(pairs) if pairs.is_empty() => "{}".to_owned(),
            Self::Group(pairs) => {
                let pair = |(name, value): &(String, Self)| {
                    format!("{}: {}", quoted(name), value.on_one_line())
                };
                format!("{{ {} }}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn holds_group(&self) -> bool {
        match self {
            Self::List(list) => list.iter().any(Self::holds_group),
            Self::Group(_) => true,
            _ => false,
        }
    }

    /// Over several lines, the first of which is indented already.
    fn laid_out(&self, indent: &str, layout: &Layout) -> String {
        const WIDTH: usize = 88;
        let Layout { newline, unit } = layout;
        let inner = format!("{indent}{unit}");
        let lines = |open: char, lines: Vec<String>, close: char| {
            let lines = lines.join(&format!(",{newline}{inner}"));
            format!("{open}{newline}{inner}{lines}{newline}{indent}{close}")
        };
        match self {
            Self::Group(pairs) if !pairs.is_empty() => {
                let pair = |(name, value): &(String, Self)| {
                    format!("{}: {}", quoted(name), value.laid_out(&inner, layout))
                };
                lines('{', pairs.iter().map(pair).collect(), '}')
            }
            Self::List(list)
                if self.holds_group() || indent.len() + self.on_one_line().len() > WIDTH =>
            {
                lines('[', list.iter().map(|value| value.laid_out(&inner, layout)).collect(), ']')
            }
            other => other.on_one_line(),
        }
    }
}

/// What stands at the end of a path.
enum Found<'t, 'a> {
    /// The property itself, in its group.
    Property(&'t Object<'a>, usize),
    /// The innermost group that exists, and how many steps of the path lead to it.
    Group(&'t Object<'a>, usize),
    /// No value at all in the whole text.
    Nothing,
}

fn find<'t, 'a>(root: Option<&'t Value<'a>>, path: &[&str]) -> Result<Found<'t, 'a>, Misfit> {
    let Some(mut value) = root else {
        return Ok(Found::Nothing);
    };
    for (depth, name) in path.iter().enumerate() {
        let Value::Object(object) = value else {
            let path = path[..depth].iter().map(|step| (*step).to_owned()).collect();
            return Err(Misfit::Kind { path, offset: value.range().start });
        };
        let Some(index) = object.properties.iter().rposition(|p| p.name.as_str() == *name) else {
            return Ok(Found::Group(object, depth));
        };
        if depth + 1 == path.len() {
            return Ok(Found::Property(object, index));
        }
        value = &object.properties[index].value;
    }
    Ok(Found::Nothing)
}

/// Sets the value at a path, making the groups that lead to it.
pub(crate) fn set(text: &str, path: &[&str], value: Json) -> Result<String, Misfit> {
    let document = Document::parse(text).map_err(Misfit::Syntax)?;
    let layout = Layout::of(text, document.root.as_ref());
    let splices = match find(document.root.as_ref(), path)? {
        Found::Property(object, index) => {
            let property = &object.properties[index];
            let indent = indent_at(text, property.range.start);
            let one_line = !has_newline(&text[object.range.start..object.range.end]);
            let value =
                if one_line { value.on_one_line() } else { value.laid_out(indent, &layout) };
            let range = property.value.range();
            vec![(range.start..range.end, value)]
        }
        Found::Group(object, depth) => {
            append_property(text, object, path[depth], &value.inside(&path[depth + 1..]), &layout)
        }
        Found::Nothing => {
            let whole = value.inside(path).laid_out("", &layout);
            let between = match text.trim_end_matches([' ', '\t']) {
                "" => "",
                before if before.ends_with(['\n', '\r']) => "",
                _ => layout.newline,
            };
            let end = text.len();
            vec![(end..end, format!("{between}{whole}{}", layout.newline))]
        }
    };
    Ok(apply(text, splices))
}

fn append_property(
    text: &str,
    object: &Object<'_>,
    name: &str,
    value: &Json,
    layout: &Layout,
) -> Vec<Splice> {
    let spans = object.properties.iter().map(|p| p.range.start..p.range.end).collect::<Vec<_>>();
    append(text, object.range.start..object.range.end, &spans, layout, |indent| match indent {
        Some(indent) => format!("{}: {}", quoted(name), value.laid_out(indent, layout)),
        None => format!("{}: {}", quoted(name), value.on_one_line()),
    })
}

/// Appends an element to the list at a path, making the list if it is missing.
pub(crate) fn push(text: &str, path: &[&str], value: Json) -> Result<String, Misfit> {
    let document = Document::parse(text).map_err(Misfit::Syntax)?;
    let layout = Layout::of(text, document.root.as_ref());
    let Found::Property(object, index) = find(document.root.as_ref(), path)? else {
        return set(text, path, Json::List(vec![value]));
    };
    let Value::Array(array) = &object.properties[index].value else {
        let path = path.iter().map(|step| (*step).to_owned()).collect();
        return Err(Misfit::Kind { path, offset: object.properties[index].value.range().start });
    };
    let span = |value: &Value<'_>| value.range().start..value.range().end;
    let spans = array.elements.iter().map(span).collect::<Vec<_>>();
    let splices =
        append(
            text,
            span(&object.properties[index].value),
            &spans,
            &layout,
            |indent| match indent {
                Some(indent) => value.laid_out(indent, &layout),
                None => value.on_one_line(),
            },
        );
    Ok(apply(text, splices))
}

/// Appends a member to a group or list. `member` is asked for its text, indented by the given
/// blanks, or on one line.
fn append(
    text: &str,
    whole: Range<usize>,
    members: &[Range<usize>],
    layout: &Layout,
    member: impl Fn(Option<&str>) -> String,
) -> Vec<Splice> {
    let close = whole.end - 1;
    let inside = &text[whole.start + 1..close];
    let outer = indent_at(text, whole.start);
    let newline = layout.newline;
    if inside.trim().is_empty() {
        let indent = format!("{outer}{}", layout.unit);
        let member = member(Some(&indent));
        return vec![(
            whole.start + 1..close,
            format!("{newline}{indent}{member}{newline}{outer}"),
        )];
    }
    let last = members.last().map(|last| (last.end, comma_after(text, last.end)));
    let one_line = !has_newline(inside);
    if one_line {
        let content_end = whole.start + 1 + inside.trim_end().len();
        let splice = |at: usize, text: String| vec![(at..at, text)];
        return match last {
            Some((_, Some(comma))) => splice(comma + 1, format!(" {},", member(None))),
            Some((end, None)) => splice(end, format!(", {}", member(None))),
            None => splice(content_end, format!(" {}", member(None))),
        };
    }
    let own_line = members.iter().rfind(|member| begins_line(text, member.start));
    let indent = match own_line {
        Some(sibling) => indent_at(text, sibling.start).to_owned(),
        None => format!("{outer}{}", layout.unit),
    };
    let content_end = whole.start + 1 + inside.trim_end().len();
    let at = blank_line_end(text, content_end).unwrap_or(content_end);
    let mut splices = Vec::new();
    let mut own_comma = "";
    match last {
        Some((_, Some(_))) => own_comma = ",",
        Some((end, None)) => splices.push((end..end, ",".to_owned())),
        None => {}
    }
    splices.push((at..at, format!("{newline}{indent}{}{own_comma}", member(Some(&indent)))));
    splices
}

/// Takes the property at a path out, with the comments that belong to it. `None` when there is
/// none.
pub(crate) fn cut(text: &str, path: &[&str]) -> Result<Option<(String, Cut)>, Misfit> {
    let document = Document::parse(text).map_err(Misfit::Syntax)?;
    let Found::Property(object, index) = find(document.root.as_ref(), path)? else {
        return Ok(None);
    };
    let properties = &object.properties;
    let range = properties[index].range;
    let comma = comma_after(text, range.end);
    let before = index.checked_sub(1).map(|previous| &properties[previous]);
    let comma_before = before.and_then(|previous| comma_after(text, previous.range.end));
    let start =
        comma_before.map_or(range.start, |comma| leading_start(text, comma + 1, range.start));
    let after_comma = comma.map_or(range.end, |comma| comma + 1);
    let end = same_line_end(text, after_comma);
    let name = |property: &ObjectProp<'_>| property.name.as_str().to_owned();
    let cut = Cut {
        leading: text[start..range.start].to_owned(),
        body: text[range.start..range.end].to_owned(),
        trailing: text[after_comma..end].trim().to_owned(),
        previous: before.map(name),
        next: properties.get(index + 1).map(name),
    };

    let inside = object.range.start + 1..object.range.end - 1;
    let rest_is_blank =
        text[inside.start..start].trim().is_empty() && text[end..inside.end].trim().is_empty();
    if rest_is_blank {
        return Ok(Some((apply(text, vec![(inside, String::new())]), cut)));
    }
    let mut splices = Vec::new();
    let whole_lines = begins_line(text, start).then(|| blank_line_end(text, end)).flatten();
    let removed = match whole_lines {
        Some(line_end) => line_start(text, start)..newline_end(text, line_end),
        None => {
            let blanks = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
            let follows_on_line =
                index + 1 < properties.len() && blank_line_end(text, end).is_none();
            start..if follows_on_line { end + blanks } else { end }
        }
    };
    match comma_before {
        Some(comma_before) if comma.is_none() => {
            // What was the last one but one is the last one, and has no use for its comma.
            if text[comma_before + 1..removed.start].trim().is_empty() && whole_lines.is_none() {
                splices.push((comma_before..removed.end, String::new()));
            } else {
                splices.push((comma_before..comma_before + 1, String::new()));
                splices.push((removed, String::new()));
            }
        }
        _ => splices.push((removed, String::new())),
    }
    Ok(Some((apply(text, splices), cut)))
}

/// Where the comments begin that belong to the property at `start`.
fn leading_start(text: &str, from: usize, start: usize) -> usize {
    let mut first = start;
    for comment in comments(text, from, start).into_iter().rev() {
        let between = &text[comment.end..first];
        let lines = between.matches('\n').count().max(between.matches('\r').count());
        let directly_above = lines == 1 && begins_line(text, comment.start);
        if lines == 0 || directly_above {
            first = comment.start;
        } else {
            break;
        }
    }
    first
}

/// Puts a property that was cut out back into the group at `path`, beside the neighbours it had,
/// or at the end where they are gone.
pub(crate) fn paste(text: &str, path: &[&str], cut: &Cut) -> Result<String, Misfit> {
    let document = Document::parse(text).map_err(Misfit::Syntax)?;
    let layout = Layout::of(text, document.root.as_ref());
    let Found::Property(parent, index) = find(document.root.as_ref(), path)? else {
        let text = set(text, path, Json::Group(Vec::new()))?;
        return paste(&text, path, cut);
    };
    let Value::Object(object) = &parent.properties[index].value else {
        let path = path.iter().map(|step| (*step).to_owned()).collect();
        return Err(Misfit::Kind { path, offset: parent.properties[index].value.range().start });
    };
    let newline = layout.newline;
    let Cut { leading, body, trailing, .. } = cut;
    let anchor = |name: &Option<String>| name.as_deref().and_then(|name| property(object, name));
    let trailing = if trailing.is_empty() { String::new() } else { format!(" {trailing}") };
    let spread = has_newline(leading) || has_newline(body) || trailing.contains("//");
    let one_line = !spread && !has_newline(&text[object.range.start..object.range.end]);
    if let (None, Some(next)) = (anchor(&cut.previous), anchor(&cut.next)) {
        let between = match one_line {
            true => " ".to_owned(),
            false => format!("{newline}{}", indent_at(text, next.range.start)),
        };
        let at = next.range.start;
        return Ok(apply(text, vec![(at..at, format!("{leading}{body},{trailing}{between}"))]));
    }
    let previous = anchor(&cut.previous).or(object.properties.last());
    let Some(previous) = previous else {
        let inside = object.range.start + 1..object.range.end - 1;
        let outer = indent_at(text, object.range.start);
        let at = inside.start + text[inside.clone()].trim_end().len();
        let placed =
            format!("{newline}{outer}{}{leading}{body}{trailing}{newline}{outer}", layout.unit);
        return Ok(apply(text, vec![(at..inside.end, placed)]));
    };
    let comma = comma_after(text, previous.range.end);
    let mut splices = Vec::new();
    let end = match comma {
        Some(comma) => comma + 1,
        None => {
            splices.push((previous.range.end..previous.range.end, ",".to_owned()));
            previous.range.end
        }
    };
    let own_comma = if comma.is_some() { "," } else { "" };
    let (at, between, after) = match one_line {
        true => (end, " ".to_owned(), ""),
        false => {
            let at = same_line_end(text, end);
            // Where something follows on the line, it moves to a line of its own, since what is
            // put back may end in a line comment.
            let after = if blank_line_end(text, at).is_some() { "" } else { newline };
            (at, format!("{newline}{}", indent_at(text, previous.range.start)), after)
        }
    };
    splices.push((at..at, format!("{between}{leading}{body}{own_comma}{trailing}{after}")));
    Ok(apply(text, splices))
}

/// Replaces the name of the property at a path.
pub(crate) fn rename(text: &str, path: &[&str], name: &str) -> Result<String, Misfit> {
    let document = Document::parse(text).map_err(Misfit::Syntax)?;
    let Found::Property(object, index) = find(document.root.as_ref(), path)? else {
        return Ok(text.to_owned());
    };
    let range = object.properties[index].name.range();
    Ok(apply(text, vec![(range.start..range.end, quoted(name))]))
}

/// The text of the value at a path, as it stands.
pub(crate) fn value_text<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    let document = Document::parse(text).ok()?;
    let Ok(Found::Property(object, index)) = find(document.root.as_ref(), path) else {
        return None;
    };
    let range = object.properties[index].value.range();
    Some(&text[range.start..range.end])
}

/// Replaces the text of the value at a path by another text.
pub(crate) fn replace_value_text(text: &str, path: &[&str], with: &str) -> Result<String, Misfit> {
    let document = Document::parse(text).map_err(Misfit::Syntax)?;
    let Found::Property(object, index) = find(document.root.as_ref(), path)? else {
        return Ok(text.to_owned());
    };
    let range = object.properties[index].value.range();
    Ok(apply(text, vec![(range.start..range.end, with.to_owned())]))
}
