//! What Ollama writes: its log on stderr, its accesses on stdout.
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::environment::{Environment, KeepAlive};
use crate::script::Device;
use crate::server::Shared;

/// The first line a server writes, before anything can go wrong with its folders.
pub(crate) fn line(level: &str, source: &str, message: &str, rest: &str) {
    let time = clock::log_time(SystemTime::now());
    let separator = if rest.is_empty() { "" } else { " " };
    raw(&format!(
        "time={time} level={level} source={source} msg={}{separator}{rest}",
        quoted(message)
    ));
}

/// A line on stderr. That nobody reads it any more is no reason to end.
fn raw(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Text as the log has it: in quotes where it needs them.
fn quoted(text: &str) -> String {
    let bare = |c: char| c.is_ascii_graphic() && c != '"' && c != '=';
    if !text.is_empty() && text.chars().all(bare) { text.to_owned() } else { format!("{text:?}") }
}

/// Writes the first lines of a server: its configuration.
pub fn server_config(environment: &Environment) {
    let cloud_disabled = environment.no_cloud;
    let models = environment.models.as_ref().map(|path| path.display().to_string());
    let keep_alive = match environment.keep_alive {
        KeepAlive::For(duration) => clock::go_text(duration),
        KeepAlive::Forever => "2562047h47m16.854775807s".to_owned(),
    };
    let env = format!(
        "map[CUDA_VISIBLE_DEVICES: OLLAMA_CONTEXT_LENGTH:{} OLLAMA_DEBUG:INFO \
        OLLAMA_FLASH_ATTENTION:false OLLAMA_GPU_OVERHEAD:{} OLLAMA_HOST:{}://{} \
        OLLAMA_KEEP_ALIVE:{} OLLAMA_LOAD_TIMEOUT:5m0s OLLAMA_MAX_LOADED_MODELS:{} \
        OLLAMA_MAX_QUEUE:{} OLLAMA_MODELS:{} OLLAMA_NOPRUNE:{} OLLAMA_NO_CLOUD:{} \
        OLLAMA_NUM_PARALLEL:{} OLLAMA_ORIGINS:[{}] OLLAMA_REMOTES:[ollama.com]]",
        environment.context_length,
        environment.gpu_overhead,
        environment.scheme,
        environment.address(),
        keep_alive,
        environment.max_loaded_models,
        environment.max_queue,
        models.unwrap_or_default(),
        environment.no_prune,
        environment.no_cloud,
        environment.num_parallel,
        environment.origins.join(" "),
    );
    line("INFO", "routes.go:1951", "server config", &format!("env={}", quoted(&env)));
    line("INFO", "routes.go:1953", &format!("Ollama cloud disabled: {cloud_disabled}"), "");
}

pub(crate) fn listening(shared: &Shared) {
    if shared.quiet {
        return;
    }
    let (count, removed) = crate::manage::catalog(shared).blobs;
    line("INFO", "images.go:919", &format!("total blobs: {count}"), "");
    line("INFO", "images.go:926", &format!("total unused blobs removed: {removed}"), "");
    let message = format!("Listening on {} (version {})", shared.address, shared.script.version);
    line("INFO", "routes.go:2008", &message, "");
    line("INFO", "runner.go:60", "discovering available GPUs...", "");
}

/// The context a model gets where nothing says it: the memory of the devices decides.
pub(crate) fn default_context(shared: &Shared) -> u64 {
    match vram(shared) >> 30 {
        47.. => 262_144,
        23.. => 32_768,
        _ => 4096,
    }
}

fn vram(shared: &Shared) -> u64 {
    let overhead = shared.environment.gpu_overhead;
    let used = shared.script.devices.iter().filter(|device| !device.dropped);
    used.map(|device| device.total.saturating_sub(overhead)).sum()
}

pub(crate) fn ready(shared: &Shared) {
    if shared.quiet {
        return;
    }
    for device in shared.script.devices.iter().filter(|device| device.dropped) {
        let rest = format!("id={} library={}", quoted(&device.id), quoted(&device.library));
        line("INFO", "runner.go:200", "dropping integrated GPU", &rest);
    }
    let mut any = false;
    for device in shared.script.devices.iter().filter(|device| !device.dropped) {
        any = true;
        inference_compute(device);
    }
    if !any {
        let rest = "id=cpu library=cpu compute=\"\" name=cpu description=cpu libdirs=ollama \
            driver=\"\" pci_id=\"\" type=\"\" total=\"23.5 GiB\" available=\"22.3 GiB\"";
        line("INFO", "types.go:50", "inference compute", rest);
    }
    let total = quoted(&human(vram(shared)));
    let rest = format!("total_vram={total} default_num_ctx={}", default_context(shared));
    line("INFO", "routes.go:2058", "vram-based default context", &rest);
    for text in &shared.script.log_lines {
        raw(text);
    }
}

fn inference_compute(device: &Device) {
    let available = device.available.unwrap_or(device.total - device.total / 20);
    let rest = format!(
        "id={} library={} compute={} name={} description={} libdirs=ollama driver={} pci_id={} \
        type={} total={} available={}",
        quoted(&device.id),
        quoted(&device.library),
        quoted(&device.compute),
        quoted(&device.name),
        quoted(&device.description),
        quoted(&device.driver),
        quoted(&device.pci_id),
        quoted(&device.kind),
        quoted(&human(device.total)),
        quoted(&human(available)),
    );
    line("INFO", "types.go:50", "inference compute", &rest);
}

/// Bytes as the log has them.
pub(crate) fn human(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (size, unit) in units {
        if bytes >= size {
            return format!("{:.1} {unit}", bytes as f64 / size as f64);
        }
    }
    format!("{bytes} B")
}

/// The lines of a model that is loaded: before it is, and after.
pub(crate) fn loading(shared: &Shared, model: &str, num_ctx: u64, too_large: Option<u64>) {
    if shared.quiet {
        return;
    }
    if let Some(trained) = too_large {
        let rest = format!("num_ctx={num_ctx} n_ctx_train={trained}");
        line("WARN", "server.go:114", "requested context size too large for model", &rest);
    }
    let num_ctx = too_large.map_or(num_ctx, |trained| num_ctx.min(trained));
    let command = format!("llama-server --model {model} --host 127.0.0.1 --offline -c {num_ctx}");
    let rest = format!("cmd={}", quoted(&command));
    line("INFO", "llama_server.go:433", "starting llama-server", &rest);
    line("INFO", "llama_server.go:1295", "waiting for llama-server to start responding", "");
}

pub(crate) fn loaded(shared: &Shared, took: Duration) {
    if shared.quiet {
        return;
    }
    let message = format!("llama-server started in {:.2} seconds", took.as_secs_f64());
    line("INFO", "llama_server.go:1362", &message, "");
}

/// One request, as it stands on stdout.
pub(crate) fn access(shared: &Shared, status: u16, took: Duration, peer: &str, what: [&str; 2]) {
    if shared.quiet || !shared.script.access_log {
        return;
    }
    let time = clock::log_time(SystemTime::now());
    let (date, time) = (time[..10].replace('-', "/"), &time[11..19]);
    let [method, path] = what;
    let line = format!(
        "[GIN] {date} - {time} | {status} | {took:>13.2?} | {peer:>15} | {method:<8} {path:?}"
    );
    // Whoever does not read it any more does not want it.
    let _ = writeln!(std::io::stdout(), "{line}");
}
