//! `ollama`, as a script says: `scripted-ollama serve`, `scripted-ollama --version`.
//!
//! The script is the JSON file named by `SCRIPTED_OLLAMA`; requests are recorded in the file named
//! by `SCRIPTED_OLLAMA_LOG`. The variables of Ollama count as they do for Ollama, except that
//! without `OLLAMA_MODELS` everything is kept in memory.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the output of the program is what is copied"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use drawbridge_scripted_ollama::{Ended, Ender, Environment, Script, Server};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let first = arguments.first().map(String::as_str).unwrap_or_default();
    // A child that stands for `llama-server` needs no script.
    if first == "runner" {
        loop {
            std::thread::sleep(Duration::from_secs(3600));
        }
    }
    match script().and_then(|script| command(first, script)) {
        Ok(ended) => {
            if let Some(line) = &ended.stderr {
                eprintln!("{line}");
            }
            // The rest of the runtime is not waited for: a process that ends, ends.
            std::process::exit(ended.code)
        }
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn script() -> anyhow::Result<Script> {
    let mut script = match std::env::var_os("SCRIPTED_OLLAMA") {
        None => Script::default(),
        Some(path) => {
            let path = PathBuf::from(path);
            let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?
        }
    };
    if let Some(log) = std::env::var_os("SCRIPTED_OLLAMA_LOG") {
        script.log = Some(log.into());
    }
    Ok(script)
}

fn command(name: &str, script: Script) -> anyhow::Result<Ended> {
    let done = Ended { code: 0, stderr: None };
    match name {
        "serve" | "start" => serve(script),
        "--version" | "-v" => {
            version(&script.version);
            Ok(done)
        }
        "" | "--help" | "-h" | "help" => {
            println!(
                "Usage:\n  ollama [flags]\n  ollama [command]\n\nAvailable Commands:\n  serve"
            );
            Ok(done)
        }
        other => anyhow::bail!("unknown command {other:?} for \"ollama\""),
    }
}

#[tokio::main]
async fn serve(script: Script) -> anyhow::Result<Ended> {
    let mut environment = Environment::of_process();
    environment.no_cloud |= script.cloud.disabled;
    tokio::time::sleep(Duration::from_millis(script.delays.before_bind_ms)).await;
    if script.first_run {
        println!(
            "Couldn't find '{}/.ollama/id_ed25519'. Generating new private key.\nYour new public \
            key is: \n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
            std::env::var("HOME").unwrap_or_default()
        );
    }
    let address = environment.address();
    let listener = match TcpListener::bind(address.as_str()).await {
        Ok(listener) => listener,
        Err(error) => {
            let reason = match error.kind() {
                std::io::ErrorKind::AddrInUse => "bind: address already in use".to_owned(),
                std::io::ErrorKind::PermissionDenied => "bind: permission denied".to_owned(),
                _ => error.to_string(),
            };
            anyhow::bail!("listen tcp {address}: {reason}");
        }
    };
    drawbridge_scripted_ollama::server_config(&environment);
    if let Some(exit) = &script.exit_at_start {
        return Ok(Ended { code: exit.code, stderr: Some(exit.stderr.clone()) });
    }
    let folder = environment.models.clone().unwrap_or_default();
    let ignore = script.ignore_sigterm;
    let server = Server::on(listener, script, environment).map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::NotADirectory => "not a directory".to_owned(),
            _ => error.to_string(),
        };
        let path = folder.display();
        anyhow::anyhow!("mkdir {path}: {reason}: ensure path elements are traversable")
    })?;
    let program = std::env::current_exe().context("the path of this program")?;
    let server = server.loud().with_runner(program);
    let ender = server.ender();
    let signals = listen(ender, ignore);
    tokio::select! {
        ended = server.serve() => Ok(ended),
        error = signals => error,
    }
}

/// Ends the server when the process is told to end; returns only where it cannot listen.
#[cfg(unix)]
async fn listen(ender: Ender, ignore: bool) -> anyhow::Result<Ended> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if !ignore {
            ender.stop();
        }
    }
}

/// Ends the server when the process is told to end; returns only where it cannot listen.
#[cfg(not(unix))]
async fn listen(ender: Ender, ignore: bool) -> anyhow::Result<Ended> {
    loop {
        tokio::signal::ctrl_c().await?;
        if !ignore {
            ender.stop();
        }
    }
}

/// What `ollama --version` says: the version of the server that answers, and its own where the two
/// are not the same.
fn version(own: &str) {
    let found = asked(&Environment::of_process().connectable());
    match &found {
        Some(found) => println!("ollama version is {found}"),
        None => println!("Warning: could not connect to a running Ollama instance"),
    }
    if found.as_deref() != Some(own) {
        println!("Warning: client version is {own}");
    }
}

fn asked(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let request =
        format!("GET /api/version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    let body: serde_json::Value = serde_json::from_str(body.trim()).ok()?;
    body["version"].as_str().map(str::to_owned)
}
