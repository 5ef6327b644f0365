//! What Ollama tells in its log.
//!
//! Lines of Ollama itself are `key=value` pairs, quoted or bare, in any order; those of llama.cpp
//! are prose. Both change between versions: what is not understood is passed over.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::probe::{ComputeDevice, GpuKind};
use crate::sizing::{GIB, MIB};

/// What one line says. All sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Said {
    /// The port is bound. Ollama does not answer yet.
    Listening {
        /// The address with the port.
        address: String,
        /// Ollama's version.
        version: String,
    },
    /// A device Ollama can use; the processor when there is no other.
    Compute(ComputeDevice),
    /// The conversation limit taken where none is set. After this line Ollama answers.
    DefaultContext {
        /// The memory of all usable cards.
        total_vram: u64,
        /// The limit, in tokens.
        num_ctx: u64,
    },
    /// A graphics card that is part of the processor is not used.
    DroppedIntegrated {
        /// Its id.
        id: String,
        /// Its name for people.
        description: String,
    },
    /// A model begins to load.
    Loading,
    /// A model is loaded.
    Loaded {
        /// How long it took.
        seconds: f64,
    },
    /// A buffer was made.
    Buffer {
        /// The part of llama.cpp that made it.
        part: String,
        /// The device it lies on: `CUDA0`, `CPU_Mapped`.
        device: String,
        /// What it is for.
        kind: BufferKind,
        /// Its size.
        bytes: u64,
    },
    /// All of one device in one line.
    Breakdown(Breakdown),
    /// How much is free on a device at the start of a load.
    DeviceFree {
        /// The device.
        device: String,
        /// What is free.
        bytes: u64,
    },
    /// How many layers lie on graphics cards, the output counted as one.
    Offloaded {
        /// On cards.
        layers: u64,
        /// Of so many.
        of: u64,
    },
    /// The load failed, and is tried again with a shorter conversation limit.
    ContextReduced {
        /// The limit before, in tokens.
        old: u64,
        /// The limit now, in tokens.
        new: u64,
    },
    /// Other models make room.
    Evicting,
    /// More was asked for than the model was trained for.
    ContextTooLarge {
        /// The limit that was asked for, in tokens.
        num_ctx: u64,
        /// What the model was trained for, in tokens.
        trained: u64,
    },
    /// What was asked is longer than the conversation limit, and was cut.
    Truncated {
        /// The limit, in tokens.
        limit: u64,
        /// How long it was, in tokens.
        prompt: u64,
    },
    /// There was not enough memory.
    OutOfMemory,
    /// Whether models that run elsewhere are off.
    CloudDisabled(bool),
}

/// What a buffer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BufferKind {
    /// Weights.
    Model,
    /// The conversation memory.
    Kv,
    /// Room for computing.
    Compute,
    /// Results.
    Output,
    /// The state of recurrent layers.
    Recurrent,
}

/// One row of llama.cpp's table of memory, in bytes. Rows of main memory have no total.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    /// The device: `CUDA0`, `Host`.
    pub device: String,
    /// All of its memory, with what is free of it.
    pub total: Option<(u64, u64)>,
    /// The weights.
    pub model: u64,
    /// The conversation memory.
    pub context: u64,
    /// Room for computing.
    pub compute: u64,
}

/// Reads one line. `None` for what is of no interest here, or not understood.
#[must_use]
pub fn parse(line: &str) -> Option<Said> {
    let fields = Fields::of(line);
    match fields.get("msg") {
        Some(message) => of_ollama(message, &fields),
        None => of_llama(line),
    }
}

fn of_ollama(message: &str, fields: &Fields<'_>) -> Option<Said> {
    match message {
        "inference compute" => return Some(Said::Compute(device(fields))),
        "vram-based default context" => {
            return Some(Said::DefaultContext {
                total_vram: size(fields.get("total_vram")?)?,
                num_ctx: fields.number("default_num_ctx")?,
            });
        }
        "starting llama-server" => return Some(Said::Loading),
        _ => {}
    }
    if message.starts_with("dropping integrated GPU") {
        let text = |key| fields.get(key).unwrap_or_default().to_owned();
        return Some(Said::DroppedIntegrated { id: text("id"), description: text("description") });
    }
    if message.contains("reducing automatic context and retrying once") {
        let (old, new) = (fields.number("old_num_ctx")?, fields.number("new_num_ctx")?);
        return Some(Said::ContextReduced { old, new });
    }
    if message.contains("evicting all other") {
        return Some(Said::Evicting);
    }
    if message.starts_with("requested context size too large for model") {
        let (num_ctx, trained) = (fields.number("num_ctx")?, fields.number("n_ctx_train")?);
        return Some(Said::ContextTooLarge { num_ctx, trained });
    }
    if message.starts_with("truncating input prompt") {
        let (limit, prompt) = (fields.number("limit")?, fields.number("prompt")?);
        return Some(Said::Truncated { limit, prompt });
    }
    if let Some(listening) = message.strip_prefix("Listening on ") {
        let (address, version) = listening.split_once(" (version ")?;
        let version = version.trim_end_matches(')').to_owned();
        return Some(Said::Listening { address: address.to_owned(), version });
    }
    if let Some(disabled) = message.strip_prefix("Ollama cloud disabled: ") {
        return disabled.trim().parse().ok().map(Said::CloudDisabled);
    }
    if let Some(seconds) = message.strip_prefix("llama-server started in ") {
        let seconds = seconds.strip_suffix(" seconds")?.parse().ok()?;
        return Some(Said::Loaded { seconds });
    }
    of_llama(message)
}

fn of_llama(line: &str) -> Option<Said> {
    breakdown(line)
        .map(Said::Breakdown)
        .or_else(|| buffer(line))
        .or_else(|| offloaded(line))
        .or_else(|| device_free(line))
        .or_else(|| {
            // The words by which Ollama knows it (Ollama, llm/status.go).
            let trouble = ["out of memory", "cudaMalloc failed", "failed to allocate"];
            trouble.iter().any(|words| line.contains(words)).then_some(Said::OutOfMemory)
        })
}

fn device(fields: &Fields<'_>) -> ComputeDevice {
    let text = |key| fields.get(key).unwrap_or_default().to_owned();
    let bytes = |key| fields.get(key).and_then(size).unwrap_or_default();
    ComputeDevice {
        id: text("id"),
        library: text("library"),
        name: text("name"),
        description: text("description"),
        pci: text("pci_id"),
        total: bytes("total"),
        available: bytes("available"),
        kind: match fields.get("type") {
            Some("iGPU") => Some(GpuKind::Integrated),
            Some("discrete") => Some(GpuKind::Discrete),
            _ => None,
        },
    }
}

/// `load_tensors:        CUDA0 model buffer size =   852.89 MiB`
fn buffer(line: &str) -> Option<Said> {
    let (head, tail) = line.split_once(" buffer size")?;
    let bytes = mebibytes(tail.trim_start().strip_prefix('=')?.trim().strip_suffix("MiB")?.trim())?;
    let mut words = head.split_whitespace().rev();
    let kind = match words.next()? {
        "model" => BufferKind::Model,
        "KV" => BufferKind::Kv,
        "compute" => BufferKind::Compute,
        "output" => BufferKind::Output,
        "RS" => BufferKind::Recurrent,
        _ => return None,
    };
    let device = words.next()?.to_owned();
    let part = words.next()?.strip_suffix(':')?.to_owned();
    Some(Said::Buffer { part, device, kind, bytes })
}

/// `… |   - CUDA0 (RTX) | 24576 = 1000 + (900 = 500 + 300 + 100) + 22676 |`, in MiB.
fn breakdown(line: &str) -> Option<Breakdown> {
    let (_, row) = line.split_once("memory_breakdown_print:")?;
    let mut cells = row.split('|').map(str::trim).skip(1);
    // A card's name may hold anything but a bar.
    let device = cells.next()?.strip_prefix("- ")?.split_whitespace().next()?.to_owned();
    let sums = cells.next()?;
    let all: Vec<i64> = sums
        .split(|sign: char| sign != '-' && !sign.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let bytes = |mib: i64| u64::try_from(mib).unwrap_or_default().saturating_mul(MIB);
    let row = |total, [model, context, compute]: [i64; 3]| Breakdown {
        device,
        total,
        model: bytes(model),
        context: bytes(context),
        compute: bytes(compute),
    };
    match all[..] {
        [total, free, _, model, context, compute, _] => {
            Some(row(Some((bytes(total), bytes(free))), [model, context, compute]))
        }
        [_, model, context, compute] => Some(row(None, [model, context, compute])),
        _ => None,
    }
}

/// `load_tensors: offloaded 29/33 layers to GPU`
fn offloaded(line: &str) -> Option<Said> {
    let (_, tail) = line.split_once("offloaded ")?;
    let (layers, of) = tail.split_once(" layers to GPU")?.0.split_once('/')?;
    Some(Said::Offloaded { layers: layers.trim().parse().ok()?, of: of.trim().parse().ok()? })
}

/// `using device CUDA0 (NVIDIA GeForce RTX 4060 Ti) (0000:01:00.0) - 15221 MiB free`
fn device_free(line: &str) -> Option<Said> {
    let (_, tail) = line.split_once("using device ")?;
    let (head, _) = tail.trim_end().rsplit_once(" MiB free")?;
    let (about, free) = head.rsplit_once(" - ")?;
    let device = about.split_whitespace().next()?.to_owned();
    Some(Said::DeviceFree { device, bytes: free.parse::<u64>().ok()?.saturating_mul(MIB) })
}

/// The `key=value` pairs of a line.
struct Fields<'a>(BTreeMap<&'a str, String>);

impl<'a> Fields<'a> {
    fn of(line: &'a str) -> Self {
        let mut fields = BTreeMap::new();
        let mut rest = line.trim_start();
        while let Some((key, tail)) = rest.split_once('=') {
            // Words before a pair belong to none.
            let key = key.rsplit(char::is_whitespace).next().unwrap_or_default();
            let (value, after) = value(tail);
            if !key.is_empty() {
                fields.entry(key).or_insert(value);
            }
            rest = after.trim_start();
        }
        Self(fields)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }
}

/// A value, quoted as Go quotes it or bare, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut signs = quoted.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => match signs.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, escaped)) => value.push(escaped),
                None => {}
            },
            _ => value.push(sign),
        }
    }
    (value, "")
}

/// A size as Ollama writes it for people: `23.6 GiB` (Ollama, format/bytes.go, `HumanBytes2`).
fn size(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let unit = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => MIB,
        "GiB" => GIB,
        "TiB" => GIB << 10,
        _ => return None,
    };
    scaled(number, unit)
}

fn mebibytes(number: &str) -> Option<u64> {
    scaled(number, MIB)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and the log has two digits"
)]
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then(|| (number * unit as f64).round() as u64)
}

/// The buffers of one load. Where llama.cpp tries several fits, it tells of each buffer again, and
/// the last word counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buffers {
    sizes: BTreeMap<(String, String, BufferKind), u64>,
}

impl Buffers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of what a line said. A new load forgets the last one.
    pub fn note(&mut self, said: &Said) {
        match said {
            Said::Loading => self.sizes.clear(),
            Said::Buffer { part, device, kind, bytes } => {
                self.sizes.insert((part.clone(), device.clone(), *kind), *bytes);
            }
            _ => {}
        }
    }

    /// All buffers on graphics cards, in bytes: what `/api/ps` shows as `size_vram`.
    #[must_use]
    pub fn on_gpu(&self) -> u64 {
        self.sum(is_on_gpu)
    }

    /// All buffers in main memory, in bytes.
    #[must_use]
    pub fn in_memory(&self) -> u64 {
        self.sum(|device| !is_on_gpu(device))
    }

    /// All buffers of a kind on graphics cards, in bytes.
    #[must_use]
    pub fn of(&self, kind: BufferKind) -> u64 {
        let of = self.sizes.iter().filter(|((_, device, of), _)| *of == kind && is_on_gpu(device));
        of.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    fn sum(&self, counts: impl Fn(&str) -> bool) -> u64 {
        let counted = self.sizes.iter().filter(|((_, device, _), _)| counts(device));
        counted.fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }
}

/// Whether a buffer lies on a graphics card (Ollama, llm/llama_server.go, `isGPUBuffer`).
fn is_on_gpu(device: &str) -> bool {
    !(matches!(device, "CPU" | "BLAS") || device.starts_with("CPU_") || device.ends_with("_Host"))
}

#[cfg(test)]
mod tests;
