//! The `PATH` of the person's login shell. A program started from a desktop has a short one, in
//! which `npx` and `uvx` are often missing.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::os;

/// A shell that takes longer is given up.
const LIMIT: Duration = Duration::from_secs(5);
/// Output beyond this is not read.
const OUTPUT_BYTES: usize = 256 * 1024;
/// What start-up files print stands outside of the two.
const BEGIN: &str = "<drawbridge-path>";
const END: &str = "</drawbridge-path>";

/// Asks the person's `$SHELL`, as an interactive login shell, for its `PATH`; takes five seconds at
/// most. Nothing on Windows, where programs get the whole `PATH` anyway, and where there is no
/// usable answer: then our own `PATH` is the best there is.
///
/// The shell gets the short list of variables that servers get, and our `PATH`.
pub async fn login_shell_path() -> Option<String> {
    // In one quoted word, so that it means the same in sh, bash, zsh and fish.
    let command = os::login_shell(&format!("printf '%s' \"{BEGIN}$PATH{END}\""))?;
    let mut command = Command::from(command);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .env_clear()
        .envs(crate::environment::for_child(std::env::vars_os(), &path, &Default::default()))
        // Prompts that draw on a terminal have nothing to draw on.
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut shell = command.spawn().ok()?;
    let stdout = shell.stdout.take()?;
    // Not until the end of the stream: start-up files may leave something running that holds it.
    let path = timeout(LIMIT, read_between_markers(stdout)).await.ok().flatten();
    os::end_session(&shell);
    let _ = timeout(Duration::from_secs(1), shell.wait()).await;
    path
}

async fn read_between_markers(mut stdout: impl AsyncRead + Unpin) -> Option<String> {
    let mut output = Vec::new();
    let mut chunk = [0; 4096];
    while output.len() < OUTPUT_BYTES {
        let len = stdout.read(&mut chunk).await.ok().filter(|len| *len > 0)?;
        output.extend_from_slice(&chunk[..len]);
        if let Some(path) = between_markers(&output) {
            return Some(path).filter(|path| path.contains('/'));
        }
    }
    None
}

fn between_markers(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let (_, rest) = text.split_once(BEGIN)?;
    let (path, _) = rest.split_once(END)?;
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_path_stands_between_the_markers_whatever_else_is_printed() {
        for (output, expected) in [
            (format!("Welcome\n{BEGIN}/a:/b{END}bye"), Some("/a:/b")),
            (format!("{BEGIN}{END}"), None),
            (format!("{BEGIN}/a:/b"), None),
            ("motd".to_owned(), None),
        ] {
            let path = read_between_markers(output.as_bytes()).await;
            assert_eq!(path.as_deref(), expected, "{output}");
        }
    }
}
