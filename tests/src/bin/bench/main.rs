//! `cargo xtask bench`: what a call through the gateway costs against a bare forwarder, how soon the
//! engine listens, and what it holds in memory. Figures are for the machine they are printed with.
//!
//! `--calls N` and `--rounds N` set how much is measured, `--only calls|streams|lists|starts|memory` and
//! `--callers 1|16` what.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod load;
mod placement;
mod streams;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use drawbridge_tests::forwarder::Forwarder;
use drawbridge_tests::programs::program;
use drawbridge_tests::record::Database;
use drawbridge_tests::{McpClient, Setup, TestEngine, processes};
use load::{CALL, Caller, Round, Side, calls_of_a_round, median, round};
use placement::Placement;
use serde_json::json;

/// How many call at once.
const CALLERS: [usize; 2] = [1, 16];

fn definition(tools: usize) -> serde_json::Value {
    json!({"command": program("bench-server").display().to_string(), "args": [tools.to_string()],
        "drawbridge": {"preset": "allow"}})
}

fn option(name: &str, otherwise: u32) -> u32 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (calls, rounds) = (option("--calls", 2_000), option("--rounds", 21));
    println!("\n{}\n", machine());
    let only = std::env::args().skip_while(|argument| argument != "--only").nth(1);
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut passed = !wanted("calls") || compare(calls, rounds).await?;
    passed &= !wanted("streams") || streams::compare(streams::rounds()).await?;
    if wanted("lists") {
        lists().await?;
    }
    if wanted("starts") {
        starts().await?;
    }
    if wanted("memory") {
        memory().await?;
    }
    if !passed {
        bail!("a ratio is over its budget");
    }
    Ok(())
}

async fn side_of(engine: &TestEngine) -> Side {
    let mut sessions = Vec::new();
    for _ in 0..CALLERS[1] {
        sessions.push(McpClient::open(engine, "/mcp").await.session().to_owned());
    }
    Side { port: engine.port, token: engine.token.clone(), sessions }
}

/// A call through `/mcp`, policy and record on, against the forwarder that has neither.
async fn compare(calls: u32, rounds: u32) -> anyhow::Result<bool> {
    let mut engine = Setup::new().define("bench", definition(1)).start_ready().await;
    let forwarder = Forwarder::start::<&str>("bench-server", &[]);
    let gateway = side_of(&engine).await;
    let mut sessions = Vec::new();
    for _ in 0..CALLERS[1] {
        sessions.push(McpClient::open_on(forwarder.port).await.session().to_owned());
    }
    let bare = Side { port: forwarder.port, token: String::new(), sessions };
    // `McpClient` made no calls; those of the first rounds are not measured but are on record.
    let mut made = 0;
    let mut passed = true;
    println!("One call through /mcp against the bare forwarder, {calls} calls a round,");
    println!("{rounds} rounds each in turns, the middle of the rounds:\n");
    println!("| callers | | bare forwarder | Drawbridge | ratio | budget |");
    println!("|---|---|---|---|---|---|");
    let picked = option("--callers", 0);
    for case in cases().filter(|(callers, _)| picked == 0 || *callers == picked as usize) {
        let (callers, placement) = case;
        placement.put_programs(&[engine.pid(), forwarder.pid()])?;
        let (mut with, mut without): (Vec<Round>, Vec<Round>) = Default::default();
        for number in 0..=rounds {
            // Who goes first changes from round to round.
            for first in [true, false] {
                let is_gateway = (number % 2 == 0) == first;
                let side = if is_gateway { &gateway } else { &bare };
                let measured = round(side, case, calls)?;
                if is_gateway {
                    made += calls_of_a_round(callers, calls);
                }
                if number > 0 {
                    let rounds = if is_gateway { &mut with } else { &mut without };
                    rounds.push(measured);
                }
            }
        }
        passed &= show(case, &with, &without);
    }
    engine.stop();
    let (began, ended) = Database::read(&engine.data_dir()).await.count_calls().await;
    println!("\nCalls made: {made}. On record: {began} begun, {ended} ended.");
    if [began, ended].iter().any(|&count| u64::try_from(count) != Ok(made)) {
        bail!("the record does not hold the calls that were made, so the figures do not count");
    }
    Ok(passed)
}

/// How many call at once, and where.
fn cases() -> impl Iterator<Item = (usize, Placement)> {
    let chosen = [Placement::Apart, Placement::Together];
    let chosen = chosen.into_iter().filter(|_| Placement::can_be_chosen());
    chosen.map(|placement| (1, placement)).chain(CALLERS.map(|callers| (callers, Placement::Free)))
}

/// Prints what a case gave, and says whether it keeps to its budget. A lone caller has it wherever
/// the programs run.
fn show((callers, placement): (usize, Placement), with: &[Round], without: &[Round]) -> bool {
    let times = |rounds: &[Round], time: fn(&Round) -> Duration| {
        let times: Vec<f64> = rounds.iter().map(|round| micros(time(round))).collect();
        median(&times).unwrap_or(f64::NAN)
    };
    let rates = |rounds: &[Round]| {
        let rates: Vec<f64> = rounds.iter().map(|round| round.per_second).collect();
        median(&rates).unwrap_or(f64::NAN)
    };
    let alone = callers == 1;
    let case = format!("{callers}{}", placement.words());
    let (base, ours) = (times(without, |r| r.median), times(with, |r| r.median));
    let latency = ours / base;
    let budget = if alone { "at most 1.25" } else { "" };
    println!("| {case} | median | {base:.1} µs | {ours:.1} µs | {latency:.2} | {budget} |");
    let (base, ours) = (times(without, |r| r.slow), times(with, |r| r.slow));
    println!("| {case} | 99 % below | {base:.1} µs | {ours:.1} µs | {:.2} | |", ours / base);
    let (base, ours) = (rates(without), rates(with));
    let rate = ours / base;
    let budget = if alone { "" } else { "at least 0.70" };
    println!("| {case} | calls a second | {base:.0} | {ours:.0} | {rate:.2} | {budget} |");
    if alone { latency <= 1.25 } else { rate >= 0.7 }
}

/// `tools/list` with a thousand tools of twenty servers.
async fn lists() -> anyhow::Result<()> {
    let mut setup = Setup::new();
    for number in 0..20 {
        setup = setup.define(&format!("server-{number}"), definition(50));
    }
    let engine = setup.start_ready().await;
    let side = side_of(&engine).await;
    let mut caller = Caller::connect(&side, 0)?;
    let list = [r#"{"jsonrpc":"2.0","id":"#, r#","method":"tools/list","params":{}}"#];
    let (mut times, mut tools) = (Vec::new(), 0);
    for _ in 0..200 {
        let asked = Instant::now();
        let answer = caller.request(list)?;
        times.push(micros(asked.elapsed()));
        tools = answer.windows(14).filter(|part| *part == b"\"inputSchema\":").count();
    }
    let middle = median(&times).unwrap_or(f64::NAN);
    println!(
        "\ntools/list, first page: {tools} tools, median {:.2} ms (goal: 2 ms).",
        middle / 1000.0
    );
    Ok(())
}

/// From the start of the process until it says that it listens.
async fn starts() -> anyhow::Result<()> {
    for servers in [0, 20] {
        let mut times = Vec::new();
        for _ in 0..5 {
            let mut setup = Setup::new();
            for number in 0..servers {
                setup = setup.define(&format!("server-{number}"), definition(5));
            }
            let started = Instant::now();
            let mut engine = setup.start();
            times.push(micros(started.elapsed()) / 1000.0);
            engine.stop();
        }
        let middle = median(&times).unwrap_or(f64::NAN);
        println!("Start with {servers} servers until it listens: {middle:.0} ms (goal: 300 ms).");
    }
    Ok(())
}

/// Proportional set size of the engine and its guardians, their servers left out.
async fn memory() -> anyhow::Result<()> {
    for (servers, calls) in [(0, 0), (3, 0), (3, 5_000)] {
        let mut setup = Setup::new();
        for number in 0..servers {
            let name = if number == 0 { "bench".to_owned() } else { format!("bench-{number}") };
            setup = setup.define(&name, definition(20));
        }
        let engine = setup.start_ready().await;
        if calls > 0 {
            let side = side_of(&engine).await;
            let mut caller = Caller::connect(&side, 0)?;
            for _ in 0..calls {
                caller.request(CALL)?;
            }
        }
        // What a start and calls leave to do is done by then.
        tokio::time::sleep(Duration::from_secs(25)).await;
        let before = switches(engine.pid());
        let rest = Duration::from_secs(10);
        tokio::time::sleep(rest).await;
        let woken = switches(engine.pid()).saturating_sub(before);
        let own = processes::proportional_kib(engine.pid()).context("read the engine's memory")?;
        let guardians: Vec<u64> = processes::descendants(engine.pid())
            .into_iter()
            .filter(|process| process.command.contains("guardian"))
            .filter_map(|process| processes::proportional_kib(process.pid))
            .collect();
        let all = own + guardians.iter().sum::<u64>();
        println!(
            "Memory idle with {servers} servers after {calls} calls: {:.1} MB, of which {:.1} MB in \
             {} guardians (goal: 20 MB); woken {:.1} times a second.",
            mb(all),
            mb(all - own),
            guardians.len(),
            f64::from(u32::try_from(woken)?) / rest.as_secs_f64()
        );
    }
    Ok(())
}

/// How often the threads of a process were put to sleep, and so woken.
fn switches(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok())
        .filter_map(|text| {
            let line = text.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn mb(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) * 1024.0 / 1e6
}

/// What this was measured on.
fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?.to_owned();
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "an unnamed processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("Measured on {processor}, {cores} cores, {}.", std::env::consts::OS)
}
