//! What a script may say: one JSON object, every field optional.
//!
//! A field that is not known is refused, so that a slip in a test does not pass for a scenario.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How the server behaves, from its start to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// What `/api/version` and `--version` say.
    pub version: String,
    /// The devices of the `inference compute` lines; none means the processor alone.
    pub devices: Vec<Device>,
    /// The models the server has at its first start.
    pub models: Vec<Model>,
    /// The models it can pull. A name that is nowhere cannot be pulled.
    pub library: Vec<Model>,
    /// How long things take.
    pub delays: Delays,
    /// How many lines a reply has and of what.
    pub reply: Reply,
    /// What the models answer, turn by turn; the last turn repeats. A turn is counted by the rounds
    /// of tool calls that the conversation has had since the last message of its user.
    pub turns: Vec<Turn>,
    /// Where tool calls stand in the native stream.
    pub engine: Engine,
    /// How models are pulled.
    pub pull: Pull,
    /// Whether a push gets through; otherwise it ends as one does without network.
    pub push: bool,
    /// What goes wrong with single requests. The first that matches counts.
    pub faults: Vec<Fault>,
    /// From this many milliseconds after the bind on, connections are taken and nothing is answered.
    pub hang_after_ms: Option<u64>,
    /// From this request on (the first is 1), nothing is answered.
    pub hang_at_request: Option<u64>,
    /// The end of the process, unasked.
    pub crash: Option<Crash>,
    /// An end before anything else, as with a models folder that may not be read.
    pub exit_at_start: Option<Exit>,
    /// SIGTERM and SIGINT are not heard.
    pub ignore_sigterm: bool,
    /// How long the end takes once it was asked for.
    pub stop_ms: u64,
    /// When a child process is started, as Ollama starts `llama-server`.
    pub runner: Runner,
    /// Another program altogether: HTML at `/` and a 404 in JSON for the rest.
    pub foreign: bool,
    /// Paths that this version does not have: 404.
    pub missing_routes: Vec<String>,
    /// What needs the network of Ollama's makers.
    pub cloud: Cloud,
    /// Lines on stderr once the server is ready.
    pub log_lines: Vec<String>,
    /// One line on stdout for each request, as the real one writes.
    pub access_log: bool,
    /// The lines of a first run on stdout, with the new public key.
    pub first_run: bool,
    /// Where requests are recorded, one JSON object a line. `SCRIPTED_OLLAMA_LOG` names it too.
    pub log: Option<PathBuf>,
    /// Whether the record holds the bodies.
    pub log_bodies: bool,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            version: "0.33.0".to_owned(),
            devices: Vec::new(),
            models: Vec::new(),
            library: Vec::new(),
            delays: Delays::default(),
            reply: Reply::default(),
            turns: Vec::new(),
            engine: Engine::default(),
            pull: Pull::default(),
            push: true,
            faults: Vec::new(),
            hang_after_ms: None,
            hang_at_request: None,
            crash: None,
            exit_at_start: None,
            ignore_sigterm: false,
            stop_ms: 0,
            runner: Runner::default(),
            foreign: false,
            missing_routes: Vec::new(),
            cloud: Cloud::default(),
            log_lines: Vec::new(),
            access_log: true,
            first_run: false,
            log: None,
            log_bodies: true,
        }
    }
}

/// One device of an `inference compute` line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Device {
    /// Such as `GPU-1f0e…` or `0`.
    pub id: String,
    /// Such as `CUDA`, `ROCm`, `Vulkan` or `Metal`.
    pub library: String,
    /// Such as `8.9` or `gfx1100`.
    pub compute: String,
    /// The short name, such as `CUDA0`.
    pub name: String,
    /// The long name.
    pub description: String,
    /// The version of its driver.
    pub driver: String,
    /// Such as `0000:01:00.0`.
    pub pci_id: String,
    /// `discrete` or `iGPU`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes in all.
    pub total: u64,
    /// Bytes free; none means all but a twentieth.
    pub available: Option<u64>,
    /// The device is left out, with the line that says so.
    pub dropped: bool,
}

impl Default for Device {
    fn default() -> Device {
        Device {
            id: "GPU-00000000-0000-0000-0000-000000000001".to_owned(),
            library: "CUDA".to_owned(),
            compute: "8.9".to_owned(),
            name: "CUDA0".to_owned(),
            description: "NVIDIA GeForce RTX 4090".to_owned(),
            driver: "13.0".to_owned(),
            pci_id: "0000:01:00.0".to_owned(),
            kind: "discrete".to_owned(),
            total: 24 << 30,
            available: None,
            dropped: false,
        }
    }
}

/// A model, as `/api/tags` and `/api/show` tell of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// With or without a tag; `latest` is meant where none is given.
    pub name: String,
    /// 64 hexadecimal digits; made from the name where empty.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// RFC 3339; the time of the start where empty.
    pub modified_at: String,
    /// `gguf`.
    pub format: String,
    /// The architecture.
    pub family: String,
    /// All of them; the family where empty.
    pub families: Vec<String>,
    /// The model it was made from.
    pub parent_model: String,
    /// Such as `8.2B`.
    pub parameter_size: String,
    /// Such as `Q4_K_M`.
    pub quantization_level: String,
    /// What `/api/tags` says the model was trained with; 0 leaves it out.
    pub context_length: u64,
    /// The width of an embedding.
    pub embedding_length: u64,
    /// Such as `completion`, `tools`, `thinking`, `vision`, `embedding`, `insert`.
    pub capabilities: Vec<String>,
    /// Added to what is made from the fields above.
    pub model_info: Map<String, Value>,
    /// Its tensors; a few are made where none are given.
    pub tensors: Vec<Tensor>,
    /// The template.
    pub template: String,
    /// Lines of parameters.
    pub parameters: String,
    /// The system prompt.
    pub system: String,
    /// The licence.
    pub license: String,
    /// What it holds of the graphics memory when loaded; the size where none is given.
    pub size_vram: Option<u64>,
    /// What the model answers, where that is not what all answer.
    pub turns: Option<Vec<Turn>>,
    /// Where its tool calls stand, where that is not where all have them.
    pub engine: Option<Engine>,
    /// The model cannot be loaded, and this is why.
    pub load_error: Option<String>,
    /// The sizes of what is pulled for it; one layer of its size where empty.
    pub layers: Vec<u64>,
    /// The host that runs it, for a model that runs elsewhere.
    pub remote_host: String,
    /// Its name there.
    pub remote_model: String,
}

impl Default for Model {
    fn default() -> Model {
        Model {
            name: String::new(),
            digest: String::new(),
            size: 4_000_000,
            modified_at: String::new(),
            format: "gguf".to_owned(),
            family: "llama".to_owned(),
            families: Vec::new(),
            parent_model: String::new(),
            parameter_size: "1.2M".to_owned(),
            quantization_level: "F32".to_owned(),
            context_length: 2048,
            embedding_length: 32,
            capabilities: vec!["completion".to_owned()],
            model_info: Map::new(),
            tensors: Vec::new(),
            template: "{{ .Prompt }}".to_owned(),
            parameters: String::new(),
            system: String::new(),
            license: String::new(),
            size_vram: None,
            turns: None,
            engine: None,
            load_error: None,
            layers: Vec::new(),
            remote_host: String::new(),
            remote_model: String::new(),
        }
    }
}

/// One tensor of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tensor {
    /// Such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Such as `F32`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its extents.
    pub shape: Vec<u64>,
}

/// How long things take, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    /// From the start of the process to the bind.
    pub before_bind_ms: u64,
    /// From the bind to the first answer: connections are taken and wait.
    pub starting_ms: u64,
    /// The load of a model.
    pub load_ms: u64,
    /// From the request to its first line.
    pub first_token_ms: u64,
    /// Between lines.
    pub token_ms: u64,
    /// An embedding.
    pub embed_ms: u64,
}

/// How a reply looks where no turn says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// How many lines with content; the words of the turn where none is given.
    pub lines: Option<usize>,
    /// The content of each of them.
    pub token: String,
    /// How the reply ends: `stop` or `length`.
    pub done_reason: String,
}

impl Default for Reply {
    fn default() -> Reply {
        Reply { lines: None, token: "word ".to_owned(), done_reason: "stop".to_owned() }
    }
}

/// What a model says in one turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turn {
    /// Its thoughts, for a model that thinks and was not told otherwise.
    pub thinking: String,
    /// Its text, sent word by word.
    pub content: String,
    /// The calls, left out where a request brings no tools. Each inner list is one line of the
    /// stream; the native engine puts them all on the last.
    pub tool_calls: Vec<Vec<Call>>,
    /// The calls are made although the request brings no tools.
    pub always: bool,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// The id of the call; one is made where none is given.
    #[serde(default)]
    pub id: Option<String>,
}

/// Where tool calls stand in the native stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// On lines of their own before the last, with ids `call_` and eight characters.
    #[default]
    Rendered,
    /// All on the last line, with ids of 32 characters.
    Native,
}

/// How models are pulled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pull {
    /// Bytes a second; 0 is at once.
    pub bytes_per_second: u64,
    /// Between two lines of progress.
    pub interval_ms: u64,
    /// All layers at once, as models of many parts are pulled. Otherwise one after the other.
    pub together: bool,
    /// What goes wrong.
    pub fail: Option<PullFailure>,
    /// How long the manifest takes.
    pub manifest_ms: u64,
}

impl Default for Pull {
    fn default() -> Pull {
        Pull { bytes_per_second: 0, interval_ms: 60, together: false, fail: None, manifest_ms: 0 }
    }
}

/// A pull that fails once this many bytes are there. A later one, which begins with as many bytes
/// or more, goes through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullFailure {
    /// Bytes of all layers together.
    pub at_bytes: u64,
    /// How it fails.
    #[serde(default)]
    pub kind: PullFault,
    /// The message, where it fails with one.
    #[serde(default)]
    pub message: Option<String>,
}

/// How a pull fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullFault {
    /// A line with an error, the connection reset.
    #[default]
    Error,
    /// The disk is full.
    DiskFull,
    /// What came is not what was promised; the layer is thrown away.
    DigestMismatch,
    /// The stream ends in the middle.
    Cut,
    /// Nothing more comes.
    Hang,
    /// The process ends.
    Crash,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The path it is for; every inference where none is given.
    #[serde(default)]
    pub route: Option<String>,
    /// The model it is for.
    #[serde(default)]
    pub model: Option<String>,
    /// How many requests go well before.
    #[serde(default)]
    pub skip: u64,
    /// How many it is for; all where none is given.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub then: FaultKind,
}

/// What happens to a request that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// 503: too many wait.
    QueueFull,
    /// 401 with an address to sign in at.
    Unauthorized,
    /// 403: the cloud is switched off.
    CloudDisabled,
    /// Any status with any message.
    Refuse {
        /// The status.
        status: u16,
        /// The message.
        message: String,
    },
    /// Status, type and body as they are.
    Raw {
        /// The status.
        status: u16,
        /// The type of the body.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Nothing is answered.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// After this many lines of content, a line with an error.
    ErrorAfter {
        /// Lines before.
        lines: usize,
        /// The message.
        message: String,
    },
    /// After this many lines the stream ends without its terminator.
    CutAfter {
        /// Lines before.
        lines: usize,
    },
    /// After this many lines the stream ends well formed, with its last line missing.
    EndAfter {
        /// Lines before.
        lines: usize,
    },
    /// After this many lines nothing more comes.
    HangAfter {
        /// Lines before.
        lines: usize,
    },
    /// After this many lines the process ends.
    CrashAfter {
        /// Lines before.
        lines: usize,
        /// The exit code.
        code: i32,
        /// Its last line on stderr.
        #[serde(default)]
        stderr: String,
    },
}

/// The end of the process, unasked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crash {
    /// So long after the start.
    pub after_ms: Option<u64>,
    /// When this request comes (the first is 1).
    pub at_request: Option<u64>,
    /// The exit code.
    pub code: i32,
    /// The last line on stderr.
    pub stderr: String,
}

/// An end with a line on stderr.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exit {
    /// The exit code.
    pub code: i32,
    /// The line.
    pub stderr: String,
}

impl Default for Exit {
    fn default() -> Exit {
        let stderr = "Error: mkdir /usr/share/ollama: permission denied: ensure path elements are traversable";
        Exit { code: 1, stderr: stderr.to_owned() }
    }
}

/// When a child process is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    /// Never.
    #[default]
    None,
    /// One for each model that is loaded.
    OnLoad,
    /// One at the start.
    AtStart,
}

/// What needs the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cloud {
    /// Switched off by its configuration, whatever `OLLAMA_NO_CLOUD` says.
    pub disabled: bool,
    /// Whether it can be reached.
    pub online: bool,
    /// Who is signed in.
    pub account: Option<Account>,
    /// What is recommended: names with what is said of them.
    pub recommendations: BTreeMap<String, String>,
}

impl Default for Cloud {
    fn default() -> Cloud {
        Cloud { disabled: false, online: true, account: None, recommendations: BTreeMap::new() }
    }
}

/// Who is signed in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The address for mail.
    pub email: String,
    /// The plan.
    pub plan: String,
}
