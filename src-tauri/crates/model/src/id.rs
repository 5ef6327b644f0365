use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name cannot be empty")]
    Empty,
    /// The text has more characters than the kind of name allows.
    #[error("a name has at most {limit} characters, this one has {actual}")]
    TooLong {
        /// Most characters the kind of name may have.
        limit: usize,
        /// Characters the text has.
        actual: usize,
    },
    /// The text holds a character the kind of name forbids.
    #[error("a name cannot hold {0:?}")]
    Character(char),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(try_from = "String", into = "String")]
        #[ts(type = "string")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and makes it a name.
            ///
            /// # Errors
            /// Says which rule the text breaks.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }
        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
        impl From<$name> for Arc<str> {
            fn from(name: $name) -> Self {
                name.0
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }
    };
}

fn check_length(text: &str, limit: usize) -> Result<(), NameError> {
    let actual = text.chars().count();
    match actual {
        0 => Err(NameError::Empty),
        _ if actual > limit => Err(NameError::TooLong { limit, actual }),
        _ => Ok(()),
    }
}

fn check_server(text: &str) -> Result<(), NameError> {
    check_length(text, 64)?;
    match text.chars().find(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%')) {
        Some(c) => Err(NameError::Character(c)),
        None if text.trim() != text => Err(NameError::Character(' ')),
        None => Ok(()),
    }
}

fn check_client(text: &str) -> Result<(), NameError> {
    check_length(text, 64)?;
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        Some(c) => Err(NameError::Character(c)),
        None => Ok(()),
    }
}

/// What a server calls a tool is the server's business (the MCP specification asks for 1 to 128
/// characters of `[A-Za-z0-9_.-]`, but servers do as they like), so only a bound is kept here.
fn check_tool(text: &str) -> Result<(), NameError> {
    check_length(text, 512)
}

name! {
    /// A server's name: its key under `mcpServers`, 1 to 64 characters without control characters
    /// or the ones that mean something in a URL path.
    ServerName, check_server
}
name! {
    /// A client's name: one app that may connect, 1 to 64 of `[A-Za-z0-9._-]`.
    ClientName, check_client
}
name! {
    /// A tool's name exactly as its server gives it.
    ToolName, check_tool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_where_they_are_made() {
        for (text, expected) in [
            ("files", Ok(())),
            ("my notes", Ok(())),
            ("Größe", Ok(())),
            ("", Err(NameError::Empty)),
            ("a/b", Err(NameError::Character('/'))),
            ("a\nb", Err(NameError::Character('\n'))),
            (" a", Err(NameError::Character(' '))),
        ] {
            assert_eq!(ServerName::new(text).map(|_| ()), expected, "server {text:?}");
        }
        assert_eq!(
            ServerName::new(&"x".repeat(65)),
            Err(NameError::TooLong { limit: 64, actual: 65 })
        );
        assert!(ClientName::new("vscode").is_ok());
        assert_eq!(ClientName::new("vs code"), Err(NameError::Character(' ')));
        assert!(ToolName::new("any thing / goes").is_ok());
    }

    #[test]
    fn a_name_from_json_is_checked_too() {
        assert!(serde_json::from_str::<ClientName>("\"a b\"").is_err());
        let name: ServerName = serde_json::from_str("\"files\"").expect("a plain name");
        assert_eq!(serde_json::to_string(&name).expect("serialises"), "\"files\"");
    }
}
