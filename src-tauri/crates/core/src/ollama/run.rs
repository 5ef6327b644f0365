//! One run of an Ollama of ours, from its start until nothing of it is left.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_hardware::log::{self, Said};
use drawbridge_hardware::probe::ComputeDevice;
use drawbridge_model::Problem;
use drawbridge_supervisor::{
    ExitReport, LogBook, LogLine, LogSource, ResolvedLaunch, Spawned, Spawner,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::events::Exited;

/// Lines of its log that are shown beside a problem.
const LAST_LINES: usize = 20;
/// The longest line of its standard output that is kept, in bytes. It writes next to nothing there.
const LINE_BYTES: usize = 8 * 1024;

/// What an Ollama of ours has said of itself in its log since it was started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// It has taken its port.
    listened: bool,
    /// What it computes on; empty until it has looked.
    pub(crate) devices: Vec<ComputeDevice>,
    /// Tokens a conversation may have where nobody says otherwise.
    pub(crate) default_context: Option<u64>,
}

/// Runs it until it ends or is halted; gives why it ended, if nobody asked it to.
pub(super) async fn run(
    spawner: &Spawner,
    program: &Path,
    env: std::collections::BTreeMap<String, String>,
    book: &LogBook,
    heard: &Arc<Mutex<Heard>>,
    halt: &CancellationToken,
) -> Option<Exited> {
    book.append(LogSource::Drawbridge, &format!("starting {} serve", program.display()));
    let began = book.tail(1).last().map_or(0, |line| line.seq);
    *heard.lock().unwrap_or_else(PoisonError::into_inner) = Heard::default();
    let launch = ResolvedLaunch {
        command: program.to_string_lossy().into_owned(),
        args: vec!["serve".to_owned()],
        env,
        cwd: None,
    };
    let mut lines = book.follow();
    let spawned = tokio::select! {
        spawned = spawner.spawn(&launch, book) => spawned,
        () = halt.cancelled() => return None,
    };
    let Spawned { stdin, stdout, mut running, .. } = match spawned {
        Ok(spawned) => spawned,
        Err(error) => {
            let problem = error.problem();
            book.append(LogSource::Drawbridge, &problem.message);
            return Some(Exited { problem, hopeless: true });
        }
    };
    // Ollama reads nothing.
    drop(stdin);
    let mut output = BufReader::new(stdout).lines();
    let mut output_is_open = true;
    let report = loop {
        tokio::select! {
            report = running.exited() => break report,
            () = halt.cancelled() => {
                let _report = running.stop().await;
                book.append(LogSource::Drawbridge, "stopped");
                return None;
            }
            line = lines.recv() => match line {
                Ok(LogLine { source: LogSource::Stderr, text, .. }) => listen(heard, &text),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => {}
            },
            line = output.next_line(), if output_is_open => match line {
                Ok(Some(line)) => {
                    let end = line.floor_char_boundary(LINE_BYTES);
                    book.append(LogSource::Stdout, &line[..end]);
                }
                Ok(None) | Err(_) => output_is_open = false,
            },
        }
    };
    while let Ok(line) = lines.try_recv() {
        if line.source == LogSource::Stderr {
            listen(heard, &line.text);
        }
    }
    let exited = exited(program, &report, book, began, heard);
    book.append(LogSource::Drawbridge, &exited.problem.message);
    Some(exited)
}

fn listen(heard: &Arc<Mutex<Heard>>, text: &str) {
    let Some(said) = log::parse(text) else { return };
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    match said {
        Said::Listening { .. } => heard.listened = true,
        Said::Compute(device) => heard.devices.push(device),
        Said::DefaultContext { num_ctx, .. } => heard.default_context = Some(num_ctx),
        _ => {}
    }
}

/// Why it ended, for a person.
fn exited(
    program: &Path,
    report: &ExitReport,
    book: &LogBook,
    began: u64,
    heard: &Arc<Mutex<Heard>>,
) -> Exited {
    // What an earlier run said says nothing of this one.
    let said: Vec<_> = book
        .tail(LAST_LINES)
        .into_iter()
        .filter(|line| line.seq > began && line.source != LogSource::Drawbridge)
        .collect();
    let mut errors = said.iter().rev().filter(|line| line.source == LogSource::Stderr);
    let last = errors.find(|line| !line.text.trim().is_empty());
    let last = last.map_or("", |line| &*line.text);
    let detail: Vec<_> = said.iter().map(|line| &*line.text).collect();
    let detail = detail.join("\n");
    let listened = heard.lock().unwrap_or_else(PoisonError::into_inner).listened;
    let says_error = last.starts_with("Error: ");
    // It writes how it is set before anything else; what ends without a word of Ollama is none.
    if !listened && !says_error && !detail.contains("level=") {
        let message = format!(
            "\"{}\" was started and ended at once, and does not seem to be Ollama. Choose another \
             program in the settings, or install Ollama again.",
            program.display()
        );
        return Exited { problem: Problem::new(message, detail), hopeless: true };
    }
    let message = if last.contains("address already in use") || last.contains("Only one usage") {
        "Ollama could not start, since another program uses its port.".to_owned()
    } else if says_error {
        format!("Ollama ended: {}", last.trim_start_matches("Error: "))
    } else {
        format!("Ollama {report}. Its log says more.")
    };
    Exited { problem: Problem::new(message, detail), hopeless: false }
}
