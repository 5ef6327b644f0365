//! Ollama in the tray: how it is, what is in memory, and taking all of it out.

use drawbridge_core::view::{LoadedModel, OllamaRunBy, OllamaState, OllamaView};
use drawbridge_model::gigabytes::down;

use super::menu::{Entry, TrayAction, command, line};
use super::words::clip;

/// Most characters of a model's name.
const NAME_LENGTH: usize = 40;
/// Most models listed.
const MOST_MODELS: usize = 10;

/// Its part of the menu; none where the person has no Ollama or does not want it.
pub(super) fn entry(ollama: &OllamaView) -> Option<Entry> {
    let state = match &ollama.state {
        OllamaState::Off | OllamaState::Looking | OllamaState::NotInstalled => return None,
        OllamaState::Stopped => "stopped",
        OllamaState::Starting { .. } => "starting",
        OllamaState::Ready { .. } => match ollama.loaded.as_slice() {
            [] => "ready",
            [one] => return Some(submenu(ollama, &clip(&one.name, NAME_LENGTH))),
            several => {
                return Some(submenu(ollama, &format!("{} models in memory", several.len())));
            }
        },
        OllamaState::Waiting { .. }
        | OllamaState::Failed
        | OllamaState::NotResponding { .. }
        | OllamaState::PortTaken { .. } => "not answering",
        OllamaState::Stopping => "stopping",
        OllamaState::Offline => "not running",
    };
    Some(submenu(ollama, state))
}

fn submenu(ollama: &OllamaView, state: &str) -> Entry {
    let ours = ollama.run_by == Some(OllamaRunBy::Drawbridge);
    let mut entries = vec![line("ollama/state", how_it_is(ollama))];
    entries.extend(
        ollama
            .memory_free
            .map(|free| line("ollama/memory", format!("{} GB free for models", down(free)))),
    );
    for model in ollama.loaded.iter().take(MOST_MODELS) {
        entries.push(line(format!("ollama/model/{}", model.name), in_memory(model)));
    }
    entries.push(Entry::Separator);
    if !ollama.loaded.is_empty() {
        entries.push(command("ollama/unload", "Unload all models", TrayAction::UnloadAllModels));
    }
    match &ollama.state {
        OllamaState::Stopped | OllamaState::Failed | OllamaState::Offline => {
            entries.push(command("ollama/start", "Start Ollama", TrayAction::StartOllama));
        }
        OllamaState::Ready { .. } | OllamaState::NotResponding { .. } if ours => {
            entries.push(command("ollama/restart", "Restart Ollama", TrayAction::RestartOllama));
        }
        _ => {}
    }
    entries.push(command("ollama/panel", "Open control panel", TrayAction::OpenPanel));
    Entry::Submenu { key: "ollama".to_owned(), text: format!("Ollama — {state}"), entries }
}

fn how_it_is(ollama: &OllamaView) -> String {
    let version =
        ollama.version.as_deref().map(|v| format!(" {}", clip(v, 20))).unwrap_or_default();
    match &ollama.state {
        OllamaState::Ready { .. } => {
            let by = match ollama.run_by {
                Some(OllamaRunBy::Drawbridge) => ", run by Drawbridge",
                Some(OllamaRunBy::Service) => ", run by the system",
                Some(OllamaRunBy::App) => ", run by the Ollama app",
                Some(OllamaRunBy::Other) | None => "",
            };
            format!("Ollama{version} is ready{by}")
        }
        OllamaState::Off | OllamaState::Looking | OllamaState::NotInstalled => {
            "Ollama is not there".to_owned()
        }
        OllamaState::Stopped => "Ollama is stopped".to_owned(),
        OllamaState::Starting { .. } => "Ollama is starting…".to_owned(),
        OllamaState::Waiting { .. } => "Ollama ended and is started again".to_owned(),
        OllamaState::Stopping => "Ollama is stopping…".to_owned(),
        OllamaState::Failed => "Ollama could not be started".to_owned(),
        OllamaState::Offline => "Ollama was ended by whoever ran it".to_owned(),
        OllamaState::PortTaken { holder } => match holder {
            Some(holder) => format!("Its port is used by {}", clip(holder, NAME_LENGTH)),
            None => "Its port is used by another program".to_owned(),
        },
        OllamaState::NotResponding { .. } => "Ollama does not answer".to_owned(),
    }
}

fn in_memory(model: &LoadedModel) -> String {
    let name = clip(&model.name, NAME_LENGTH);
    let all = format!("{} GB", down(model.size));
    match (model.size, model.size_vram) {
        (size, on_card) if on_card >= size => format!("{name}: {all} on the graphics card"),
        (_, 0) => format!("{name}: {all} in main memory"),
        (size, on_card) => {
            let percent = u128::from(on_card) * 100 / u128::from(size.max(1));
            format!("{name}: {all}, {percent} % of it on the graphics card")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ollama(state: OllamaState) -> OllamaView {
        OllamaView { state, ..OllamaView::default() }
    }

    fn texts(ollama: &OllamaView) -> Vec<String> {
        match entry(ollama) {
            Some(Entry::Submenu { text, entries, .. }) => std::iter::once(text)
                .chain(entries.iter().filter_map(|entry| entry.text().map(str::to_owned)))
                .collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn where_there_is_no_ollama_the_tray_says_nothing_of_it() {
        for state in [OllamaState::Off, OllamaState::Looking, OllamaState::NotInstalled] {
            assert_eq!(entry(&ollama(state)), None);
        }
    }

    #[test]
    fn what_is_in_memory_is_named_and_can_be_taken_out() {
        let model = |name: &str, size, size_vram| LoadedModel {
            name: name.to_owned(),
            size,
            size_vram,
            context: None,
            until: None,
        };
        let mut view = ollama(OllamaState::Ready { since: 0 });
        view.version = Some("0.33.0".to_owned());
        view.run_by = Some(OllamaRunBy::Drawbridge);
        view.memory_free = Some((12 << 30) + (1 << 29));
        assert_eq!(
            texts(&view),
            [
                "Ollama — ready",
                "Ollama 0.33.0 is ready, run by Drawbridge",
                "12.5 GB free for models",
                "Restart Ollama",
                "Open control panel",
            ]
        );
        view.run_by = Some(OllamaRunBy::Service);
        view.loaded.push(model("qwen3:8b", 6 << 30, 6 << 30));
        assert_eq!(
            texts(&view),
            [
                "Ollama — qwen3:8b",
                "Ollama 0.33.0 is ready, run by the system",
                "12.5 GB free for models",
                "qwen3:8b: 6.0 GB on the graphics card",
                "Unload all models",
                "Open control panel",
            ]
        );
        view.loaded.push(model("big\u{202e}:70b", 40 << 30, 10 << 30));
        view.loaded.push(model("tiny", 1 << 30, 0));
        let shown = texts(&view);
        assert_eq!(shown[0], "Ollama — 3 models in memory");
        assert!(shown.contains(&"big:70b: 40.0 GB, 25 % of it on the graphics card".to_owned()));
        assert!(shown.contains(&"tiny: 1.0 GB in main memory".to_owned()));
    }

    #[test]
    fn trouble_is_told_with_what_can_be_done() {
        for (state, told, action) in [
            (OllamaState::Stopped, "Ollama is stopped", Some("Start Ollama")),
            (OllamaState::Failed, "Ollama could not be started", Some("Start Ollama")),
            (
                OllamaState::PortTaken { holder: Some("python3".to_owned()) },
                "Its port is used by python3",
                None,
            ),
            (OllamaState::NotResponding { since: 0 }, "Ollama does not answer", None),
            (
                OllamaState::Waiting { retry_at: 0, attempt: 1 },
                "Ollama ended and is started again",
                None,
            ),
        ] {
            let shown = texts(&ollama(state));
            assert_eq!(shown[1], told);
            let wanted = action.unwrap_or("Open control panel");
            assert_eq!(shown[2], wanted, "{shown:?}");
        }
    }
}
