//! Where the program's own log goes: standard error, and `drawbridge.log` beside the servers' logs.
//!
//! Neither holds a token, a secret or an argument of a call: those are never passed to `tracing`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use drawbridge_core::paths::Paths;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// Size at which the log file is set aside and begun anew. One older file is kept.
const LIMIT: u64 = 1024 * 1024;

/// Begins logging: our own crates from INFO on, what others say only when it is a warning.
/// Without a file that can be written, standard error alone is used.
pub(crate) fn begin(paths: Option<&Paths>) {
    let filter = EnvFilter::new("info,rmcp=warn,serve_inner=warn,zbus=warn,tracing=warn");
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let file = paths.and_then(|paths| LogFile::open(&paths.log_dir().join("drawbridge.log")).ok());
    match file {
        Some(file) => lines.with_writer(std::io::stderr.and(Mutex::new(file))).init(),
        None => lines.with_writer(std::io::stderr).init(),
    }
}

/// A file that never grows past [`LIMIT`].
struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
}

impl LogFile {
    fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size })
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.size + bytes.len() as u64 > LIMIT && self.size > 0 {
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(&self.path.clone())?;
        }
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
