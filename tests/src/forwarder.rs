//! The forwarder that the gateway is measured against.
#![expect(clippy::disallowed_methods, reason = "it is started like any other program under test")]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::programs::program;

/// A running `bare-forwarder`, ended when dropped.
pub struct Forwarder {
    process: Child,
    /// Where it listens.
    pub port: u16,
}

impl Forwarder {
    /// Starts it before a server, one of the programs under test.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start<A: AsRef<OsStr>>(server: &str, arguments: &[A]) -> Self {
        let mut process = Command::new(program("bare-forwarder"))
            .arg(program(server))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start the bare forwarder: {error}"));
        let mut line = String::new();
        let said = process.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let port = line.trim().parse();
        let port = port.unwrap_or_else(|_| panic!("it prints its port, not {line:?} ({said:?})"));
        Self { process, port }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
