//! How long a call waits until it is on record, and how many calls a second are recorded.
//!
//! ```sh
//! cargo run --release -p drawbridge-audit --example begin_latency [FOLDER]
//! ```
//!
//! Between two rows there is a round trip to another thread over a socket, as there is in a call,
//! so that threads fall asleep and have to be woken as they do in earnest.

#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use drawbridge_audit::{CallBegan, CallEnded, Excerpt, Record};
use drawbridge_model::{ActivityKind, ActivityOutcome, ClientName, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

const CALLS: usize = 10_000;
const CALLERS: usize = 16;

type Anything<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Anything<()> {
    let tasks = TaskTracker::new();
    let measured = tasks.spawn(measure(tasks.clone())).await?;
    tasks.close();
    tasks.wait().await;
    measured
}

async fn measure(tasks: TaskTracker) -> Anything<()> {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => std::env::temp_dir().join(format!("begin-latency-{}", std::process::id())),
    };
    let record = Record::open(&folder, &tasks).await?;
    let mut peer = connect().await?;

    let mut trips = Vec::new();
    for _ in 0..CALLS / 4 {
        let started = Instant::now();
        round_trip(&mut peer).await?;
        trips.push(started.elapsed());
    }
    report("a round trip over a socket, for scale", trips);

    for bytes in [60, 2_000, 16_000] {
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..CALLS {
            let call = call(bytes)?;
            let started = Instant::now();
            let id = record.begin(call).await?;
            begins.push(started.elapsed());
            round_trip(&mut peer).await?;
            let started = Instant::now();
            record.end(id, end(bytes)).await;
            ends.push(started.elapsed());
            round_trip(&mut peer).await?;
        }
        report(&format!("begin, one caller, {bytes} bytes"), begins);
        report(&format!("end, one caller, {bytes} bytes"), ends);
    }

    let started = Instant::now();
    let mut calling = Vec::new();
    for _ in 0..CALLERS {
        let record = record.clone();
        calling.push(tasks.spawn(async move {
            let mut peer = connect().await?;
            let mut begins = Vec::new();
            for _ in 0..CALLS / CALLERS {
                let call = call(60)?;
                let started = Instant::now();
                let id = record.begin(call).await?;
                begins.push(started.elapsed());
                round_trip(&mut peer).await?;
                record.end(id, end(60)).await;
            }
            Anything::Ok(begins)
        }));
    }
    let mut begins = Vec::new();
    for calling in calling {
        begins.extend(calling.await??);
    }
    let per_second = begins.len() as f64 / started.elapsed().as_secs_f64();
    report(&format!("begin, {CALLERS} callers, {per_second:.0} calls/s"), begins);
    record.close().await;
    if std::env::args_os().nth(1).is_none() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn call(bytes: usize) -> Anything<CallBegan> {
    Ok(CallBegan {
        client: Some(ClientName::new("vscode")?),
        client_says: Some("Visual Studio Code 1.130".into()),
        server: Some(ServerName::new("files")?),
        subject: Some("read_file".into()),
        arguments: Some(Excerpt::of(&"x".repeat(bytes))),
        ..CallBegan::new(ActivityKind::ToolCall)
    })
}

fn end(bytes: usize) -> CallEnded {
    CallEnded {
        result: Some(Excerpt::of(&"y".repeat(bytes))),
        ..CallEnded::new(ActivityOutcome::Succeeded, Duration::from_micros(123))
    }
}

/// A peer on a thread of its own that sends back what it gets.
async fn connect() -> Anything<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; 64];
        loop {
            match stream.read(&mut bytes)? {
                0 => return Ok(()),
                read => stream.write_all(&bytes[..read])?,
            }
        }
    });
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn round_trip(peer: &mut TcpStream) -> Anything<()> {
    let mut bytes = [0; 4];
    peer.write_all(b"call").await?;
    peer.read_exact(&mut bytes).await?;
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len().saturating_sub(1)) as f64 * share) as usize;
        times.get(index).map_or(0.0, |time| time.as_nanos() as f64 / 1000.0)
    };
    let (p10, p50, p90, p99) = (at(0.1), at(0.5), at(0.9), at(0.99));
    println!("{what:44} p10 {p10:7.1}  p50 {p50:7.1}  p90 {p90:7.1}  p99 {p99:8.1} µs");
}
