//! How much memory a model takes.
//!
//! The formulas follow what llama.cpp allocates since its builds of May 2026, and Ollama's figures
//! around it (ollama/ollama `fb30760`). `tests/recorded.rs` holds them against figures recorded
//! from a real llama.cpp. All of it is pure: the same numbers give the same answer.

mod place;
mod shape;
mod show;
mod tensor;

use serde::{Deserialize, Serialize};

pub(crate) use place::largest_running_context;
pub use place::{
    Free, Loaded, Partly, Placed, Placement, Pool, Pools, default_context, largest_context, partly,
    place, predicted,
};
pub use shape::{Latent, PerLayer, Recurrent, Shape, Window, Windowed};
pub use show::Unknown;
pub use tensor::{CacheType, TensorType};

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;
/// 2^30 bytes.
pub const GIB: u64 = 1 << 30;

/// What Ollama sets aside on each card for the driver's own use (Ollama, ml/device.go,
/// `MinimumMemory`).
pub const DRIVER_CONTEXT: u64 = 457 * MIB;
/// The same on Apple's Metal.
pub const DRIVER_CONTEXT_METAL: u64 = 512 * MIB;
/// What llama.cpp keeps free on each card before it moves layers to the processor (its
/// `LLAMA_ARG_FIT_TARGET`).
pub const MARGIN: u64 = 1024 * MIB;
/// What Ollama asks for beside the weights that read pictures (Ollama, llm/llama_server.go,
/// `mmprojOffloadHeadroom`).
pub const PROJECTOR_HEADROOM: u64 = GIB;
/// What a model takes of main memory beside its weights.
pub const MEMORY_HEADROOM: u64 = GIB;
/// The batch Ollama takes for models that only turn text into vectors (Ollama,
/// llm/llama_server.go, `DefaultEmbeddingNumBatch`).
pub const ENCODER_BATCH: u64 = 2048;

/// llama.cpp makes room for contexts in steps of so many tokens.
const CELLS: u64 = 256;

/// How a model is to be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Setup {
    /// The conversation limit (`num_ctx`), in tokens, for one conversation.
    pub num_ctx: u64,
    /// How many conversations at once (`OLLAMA_NUM_PARALLEL`).
    pub parallel: u64,
    /// How the conversation memory is stored (`OLLAMA_KV_CACHE_TYPE`).
    pub cache: CacheType,
    /// Whether attention is computed without writing out its matrix
    /// (`OLLAMA_FLASH_ATTENTION`). Ollama's default where the card can.
    pub flash_attention: bool,
    /// The batch (`num_batch`), in tokens; `None` lets Ollama choose.
    pub batch: Option<u64>,
    /// Which results llama.cpp makes room for.
    pub logits: Logits,
    /// What is set aside on each card for the driver, in bytes: [`DRIVER_CONTEXT`] or
    /// [`DRIVER_CONTEXT_METAL`].
    pub driver_context: u64,
    /// What the person set aside on each card (`OLLAMA_GPU_OVERHEAD`), in bytes.
    pub overhead: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            num_ctx: 4096,
            parallel: 1,
            cache: CacheType::F16,
            flash_attention: true,
            batch: None,
            logits: Logits::OfOne,
            driver_context: DRIVER_CONTEXT,
            overhead: 0,
        }
    }
}

/// Which results llama.cpp makes room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Logits {
    /// Those of one token a conversation, as since llama.cpp #23861 (May 2026).
    #[default]
    OfOne,
    /// Those of the whole batch, as before. Ollama 0.30 is among these.
    OfBatch,
}

/// What a model takes. All in bytes unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// The weights on the graphics card when all layers are there.
    pub weights_gpu: u64,
    /// The token embedding, which stays in main memory.
    pub token_embedding: u64,
    /// The conversation memory (the KV cache), with the state of recurrent layers.
    pub kv: u64,
    /// The room for computing one batch.
    pub compute: u64,
    /// The weights that read pictures.
    pub projector: u64,
    /// What Ollama's `/api/ps` shows as `size_vram` with all layers on the card.
    pub size_vram: u64,
    /// What must be free on one card for that: with the driver's share, the margin llama.cpp
    /// keeps, and the room for reading pictures.
    pub need_free: u64,
    /// What main memory must hold when no layer is on a card.
    pub in_memory: u64,
    /// Tokens one conversation has room for in a full layer.
    pub cells: u64,
    /// Tokens one conversation has room for in a windowed layer; 0 without one.
    pub window_cells: u64,
    /// Tokens computed at once (`ub` in the formulas).
    pub batch: u64,
    /// Layers.
    pub layers: u64,
}

impl Need {
    /// The same, where a measurement showed that the model takes `factor` times as much.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a factor near 1 on sizes far below 2^53"
    )]
    pub fn scaled(mut self, factor: f64) -> Self {
        let rest = self.need_free.saturating_sub(self.size_vram);
        self.size_vram = (self.size_vram as f64 * factor).round() as u64;
        self.need_free = self.size_vram.saturating_add(rest);
        self
    }
}

/// Rounds up to the next multiple of [`CELLS`], or stays at the largest there is.
const fn round_up(tokens: u64) -> u64 {
    tokens.div_ceil(CELLS).saturating_mul(CELLS)
}

/// The conversation limit as Ollama takes it: at least 4 tokens (Ollama, server/sched.go), at most
/// what the model was trained for.
#[must_use]
pub fn limit(shape: &Shape, num_ctx: u64) -> u64 {
    let trained = if shape.trained_context == 0 { u64::MAX } else { shape.trained_context };
    num_ctx.max(4).min(trained)
}

/// The batch that was set, or the one Ollama takes where memory is plenty (Ollama,
/// server/sched.go, `generationBatchForContext`).
fn batch(shape: &Shape, setup: &Setup) -> u64 {
    let tokens = limit(shape, setup.num_ctx);
    if let Some(batch) = setup.batch {
        return batch.max(1);
    }
    if shape.is_encoder() {
        return tokens.min(ENCODER_BATCH);
    }
    match tokens.saturating_mul(setup.parallel.max(1)) {
        32_769.. => 2048,
        4097.. => 1024,
        _ => 512,
    }
}

/// The setup with the batch Ollama takes where `available` bytes of graphics memory are free
/// (Ollama, server/sched.go, `automaticGenerationBatch`): it takes a smaller one when its own
/// first guess comes near to that.
#[must_use]
pub fn with_batch_for(shape: &Shape, setup: &Setup, available: u64, cuda: bool) -> Setup {
    let mut chosen = setup.clone();
    if setup.batch.is_some() || shape.is_encoder() || available == 0 {
        return chosen;
    }
    let tokens = limit(shape, setup.num_ctx).saturating_mul(setup.parallel.max(1));
    if cuda && !setup.flash_attention {
        let small = tokens > 4096 && available <= 8 * GIB;
        chosen.batch = Some(if small { 256 } else { 512 });
        return chosen;
    }
    let guess = predicted(shape, setup);
    let at_most = |percent: u64| available / 100 * percent;
    let room = at_most(80).checked_sub(guess);
    let fits = |percent, surcharge| {
        guess <= at_most(percent) && room.is_some_and(|room| surcharge <= room)
    };
    let mut batch = batch(shape, setup);
    if batch > 1024 && !fits(60, 2 * GIB) {
        batch = 1024;
    }
    if batch == 1024 && !fits(75, 768 * MIB) {
        batch = 512;
    }
    chosen.batch = Some(batch);
    chosen
}

fn kv(shape: &Shape, setup: &Setup, cells: u64, window_cells: u64) -> u64 {
    if shape.is_encoder() {
        return 0;
    }
    let kind = setup.cache.tensor_type();
    let mut one: u64 = 0;
    for layer in 0..shape.layers {
        let heads = shape.kv_heads.of(layer);
        let bytes = if heads == 0 {
            shape.recurrent.map_or(0, Recurrent::bytes)
        } else {
            let token = match shape.latent {
                Some(latent) => kind.bytes(latent.rank.saturating_add(latent.rope)),
                None => kind
                    .bytes(heads.saturating_mul(shape.key_length))
                    .saturating_add(kind.bytes(heads.saturating_mul(shape.value_length))),
            };
            token.saturating_mul(if shape.is_windowed(layer) { window_cells } else { cells })
        };
        one = one.saturating_add(bytes);
    }
    one.saturating_mul(setup.parallel.max(1))
}

/// The largest set of vectors one token needs at once, in elements: those of the feed-forward part
/// or those of attention. The first fits what llama.cpp allocates to a fraction of a percent; the
/// second is an upper bound, and counts only where the feed-forward part is narrow.
fn vectors(shape: &Shape) -> u64 {
    let hidden = shape.feed_forward.saturating_mul(3);
    let all = hidden.saturating_add(shape.embedding.saturating_mul(5));
    // What the experts return goes where their two inputs were, unless those were smaller.
    let returned = shape.experts_used.saturating_mul(shape.embedding);
    let beside = if shape.feed_forward.saturating_mul(2) < returned { returned } else { 0 };
    let query = shape.heads.largest().saturating_mul(shape.key_length);
    let keys = shape.kv_heads.largest().saturating_mul(shape.key_length);
    let attention = query
        .saturating_mul(3)
        .saturating_add(keys.saturating_mul(2))
        .saturating_add(shape.embedding.saturating_mul(2));
    all.saturating_add(beside).max(attention)
}

fn compute(shape: &Shape, setup: &Setup, cells: u64, window_cells: u64, batch: u64) -> u64 {
    let all_cells = cells.saturating_add(window_cells);
    let (embedding, heads) = (shape.embedding, shape.heads.largest());
    let vectors = vectors(shape);
    let one = if setup.flash_attention {
        vectors.saturating_mul(4).saturating_add(all_cells.saturating_mul(2))
    } else {
        let query = heads.saturating_mul(shape.key_length);
        let keys = shape.kv_heads.largest().saturating_mul(shape.key_length);
        let attention = heads
            .saturating_mul(cells)
            .saturating_add(all_cells)
            .saturating_add(embedding.max(query).saturating_mul(6))
            .saturating_add(keys.saturating_mul(2));
        let rest = vectors.saturating_add(all_cells).saturating_add(query);
        attention.max(rest).saturating_mul(4)
    };
    let results = match setup.logits {
        Logits::OfOne => 0,
        Logits::OfBatch => shape.vocabulary.saturating_add(embedding).saturating_mul(4),
    };
    one.max(results).saturating_mul(batch)
}

/// What a model takes when it is loaded like that.
#[must_use]
pub fn need(shape: &Shape, setup: &Setup) -> Need {
    let batch = batch(shape, setup);
    let tokens = limit(shape, setup.num_ctx);
    // Without a conversation, attention spans one batch.
    let cells = round_up(if shape.is_encoder() { tokens.min(batch) } else { tokens });
    let window = shape.window.as_ref().filter(|window| window.tokens > 0);
    let window_cells =
        window.map_or(0, |window| round_up(cells.min(window.tokens.saturating_add(batch))));
    let kv = kv(shape, setup, cells, window_cells);
    let compute = compute(shape, setup, cells, window_cells, batch);
    let weights_gpu = shape.weights_on_gpu();
    let size_vram =
        weights_gpu.saturating_add(kv).saturating_add(compute).saturating_add(shape.projector);
    let headroom = if shape.projector > 0 { PROJECTOR_HEADROOM } else { 0 };
    let need_free = size_vram
        .saturating_add(setup.driver_context)
        .saturating_add(MARGIN)
        .saturating_add(setup.overhead)
        .saturating_add(headroom);
    let in_memory = shape
        .weights
        .saturating_add(shape.projector)
        .saturating_add(kv)
        .saturating_add(compute)
        .saturating_add(MEMORY_HEADROOM);
    Need {
        weights_gpu,
        token_embedding: shape.token_embedding,
        kv,
        compute,
        projector: shape.projector,
        size_vram,
        need_free,
        in_memory,
        cells,
        window_cells,
        batch,
        layers: u64::from(shape.layers),
    }
}
