//! Where a model would lie: on the graphics cards, partly on them, or in main memory.

use serde::{Deserialize, Serialize};

use super::{
    GIB, MARGIN, MEMORY_HEADROOM, Need, PROJECTOR_HEADROOM, Setup, Shape, limit, need,
    with_batch_for,
};
use crate::probe::{Computer, Vendor};

/// The memory of one graphics card, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Names the card.
    pub id: String,
    /// Who made it. Ollama spreads a model over cards of one vendor's library alone.
    pub vendor: Vendor,
    /// All of it; `None` where that cannot be told.
    pub total: Option<u64>,
    /// What is free now; `None` where that cannot be told.
    pub free: Option<u64>,
}

/// A model that Ollama holds in memory now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// Its share of the graphics cards (`size_vram` of `/api/ps`), in bytes.
    pub size_vram: u64,
    /// Its share of main memory (`size` less `size_vram`), in bytes.
    pub in_memory: u64,
    /// Whether Ollama may drop it for another.
    pub evictable: bool,
    /// Whether it is the model asked about: what it holds now it would hold again.
    pub itself: bool,
}

impl Loaded {
    /// Whether what it holds is there for the model asked about.
    const fn gives_back(&self) -> bool {
        self.evictable || self.itself
    }
}

/// Where models can lie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pools {
    /// The graphics cards Ollama uses.
    pub cards: Vec<Pool>,
    /// Main memory that is free, in bytes.
    pub memory_free: Option<u64>,
    /// All of main memory, in bytes.
    pub memory_total: Option<u64>,
    /// Whether graphics card and processor share one memory.
    pub unified: bool,
    /// What Ollama holds in memory now.
    pub loaded: Vec<Loaded>,
}

/// How much is free, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Free {
    /// All of it, free or not.
    pub total: u64,
    /// What is free for a new model.
    pub free: u64,
    /// Whether that is known. Else it is all but a tenth.
    pub known: bool,
}

impl Pools {
    /// Those of a computer, with what Ollama holds in memory on it.
    #[must_use]
    pub fn of(computer: &Computer, loaded: Vec<Loaded>) -> Self {
        let used = computer.gpus.iter().filter(|gpu| gpu.is_used_by_ollama());
        let cards = used.map(|gpu| Pool {
            id: gpu.id.clone(),
            vendor: gpu.vendor,
            // A card that shares the main memory may report none of its own.
            total: gpu.total.or_else(|| computer.unified.then_some(computer.memory.total)),
            free: gpu.free.or_else(|| {
                (computer.unified && gpu.total.is_none()).then_some(computer.memory.available)
            }),
        });
        Self {
            cards: cards.collect(),
            memory_free: (computer.memory.total > 0).then_some(computer.memory.available),
            memory_total: Some(computer.memory.total).filter(|total| *total > 0),
            unified: computer.unified,
            loaded,
        }
    }

    /// What a new model finds on each card: what Ollama may drop for it counts as free, in the
    /// order of what is taken on each card, since `/api/ps` does not say where a model lies.
    fn frees(&self) -> Vec<(Vendor, Free)> {
        let mut frees: Vec<_> = self
            .cards
            .iter()
            .filter_map(|card| {
                let total = card.total.filter(|total| *total > 0)?;
                let free = card.free.unwrap_or(total - total / 10).min(total);
                Some((card.vendor, Free { total, free, known: card.free.is_some() }))
            })
            .collect();
        let leaving = self.loaded.iter().filter(|model| model.gives_back());
        let mut left = leaving.fold(0, |sum: u64, model| sum.saturating_add(model.size_vram));
        let mut order: Vec<_> = frees.iter_mut().filter(|(_, free)| free.known).collect();
        order.sort_by_key(|(_, free)| std::cmp::Reverse(free.total - free.free));
        for (_, free) in order {
            let back = left.min(free.total - free.free);
            free.free += back;
            left -= back;
        }
        if let (true, Some(memory), false) = (self.unified, self.memory(), frees.is_empty()) {
            for (_, free) in &mut frees {
                free.free = free.free.min(memory);
                free.known = true;
            }
        }
        frees
    }

    /// What a new model finds in main memory.
    fn memory(&self) -> Option<u64> {
        let free = self.memory_free?;
        let has_card = self.cards.iter().any(|card| card.total.is_some_and(|total| total > 0));
        let leaving = self.loaded.iter().filter(|model| model.gives_back());
        let back = leaving.fold(0, |sum: u64, model| {
            // What another keeps beside a card is mostly its file as the system read it, which
            // counts as free already.
            let own = if model.itself || !has_card { model.in_memory } else { 0 };
            let shared = if self.unified { model.size_vram } else { 0 };
            sum.saturating_add(own).saturating_add(shared)
        });
        let total = self.memory_total.unwrap_or(u64::MAX);
        Some(free.saturating_add(back).min(total).max(free))
    }

    /// The same, if no other model left for the one asked about.
    fn kept(&self) -> Self {
        let mut kept = self.clone();
        for model in &mut kept.loaded {
            model.evictable = false;
        }
        kept
    }

    /// The cards Ollama would use together: those of the vendor that has most.
    fn group(&self) -> Vec<Free> {
        let frees = self.frees();
        let sum = |vendor: Vendor| {
            let of = frees.iter().filter(|(other, _)| *other == vendor);
            of.fold(0, |sum: u64, (_, free)| sum.saturating_add(free.total))
        };
        let best = frees.iter().map(|(vendor, _)| *vendor).max_by_key(|vendor| sum(*vendor));
        frees.iter().filter(|(vendor, _)| Some(*vendor) == best).map(|(_, free)| *free).collect()
    }

    /// Whether there is a card whose memory cannot be told.
    fn has_unknown_card(&self) -> bool {
        self.cards.iter().any(|card| card.total.is_none())
    }

    /// Whether those cards are driven by CUDA.
    fn is_cuda(&self) -> bool {
        self.cards.iter().any(|card| card.vendor == Vendor::Nvidia)
    }
}

/// A model that lies partly on the graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Partly {
    /// Layers on the card.
    pub layers: u64,
    /// Of so many.
    pub of: u64,
    /// What lies on the card, in bytes.
    pub on_gpu: u64,
    /// What lies in main memory, in bytes.
    pub in_memory: u64,
    /// The share on the card, in percent, rounded down.
    pub percent: u64,
}

/// Where a model would lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// Wholly on one card or several.
    Fits,
    /// Wholly, once other programs or models leave the card.
    AfterClosing,
    /// Some layers on the card, the rest in main memory.
    Partly(Partly),
    /// In main memory alone.
    Memory,
    /// Nowhere.
    TooLarge,
    /// A size is missing.
    Unknown,
}

/// Where a model would lie, and the numbers that say so. All in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    /// Where.
    pub placement: Placement,
    /// What the model takes, with the batch Ollama would choose here.
    pub need: Need,
    /// What must be free on the cards used, all together.
    pub need_free: u64,
    /// What is on those cards; `None` without a card that can be used.
    pub free: Option<Free>,
    /// How many cards are used.
    pub cards: u64,
    /// What can be used of cards and main memory together, beside what is set aside.
    pub usable: u64,
    /// What is free of main memory; `None` where that cannot be told.
    pub memory_free: Option<u64>,
    /// Whether what is free where it would lie counts memory that other models hold now.
    pub others_leave: bool,
}

impl Placed {
    /// Whether it lies wholly on the cards, or in main memory where no card can be used.
    pub(crate) fn is_whole(&self) -> bool {
        match self.placement {
            Placement::Fits => true,
            Placement::Memory => self.free.is_none(),
            _ => false,
        }
    }

    /// Whether it runs as the computer is now.
    pub(crate) const fn runs(&self) -> bool {
        matches!(self.placement, Placement::Fits | Placement::Partly(_) | Placement::Memory)
    }
}

/// Ollama's own first guess, by which it chooses cards and drops models (Ollama,
/// llm/llama_server.go, `PredictServerVRAM`): crude, and far too much for models with a sliding
/// window.
#[must_use]
pub fn predicted(shape: &Shape, setup: &Setup) -> u64 {
    let file =
        if shape.file > 0 { shape.file } else { shape.weights.saturating_add(shape.projector) };
    let head = shape.embedding.checked_div(shape.heads.largest()).unwrap_or_default();
    let token = 4u64
        .saturating_mul(u64::from(shape.layers))
        .saturating_mul(shape.kv_heads.smallest())
        .saturating_mul(head);
    let tokens = limit(shape, setup.num_ctx).saturating_mul(setup.parallel.max(1));
    file.saturating_add(token.saturating_mul(tokens))
}

/// The conversation limit Ollama takes where none was set, before the model's own limit (Ollama,
/// server/routes.go), by the memory of all usable cards, in bytes and less what the person set
/// aside.
#[must_use]
pub const fn default_context(total_vram: u64) -> u64 {
    if total_vram >= 47 * GIB {
        262_144
    } else if total_vram >= 23 * GIB {
        32_768
    } else {
        4096
    }
}

/// How many layers lie on cards with so many bytes free, and what main memory must hold then.
#[must_use]
pub fn partly(shape: &Shape, setup: &Setup, free: &[u64]) -> Partly {
    split(shape, setup, &need(shape, setup), free)
}

fn split(shape: &Shape, setup: &Setup, need: &Need, free: &[u64]) -> Partly {
    let set_aside = per_card(setup).saturating_add(need.compute);
    let rooms = free.iter().map(|free| free.saturating_sub(set_aside));
    let room = rooms.fold(0, u64::saturating_add);
    let of = need.layers;
    let weights = need.weights_gpu.saturating_sub(shape.output_bytes());
    let weights = weights.checked_div(of).unwrap_or_default();
    let layer = weights.saturating_add(need.kv.checked_div(of).unwrap_or_default());
    let layers = room.checked_div(layer).unwrap_or_default().min(of);
    let used = if layers > 0 { need.compute } else { 0 };
    let on_gpu = layers.saturating_mul(layer).saturating_add(used);
    let in_memory = shape
        .weights
        .saturating_sub(layers.saturating_mul(weights))
        .saturating_add(
            need.kv
                .saturating_sub(need.kv.checked_div(of).unwrap_or_default().saturating_mul(layers)),
        )
        .saturating_add(need.projector)
        .saturating_add(MEMORY_HEADROOM);
    let percent = on_gpu.saturating_mul(100).checked_div(need.size_vram).unwrap_or_default();
    Partly { layers, of, on_gpu, in_memory, percent: percent.min(99) }
}

/// What is set aside on each card that is used.
fn per_card(setup: &Setup) -> u64 {
    setup.driver_context.saturating_add(MARGIN).saturating_add(setup.overhead)
}

/// Where a model would lie. `factor` is what a measurement said: 1 without one.
///
/// Other models that Ollama may drop stay where they are if there is room beside them.
#[must_use]
pub fn place(shape: &Shape, setup: &Setup, pools: &Pools, factor: f64) -> Placed {
    let placed = place_in(shape, setup, pools, factor);
    if !pools.loaded.iter().any(|model| model.evictable && !model.itself) {
        return placed;
    }
    let beside = place_in(shape, setup, &pools.kept(), factor);
    match (beside.placement, placed.placement) {
        (Placement::Fits, _) | (Placement::Memory, Placement::Memory) => beside,
        (_, Placement::Fits | Placement::AfterClosing | Placement::Partly(_)) => {
            Placed { others_leave: placed.free != beside.free, ..placed }
        }
        _ => Placed { others_leave: placed.memory_free != beside.memory_free, ..placed },
    }
}

fn place_in(shape: &Shape, setup: &Setup, pools: &Pools, factor: f64) -> Placed {
    let group = pools.group();
    let free: u64 = group.iter().fold(0, |sum, card| sum.saturating_add(card.free));
    let known = !group.is_empty() && group.iter().all(|card| card.known);
    let setup =
        if known { with_batch_for(shape, setup, free, pools.is_cuda()) } else { setup.clone() };
    let need = need(shape, &setup).scaled(factor);

    let cards = used_cards(shape, &setup, &need, &group);
    let more = (cards.len() as u64).saturating_sub(1);
    let each = per_card(&setup).saturating_add(need.compute);
    let need_free = need.need_free.saturating_add(each.saturating_mul(more));
    let all = (!cards.is_empty()).then(|| Free {
        total: cards.iter().fold(0, |sum, card| sum.saturating_add(card.total)),
        free: cards.iter().fold(0, |sum, card| sum.saturating_add(card.free)),
        known,
    });

    let frees: Vec<_> = cards.iter().map(|card| card.free).collect();
    let parts = split(shape, &setup, &need, &frees);
    let headroom = if need.projector > 0 { PROJECTOR_HEADROOM } else { 0 };
    let rooms = frees.iter().map(|free| free.saturating_sub(each).saturating_sub(headroom));
    let room = rooms.fold(0, u64::saturating_add);
    let memory = pools.memory();
    let usable = match memory {
        Some(memory) if pools.unified => memory,
        _ => room.saturating_add(memory.unwrap_or_default()),
    };
    // In one shared memory, what lies on the card is not there for the rest.
    let beside = if pools.unified { parts.on_gpu } else { 0 };
    let rest_fits = memory.map(|memory| parts.in_memory <= memory.saturating_sub(beside));
    let memory_fits = memory.map(|memory| need.in_memory <= memory);

    let placement = match all {
        Some(all) if need_free <= all.free => Placement::Fits,
        Some(all) if all.known && need_free <= all.total - all.total / 20 => {
            Placement::AfterClosing
        }
        Some(_) if parts.layers > 0 && rest_fits == Some(true) => Placement::Partly(parts),
        None if pools.has_unknown_card() => Placement::Unknown,
        _ => match memory_fits {
            Some(true) => Placement::Memory,
            Some(false) => Placement::TooLarge,
            None => Placement::Unknown,
        },
    };
    Placed {
        placement,
        need,
        need_free,
        free: all,
        cards: cards.len() as u64,
        usable,
        memory_free: memory,
        others_leave: false,
    }
}

/// The cards a model would lie on. Ollama takes one alone if its first guess is at most 80 percent
/// of what is free there, else all that have room beside what is set aside (Ollama,
/// server/sched.go).
fn used_cards(shape: &Shape, setup: &Setup, need: &Need, group: &[Free]) -> Vec<Free> {
    let Some(best) = group.iter().max_by_key(|card| (card.free, card.total)) else {
        return Vec::new();
    };
    let guess = predicted(shape, setup);
    let set_aside = per_card(setup).saturating_add(need.compute);
    let roomy: Vec<_> = group.iter().filter(|card| card.free > set_aside).copied().collect();
    if guess <= best.free / 100 * 80 || roomy.len() < 2 { vec![*best] } else { roomy }
}

/// The longest conversation limit, in tokens, at which a model lies wholly on the cards as they
/// are, or in main memory where no card can be used: a power of two from 2048, or all the model was
/// trained for. `None` where none does.
#[must_use]
pub fn largest_context(shape: &Shape, setup: &Setup, pools: &Pools, factor: f64) -> Option<u64> {
    longest(shape, setup, pools, factor, Placed::is_whole)
}

/// The longest conversation limit, in tokens, at which a model runs at all, be it partly on a card
/// or beside it. `None` where none does.
pub(crate) fn largest_running_context(
    shape: &Shape,
    setup: &Setup,
    pools: &Pools,
    factor: f64,
) -> Option<u64> {
    longest(shape, setup, pools, factor, Placed::runs)
}

fn longest(
    shape: &Shape,
    setup: &Setup,
    pools: &Pools,
    factor: f64,
    accepts: impl Fn(&Placed) -> bool,
) -> Option<u64> {
    let trained = shape.trained_context;
    let powers = (11..40).map(|power| 1u64 << power).filter(|tokens| *tokens < trained);
    let mut steps: Vec<_> = powers.chain([trained]).filter(|tokens| *tokens > 0).collect();
    steps.reverse();
    steps.into_iter().find(|tokens| {
        let setup = Setup { num_ctx: *tokens, ..setup.clone() };
        accepts(&place(shape, &setup, pools, factor))
    })
}
