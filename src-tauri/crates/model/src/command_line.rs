/// Lays a command and its arguments out as one line in which every border between arguments can
/// be seen: what holds anything but plain characters is quoted, and control and bidirectional
/// characters are written as escapes, so that nothing hides.
#[must_use]
pub fn display_argv<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(display_word).collect::<Vec<_>>().join(" ")
}

fn display_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_-+=:,./~".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut shown = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

/// Zero-width and bidirectional characters (Unicode Technical Report 36, section 2.6).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' | '\u{061C}' | '\u{00AD}')
}

#[cfg(test)]
mod tests {
    use super::display_argv;

    #[test]
    fn borders_between_arguments_and_hidden_characters_are_visible() {
        for (words, expected) in [
            (vec!["npx", "-y", "@scope/pkg"], "npx -y @scope/pkg"),
            (vec!["sh", "-c", "rm -rf /"], "sh -c \"rm -rf /\""),
            (vec!["a", "", "b"], "a \"\" b"),
            (vec!["a\u{202E}b"], "\"a\\u{202e}b\""),
            (vec!["say \"hi\""], "\"say \\\"hi\\\"\""),
        ] {
            assert_eq!(display_argv(words), expected);
        }
    }
}
