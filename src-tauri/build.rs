//! Grants the panel its commands by name, and sees to it that there is a panel to embed.

use std::path::Path;

#[path = "src/command_names.rs"]
mod command_names;

/// Stands in for the panel while only Rust is being worked on.
const PLACEHOLDER: &str = r#"{"build":{"frontendDist":"placeholder"}}"#;

fn main() {
    let panel = Path::new("../ui/dist");
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed=src/command_names.rs");
    if !panel.join("index.html").exists() {
        assert!(
            std::env::var("PROFILE").is_ok_and(|profile| profile == "debug"),
            "the control panel is not built: run `npm ci` and `npm run build` in ui/ first"
        );
        println!("cargo:warning=ui/dist is missing: a page that says so is embedded instead");
        println!("cargo:rustc-env=TAURI_CONFIG={PLACEHOLDER}");
    }
    let commands = tauri_build::AppManifest::new().commands(command_names::COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(commands);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("{error:#}");
    }
}
