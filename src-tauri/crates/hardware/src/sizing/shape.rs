//! The shape of a model: the numbers its memory follows from.

use serde::{Deserialize, Serialize};

/// The numbers of one model from which its memory follows. All sizes are in bytes, all lengths in
/// elements, all contexts in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shape {
    /// The architecture, as GGUF files name it: `llama`, `qwen2`, `gemma3`, `gptoss`.
    pub architecture: String,
    /// How many layers there are (`block_count`).
    pub layers: u32,
    /// The length of one token's vector (`embedding_length`, E in the formulas).
    pub embedding: u64,
    /// The length of the hidden vector of the feed-forward part, all experts that one token uses
    /// together (F in the formulas).
    pub feed_forward: u64,
    /// How many experts one token uses; 0 where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub experts_used: u64,
    /// Attention heads.
    pub heads: PerLayer,
    /// Heads that keys and values are kept for. A layer with none is recurrent.
    pub kv_heads: PerLayer,
    /// The length of one head's key.
    pub key_length: u64,
    /// The length of one head's value.
    pub value_length: u64,
    /// The sliding window, where some layers look back only so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The longest context the model was trained for, in tokens.
    pub trained_context: u64,
    /// How many tokens it knows.
    pub vocabulary: u64,
    /// All weights of the text model (W in the formulas).
    pub weights: u64,
    /// The part of the weights that turns tokens into vectors. It stays in main memory.
    pub token_embedding: u64,
    /// The part of the weights that turns vectors into tokens; `None` where the token embedding
    /// serves for that too (tied).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// The state of the layers that have no keys and values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrent: Option<Recurrent>,
    /// The joint vector kept instead of keys and values (multi-head latent attention).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent: Option<Latent>,
    /// The weights of what turns pictures or sound into vectors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub projector: u64,
    /// The size of the model file; 0 where it is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub file: u64,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A number that is the same for all layers, or one for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PerLayer {
    /// The same for all.
    All(u64),
    /// One for each, from the first. Layers beyond the list have none.
    Each(Vec<u64>),
}

impl Default for PerLayer {
    fn default() -> Self {
        Self::All(0)
    }
}

impl PerLayer {
    /// That of one layer, counted from 0.
    #[must_use]
    pub fn of(&self, layer: u32) -> u64 {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values.get(layer as usize).copied().unwrap_or_default(),
        }
    }

    /// The largest.
    #[must_use]
    pub fn largest(&self) -> u64 {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values.iter().copied().max().unwrap_or_default(),
        }
    }

    /// The smallest, which Ollama's own first guess counts with.
    #[must_use]
    pub fn smallest(&self) -> u64 {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values.iter().copied().min().unwrap_or_default(),
        }
    }
}

/// A sliding window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// How many tokens back a windowed layer looks.
    pub tokens: u64,
    /// Which layers are windowed.
    pub layers: Windowed,
}

/// Which layers look through the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Windowed {
    /// All but the last of each group of so many: 6 for gemma3, 2 for gpt-oss and gemma2
    /// (llama.cpp, `set_swa_pattern`).
    AllButEvery(u32),
    /// One word for each layer, from the first. Layers beyond the list are full.
    Each(Vec<bool>),
}

impl Windowed {
    /// Whether a layer, counted from 0, is windowed.
    #[must_use]
    pub fn has(&self, layer: u32) -> bool {
        match self {
            Self::AllButEvery(0) => false,
            Self::AllButEvery(group) => layer % group < group - 1,
            Self::Each(layers) => layers.get(layer as usize).copied().unwrap_or_default(),
        }
    }
}

/// The numbers of a recurrent layer (`ssm.*`), in elements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recurrent {
    /// How many tokens its convolution spans.
    pub convolution: u64,
    /// The length of its inner vector.
    pub inner: u64,
    /// The length of its state.
    pub state: u64,
    /// How many groups share a state.
    pub groups: u64,
}

impl Recurrent {
    /// The bytes of one layer's state for one conversation (llama.cpp, `n_embd_r` and `n_embd_s`,
    /// both in 32-bit floats).
    #[must_use]
    pub const fn bytes(self) -> u64 {
        let groups = self.groups.saturating_mul(2).saturating_mul(self.state);
        let convolved = self.convolution.saturating_sub(1);
        let elements = convolved
            .saturating_mul(self.inner.saturating_add(groups))
            .saturating_add(self.state.saturating_mul(self.inner));
        elements.saturating_mul(4)
    }
}

/// What multi-head latent attention keeps for each token, in elements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Latent {
    /// The length of the joint vector (`kv_lora_rank`).
    pub rank: u64,
    /// The length of the part that carries the position (`rope.dimension_count`).
    pub rope: u64,
}

impl Shape {
    /// The weights that go to the graphics card when all layers do. The token embedding stays
    /// behind, unless it serves as output too.
    #[must_use]
    pub const fn weights_on_gpu(&self) -> u64 {
        match self.output {
            Some(_) => self.weights.saturating_sub(self.token_embedding),
            None => self.weights,
        }
    }

    /// The weights that are in no layer but go to the graphics card last.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.output.unwrap_or(self.token_embedding)
    }

    /// Whether it only turns text into vectors: it keeps no conversation.
    #[must_use]
    pub fn is_encoder(&self) -> bool {
        self.architecture.ends_with("bert")
    }

    /// Whether a layer, counted from 0, looks through the window.
    #[must_use]
    pub fn is_windowed(&self, layer: u32) -> bool {
        self.window.as_ref().is_some_and(|window| window.layers.has(layer))
    }
}
