//! Where Drawbridge keeps its files. Every path comes from here, so that a test, or a second copy,
//! can live in a folder of its own.

use std::path::PathBuf;

use directories::ProjectDirs;
use drawbridge_model::Problem;

/// The places of one Drawbridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The config file, which a person may edit.
    pub config_file: PathBuf,
    /// The folder for everything else: the record, logs, copies of files.
    pub data_dir: PathBuf,
}

impl Paths {
    /// The places the operating system has for a desktop app: on Linux
    /// `~/.config/drawbridge/config.jsonc` and `~/.local/share/drawbridge`, on macOS both in
    /// `~/Library/Application Support/Drawbridge`, on Windows `%APPDATA%\Drawbridge\config` and
    /// `%LOCALAPPDATA%\Drawbridge\data`.
    ///
    /// # Errors
    /// When the person has no home folder.
    pub fn of_this_person() -> Result<Self, Problem> {
        let places = ProjectDirs::from("", "", "Drawbridge").ok_or_else(|| {
            Problem::new(
                "Your home folder was not found, so there is no place for Drawbridge's files. Say \
                 where they are to be with --config and --data-dir.",
                "",
            )
        })?;
        Ok(Self {
            config_file: places.config_dir().join("config.jsonc"),
            data_dir: places.data_local_dir().to_owned(),
        })
    }

    /// The places of this person, but for those that were given.
    ///
    /// # Errors
    /// As [`Paths::of_this_person`], unless both were given.
    pub fn resolve(
        config_file: Option<PathBuf>,
        data_dir: Option<PathBuf>,
    ) -> Result<Self, Problem> {
        match (config_file, data_dir) {
            (Some(config_file), Some(data_dir)) => Ok(Self { config_file, data_dir }),
            (config_file, data_dir) => {
                let own = Self::of_this_person()?;
                Ok(Self {
                    config_file: config_file.unwrap_or(own.config_file),
                    data_dir: data_dir.unwrap_or(own.data_dir),
                })
            }
        }
    }

    /// The folder in which it is written down which children run.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.data_dir.join("state")
    }

    /// How a stdio bridge reaches the running engine.
    #[must_use]
    pub fn runtime_file(&self) -> PathBuf {
        self.data_dir.join("runtime.json")
    }

    /// The copy of the config that was in force last.
    #[must_use]
    pub fn last_good_config(&self) -> PathBuf {
        self.data_dir.join("config.last-good.jsonc")
    }

    /// The folder with the servers' logs.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.data_dir.join("logs")
    }

    /// The folder with copies of other apps' files, made before they are changed. They are kept
    /// here and not beside the file, so that no project folder gathers them.
    #[must_use]
    pub fn backup_dir(&self) -> PathBuf {
        self.data_dir.join("backups")
    }
}

/// The guardian that is installed beside the running program.
#[must_use]
pub fn guardian_beside_us() -> PathBuf {
    let name = format!("drawbridge-guardian{}", std::env::consts::EXE_SUFFIX);
    std::env::current_exe().map_or_else(|_| PathBuf::from(&name), |own| own.with_file_name(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_the_config_is_in_the_data_folder() {
        let paths = Paths { config_file: "/c/config.jsonc".into(), data_dir: "/d".into() };
        for derived in [paths.last_good_config(), paths.log_dir(), paths.backup_dir()] {
            assert!(derived.starts_with("/d"), "{} can be redirected", derived.display());
        }
    }
}
