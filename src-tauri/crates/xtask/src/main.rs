//! `cargo xtask`: the project's own commands. Each does the set-up it needs and says what it does.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line answers on standard output and explains on standard error"
)]

mod bench;
mod checks;
mod panel;
mod places;
mod run;
mod setup;
mod shell;
mod system;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Run, test and measure Drawbridge")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the tray app, or without a display the same engine on the command line.
    Run {
        /// The port of the engine when there is no display.
        #[arg(long, default_value_t = 7337)]
        port: u16,
        /// Start the engine on the command line even where there is a display.
        #[arg(long)]
        headless: bool,
    },
    /// Check, build and test everything.
    Test {
        /// Also the long runs: waiting times in full, many repetitions.
        #[arg(long)]
        full: bool,
    },
    /// Measure the release build: a call against a bare forwarder, start time, memory.
    Bench {
        /// Calls a round. More rounds and calls make the ratios steadier.
        #[arg(long, default_value_t = 2_000)]
        calls: u32,
        /// Rounds of each side, alternating.
        #[arg(long, default_value_t = 21)]
        rounds: u32,
    },
    /// Install what building and testing need.
    Setup,
    /// Write the files that are generated from the Rust types: schema and panel types.
    Bless,
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Run { port, headless } => run::run(port, headless),
        Command::Test { full } => test::test(full),
        Command::Bench { calls, rounds } => bench::bench(calls, rounds),
        Command::Setup => setup::everything(),
        Command::Bless => checks::bless(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
