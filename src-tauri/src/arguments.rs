//! The command line.

use std::path::PathBuf;

use clap::Parser;
use drawbridge_core::paths::Paths;
use drawbridge_model::Problem;

/// What the entry in the session's autostart passes.
pub(crate) const HIDDEN: &str = "--hidden";

/// Supervises MCP servers and puts them behind one address on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "drawbridge", version)]
pub(crate) struct Arguments {
    /// Start in the tray without opening the control panel.
    #[arg(long)]
    hidden: bool,
    /// The config file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder for the record, logs and everything else. A copy with a folder of its own runs
    /// beside another one.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The port to listen on; 0 takes any free one.
    #[arg(long)]
    pub(crate) port: Option<u16>,
}

/// Who started the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The person did, and wants to see something.
    ByPerson,
    /// The session did, and the tray is enough.
    AtLogin,
}

impl Arguments {
    pub(crate) fn start(&self) -> Start {
        if self.hidden { Start::AtLogin } else { Start::ByPerson }
    }

    /// The files to use: those named here, else those of this person.
    pub(crate) fn paths(&self) -> Result<Paths, Problem> {
        match (&self.config, &self.data_dir) {
            (Some(config_file), Some(data_dir)) => {
                Ok(Paths { config_file: config_file.clone(), data_dir: data_dir.clone() })
            }
            (config_file, data_dir) => {
                let usual = Paths::of_this_person()?;
                Ok(Paths {
                    config_file: config_file.clone().unwrap_or(usual.config_file),
                    data_dir: data_dir.clone().unwrap_or(usual.data_dir),
                })
            }
        }
    }

    /// What tells a copy with a data folder of its own from the usual one, in a form that may
    /// stand in a D-Bus name.
    pub(crate) fn instance(&self) -> Option<String> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let folder = std::path::absolute(self.data_dir.as_ref()?).ok()?;
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        Some(format!(".copy{:016x}", hasher.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Arguments {
        Arguments::try_parse_from([&["drawbridge"], words].concat()).expect("known flags")
    }

    #[test]
    fn only_the_session_starts_it_without_a_panel() {
        assert_eq!(parse(&[]).start(), Start::ByPerson);
        assert_eq!(parse(&[HIDDEN]).start(), Start::AtLogin);
    }

    #[test]
    fn files_can_be_anywhere() {
        let paths = parse(&["--config", "/c/x.jsonc", "--data-dir", "/d"]).paths();
        let expected = Paths { config_file: "/c/x.jsonc".into(), data_dir: "/d".into() };
        assert_eq!(paths, Ok(expected));
    }

    #[test]
    fn copies_with_different_folders_do_not_take_each_other_for_themselves() {
        let instance = |folder: &str| parse(&["--data-dir", folder]).instance();
        assert_eq!(parse(&[]).instance(), None);
        assert_eq!(instance("/d"), instance("/d"));
        assert_ne!(instance("/d"), instance("/e"));
        let suffix = instance("/d").expect("a suffix");
        let fits = |c: char| c == '.' || c.is_ascii_alphanumeric();
        assert!(suffix.starts_with(".c") && suffix.chars().all(fits), "{suffix}");
    }
}
