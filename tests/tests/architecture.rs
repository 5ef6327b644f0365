//! The map must fit the country: what `ARCHITECTURE.md` names exists, and what is for one system
//! stands in files of that system.

#![expect(clippy::expect_used, reason = "a test ends where it fails")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All sources of the project: Rust, TypeScript, Python and the lints' settings.
fn sources(folder: &Path, text: &mut String) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(
                name.as_str(),
                "target" | "node_modules" | "dist" | ".venv" | "gen" | ".git"
            ) {
                sources(&path, text);
            }
            continue;
        }
        let kinds = ["rs", "ts", "tsx", "mjs", "py", "toml", "json"];
        let known = path.extension().is_some_and(|kind| kinds.iter().any(|known| *known == kind));
        if known && name != "package-lock.json" {
            text.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// The rows under a title: what is said, and the names in the last column.
fn claims(page: &str, title: &str) -> Vec<(String, Vec<String>)> {
    let table = page.split(title).nth(1).expect("the page has the section");
    table
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let holders =
                cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            (cells[1].to_owned(), holders)
        })
        .collect()
}

/// Whether a test of that name, or a fence around that call, stands in the sources.
fn exists(name: &str, text: &str) -> bool {
    text.contains(&format!("fn {name}("))
        || text.contains(&format!("\"{name}\""))
        || text.contains(&format!("def {name}("))
}

#[test]
fn each_invariant_and_claim_names_a_test_or_lint_that_exists() {
    let read = |path| std::fs::read_to_string(root().join(path)).expect("the page is there");
    let mut rows = claims(&read("src-tauri/ARCHITECTURE.md"), "## Invariants");
    assert!(rows.len() >= 9, "only {} invariants are listed", rows.len());
    let of_threats = claims(&read("src-tauri/docs/threat-model.md"), "## Claims");
    assert!(of_threats.len() >= 9, "only {} claims are listed", of_threats.len());
    rows.extend(of_threats);
    let mut text = std::fs::read_to_string(root().join(".clippy.toml")).expect("the fences");
    for folder in ["src-tauri", "tests", "ui"] {
        sources(&root().join(folder), &mut text);
    }
    for (says, holders) in rows {
        assert!(!holders.is_empty(), "nothing holds: {says}");
        for holder in holders {
            assert!(exists(&holder, &text), "{holder} does not exist, which is to hold: {says}");
        }
    }
    assert!(
        !exists(
            "a_name_that_nobody_wrote_as_a_test",
            &text.replace("\"a_name_that_nobody_wrote_as_a_test\"", "")
        ),
        "the check finds what is not there"
    );
}

#[test]
fn the_architecture_page_stays_short_and_its_paths_exist() {
    let page = std::fs::read_to_string(root().join("src-tauri/ARCHITECTURE.md"))
        .expect("the page is there");
    assert!(page.lines().count() <= 200, "a map of more than 200 lines is not read");
    for path in page.split('`').skip(1).step_by(2).filter(|name| {
        name.contains('/') && name.ends_with(".rs") && !name.starts_with("controller/")
    }) {
        let found = [root().join(path), root().join("src-tauri").join(path)];
        assert!(found.iter().any(|path| path.exists()), "{path} does not exist");
    }
}

/// The dependencies of a manifest: those of all systems, and those of some alone.
fn dependencies(manifest: &str) -> (Vec<String>, Vec<String>) {
    let (mut of_all, mut of_some) = (Vec::new(), Vec::new());
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let is_name = line.starts_with(|sign: char| sign.is_ascii_lowercase());
        if is_name && section.ends_with("dependencies]") {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default().replace('-', "_");
            if section.starts_with("[target.") { of_some.push(name) } else { of_all.push(name) }
        }
    }
    (of_all, of_some)
}

/// All Rust files under a folder.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

/// Whether a file is compiled for some systems alone: it is named for one, says so at its top, or
/// whoever declares it does.
fn is_for_some_systems(path: &Path, text: &str) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    let named = inside.iter().any(|part| {
        let stem = part.to_string_lossy();
        matches!(stem.trim_end_matches(".rs"), "linux" | "macos" | "windows" | "unix")
    });
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let declared = ["mod.rs", "lib.rs", "main.rs"].iter().any(|parent| {
        let parent = std::fs::read_to_string(path.with_file_name(parent)).unwrap_or_default();
        let lines: Vec<_> = parent.lines().collect();
        lines
            .windows(2)
            .any(|pair| pair[0].starts_with("#[cfg(") && pair[1].ends_with(&format!("mod {stem};")))
    });
    named || declared || text.contains("#![cfg(")
}

#[test]
fn what_is_for_one_system_is_used_in_files_of_that_system() {
    let crates = std::fs::read_dir(root().join("src-tauri/crates")).expect("the crates");
    let mut folders: Vec<_> = crates.map(|entry| entry.expect("a crate").path()).collect();
    folders.push(root().join("src-tauri"));
    let mut looked_at = 0;
    for folder in folders {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let (of_all, of_some) = dependencies(&manifest);
        let mut files = Vec::new();
        rust_files(&folder.join("src"), &mut files);
        for name in of_some.iter().filter(|name| !of_all.contains(name)) {
            for path in &files {
                let text = std::fs::read_to_string(path).expect("a source");
                if text.contains(&format!("{name}::")) {
                    looked_at += 1;
                    assert!(
                        is_for_some_systems(path, &text),
                        "{} uses {name}, which other systems do not have",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(looked_at >= 10, "only {looked_at} files use what is for one system");
}
