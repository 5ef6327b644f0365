//! The built-in server `computer`: what time it is, what this computer is made of, and which models
//! fit it.
//!
//! It runs in process and speaks MCP over a pair of in-memory pipes, so that to the rest of the
//! engine it is a server like any other: switched, recorded and listed the same way. It only
//! reads, and tells nothing that names the person: no host name, no user name, no serial number.

use drawbridge_mcp::ConnectOptions;
use rmcp::handler::server::wrapper::Json;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::schemars::JsonSchema;
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Serialize;
use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::shelf::Shelf;
use crate::view::ModelFit;

/// Bytes an in-memory pipe holds before its writer waits; larger than any answer of this server.
const PIPE_BYTES: usize = 64 * 1024;

#[derive(Clone)]
struct Computer {
    models: Option<Shelf>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct Time {
    /// Local time with its distance from UTC, as RFC 3339.
    local: String,
    /// The same moment in UTC, as RFC 3339.
    utc: String,
    /// The day of the week of the local time, in English.
    weekday: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct Overview {
    operating_system: String,
    kernel: String,
    architecture: String,
    processor: String,
    /// Physical cores; absent where the system does not tell.
    cores: Option<usize>,
    /// Threads the processor runs at once.
    threads: usize,
    memory: Memory,
    /// Seconds since the computer was started.
    uptime_seconds: u64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct Memory {
    total_bytes: u64,
    /// Bytes programs can still get without swapping.
    available_bytes: u64,
    swap_total_bytes: u64,
    swap_used_bytes: u64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct DiskList {
    disks: Vec<Disk>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct Disk {
    /// The folder it is mounted on, or its drive letter.
    mounted_at: String,
    file_system: String,
    total_bytes: u64,
    available_bytes: u64,
    removable: bool,
    read_only: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct ModelList {
    models: Vec<ModelEntry>,
    /// Why the installed ones are not told, where they are not.
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "camelCase")]
struct ModelEntry {
    name: String,
    /// Whether it is on this computer; otherwise it can be downloaded.
    installed: bool,
    /// Whether and how it runs, in a sentence.
    verdict: String,
    /// The figures behind it, in a sentence.
    numbers: String,
    /// Bytes of memory it needs.
    need_bytes: Option<u64>,
    /// The longest conversation, in tokens, with which it fits on the graphics card.
    largest_context_tokens: Option<u32>,
}

#[tool_router]
impl Computer {
    #[tool(
        description = "The current local time, date and weekday of this computer",
        annotations(title = "Current time", read_only_hint = true, open_world_hint = false)
    )]
    fn current_time(&self) -> Result<Json<Time>, String> {
        let utc = OffsetDateTime::now_utc();
        let local =
            time::UtcOffset::local_offset_at(utc).map_or(utc, |offset| utc.to_offset(offset));
        let text =
            |moment: OffsetDateTime| {
                moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).map_err(|error| {
                    format!("the clock shows a time that cannot be written: {error}")
                })
            };
        Ok(Json(Time {
            local: text(local)?,
            utc: text(utc)?,
            weekday: local.weekday().to_string(),
        }))
    }

    #[tool(
        description = "Operating system, processor and memory of this computer",
        annotations(title = "About this computer", read_only_hint = true, open_world_hint = false)
    )]
    fn computer_overview(&self) -> Result<Json<Overview>, String> {
        let system = System::new_with_specifics(
            RefreshKind::nothing()
                .with_cpu(CpuRefreshKind::nothing())
                .with_memory(MemoryRefreshKind::everything()),
        )
        .map_err(|error| format!("this computer could not be read: {error}"))?;
        let cpus = system.cpus();
        Ok(Json(Overview {
            operating_system: System::long_os_version().unwrap_or_else(|_| "unknown".into()),
            kernel: System::kernel_long_version().unwrap_or_else(|_| "unknown".into()),
            architecture: System::cpu_arch(),
            processor: cpus.first().map_or_else(|| "unknown".into(), |cpu| cpu.brand().to_owned()),
            cores: System::physical_core_count().ok(),
            threads: cpus.len(),
            memory: Memory {
                total_bytes: system.total_memory(),
                available_bytes: system.available_memory(),
                swap_total_bytes: system.total_swap(),
                swap_used_bytes: system.used_swap(),
            },
            uptime_seconds: System::uptime().unwrap_or_default(),
        }))
    }

    #[tool(
        description = "The disks of this computer and how much space is left on each",
        annotations(title = "Disks", read_only_hint = true, open_world_hint = false)
    )]
    fn disks(&self) -> Result<Json<DiskList>, String> {
        let disks = Disks::new_with_refreshed_list()
            .map_err(|error| format!("the disks could not be read: {error}"))?;
        let disks = disks
            .iter()
            .map(|disk| Disk {
                mounted_at: disk.mount_point().to_string_lossy().into_owned(),
                file_system: disk.file_system().to_string_lossy().into_owned(),
                total_bytes: disk.total_space(),
                available_bytes: disk.available_space(),
                removable: disk.is_removable(),
                read_only: disk.is_read_only(),
            })
            .collect();
        Ok(Json(DiskList { disks }))
    }

    #[tool(
        description = "Which language models fit this computer, installed ones first, each with a \
                       verdict in words and what it needs",
        annotations(title = "Which models fit", read_only_hint = true, open_world_hint = false)
    )]
    async fn which_models_fit(&self) -> Result<Json<ModelList>, String> {
        let shelf = self.models.as_ref().ok_or("models are not looked after here")?;
        let (installed, note) = match shelf.installed().await {
            Ok(installed) => (installed, None),
            Err(problem) => (Vec::new(), Some(problem.message)),
        };
        let fit = |name: String, installed: bool, fit: ModelFit| ModelEntry {
            name,
            installed,
            verdict: fit.first,
            numbers: fit.numbers,
            need_bytes: fit.need,
            largest_context_tokens: fit.largest_context,
        };
        let mut models: Vec<_> = installed
            .into_iter()
            .filter_map(|model| Some(fit(model.name, true, model.fit?)))
            .collect();
        let catalog = shelf.catalog().await.into_iter().filter(|model| !model.installed);
        models.extend(catalog.map(|model| fit(model.name, false, model.fit)));
        Ok(Json(ModelList { models, note }))
    }
}

#[tool_handler]
impl ServerHandler for Computer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(
                Implementation::new("computer", env!("CARGO_PKG_VERSION"))
                    .with_title("This computer"),
            )
            .with_instructions(
                "Tells the time, what this computer is made of and which models fit it. It only reads.",
            )
    }
}

/// Starts the built-in server and connects to it.
///
/// # Errors
/// As any other server: when it does not answer in time.
pub(crate) async fn connect(
    options: ConnectOptions,
    models: Option<Shelf>,
) -> Result<(drawbridge_mcp::Connection, drawbridge_mcp::ServerEvents), drawbridge_mcp::ConnectError>
{
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let stop = options.stop.clone();
    options.tasks.spawn(async move {
        let serving = async {
            match (Computer { models }).serve(tokio::io::split(theirs)).await {
                Ok(running) => drop(running.waiting().await),
                Err(error) => tracing::debug!(%error, "the built-in server was not opened"),
            }
        };
        tokio::select! {
            () = serving => {}
            () = stop.cancelled() => {}
        }
    });
    let (read, write) = tokio::io::split(ours);
    drawbridge_mcp::stdio::connect(write, read, options).await
}
