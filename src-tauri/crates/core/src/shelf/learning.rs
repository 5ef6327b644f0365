//! What loads teach: whenever a model is in memory, what it takes is compared with what was
//! computed, and kept.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use drawbridge_hardware::learn::{self, Learned, Ran};
use drawbridge_hardware::sizing;
use drawbridge_model::gigabytes;
use tokio_util::sync::CancellationToken;

use super::{Shelf, Wanted};
use crate::bridge::PanelEvent;

/// Follows what is in memory until the end: learns from each load once, keeps what is told of free
/// memory current, and tells the panel that models came or went.
pub(crate) async fn learn(
    shelf: Shelf,
    events: tokio::sync::broadcast::Sender<PanelEvent>,
    stop: CancellationToken,
) {
    let mut ollama = shelf.0.ollama.watch();
    let mut seen: HashSet<(String, Option<u64>)> = HashSet::new();
    let (mut was_ready, mut was_set) = (false, None);
    loop {
        let now = Arc::clone(&ollama.borrow_and_update());
        let set = Some(now.settings.clone());
        let turned = was_ready != now.is_ready() || (was_set.is_some() && was_set != set);
        (was_ready, was_set) = (now.is_ready(), set);
        let present: HashSet<_> = now
            .loaded
            .iter()
            .map(|loaded| (loaded.digest.clone(), loaded.context_length))
            .collect();
        if present != seen {
            let fresh: Vec<_> = now
                .loaded
                .iter()
                .filter(|loaded| !seen.contains(&(loaded.digest.clone(), loaded.context_length)))
                .cloned()
                .collect();
            seen = present;
            for loaded in fresh {
                shelf.learn_from(&loaded, &now).await;
            }
            // Nobody may be looking.
            let _ = events.send(PanelEvent::ModelsChanged);
        } else if turned {
            let _ = events.send(PanelEvent::ModelsChanged);
        }
        if now.is_ready() {
            let free = Shelf::free_for_models(&*shelf.look().await);
            shelf.0.memory_free.send_if_modified(|before| {
                let changed = before.map(gigabytes::down) != free.map(gigabytes::down);
                if changed {
                    *before = free;
                }
                changed
            });
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = ollama.changed() => if changed.is_err() { return },
        }
    }
}

impl Shelf {
    async fn learn_from(
        &self,
        loaded: &drawbridge_llm::api::Loaded,
        now: &crate::ollama::OllamaNow,
    ) {
        let Ok(listed) = self.listed(now).await else { return };
        let Some(listed) = listed.into_iter().find(|listed| listed.digest == loaded.digest) else {
            return;
        };
        let Ok(shape) = self.shape(&listed).await else { return };
        let computer = self.look().await;
        let setup = self.setup(&loaded.name, &computer, now, &Wanted::AS_SET);
        let estimate = sizing::need(&shape, &setup).size_vram;
        let ran = Ran { size: loaded.size, size_vram: loaded.size_vram, file: listed.size };
        let learned = learn::learn(estimate, ran);
        if !matches!(learned, Learned::Measured { .. }) {
            return;
        }
        let key = self.key(&listed.digest, &shape, &setup, &computer, now);
        let kept = {
            let mut kept = self.0.measured.lock().unwrap_or_else(PoisonError::into_inner);
            kept.remember(key, learned);
            kept.clone()
        };
        if let Err(error) = self.0.record.kept().set_measured(&kept).await {
            tracing::warn!(%error, "what a model was measured to take was not kept");
        }
    }
}
