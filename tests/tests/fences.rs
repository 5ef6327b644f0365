//! Each fence of `.clippy.toml` is shown to hold: clippy is run over a program that breaks it.

#![expect(clippy::expect_used, reason = "a test ends where it fails")]
#![expect(clippy::disallowed_methods, reason = "clippy itself is a process")]

use std::path::Path;
use std::process::{Command, Output};

fn clippy(root: &Path, arguments: &[&str]) -> Output {
    let fences = root.join("tests/fences");
    std::fs::copy(root.join("Cargo.lock"), fences.join("Cargo.lock"))
        .expect("the workspace's lock file serves the fences too");
    Command::new(env!("CARGO"))
        .args(["clippy", "--quiet", "--keep-going", "--offline", "--message-format", "json"])
        .args(arguments)
        .current_dir(&fences)
        .env("CLIPPY_CONF_DIR", root)
        .output()
        .expect("cargo can be started")
}

/// Programs for which clippy names a disallowed call.
fn caught(output: &Output) -> Vec<String> {
    let mut names: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| {
            matches!(
                message["message"]["code"]["code"].as_str(),
                Some("clippy::disallowed_methods" | "clippy::disallowed_types")
            )
        })
        .filter_map(|message| message["target"]["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn a_seeded_violation_fails_each_fence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seeded: Vec<_> = std::fs::read_dir(root.join("tests/fences/src/bin"))
        .expect("the violations are there")
        .filter_map(|entry| {
            let path = entry.expect("the folder can be read").path();
            Some(path.file_stem()?.to_string_lossy().into_owned())
        })
        .collect();
    seeded.sort();

    let broken = clippy(&root, &["--bins"]);
    assert!(!broken.status.success(), "clippy passes programs that break every fence");
    assert_eq!(caught(&broken), seeded, "{}", String::from_utf8_lossy(&broken.stderr));

    let lawful = clippy(&root, &["--bins", "--features", "lawful"]);
    assert!(
        lawful.status.success(),
        "the same programs without the violation do not pass: {}",
        String::from_utf8_lossy(&lawful.stderr)
    );
}

/// `(package, the packages of this project it depends on)`, without what only its tests need.
fn dependencies(root: &Path) -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo can be started");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"]
                .as_array()
                .expect("a list of dependencies")
                .iter()
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .filter_map(|dependency| dependency["name"].as_str())
                .filter(|name| name.starts_with("drawbridge") || name.starts_with("tauri"))
                .map(str::to_owned)
                .collect();
            (package["name"].as_str().expect("a name").to_owned(), needs)
        })
        .collect()
}

#[test]
fn dependencies_point_one_way_and_only_the_shell_knows_tauri() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let layers: [(&str, &[&str]); 4] = [
        ("model", &["drawbridge-model"]),
        (
            "leaves",
            &[
                "drawbridge-supervisor",
                "drawbridge-mcp",
                "drawbridge-policy",
                "drawbridge-audit",
                "drawbridge-secrets",
            ],
        ),
        ("gateway", &["drawbridge-gateway"]),
        ("core", &["drawbridge-core"]),
    ];
    let layer = |name: &str| layers.iter().position(|(_, members)| members.contains(&name));
    for (package, needs) in dependencies(&root) {
        if package == "drawbridge" || package == "drawbridge-tests" {
            continue;
        }
        for need in needs {
            assert!(!need.starts_with("tauri"), "{package} depends on {need}");
            if let (Some(own), Some(other)) = (layer(&package), layer(&need)) {
                assert!(other < own, "{package} depends on {need}, which is not below it");
            }
        }
    }
}
