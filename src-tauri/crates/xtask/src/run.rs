//! `cargo xtask run`.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::system::Needs;
use crate::{panel, places, shell, system};

/// The app a person without a display connects.
const CLIENT: &str = "dev";

/// Starts the tray app, or without a display the engine alone.
///
/// # Errors
/// When something is missing or does not build.
pub(crate) fn run(port: u16, headless: bool) -> anyhow::Result<()> {
    if headless || !has_display() {
        if !headless {
            println!("There is no display here, so the engine starts without its tray and window.");
        }
        return engine(port);
    }
    system::ensure(Needs::Desktop)?;
    panel::build()?;
    build(&["drawbridge-supervisor", "drawbridge"])?;
    println!("Drawbridge starts in the tray.");
    shell::become_program(shell::program(places::program("debug", "drawbridge")))
}

fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn build(packages: &[&str]) -> anyhow::Result<()> {
    let mut cargo = shell::cargo();
    cargo.arg("build");
    for package in packages {
        cargo.args(["--package", package]);
    }
    shell::run(&mut cargo)
}

fn engine(port: u16) -> anyhow::Result<()> {
    system::ensure(Needs::Engine)?;
    build(&["drawbridge-supervisor", "drawbridge-headless"])?;
    let folder = places::user_cache().join("dev-data");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    only_for_its_owner(&folder);
    let config = folder.join("config.json");
    let data = folder.join("data");
    let with_places = |arguments: &[&str]| {
        let mut command = shell::program(places::program("debug", "drawbridged"));
        command.args(arguments).arg("--config").arg(&config).arg("--data-dir").arg(&data);
        command
    };

    // The snippet is the only place that has the token; without it the client is made anew.
    let snippet = folder.join("mcp.json");
    let listed = shell::output(&mut with_places(&["client", "list"])).unwrap_or_default();
    let is_listed = listed.split_whitespace().any(|word| word == CLIENT);
    let mut text = std::fs::read_to_string(&snippet).unwrap_or_default();
    if !is_listed || !text.contains(&address(port)) {
        if is_listed {
            shell::output(&mut with_places(&["client", "remove", CLIENT]));
        }
        let added = shell::output(&mut with_places(&["client", "add", CLIENT]))
            .with_context(|| format!("the client `{CLIENT}` could not be made"))?;
        let token = added
            .split_whitespace()
            .find(|word| word.starts_with("db_"))
            .context("`drawbridged client add` printed no token")?;
        text = serde_json::to_string_pretty(&mcp_json(port, token))?;
        shell::write(&snippet, &text)?;
    }
    println!("\nConfiguration and data of this development engine: {}", folder.display());
    println!("Servers are added in {}.", config.display());
    println!("To use it in VS Code, put this into .vscode/mcp.json of a workspace:\n\n{text}\n");
    shell::become_program(with_places(&["serve", "--port", &port.to_string()]))
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}/mcp")
}

fn mcp_json(port: u16, token: &str) -> Value {
    json!({"servers": {"drawbridge": {"type": "http", "url": address(port),
        "headers": {"Authorization": format!("Bearer {token}")}}}})
}

/// The snippet in it holds a token.
fn only_for_its_owner(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
    }
    #[cfg(not(unix))]
    let _ = folder;
}
