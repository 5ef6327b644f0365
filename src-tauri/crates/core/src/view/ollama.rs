//! Ollama and the other backends, as the tray and the panel show them.

use drawbridge_model::Problem;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Ollama on this computer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct OllamaView {
    /// What it is doing.
    pub state: OllamaState,
    /// Why it does not answer, and what to do.
    pub problem: Option<Problem>,
    /// Something to know while it answers, such as that another app runs it now.
    pub notice: Option<String>,
    /// Its version, once it has answered.
    pub version: Option<String>,
    /// Who runs it, while it runs.
    pub run_by: Option<OllamaRunBy>,
    /// Where it is, such as `http://127.0.0.1:11434`.
    pub address: String,
    /// Its program, where one was found.
    pub program: Option<String>,
    /// Where its models are kept, as far as is known.
    pub models_folder: Option<String>,
    /// What the config says of it.
    pub settings: OllamaSettings,
    /// The settings changed since it was started, and count from its next start on.
    pub restart_needed: bool,
    /// The models in memory now.
    pub loaded: Vec<LoadedModel>,
    /// Memory that is free for models, in bytes: the graphics card's where there is one that
    /// tells, else the main memory's. Brought up to date when models come and go.
    pub memory_free: Option<u64>,
}

/// What Ollama is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum OllamaState {
    /// The person does not want it.
    Off,
    /// It is being looked for.
    #[default]
    Looking,
    /// It does not run, and its program was not found.
    NotInstalled,
    /// It is installed and does not run.
    Stopped,
    /// It is being started, by us or by whoever runs it.
    Starting {
        /// Since when.
        since: i64,
    },
    /// It answers.
    Ready {
        /// Since when.
        since: i64,
    },
    /// It ended by itself and is started again.
    Waiting {
        /// When.
        retry_at: i64,
        /// How often it has failed in a row, from 1.
        attempt: u32,
    },
    /// It is being stopped.
    Stopping,
    /// Given up until the person starts it again.
    Failed,
    /// Whoever ran it ended it; it is used again when it comes back.
    Offline,
    /// Something that is not Ollama answers at its address.
    PortTaken {
        /// The program, where the system tells.
        holder: Option<String>,
    },
    /// It takes connections and answers nothing.
    NotResponding {
        /// Since when.
        since: i64,
    },
}

/// Who runs Ollama.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum OllamaRunBy {
    /// Drawbridge started it, and stops it with itself.
    Drawbridge,
    /// A service of the system.
    Service,
    /// The Ollama app.
    App,
    /// Something else, a terminal perhaps.
    Other,
}

/// What a person may set about Ollama. What is absent is Ollama's own choice. All but the first
/// two count only for an Ollama that Drawbridge starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct OllamaSettings {
    /// Whether it is used at all.
    pub enabled: bool,
    /// The port it is looked for at, and started on; 11434 where absent (`OLLAMA_HOST`).
    pub port: Option<u16>,
    /// Whether Drawbridge starts it, if nobody else does.
    pub start: bool,
    /// Its program, where it is not found by itself.
    pub path: Option<String>,
    /// Where models are kept (`OLLAMA_MODELS`).
    pub models_folder: Option<String>,
    /// How long a model stays in memory after its last use, such as `5m`, or `-1` for good
    /// (`OLLAMA_KEEP_ALIVE`).
    pub keep_alive: Option<String>,
    /// Tokens a conversation may have (`OLLAMA_CONTEXT_LENGTH`).
    pub context_length: Option<u32>,
    /// Requests a model answers at once, each with memory of its own (`OLLAMA_NUM_PARALLEL`).
    pub parallel: Option<u32>,
    /// A quicker way to compute that needs less memory (`OLLAMA_FLASH_ATTENTION`).
    pub flash_attention: Option<bool>,
    /// How exactly the conversation is kept in memory (`OLLAMA_KV_CACHE_TYPE`).
    pub cache_type: Option<CacheType>,
    /// The graphics cards it may use, by their id; none of them with an empty list
    /// (`CUDA_VISIBLE_DEVICES`, `ROCR_VISIBLE_DEVICES`, `OLLAMA_VULKAN`).
    pub gpus: Option<Vec<String>>,
    /// Whether models and searches in Ollama's cloud may be used (`OLLAMA_NO_CLOUD`).
    pub cloud: bool,
    /// The model apps are offered first.
    pub default_model: Option<String>,
}

impl OllamaSettings {
    /// The port it is looked for at, and started on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(11434)
    }
}

impl Default for OllamaSettings {
    /// It is used where it runs, and not started.
    fn default() -> Self {
        Self {
            enabled: true,
            port: None,
            start: false,
            path: None,
            models_folder: None,
            keep_alive: None,
            context_length: None,
            parallel: None,
            flash_attention: None,
            cache_type: None,
            gpus: None,
            cloud: false,
            default_model: None,
        }
    }
}

/// How exactly a conversation is kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CacheType {
    /// In full.
    F16,
    /// In about half the memory, with hardly a loss.
    Q8_0,
    /// In about a quarter, with a loss.
    Q4_0,
}

impl CacheType {
    /// As Ollama calls it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        }
    }
}

/// A model in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LoadedModel {
    /// Its name.
    pub name: String,
    /// Bytes it takes in all.
    pub size: u64,
    /// Bytes of these on graphics cards.
    pub size_vram: u64,
    /// Tokens its conversation may have, where Ollama tells.
    pub context: Option<u32>,
    /// When it is taken out of memory if nobody uses it; absent for one that stays.
    pub until: Option<i64>,
}

/// Another place that models are at.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BackendView {
    /// Its name in the config, and the prefix of its models: `name/model`.
    pub name: String,
    /// What it speaks.
    pub kind: BackendKind,
    /// Its address.
    pub url: String,
    /// Whether it is used.
    pub enabled: bool,
    /// Whether a model without a prefix is looked for here. Where no backend is, it is Ollama.
    pub is_default: bool,
    /// The name of the secret it is given as a bearer token, if it wants one.
    pub secret: Option<String>,
    /// How it does.
    pub state: BackendState,
    /// Its models, without the prefix.
    pub models: Vec<String>,
}

/// What a backend speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum BackendKind {
    /// Ollama's API.
    Ollama,
    /// OpenAI's API, as llama-server, vLLM, LM Studio, LocalAI and Jan speak it.
    Openai,
}

/// How a backend does.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BackendState {
    /// Switched off.
    Off,
    /// Being asked.
    Checking,
    /// It answers.
    Ready,
    /// It does not answer, or says no.
    Unreachable {
        /// Why, and what to do.
        problem: Problem,
    },
}

/// A backend as the panel's form describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BackendDraft {
    /// Its name, and the prefix of its models.
    pub name: String,
    /// What it speaks.
    pub kind: BackendKind,
    /// Its address, such as `http://192.168.1.20:8000`.
    pub url: String,
    /// The name of the secret it is given as a bearer token, if it wants one.
    pub secret: Option<String>,
}

/// What a drafted backend answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct BackendCheck {
    /// Its models; empty where it did not answer.
    pub models: Vec<String>,
    /// Why it cannot be used as drafted.
    pub problem: Option<Problem>,
    /// What deserves a second look, such as that it is not on this computer.
    pub cautions: Vec<String>,
}
