//! A change to another app's file: shown first, then written, then undone if the person wants.
//!
//! What was there before is kept in Drawbridge's own data folder, never beside the file, so that
//! no project folder gathers copies. Neither writing nor undoing goes over a file that somebody
//! else has changed meanwhile.
//!
//! Everything here blocks on the disk.

use std::io;
use std::path::{Path, PathBuf};

use drawbridge_model::Problem;
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use sha2::{Digest, Sha256};
use similar::{DiffTag, TextDiff};

use crate::atomic_write::{self, WriteError};
use crate::config::jsonc::{Document, without_mark};
use crate::view::{DiffKind, DiffLine, FileChange, FileWritten};

/// Lines shown around each difference.
const CONTEXT: usize = 3;

/// What stands in place of a value that may be a secret.
const MASK: &str = "••••••";

/// A change that was worked out and not yet made.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedChange {
    path: PathBuf,
    before: Option<Vec<u8>>,
    after: String,
    id: String,
}

/// A change that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct WrittenChange {
    planned: PlannedChange,
    backup: Option<PathBuf>,
    made_folder: Option<PathBuf>,
}

/// Why a change was not made or not undone. The file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Somebody else has changed the file meanwhile.
    #[error("{0} has changed")]
    Changed(PathBuf),
    /// The file could not be read.
    #[error("{path} could not be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file, or the copy of it, could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ChangeError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::Changed(path) => format!(
                "{} was changed by another program meanwhile, so it was left as it is. Look at the \
                 difference again.",
                path.display()
            ),
            Self::Unreadable { path, source } => format!(
                "{} cannot be read: {}. Nothing was changed.",
                path.display(),
                atomic_write::reason(source)
            ),
            Self::Write(error) => return error.problem(),
        };
        Problem::new(message, self.to_string())
    }
}

/// The bytes of a file; `None` when there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, ChangeError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ChangeError::Unreadable { path: path.to_owned(), source }),
    }
}

impl PlannedChange {
    /// A change of `path` from what was read there to `after`.
    pub(crate) fn new(path: PathBuf, before: Option<Vec<u8>>, after: String) -> Self {
        let mut name = Sha256::new();
        name.update(path.as_os_str().as_encoded_bytes());
        name.update([u8::from(before.is_some())]);
        name.update(before.as_deref().unwrap_or_default());
        name.update([0]);
        name.update(after.as_bytes());
        let id = name.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { path, before, after, id }
    }

    /// Names the change: the same for the same file, content and result.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the person is shown: the lines that differ and a few around them, without any value
    /// that may be a secret.
    #[must_use]
    pub fn view(&self) -> FileChange {
        let before = String::from_utf8_lossy(self.before.as_deref().unwrap_or_default());
        FileChange {
            id: self.id.clone(),
            path: self.path.display().to_string(),
            exists: self.before.is_some(),
            lines: difference(&before, &self.after),
        }
    }

    /// Makes the change. What was there before is copied to `backups` first; `now` is in
    /// milliseconds since 1970 (UTC) and becomes part of the copy's name.
    ///
    /// # Errors
    /// When the file has changed since, or something cannot be written.
    pub fn write(&self, backups: &Path, now: i64) -> Result<WrittenChange, ChangeError> {
        if read(&self.path)? != self.before {
            return Err(ChangeError::Changed(self.path.clone()));
        }
        let file_name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let backup = self.before.as_ref().map(|before| {
            let backup = backups.join(format!("{now}-{}-{file_name}", &self.id[..8]));
            atomic_write::write(&backup, before).map(|()| backup)
        });
        let backup = backup.transpose()?;
        let folder = self.path.parent().filter(|folder| !folder.exists()).map(Path::to_owned);
        atomic_write::write(&self.path, self.after.as_bytes())?;
        Ok(WrittenChange { planned: self.clone(), backup, made_folder: folder })
    }
}

impl WrittenChange {
    /// Names the change for undoing it.
    #[must_use]
    pub fn undo_token(&self) -> &str {
        &self.planned.id
    }

    /// What the person is shown.
    #[must_use]
    pub fn view(&self) -> FileWritten {
        FileWritten {
            path: self.planned.path.display().to_string(),
            backup: self.backup.as_ref().map(|backup| backup.display().to_string()),
            undo: self.planned.id.clone(),
        }
    }

    /// Puts back what was there before, byte for byte. A file that was not there goes, and its
    /// folder too if it was made for it and holds nothing else.
    ///
    /// # Errors
    /// When the file has changed since it was written, or cannot be written.
    pub fn undo(&self) -> Result<(), ChangeError> {
        let PlannedChange { path, before, after, .. } = &self.planned;
        if read(path)?.as_deref() != Some(after.as_bytes()) {
            return Err(ChangeError::Changed(path.clone()));
        }
        match before {
            Some(before) => atomic_write::write(path, before)?,
            None => {
                std::fs::remove_file(path)
                    .map_err(|source| WriteError::Refused { path: path.clone(), source })?;
                if let Some(folder) = &self.made_folder {
                    // Fails, as it should, when something else is in it.
                    let _ = std::fs::remove_dir(folder);
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for PlannedChange {
    /// Without the content, which may hold a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PlannedChange").field("path", &self.path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WrittenChange {
    /// Without the content, which may hold a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.planned.path;
        formatter.debug_struct("WrittenChange").field("path", path).finish_non_exhaustive()
    }
}

/// The lines that differ, compared as they are and shown masked: two values that look alike when
/// masked are still seen to differ.
fn difference(before: &str, after: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(before, after);
    let (shown_before, shown_after) = (masked(before), masked(after));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (lines(&shown_before).collect(), lines(&shown_after).collect());
    let mut shown = Vec::new();
    let mut line = |kind, text: &str| {
        shown.push(DiffLine { kind, text: text.trim_end_matches(['\n', '\r']).to_owned() });
    };
    let mut end_of_last_group = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let begin = group.first().map_or(0, |op| op.new_range().start);
        if begin > end_of_last_group {
            line(DiffKind::Same, "…");
        }
        for op in &group {
            let (gone, come) = (op.old_range(), op.new_range());
            end_of_last_group = come.end;
            if op.tag() == DiffTag::Equal {
                new.get(come)
                    .unwrap_or_default()
                    .iter()
                    .for_each(|text| line(DiffKind::Same, text));
            } else {
                old.get(gone)
                    .unwrap_or_default()
                    .iter()
                    .for_each(|text| line(DiffKind::Removed, text));
                new.get(come)
                    .unwrap_or_default()
                    .iter()
                    .for_each(|text| line(DiffKind::Added, text));
            }
        }
    }
    if end_of_last_group > 0 && end_of_last_group < new.len() {
        line(DiffKind::Same, "…");
    }
    shown
}

/// Lines as the difference counts them: each ends with LF, CRLF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end =
            rest.find(['\n', '\r']).map_or(rest.len(), |at| match rest[at..].starts_with("\r\n") {
                true => at + 2,
                false => at + 1,
            });
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    })
}

/// The text with the values of variables and headers, and whatever looks like a token, masked. Its
/// lines stay the same in number.
fn masked(text: &str) -> String {
    let mark = text.len() - without_mark(text).len();
    let mut hidden = Vec::new();
    if let Ok(Document { root: Some(root) }) = Document::parse(&text[mark..]) {
        find_values(&root, Secretive::No, &mut hidden);
    }
    hidden.sort_by_key(|(start, _)| *start);
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end) in hidden {
        shown.push_str(&text[at..start + mark]);
        let bearer = text[start + mark..].starts_with("\"Bearer ");
        shown.push_str(&format!("\"{}{MASK}\"", if bearer { "Bearer " } else { "" }));
        at = end + mark;
    }
    shown.push_str(&text[at..]);
    mask_tokens(&shown)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secretive {
    Yes,
    No,
}

fn find_values(value: &Value<'_>, inside: Secretive, hidden: &mut Vec<(usize, usize)>) {
    match value {
        Value::Object(object) => {
            for property in &object.properties {
                let secretive = match property.name.as_str() {
                    "env" | "headers" | "environment" => Secretive::Yes,
                    _ => inside,
                };
                find_values(&property.value, secretive, hidden);
            }
        }
        Value::Array(array) => {
            array.elements.iter().for_each(|element| find_values(element, inside, hidden));
        }
        Value::StringLit(literal)
            if inside == Secretive::Yes && !only_reference(&literal.value) =>
        {
            let range = literal.range();
            hidden.push((range.start, range.end));
        }
        _ => {}
    }
}

/// Whether a value is one reference, which may be shown.
fn only_reference(value: &str) -> bool {
    let value = value.strip_prefix("Bearer ").unwrap_or(value);
    value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|name| !name.contains(['{', '}']))
}

/// Masks what looks like one of our tokens, or follows the word `Bearer`, wherever it stands.
fn mask_tokens(text: &str) -> String {
    let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let bearer = rest.find("Bearer ").map(|at| at + "Bearer ".len());
        let token = rest.find("db_");
        let Some(start) = bearer.into_iter().chain(token).min() else {
            shown.push_str(rest);
            return shown;
        };
        shown.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !of_token(c)).unwrap_or(rest.len());
        let ours = rest.starts_with("db_");
        if end >= 20 || (!ours && end > 0) {
            shown.push_str(MASK);
            rest = &rest[end..];
        } else if ours {
            shown.push_str("db_");
            rest = &rest["db_".len()..];
        }
    }
}
