//! Models, how they fit, and what this computer is made of.

use drawbridge_model::Problem;
use serde::Serialize;
use ts_rs::TS;

use super::LoadedModel;

/// Everything about models that a person may want to see.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ModelsView {
    /// What is installed, by name.
    pub installed: Vec<InstalledModel>,
    /// What can be downloaded, as it was checked by hand.
    pub catalog: Vec<CatalogModel>,
    /// The day the catalog was checked, as `2026-11-21`.
    pub catalog_date: String,
    /// What is being downloaded, or was and waits for the person.
    pub pulls: Vec<PullView>,
    /// The disk that models are kept on.
    pub disk: Option<DiskView>,
    /// Why the installed models cannot be told although Ollama answers.
    pub problem: Option<Problem>,
}

/// An installed model.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InstalledModel {
    /// Its name, such as `qwen3:8b`.
    pub name: String,
    /// Bytes on disk. Layers shared with other models are counted in each.
    pub size: u64,
    /// When it was downloaded or changed.
    pub modified_at: Option<i64>,
    /// Parameters as Ollama writes them, such as `8.2B`.
    pub parameters: Option<String>,
    /// The version by its technical name, such as `Q4_K_M`.
    pub quantization: Option<String>,
    /// What it can do, in Ollama's words: `completion`, `tools`, `vision`, `thinking`, `embedding`.
    pub capabilities: Vec<String>,
    /// It runs in Ollama's cloud and not on this computer.
    pub cloud: bool,
    /// While it is in memory.
    pub loaded: Option<LoadedModel>,
    /// How it fits; absent while that is being found out.
    pub fit: Option<ModelFit>,
}

/// A model that can be downloaded.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CatalogModel {
    /// Its name, such as `qwen3:8b`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is good for.
    pub purpose: String,
    /// Bytes to download.
    pub download: u64,
    /// What it can do, as with installed models.
    pub capabilities: Vec<String>,
    /// Its licence.
    pub licence: String,
    /// Where its figures are from.
    pub source: String,
    /// Whether it is installed.
    pub installed: bool,
    /// How it would fit.
    pub fit: ModelFit,
}

/// How a model fits this computer.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ModelFit {
    /// The verdict.
    pub verdict: FitVerdict,
    /// The result in a sentence.
    pub first: String,
    /// The numbers in a sentence; empty where there are none.
    pub numbers: String,
    /// What to know beside it, such as that tools need a longer conversation.
    pub remark: Option<String>,
    /// What would help, the best first; two at most.
    pub actions: Vec<FitAction>,
    /// Bytes of memory it needs; absent where that cannot be told.
    pub need: Option<u64>,
    /// Bytes of that memory which are free now.
    pub free: Option<u64>,
    /// Bytes of that memory there are.
    pub total: Option<u64>,
    /// Tokens of conversation this is about.
    pub context: u32,
    /// The most tokens of conversation that still fit; absent where none do.
    pub largest_context: Option<u32>,
    /// The most tokens it was trained for.
    pub trained_context: Option<u32>,
    /// How sure this is.
    pub confidence: FitConfidence,
    /// What the need is made of, in bytes, for details.
    pub terms: Vec<FitTerm>,
}

/// Whether a model fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FitVerdict {
    /// Fully on the graphics card.
    Fits,
    /// It would, but the graphics card is busy.
    FitsAfterClosing,
    /// Partly on the graphics card.
    Partly {
        /// How much of it, in percent.
        percent: u32,
    },
    /// On the processor.
    ProcessorOnly,
    /// Not on this computer.
    TooLarge,
    /// It cannot be told.
    Unknown,
}

/// How sure a verdict is.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FitConfidence {
    /// Computed.
    Estimated,
    /// Measured when it was loaded on this computer.
    Measured {
        /// How far off the computed figure was, in percent of the measured one; positive where
        /// it was too high.
        off_by: f32,
    },
}

/// Something that would help a model to fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FitAction {
    /// What it does.
    pub kind: FitActionKind,
    /// What it is called.
    pub text: String,
    /// What it brings, such as "saves about 4 GB"; empty where that cannot be told.
    pub effect: String,
}

/// What an action does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FitActionKind {
    /// Take another model out of memory.
    Unload {
        /// Which.
        model: String,
    },
    /// Close other programs; only the person can.
    CloseOthers,
    /// A shorter conversation.
    ShortenContext {
        /// How many tokens.
        context: u32,
    },
    /// A smaller model.
    SmallerModel {
        /// One that fits, where one is known.
        model: Option<String>,
    },
    /// Keep the conversation less exactly.
    CompressCache,
    /// Load it and measure.
    TryIt,
}

/// One part of what a model needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FitTerm {
    /// What it is.
    pub name: String,
    /// How many bytes.
    pub bytes: u64,
}

/// A download.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PullView {
    /// The model.
    pub name: String,
    /// How it does.
    pub state: PullState,
    /// Bytes that are here.
    pub completed: u64,
    /// Bytes in all; absent until Ollama knows.
    pub total: Option<u64>,
    /// Bytes a second, over the last seconds.
    pub speed: Option<u64>,
    /// Seconds it will take at that speed.
    pub seconds_left: Option<u64>,
    /// What it waits for; absent unless it waits.
    pub waits_for: Option<PullWait>,
}

/// What a download waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum PullWait {
    /// The download before it.
    Turn,
    /// Ollama, which does not run.
    Ollama,
    /// Some seconds to pass after a connection that broke.
    NextTry,
}

/// How a download does.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PullState {
    /// It waits; for what stands beside it.
    Waiting,
    /// It runs.
    Running {
        /// What Ollama is doing, in its words.
        step: String,
    },
    /// The person paused it. What is here stays here.
    Paused,
    /// It is complete.
    Done,
    /// It failed. What is here stays here.
    Failed {
        /// Why, and what to do.
        problem: Problem,
    },
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DiskView {
    /// The folder this is about.
    pub folder: String,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are free.
    pub free: u64,
}

/// What this computer is made of, as far as models are concerned.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ComputerView {
    /// When this was read.
    pub at: i64,
    /// The processor's name.
    pub processor: String,
    /// Its cores, where the system tells.
    pub cores: Option<u32>,
    /// The threads it runs at once.
    pub threads: u32,
    /// How busy it is, in percent of all of it; absent at the first look.
    pub processor_use: Option<f32>,
    /// Bytes of main memory there are.
    pub memory_total: u64,
    /// Bytes of main memory programs can still get.
    pub memory_free: u64,
    /// Why there is less memory than the computer has, such as the limit of a container.
    pub memory_limit: Option<String>,
    /// Graphics cards share the main memory.
    pub unified: bool,
    /// The graphics cards.
    pub gpus: Vec<GpuView>,
    /// The disk that models are kept on.
    pub disk: Option<DiskView>,
    /// What models use the graphics card or, where there is none, the processor for.
    pub summary: String,
}

/// A graphics card.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GpuView {
    /// Names it in settings.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// It is part of the processor.
    pub integrated: bool,
    /// Bytes of memory it has, where that is known.
    pub total: Option<u64>,
    /// Bytes of these that are free, where that is known.
    pub free: Option<u64>,
    /// Whether Ollama uses it, where Ollama has said so.
    pub used_by_ollama: Option<bool>,
    /// Whether Ollama can be told by its id to use it, or not.
    pub choosable: bool,
    /// Programs that hold its memory, as far as is known.
    pub users: Vec<GpuUserView>,
}

/// A program that holds memory of a graphics card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GpuUserView {
    /// What it is called, or its process where no name is known.
    pub name: String,
    /// Bytes it holds, where that is known.
    pub bytes: Option<u64>,
}
