#![cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "malloc_trim has no safe wrapper"))]

use std::fs;
use std::path::{Path, PathBuf};

use crate::view::OllamaRunBy;

/// glibc keeps what was freed for the next one who needs as much, above all what was freed by another
/// thread than the first.
#[cfg(target_env = "gnu")]
pub(super) fn give_memory_back() {
    // SAFETY: takes locks of its own and touches nothing but free memory (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Where its installer puts it (Ollama, scripts/install.sh).
pub(super) fn ollama_places() -> Vec<PathBuf> {
    ["/usr/local/bin/ollama", "/usr/bin/ollama"].map(PathBuf::from).into()
}

pub(super) fn ollama_run_by() -> OllamaRunBy {
    run_by_in(Path::new("/proc"))
}

/// A unit of systemd is a control group of its name, which anyone may read, whoever the process
/// belongs to.
fn run_by_in(proc: &Path) -> OllamaRunBy {
    let Ok(entries) = fs::read_dir(proc) else { return OllamaRunBy::Other };
    let is_service = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| {
            fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == "ollama")
        })
        .any(|process| {
            fs::read_to_string(process.join("cgroup"))
                .is_ok_and(|group| group.contains("/ollama.service"))
        });
    if is_service { OllamaRunBy::Service } else { OllamaRunBy::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_known_by_its_control_group() {
        for (name, group, wanted) in [
            ("ollama\n", "0::/system.slice/ollama.service\n", OllamaRunBy::Service),
            ("ollama\n", "0::/user.slice/user-1000.slice/session-2.scope\n", OllamaRunBy::Other),
            ("nginx\n", "0::/system.slice/ollama.service\n", OllamaRunBy::Other),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let process = folder.path().join("71");
            fs::create_dir(&process).expect("a folder");
            for (file, text) in [("comm", name), ("cgroup", group)] {
                std::io::Write::write_all(
                    &mut fs::File::create(process.join(file)).expect("a file"),
                    text.as_bytes(),
                )
                .expect("it is written");
            }
            assert_eq!(run_by_in(folder.path()), wanted, "{name} {group}");
        }
    }
}
