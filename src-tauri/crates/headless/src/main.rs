//! `drawbridged`: the same engine as the tray app, without a desktop.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line answers on standard output and explains on standard error"
)]

mod audit;
mod client;
mod pins;
mod serve;
mod stdio;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use drawbridge_core::paths::Paths;
use drawbridge_model::{ClientName, ServerName, ToolName};
use tracing_subscriber::EnvFilter;

/// What went as asked.
pub(crate) const EXIT_OK: u8 = 0;
/// The port or the data folder is in use, or something else went wrong at run time.
pub(crate) const EXIT_TROUBLE: u8 = 1;
/// The config cannot be understood. Also what a wrong command line gives.
pub(crate) const EXIT_BAD_CONFIG: u8 = 2;

#[derive(Parser)]
#[command(name = "drawbridged", version, about = "Drawbridge without a desktop")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the servers and the gateway, until told to end.
    Serve {
        #[command(flatten)]
        places: Places,
        /// The port to listen on; 0 takes any free one. Beats the config.
        #[arg(long)]
        port: Option<u16>,
    },
    /// Join an app that only speaks over standard input and output to the running gateway.
    Stdio {
        /// The app's name, as given to `client add`.
        #[arg(long)]
        client: ClientName,
        #[command(flatten)]
        places: Places,
    },
    /// Say which apps may connect.
    Client {
        #[command(subcommand)]
        command: ClientCommand,
    },
    /// Read the record of what happened, also while Drawbridge runs.
    Audit {
        #[command(subcommand)]
        command: Box<AuditCommand>,
    },
    /// See which tools are known, and accept those that are new or changed.
    Pins {
        #[command(subcommand)]
        command: PinsCommand,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check whether the record is as it was written, and say where it is not.
    Verify {
        #[command(flatten)]
        places: Places,
    },
    /// Print the newest entries that fit, a line each.
    Search {
        #[command(flatten)]
        which: audit::Which,
        /// Most entries to print.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        places: Places,
    },
    /// Write the entries that fit, oldest first.
    Export {
        #[command(flatten)]
        which: audit::Which,
        /// The form.
        #[arg(long, value_enum, default_value = "csv")]
        format: audit::Form,
        /// The file; standard output unless given.
        #[arg(long)]
        output: Option<PathBuf>,
        #[command(flatten)]
        places: Places,
    },
}

#[derive(Subcommand)]
enum PinsCommand {
    /// List the tools: their server, their name, and known, new, changed or found.
    List {
        #[command(flatten)]
        places: Places,
    },
    /// Let apps use tools that are held back, each as it is now. A running `drawbridged` takes it up
    /// at once, another at its next start; the desktop app asks its person instead.
    Accept {
        /// The server; all servers unless given.
        server: Option<ServerName>,
        /// The tool; all of the server's unless given.
        tool: Option<ToolName>,
        #[command(flatten)]
        places: Places,
    },
}

#[derive(Subcommand)]
enum ClientCommand {
    /// Let an app connect, and print its token. It is not shown again.
    Add {
        /// The app's name.
        name: ClientName,
        #[command(flatten)]
        places: Places,
    },
    /// List the apps that may connect.
    List {
        #[command(flatten)]
        places: Places,
    },
    /// Take an app's permission away. Its token stops working at its next request.
    Remove {
        /// The app's name.
        name: ClientName,
        #[command(flatten)]
        places: Places,
    },
}

/// Where config and data are; the desktop app's own places unless said otherwise.
#[derive(Args)]
pub(crate) struct Places {
    /// The config file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The folder for everything Drawbridge learns: the record, logs, the last good config.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

impl Places {
    /// Whether config or data stand somewhere of their own.
    pub(crate) fn are_given(&self) -> bool {
        self.config.is_some() || self.data_dir.is_some()
    }

    pub(crate) fn paths(self) -> anyhow::Result<Paths> {
        Paths::resolve(self.config, self.data_dir)
            .map_err(|problem| anyhow::anyhow!(problem.message))
    }
}

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    let filter = EnvFilter::try_from_env("DRAWBRIDGE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,rmcp=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = match drawbridge_core::runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("drawbridged could not start its threads: {error}");
            return ExitCode::from(EXIT_TROUBLE);
        }
    };
    let code = runtime.block_on(async {
        match command {
            Command::Serve { places, port } => serve::serve(places, port).await,
            Command::Stdio { client, places } => stdio::bridge(client, places).await,
            Command::Audit { command } => match *command {
                AuditCommand::Verify { places } => audit::verify(places),
                AuditCommand::Search { which, limit, places } => {
                    audit::search(which, limit, places)
                }
                AuditCommand::Export { which, format, output, places } => {
                    audit::export(which, format, output, places)
                }
            },
            Command::Pins { command } => match command {
                PinsCommand::List { places } => pins::list(places).await,
                PinsCommand::Accept { server, tool, places } => {
                    pins::accept(server, tool, places).await
                }
            },
            Command::Client { command } => match command {
                ClientCommand::Add { name, places } => client::add(name, places).await,
                ClientCommand::List { places } => client::list(places).await,
                ClientCommand::Remove { name, places } => client::remove(name, places).await,
            },
        }
    });
    // Threads that wait for standard input cannot be woken, so they are not waited for.
    runtime.shutdown_background();
    match code {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}
