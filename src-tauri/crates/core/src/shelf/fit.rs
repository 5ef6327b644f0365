//! How one model fits: the question put together from what is known, and the answer as the person
//! sees it.

use drawbridge_hardware::catalog::{self, Purpose};
use drawbridge_hardware::learn::Key;
use drawbridge_hardware::probe::Computer;
use drawbridge_hardware::sizing::{
    self, CacheType as Cache, DRIVER_CONTEXT, DRIVER_CONTEXT_METAL, Loaded, Pools, Setup, Shape,
    default_context, largest_context,
};
use drawbridge_hardware::verdict::{self, Action, Confidence, Kind, verdict};
use drawbridge_llm::model_name;

use super::{Shelf, Wanted};
use crate::ollama::OllamaNow;
use crate::view::{
    CacheType, FitAction, FitActionKind, FitConfidence, FitTerm, FitVerdict, ModelFit,
};

/// What is asked about one model.
pub(super) struct Question<'a> {
    pub(super) name: &'a str,
    /// Of an installed one.
    pub(super) digest: Option<&'a str>,
    pub(super) shape: Option<&'a Shape>,
    pub(super) wanted: &'a Wanted,
    /// What it is made for.
    pub(super) purpose: Purpose,
    /// It can use tools.
    pub(super) tools: bool,
}

fn cache_of(cache: CacheType) -> Cache {
    match cache {
        CacheType::F16 => Cache::F16,
        CacheType::Q8_0 => Cache::Q8_0,
        CacheType::Q4_0 => Cache::Q4_0,
    }
}

/// What an installed model is made for: as the catalog has it, else by what it can do.
pub(super) fn purpose_of(name: &str, capabilities: &[String]) -> Purpose {
    let can = |what: &str| capabilities.iter().any(|one| one == what);
    match catalog::entry(name) {
        Some(entry) => entry.purpose,
        None if can("embedding") => Purpose::Embedding,
        None if can("vision") => Purpose::Vision,
        None if can("insert") => Purpose::Code,
        None if can("thinking") => Purpose::Reasoning,
        None => Purpose::Chat,
    }
}

/// Whether the Ollama that is asked follows our settings: the one we started, or the one we would
/// start.
pub(super) fn follows_settings(now: &OllamaNow) -> bool {
    now.is_ours() || (now.run_by.is_none() && now.settings.enabled && now.settings.start)
}

/// Where models can lie, this one left out: what it holds now it would hold again.
fn pools_of(computer: &Computer, now: &OllamaNow, name: &str) -> Pools {
    let loaded = now
        .loaded
        .iter()
        .map(|loaded| Loaded {
            name: loaded.name.clone(),
            size_vram: loaded.size_vram,
            in_memory: loaded.size.saturating_sub(loaded.size_vram),
            // Ollama drops any for another, however long it was to stay, and waits for it to end
            // what it answers (Ollama, server/sched.go, `findRunnerToUnload`).
            evictable: true,
            itself: model_name::same(&loaded.name, name),
        })
        .collect();
    let mut pools = Pools::of(computer, loaded);
    if let Some(chosen) = now.settings.gpus.as_ref().filter(|_| follows_settings(now)) {
        pools.cards.retain(|card| chosen.contains(&card.id));
    }
    pools
}

impl Shelf {
    /// How Ollama would load a model.
    pub(super) fn setup(
        &self,
        name: &str,
        computer: &Computer,
        now: &OllamaNow,
        wanted: &Wanted,
    ) -> Setup {
        let settings = &now.settings;
        let ours = follows_settings(now);
        let present = now.loaded.iter().find(|loaded| model_name::same(&loaded.name, name));
        let by_memory = || {
            let total = Pools::of(computer, Vec::new())
                .cards
                .iter()
                .fold(0_u64, |sum, card| sum.saturating_add(card.total.unwrap_or(0)));
            default_context(total)
        };
        let num_ctx = wanted
            .context
            .map(u64::from)
            .or_else(|| present.and_then(|loaded| loaded.context_length))
            .or_else(|| settings.context_length.filter(|_| ours).map(u64::from))
            .or_else(|| self.0.ollama.heard().default_context)
            .unwrap_or_else(by_memory);
        let cache = wanted.cache.or(settings.cache_type.filter(|_| ours));
        let metal = cfg!(target_os = "macos");
        Setup {
            num_ctx,
            parallel: u64::from(settings.parallel.filter(|_| ours).unwrap_or(1)),
            cache: cache.map(cache_of).unwrap_or_default(),
            flash_attention: settings.flash_attention.filter(|_| ours).unwrap_or(true),
            driver_context: if metal { DRIVER_CONTEXT_METAL } else { DRIVER_CONTEXT },
            ..Setup::default()
        }
    }

    /// What a measurement of this load would be filed under.
    pub(super) fn key(
        &self,
        digest: &str,
        shape: &Shape,
        setup: &Setup,
        computer: &Computer,
        now: &OllamaNow,
    ) -> Key {
        let cards = Pools::of(computer, Vec::new()).cards;
        let gpu: Vec<_> = cards.into_iter().map(|card| card.id).collect();
        Key {
            digest: digest.to_owned(),
            num_ctx: sizing::limit(shape, setup.num_ctx),
            parallel: setup.parallel,
            cache: setup.cache,
            gpu: gpu.join("+"),
            ollama: now.version.clone().unwrap_or_default(),
        }
    }

    /// How it fits.
    pub(super) fn fit(
        &self,
        question: &Question<'_>,
        computer: &Computer,
        now: &OllamaNow,
    ) -> ModelFit {
        let setup = self.setup(question.name, computer, now, question.wanted);
        let pools = pools_of(computer, now, question.name);
        let measured = question.digest.zip(question.shape).and_then(|(digest, shape)| {
            let key = self.key(digest, shape, &setup, computer, now);
            let kept = self.0.measured.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Some((kept.factor(&key)?, kept.off(&key)?))
        });
        let confidence =
            measured.map_or(Confidence::Estimated, |(factor, _)| Confidence::Measured(factor));
        let nearest = question.shape.and_then(|shape| {
            catalog::nearest(question.name, shape, question.purpose, &setup, &pools)
        });
        let answer = verdict(&verdict::Question {
            shape: question.shape,
            setup: &setup,
            pools: &pools,
            confidence,
            tools: question.tools,
            nearest,
        });
        let factor = measured.map_or(1.0, |(factor, _)| factor);
        let placed = question.shape.map(|shape| sizing::place(shape, &setup, &pools, factor));
        let fits_cards =
            |kind| matches!(kind, Kind::Fits | Kind::FitsAfterClosing | Kind::Partly { .. });
        let (need, free, total) = match &placed {
            Some(placed) if fits_cards(answer.kind) => (
                Some(placed.need_free),
                placed.free.map(|free| free.free),
                placed.free.map(|free| free.total),
            ),
            Some(placed) => (
                Some(placed.need.in_memory),
                placed.memory_free,
                Some(computer.memory.total).filter(|total| *total > 0),
            ),
            None => (None, None, None),
        };
        let small = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
        ModelFit {
            verdict: verdict_view(answer.kind),
            first: answer.first,
            numbers: answer.numbers,
            remark: answer.tools,
            actions: answer.actions.iter().filter_map(action_view).collect(),
            need,
            free,
            total,
            context: small(answer.limit),
            largest_context: question
                .shape
                .and_then(|shape| largest_context(shape, &setup, &pools, factor))
                .map(small),
            trained_context: question.shape.map(|shape| small(shape.trained_context)),
            confidence: match measured {
                Some((_, off)) => FitConfidence::Measured { off_by: off as f32 },
                None => FitConfidence::Estimated,
            },
            terms: answer
                .details
                .into_iter()
                .map(|term| FitTerm { name: term.name.to_owned(), bytes: term.bytes })
                .collect(),
        }
    }

    /// Memory that is free for models: the graphics cards' where they tell, else the main memory's.
    pub(super) fn free_for_models(computer: &Computer) -> Option<u64> {
        let pools = Pools::of(computer, Vec::new());
        match pools.cards.iter().map(|card| card.free).sum::<Option<u64>>() {
            Some(free) if !pools.cards.is_empty() => Some(free),
            _ => pools.memory_free,
        }
    }
}

fn verdict_view(kind: Kind) -> FitVerdict {
    match kind {
        Kind::Fits => FitVerdict::Fits,
        Kind::FitsAfterClosing => FitVerdict::FitsAfterClosing,
        Kind::Partly { percent } => {
            FitVerdict::Partly { percent: u32::try_from(percent).unwrap_or(100) }
        }
        Kind::ProcessorOnly => FitVerdict::ProcessorOnly,
        Kind::TooLarge => FitVerdict::TooLarge,
        Kind::Unknown => FitVerdict::Unknown,
    }
}

fn action_view(action: &Action) -> Option<FitAction> {
    let words = action.words();
    // The effect stands in brackets behind what is done.
    let (text, effect) = match words.split_once(" (") {
        Some((text, effect)) => (text.to_owned(), effect.trim_end_matches(')').to_owned()),
        None => (words, String::new()),
    };
    let kind = match action {
        Action::Unload { model, .. } => FitActionKind::Unload { model: model.clone() },
        Action::CloseOthers => FitActionKind::CloseOthers,
        Action::Shorten { to, .. } => {
            FitActionKind::ShortenContext { context: u32::try_from(*to).unwrap_or(u32::MAX) }
        }
        Action::Compress { .. } => FitActionKind::CompressCache,
        Action::SmallerVersion { name } => {
            FitActionKind::SmallerModel { model: Some(name.clone()) }
        }
        Action::SmallerModel { name, .. } => FitActionKind::SmallerModel { model: name.clone() },
        // What an installed model is made of is here; of others nothing is downloaded.
        Action::DownloadDetails => return None,
        Action::TryIt => FitActionKind::TryIt,
    };
    Some(FitAction { kind, text, effect })
}

#[cfg(test)]
mod tests {
    use drawbridge_hardware::probe::{Gpu, GpuKind, Memory, Vendor};
    use drawbridge_llm::api;

    use super::*;
    use crate::view::OllamaRunBy;

    fn computer() -> Computer {
        let gpu = |id: &str| Gpu {
            id: id.to_owned(),
            pci: String::new(),
            name: "A card".to_owned(),
            vendor: Vendor::Nvidia,
            kind: GpuKind::Discrete,
            total: Some(8 << 30),
            free: Some(8 << 30),
            users: Vec::new(),
            ollama: None,
            source: "test".to_owned(),
        };
        let memory = Memory { total: 16 << 30, available: 8 << 30, limited_by: None };
        Computer { memory, gpus: vec![gpu("GPU-1"), gpu("GPU-2")], ..Computer::default() }
    }

    #[test]
    fn the_choice_of_cards_counts_for_an_ollama_that_follows_it() {
        let cards = |run_by, start, gpus: &[&str]| {
            let mut now = OllamaNow { run_by, ..OllamaNow::default() };
            now.settings.start = start;
            now.settings.gpus = Some(gpus.iter().map(|id| (*id).to_owned()).collect());
            pools_of(&computer(), &now, "m:1").cards.len()
        };
        for (run_by, start, none, one) in [
            (Some(OllamaRunBy::Drawbridge), true, 0, 1),
            (Some(OllamaRunBy::Drawbridge), false, 0, 1),
            (Some(OllamaRunBy::Service), true, 2, 2),
            (Some(OllamaRunBy::Other), false, 2, 2),
            (None, true, 0, 1),
            (None, false, 2, 2),
        ] {
            assert_eq!(cards(run_by, start, &[]), none, "{run_by:?} {start}");
            assert_eq!(cards(run_by, start, &["GPU-2"]), one, "{run_by:?} {start}");
        }
    }

    #[test]
    fn what_is_in_memory_is_told_apart_from_the_model_asked_about() {
        let loaded = |name: &str| api::Loaded {
            name: name.to_owned(),
            digest: String::new(),
            size: 5,
            size_vram: 3,
            context_length: None,
            expires_at: String::new(),
        };
        let now = OllamaNow {
            loaded: vec![loaded("own:latest"), loaded("other:1")],
            ..OllamaNow::default()
        };
        let pools = pools_of(&computer(), &now, "own");
        let own: Vec<_> = pools.loaded.iter().map(|one| (one.in_memory, one.itself)).collect();
        assert_eq!(own, [(2, true), (2, false)]);
        assert_eq!(pools.memory_total, Some(16 << 30));
    }

    #[test]
    fn an_installed_model_is_made_for_what_it_can_do() {
        let of = |name, can: &[&str]| {
            purpose_of(name, &can.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of("qwen2.5-coder:7b", &["completion"]), Purpose::Code);
        assert_eq!(of("mine:1", &["completion"]), Purpose::Chat);
        assert_eq!(of("mine:1", &["completion", "vision", "thinking"]), Purpose::Vision);
        assert_eq!(of("mine:1", &["completion", "thinking"]), Purpose::Reasoning);
        assert_eq!(of("mine:1", &["completion", "insert"]), Purpose::Code);
        assert_eq!(of("mine:1", &["embedding"]), Purpose::Embedding);
    }

    #[test]
    fn only_what_can_be_done_is_offered() {
        assert_eq!(action_view(&Action::DownloadDetails), None);
        let version = Action::SmallerVersion { name: "llama3.1:8b".to_owned() };
        let view = action_view(&version).map(|view| (view.kind, view.text, view.effect));
        let kind = FitActionKind::SmallerModel { model: Some("llama3.1:8b".to_owned()) };
        let text = "Choose the smaller version llama3.1:8b".to_owned();
        assert_eq!(view, Some((kind, text, "it fits".to_owned())));
    }
}
