//! Reading a shape from an answer of Ollama's `POST /api/show`.

use serde_json::{Map, Value};
use thiserror::Error;

use super::shape::{Latent, PerLayer, Recurrent, Shape, Window, Windowed};
use super::tensor::TensorType;

/// Why a shape cannot be told from an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unknown {
    /// The answer leaves a list out. Asked again with `verbose`, Ollama tells it.
    #[error("ask again with verbose: {0} is left out")]
    NeedsVerbose(String),
    /// The answer lacks a number that nothing else tells.
    #[error("the answer has no {0}")]
    Missing(String),
    /// A tensor is stored in a way this version does not know.
    #[error("{tensor} has the unknown type {kind}")]
    TensorType {
        /// The name of the tensor.
        tensor: String,
        /// The name of its type.
        kind: String,
    },
}

/// More layers than any model has: a broken answer is not to be counted through.
const MOST_LAYERS: u32 = 10_000;

/// Tensors of what turns pictures and sound into vectors (llama.cpp, tools/mtmd/clip-impl.h).
const PROJECTOR: [&str; 4] = ["v.", "mm.", "a.", "resampler."];

impl Shape {
    /// Reads an answer of Ollama's `POST /api/show`: its `model_info` and its `tensors`.
    ///
    /// # Errors
    /// [`Unknown::NeedsVerbose`] where the answer leaves out what it would tell with `verbose`;
    /// else what is missing or not understood.
    pub fn from_show(answer: &Value) -> Result<Self, Unknown> {
        let info = Info::of(answer)?;
        let layers = info.needed("block_count")?;
        let layers = u32::try_from(layers).ok().filter(|layers| *layers <= MOST_LAYERS);
        let layers = layers.ok_or_else(|| info.missing("block_count"))?;
        let embedding = info.needed("embedding_length")?;
        let heads = info.per_layer("attention.head_count")?;
        let heads = heads.ok_or_else(|| info.missing("attention.head_count"))?;
        let kv_heads = match info.per_layer("attention.head_count_kv")? {
            Some(kv_heads) => kv_heads,
            None if info.is_verbose() => heads.clone(),
            None => return Err(Unknown::NeedsVerbose(info.key("attention.head_count_kv"))),
        };
        let head_length = embedding.checked_div(heads.largest()).unwrap_or_default();
        let key_length = info.number("attention.key_length").unwrap_or(head_length);
        let tensors = Tensors::of(answer, embedding)?;
        Ok(Self {
            layers,
            embedding,
            feed_forward: info.feed_forward()?,
            experts_used: info.number("expert_used_count").unwrap_or_default(),
            heads,
            kv_heads,
            key_length,
            value_length: info.number("attention.value_length").unwrap_or(head_length),
            window: info.window(),
            trained_context: info.needed("context_length")?,
            vocabulary: tensors.vocabulary,
            weights: tensors.weights,
            token_embedding: tensors.token_embedding,
            output: tensors.output,
            recurrent: info.recurrent(),
            latent: info.latent(),
            projector: tensors.projector,
            file: 0,
            architecture: info.architecture,
        })
    }
}

struct Info<'a> {
    architecture: String,
    keys: &'a Map<String, Value>,
}

impl<'a> Info<'a> {
    fn of(answer: &'a Value) -> Result<Self, Unknown> {
        let missing = |key: &str| Unknown::Missing(key.to_owned());
        let keys = answer.get("model_info").and_then(Value::as_object);
        let keys = keys.ok_or_else(|| missing("model_info"))?;
        let architecture = keys.get("general.architecture").and_then(Value::as_str);
        let architecture = architecture.ok_or_else(|| missing("general.architecture"))?.to_owned();
        Ok(Self { architecture, keys })
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn missing(&self, name: &str) -> Unknown {
        Unknown::Missing(self.key(name))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.keys.get(&self.key(name))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name).and_then(whole)
    }

    fn needed(&self, name: &str) -> Result<u64, Unknown> {
        self.number(name).ok_or_else(|| self.missing(name))
    }

    /// Lists are told with `verbose` alone, and the list of all tokens is in each such answer.
    fn is_verbose(&self) -> bool {
        let tokens = self.keys.get("tokenizer.ggml.tokens").and_then(Value::as_array);
        tokens.is_some_and(|tokens| !tokens.is_empty())
    }

    fn per_layer(&self, name: &str) -> Result<Option<PerLayer>, Unknown> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(values)) if !values.is_empty() => {
                let values: Option<Vec<_>> = values.iter().map(whole).collect();
                values.map(|values| Some(PerLayer::Each(values))).ok_or_else(|| self.missing(name))
            }
            Some(Value::Array(_) | Value::Null) => Err(Unknown::NeedsVerbose(self.key(name))),
            Some(value) => {
                whole(value).map(|all| Some(PerLayer::All(all))).ok_or_else(|| self.missing(name))
            }
        }
    }

    fn feed_forward(&self) -> Result<u64, Unknown> {
        let dense = self.per_layer("feed_forward_length");
        let used = self.number("expert_used_count").unwrap_or_default();
        if used == 0 {
            return Ok(dense?.ok_or_else(|| self.missing("feed_forward_length"))?.largest());
        }
        let expert = match self.number("expert_feed_forward_length").filter(|length| *length > 0) {
            Some(length) => length,
            None => dense?.ok_or_else(|| self.missing("feed_forward_length"))?.largest(),
        };
        Ok(expert.saturating_mul(used))
    }

    /// A window in an architecture whose pattern is not known is left out: all layers then count
    /// as full, which is too much rather than too little.
    fn window(&self) -> Option<Window> {
        let tokens = self.number("attention.sliding_window").filter(|tokens| *tokens > 0)?;
        let told = self.value("attention.sliding_window_pattern").and_then(Value::as_array);
        let told = told.filter(|pattern| !pattern.is_empty()).map(|pattern| {
            let windowed = |value: &Value| value.as_bool().unwrap_or(whole(value) == Some(1));
            Windowed::Each(pattern.iter().map(windowed).collect())
        });
        let known = match self.architecture.as_str() {
            "gemma3" => Some(Windowed::AllButEvery(6)),
            "gemma2" | "gptoss" | "gpt-oss" => Some(Windowed::AllButEvery(2)),
            _ => None,
        };
        told.or(known).map(|layers| Window { tokens, layers })
    }

    fn recurrent(&self) -> Option<Recurrent> {
        let state = self.number("ssm.state_size")?;
        Some(Recurrent {
            convolution: self.number("ssm.conv_kernel").unwrap_or_default(),
            inner: self.number("ssm.inner_size").unwrap_or_default(),
            state,
            groups: self.number("ssm.group_count").unwrap_or_default(),
        })
    }

    fn latent(&self) -> Option<Latent> {
        let rank = self.number("attention.kv_lora_rank").filter(|rank| *rank > 0)?;
        Some(Latent { rank, rope: self.number("rope.dimension_count").unwrap_or_default() })
    }
}

/// A count. JSON made from floating-point numbers writes 32 as `32.0`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "only whole numbers up to 2^53 pass"
)]
fn whole(value: &Value) -> Option<u64> {
    let exact =
        |number: &f64| number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(number);
    value.as_u64().or_else(|| value.as_f64().filter(exact).map(|number| number as u64))
}

#[derive(Default)]
struct Tensors {
    weights: u64,
    token_embedding: u64,
    output: Option<u64>,
    projector: u64,
    vocabulary: u64,
}

impl Tensors {
    fn of(answer: &Value, embedding: u64) -> Result<Self, Unknown> {
        let list = answer.get("tensors").and_then(Value::as_array).filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| Unknown::Missing("tensors".to_owned()))?;
        let mut sums = Self::default();
        for tensor in list {
            sums.add(tensor, embedding)?;
        }
        Ok(sums)
    }

    fn add(&mut self, tensor: &Value, embedding: u64) -> Result<(), Unknown> {
        let text = |key| tensor.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, kind) = (text("name"), text("type"));
        let known = TensorType::named(kind).ok_or_else(|| Unknown::TensorType {
            tensor: name.to_owned(),
            kind: kind.to_owned(),
        })?;
        let sides = tensor.get("shape").and_then(Value::as_array);
        let sides: Vec<_> = sides.into_iter().flatten().filter_map(whole).collect();
        let bytes = known.bytes(sides.iter().fold(1, |all: u64, side| all.saturating_mul(*side)));
        if PROJECTOR.iter().any(|prefix| name.starts_with(prefix)) {
            self.projector = self.projector.saturating_add(bytes);
            return Ok(());
        }
        self.weights = self.weights.saturating_add(bytes);
        match name {
            "token_embd.weight" => {
                self.token_embedding = bytes;
                let other = sides.iter().copied().filter(|side| *side != embedding).max();
                self.vocabulary = other.unwrap_or(embedding);
            }
            "output.weight" => self.output = Some(bytes),
            _ => {}
        }
        Ok(())
    }
}
