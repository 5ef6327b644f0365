//! A streamed chat through `/api/chat` against the scripted Ollama alone: when its first line comes,
//! and how many a second.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use drawbridge_tests::ollama::Ollama;
use drawbridge_tests::record::Database;
use drawbridge_tests::{Setup, client};
use serde_json::json;

use crate::load::median;
use crate::{micros, option};

/// How many streams at once.
const STREAMS: [usize; 2] = [1, 16];
/// How much later a first line may come, in milliseconds.
const LATER: f64 = 2.0;
/// The share of the lines a second that has to come through.
const SHARE: f64 = 0.95;

/// Where a stream is asked for.
struct Side {
    port: u16,
    token: String,
}

/// One stream as it came.
struct Came {
    first: Duration,
    whole: Duration,
    lines: u64,
}

/// Asks for a stream and reads it to its end, on a connection of its own.
fn stream(side: &Side) -> anyhow::Result<Came> {
    let mut socket = TcpStream::connect(("127.0.0.1", side.port))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    let body = r#"{"model":"m:1","messages":[{"role":"user","content":"hi"}]}"#;
    let head = format!(
        "POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        side.port,
        side.token,
        body.len()
    );
    let asked = Instant::now();
    socket.write_all(head.as_bytes())?;
    let (mut first, mut lines, mut tail) = (None, 0, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = socket.read(&mut buffer)?;
        if read == 0 {
            bail!("the stream broke off");
        }
        // A line ends in `}` and a break, which nothing of the head or the chunks' sizes does.
        tail.extend_from_slice(&buffer[..read]);
        lines += tail.windows(2).filter(|pair| *pair == b"}\n").count() as u64;
        if lines > 0 && first.is_none() {
            first = Some(asked.elapsed());
        }
        if tail.ends_with(b"0\r\n\r\n") {
            break;
        }
        tail.drain(..tail.len().saturating_sub(8).max(last_line_end(&tail)));
    }
    Ok(Came { first: first.context("no line came")?, whole: asked.elapsed(), lines })
}

/// Behind the last line that was counted, so that none counts twice.
fn last_line_end(bytes: &[u8]) -> usize {
    bytes.windows(2).rposition(|pair| pair == b"}\n").map_or(0, |at| at + 2)
}

/// So many streams at once: the middle of their first lines, and all lines a second.
fn round(side: &Side, streams: usize) -> anyhow::Result<(f64, f64)> {
    let came: Vec<Came> = thread::scope(|scope| {
        let running: Vec<_> = (0..streams).map(|_| scope.spawn(|| stream(side))).collect();
        let joined = running.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a stream's thread broke off")))
        });
        joined.collect::<anyhow::Result<_>>()
    })?;
    let first: Vec<f64> = came.iter().map(|came| micros(came.first) / 1000.0).collect();
    let lines: u64 = came.iter().map(|came| came.lines).sum();
    let whole = came.iter().map(|came| came.whole.as_secs_f64()).fold(0.0, f64::max);
    Ok((median(&first).unwrap_or(f64::NAN), lines as f64 / whole))
}

/// Measures and says whether the budgets are kept.
pub(crate) async fn compare(rounds: u32) -> anyhow::Result<bool> {
    let mut passed = true;
    println!(
        "\nA streamed chat through /api/chat against the scripted Ollama alone, {rounds} rounds"
    );
    println!("each in turns, the middle of the rounds:\n");
    println!("| streams | lines | | alone | through Drawbridge | | budget |");
    println!("|---|---|---|---|---|---|---|");
    for (pace, lines, token_ms) in [("one every 2 ms", 200, 2), ("as fast as can be", 20_000, 0)] {
        let script = json!({
            "models": [{"name": "m:1"}], "access_log": false,
            "reply": {"lines": lines}, "delays": {"token_ms": token_ms}});
        let ollama = Ollama::started_for(&script, 64).await;
        let mut engine = Setup::new().ollama(ollama.section(false)).start();
        let through = Side { port: engine.port, token: engine.token.clone() };
        let alone = Side { port: ollama.port, token: String::new() };
        answers(&through).await?;
        let mut made = 0;
        for streams in STREAMS {
            let (mut with, mut without) = (Vec::new(), Vec::new());
            for number in 0..=rounds {
                // Who goes first changes from round to round.
                for turn in [true, false] {
                    let is_through = (number % 2 == 0) == turn;
                    let measured = round(if is_through { &through } else { &alone }, streams)?;
                    made += if is_through { streams as u64 } else { 0 };
                    if number > 0 {
                        if is_through { &mut with } else { &mut without }.push(measured);
                    }
                }
            }
            let middle = |side: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| {
                median(&side.iter().map(pick).collect::<Vec<_>>()).unwrap_or(f64::NAN)
            };
            let (base, ours) = (middle(&without, |r| r.0), middle(&with, |r| r.0));
            let later = ours - base;
            let gate = token_ms > 0;
            let budget = |text: &'static str| if gate { text } else { "" };
            println!(
                "| {streams} | {pace} | first line | {base:.2} ms | {ours:.2} ms | {later:+.2} ms | {} |",
                budget("at most 2 ms later")
            );
            let (base, ours) = (middle(&without, |r| r.1), middle(&with, |r| r.1));
            let share = ours / base;
            println!(
                "| {streams} | {pace} | lines a second | {base:.0} | {ours:.0} | {share:.2} | {} |",
                budget("at least 0.95")
            );
            passed &= !gate || (later <= LATER && share >= SHARE);
        }
        engine.stop();
        let kept = Database::read(&engine.data_dir()).await.of_kind("modelRequest").await.len();
        if u64::try_from(kept) != Ok(made) {
            bail!("{kept} of {made} requests are on record, so the figures do not count");
        }
    }
    println!("\n`--stream-rounds` sets the rounds. Every request is on record.");
    Ok(passed)
}

/// Waits until Ollama is reached through the gateway.
async fn answers(side: &Side) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/api/version", side.port);
    for _ in 0..600 {
        let answer = client::http().get(&url).bearer_auth(&side.token).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("Ollama is not reached through the gateway")
}

/// The rounds of streams that are asked for.
pub(crate) fn rounds() -> u32 {
    option("--stream-rounds", 5)
}
