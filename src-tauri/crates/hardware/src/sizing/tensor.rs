//! How many bytes tensors take, by the type of their elements.

use serde::{Deserialize, Serialize};

/// The type of a tensor's elements. Each stores elements in blocks of a fixed size
/// (llama.cpp, ggml/src/ggml-common.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorType {
    elements_per_block: u64,
    bytes_per_block: u64,
}

impl TensorType {
    /// 32-bit floating point.
    pub const F32: Self = Self::new(1, 4);
    /// 16-bit floating point.
    pub const F16: Self = Self::new(1, 2);
    /// 8 bits and one scale for 32 elements.
    pub const Q8_0: Self = Self::new(32, 34);
    /// 4 bits and one scale for 32 elements.
    pub const Q4_0: Self = Self::new(32, 18);
    /// 4 bits, in blocks of 256 elements.
    pub const Q4_K: Self = Self::new(256, 144);
    /// 6 bits, in blocks of 256 elements.
    pub const Q6_K: Self = Self::new(256, 210);

    const fn new(elements_per_block: u64, bytes_per_block: u64) -> Self {
        Self { elements_per_block, bytes_per_block }
    }

    /// The type of that name, as Ollama's `/api/show` and GGUF files write it. `None` for a type
    /// this version does not know.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (elements, bytes) = match name.to_ascii_uppercase().as_str() {
            "F64" | "I64" => (1, 8),
            "F32" | "I32" => (1, 4),
            "F16" | "BF16" | "I16" => (1, 2),
            "I8" => (1, 1),
            "Q8_0" => (32, 34),
            "Q6_K" => (256, 210),
            "Q5_K" => (256, 176),
            "Q4_K" => (256, 144),
            "Q3_K" => (256, 110),
            "Q2_K" => (256, 84),
            "Q5_1" => (32, 24),
            "Q5_0" => (32, 22),
            "Q4_1" => (32, 20),
            "Q4_0" | "IQ4_NL" => (32, 18),
            "IQ4_XS" => (256, 136),
            "MXFP4" => (32, 17),
            _ => return None,
        };
        Some(Self::new(elements, bytes))
    }

    /// The bytes that so many elements take.
    #[must_use]
    pub const fn bytes(self, elements: u64) -> u64 {
        elements.div_ceil(self.elements_per_block).saturating_mul(self.bytes_per_block)
    }
}

/// How the conversation memory (the KV cache) is stored: Ollama's `OLLAMA_KV_CACHE_TYPE`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum CacheType {
    /// 16 bits an element. What Ollama takes unless told otherwise.
    #[default]
    F16,
    /// About half of that. Needs flash attention.
    #[serde(rename = "q8_0")]
    Q8_0,
    /// About a quarter of that. Needs flash attention.
    #[serde(rename = "q4_0")]
    Q4_0,
}

impl CacheType {
    /// How its elements are stored.
    #[must_use]
    pub const fn tensor_type(self) -> TensorType {
        match self {
            Self::F16 => TensorType::F16,
            Self::Q8_0 => TensorType::Q8_0,
            Self::Q4_0 => TensorType::Q4_0,
        }
    }

    /// Its name in Ollama's and llama.cpp's settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        }
    }
}
