//! The shape of the config file as types that only exist to be described: `config.schema.json` is
//! made from them, so that editors can complete and check the file. What is read is in the
//! sections' own modules; tests hold the two together.

use std::collections::BTreeMap;

use drawbridge_model::{ChangedTools, Isolation, Mode, Preset, RecordRule, SecretsRule};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// Drawbridge's config file: which servers run, what their tools may do, and which apps may
/// connect. Comments and trailing commas are allowed.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, title = "Drawbridge config")]
pub struct ConfigFile {
    /// Where this schema is, for editors. Drawbridge does not read it.
    #[schemars(rename = "$schema")]
    pub schema: Option<String>,
    /// The MCP servers, by name. A snippet from a server's README can be pasted here.
    pub mcp_servers: Option<Servers>,
    /// Where Drawbridge listens and whom it answers.
    pub gateway: Option<Gateway>,
    /// The apps that may connect, by name.
    #[schemars(extend("propertyNames" = { "pattern": "^[A-Za-z0-9._-]{1,64}$" }))]
    pub clients: Option<BTreeMap<String, Client>>,
    /// Ollama on this computer.
    pub ollama: Option<Ollama>,
    /// Other places that models are at, by name. The name stands before the names of its models,
    /// as in `name/model`.
    #[schemars(extend("propertyNames" = { "pattern": "^[A-Za-z0-9._-]{1,64}$" }))]
    pub backends: Option<BTreeMap<String, Backend>>,
    /// Rules for all servers.
    pub policy: Option<PolicySettings>,
    /// How long the record of what happened is kept.
    pub audit: Option<AuditSettings>,
    /// Kept for settings of the control panel. It has none so far.
    pub panel: Option<NoSettings>,
}

/// Rules for all servers.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySettings {
    /// What happens to a tool that a server adds or changes after its tools were first seen. `hold`
    /// unless set.
    pub changed_tools: Option<ChangedTools>,
}

/// How long the record of what happened is kept. What is older, or too much, is removed, the oldest
/// first.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditSettings {
    /// In days. Kept for good unless set.
    #[schemars(range(min = 1, max = 36500))]
    pub keep_days: Option<u32>,
    /// Most megabytes it may take on disk. As much as it needs unless set.
    #[schemars(range(min = 10, max = 1_000_000))]
    pub keep_megabytes: Option<u32>,
}

/// A section without settings so far.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NoSettings {}

/// The servers.
#[derive(JsonSchema)]
pub struct Servers {
    /// The built-in server. Only its group `drawbridge` can be set; its preset is `allow` unless
    /// another one is set.
    pub computer: Option<BuiltInServer>,
    /// All others.
    #[schemars(flatten)]
    pub others: BTreeMap<String, Server>,
}

/// What can be set about the built-in server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BuiltInServer {
    /// What Drawbridge does with it.
    pub drawbridge: Option<BuiltInSettings>,
}

/// What Drawbridge does with the built-in server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BuiltInSettings {
    /// Whether it answers. True unless set.
    pub enabled: Option<bool>,
    /// The mode of tools without one of their own. `allow` unless set.
    pub preset: Option<Preset>,
    /// Modes of single tools, which win over the preset.
    pub tools: Option<BTreeMap<String, Mode>>,
    /// What is done about keys, tokens and passwords in arguments and results. `mark` unless set.
    pub secrets: Option<SecretsRule>,
    /// How much of the arguments and results of its calls is kept on record. `content` unless set.
    pub record: Option<RecordRule>,
}

/// One server: a program on this computer (`command`) or a server elsewhere (`url`). Keys that
/// belong to other apps are kept and have no effect.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "camelCase",
    extend("oneOf" = [{ "required": ["command"] }, { "required": ["url"] }])
)]
pub struct Server {
    /// Follows from `command` or `url` and can be left out.
    #[schemars(rename = "type")]
    pub kind: Option<ServerType>,
    /// The program: a name that is looked up as in a terminal, or a path.
    #[schemars(length(min = 1))]
    pub command: Option<String>,
    /// Its arguments, one element each. `${env:NAME}` and `${secret:NAME}` stand for values kept
    /// elsewhere.
    pub args: Option<Vec<String>>,
    /// Variables set for the program. `${env:NAME}` and `${secret:NAME}` stand for values kept
    /// elsewhere.
    pub env: Option<BTreeMap<String, String>>,
    /// The folder the program starts in. Your home folder unless set.
    #[schemars(length(min = 1))]
    pub cwd: Option<String>,
    /// The address of a server elsewhere.
    #[schemars(regex(pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub url: Option<String>,
    /// Headers sent to a server elsewhere. `${env:NAME}` and `${secret:NAME}` stand for values
    /// kept elsewhere.
    pub headers: Option<BTreeMap<String, String>>,
    /// Whether the server is switched off, as other apps write it. It wins over
    /// `drawbridge.enabled`.
    pub disabled: Option<bool>,
    /// What Drawbridge does with the server.
    pub drawbridge: Option<ServerSettings>,
}

/// How a server is reached.
#[derive(JsonSchema)]
pub enum ServerType {
    /// A program on this computer.
    #[schemars(rename = "stdio")]
    Stdio,
    /// The same, in another app's words.
    #[schemars(rename = "local")]
    Local,
    /// A server elsewhere, over Streamable HTTP.
    #[schemars(rename = "http")]
    Http,
    /// The same, in other apps' words.
    #[schemars(rename = "streamable-http")]
    StreamableHttp,
    /// The same, in other apps' words.
    #[schemars(rename = "streamableHttp")]
    StreamableHttpCamel,
}

/// What Drawbridge does with a server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ServerSettings {
    /// Whether the server runs. True unless set.
    pub enabled: Option<bool>,
    /// The mode of tools without one of their own. `ask` unless set.
    pub preset: Option<Preset>,
    /// Modes of single tools, which win over the preset.
    pub tools: Option<BTreeMap<String, Mode>>,
    /// Whether apps share one process of the server. `shared` unless set.
    pub isolation: Option<Isolation>,
    /// What is done about keys, tokens and passwords in arguments and results. `mark` unless set.
    pub secrets: Option<SecretsRule>,
    /// How much of the arguments and results of its calls is kept on record. `content` unless set.
    pub record: Option<RecordRule>,
}

/// Where Drawbridge listens, which is always on this computer alone, and whom it answers.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Gateway {
    /// The port of `http://127.0.0.1:PORT`. 7337 unless set.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Further host names that are answered, such as `host.docker.internal`, each with its port
    /// if that is not ours.
    pub hosts: Option<Vec<String>>,
    /// Web pages that may connect, by their origin, such as `http://localhost:3000`.
    #[schemars(inner(regex(pattern = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@*,\\ ]*$")))]
    pub origins: Option<Vec<String>>,
}

/// One app that may connect. Its token is known to the app; this file only knows how to recognise
/// it.
#[derive(JsonSchema)]
#[schemars(
    rename_all = "camelCase",
    deny_unknown_fields,
    extend("oneOf" = [{ "required": ["token"] }, { "required": ["tokenSha256"] }])
)]
pub struct Client {
    /// A reference to the token: `${env:NAME}` or `${secret:NAME}`.
    #[schemars(regex(pattern = r"^\$\{(env|secret):[^\s${}]+\}$"))]
    pub token: Option<String>,
    /// The SHA-256 of the token, 64 hexadecimal digits.
    #[schemars(regex(pattern = r"^[0-9A-Fa-f]{64}$"))]
    pub token_sha256: Option<String>,
    /// Whether the token may stand in the path, `/k/TOKEN/…`, for apps that cannot send headers.
    /// False unless set.
    pub token_in_path: Option<bool>,
    /// Whether the app may download, change and delete models. False unless set.
    pub manage_models: Option<bool>,
}

/// Ollama on this computer. What is not set is Ollama's own choice. All but the first two keys,
/// `cloud` and `defaultModel` count only for an Ollama that Drawbridge starts.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ollama {
    /// Whether it is used at all. True unless set.
    pub enabled: Option<bool>,
    /// The port it is looked for at, and started on. 11434 unless set.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Whether Drawbridge starts it, if nobody else does. False unless set.
    pub start: Option<bool>,
    /// Its program, where it is not found by itself.
    #[schemars(length(min = 1))]
    pub path: Option<String>,
    /// The folder models are kept in (OLLAMA_MODELS).
    #[schemars(length(min = 1))]
    pub models_folder: Option<String>,
    /// How long a model stays in memory after its last use, such as `5m`, or `-1` for good
    /// (OLLAMA_KEEP_ALIVE).
    pub keep_alive: Option<String>,
    /// Tokens a conversation may have (OLLAMA_CONTEXT_LENGTH).
    #[schemars(range(min = 4, max = 16_777_216))]
    pub context_length: Option<u32>,
    /// Requests a model answers at once, each with memory of its own (OLLAMA_NUM_PARALLEL).
    #[schemars(range(min = 1, max = 64))]
    pub parallel: Option<u32>,
    /// Whether to compute in a way that needs less memory (OLLAMA_FLASH_ATTENTION).
    pub flash_attention: Option<bool>,
    /// How exactly a conversation is kept in memory (OLLAMA_KV_CACHE_TYPE).
    pub cache_type: Option<CacheType>,
    /// The graphics cards it may use, by their id; an empty list means none.
    pub gpus: Option<Vec<String>>,
    /// Whether requests may go to models and searches in Ollama's cloud (OLLAMA_NO_CLOUD). False
    /// unless set.
    pub cloud: Option<bool>,
    /// The model that apps are shown first.
    #[schemars(length(min = 1))]
    pub default_model: Option<String>,
}

/// How exactly a conversation is kept in memory.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CacheType {
    /// In full.
    F16,
    /// In about half the memory.
    Q8_0,
    /// In about a quarter.
    Q4_0,
}

/// Another place that models are at.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Backend {
    /// What it speaks. `openai` unless set.
    pub kind: Option<BackendKind>,
    /// Its address, with or without `/v1`.
    #[schemars(regex(pattern = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub url: String,
    /// A reference to the bearer token it wants: `${secret:NAME}` or `${env:NAME}`.
    #[schemars(regex(pattern = r"^\$\{(env|secret):[^\s${}]+\}$"))]
    pub token: Option<String>,
    /// Whether it is used. True unless set.
    pub enabled: Option<bool>,
    /// Whether models without a prefix are looked for here instead of at Ollama. False unless set,
    /// and true for one at most.
    pub default: Option<bool>,
}

/// What a backend speaks.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum BackendKind {
    /// OpenAI's API, as llama-server, vLLM, LM Studio, LocalAI and Jan speak it.
    Openai,
    /// Ollama's API.
    Ollama,
}

/// The schema, JSON Schema draft 2020-12.
#[must_use]
pub fn schema() -> Schema {
    let mut settings = SchemaSettings::draft2020_12();
    settings.transforms.clear();
    let mut schema = settings.into_generator().into_root_schema_for::<ConfigFile>();
    RecursiveTransform(plain).transform(&mut schema);
    schema
}

/// The schema as it stands in `config.schema.json`.
#[must_use]
pub fn schema_text() -> String {
    format!("{:#}\n", schema().to_value())
}

/// A key that can be left out is not one that can be `null`, and a description is one paragraph.
fn plain(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = object.get("anyOf")
        && let [choice, null] = choices.as_slice()
        && null.get("type").is_some_and(|kind| kind == "null")
        && let Some(reference) = choice.get("$ref").cloned()
    {
        object.remove("anyOf");
        object.insert("$ref".to_owned(), reference);
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}
