//! Does this model run here, and how? In words a person reads.
//!
//! The first sentence is the result, the second the numbers, then at most two things to do, the
//! best first. A wrong "fits" costs more than a wrong "partly": needs are rounded up and what is
//! free is rounded down. What is called GB here is 2^30 bytes, as in the task managers people
//! compare it with. Terms such as VRAM and KV cache stand in [`Verdict::details`] alone.

use drawbridge_model::gigabytes::{down, up};
use serde::Serialize;

use crate::sizing::{
    CacheType, Loaded, Need, Placed, Placement, Pools, Setup, Shape, largest_context,
    largest_running_context, limit, need, place,
};

/// Below so many tokens a conversation soon has no room for what tools answer.
const TOOLS_NEED: u64 = 16_384;
/// What is proposed then.
const TOOLS_WANT: u64 = 32_768;
/// A conversation limit below this is never proposed.
const SHORTEST: u64 = 4096;

/// How sure the need is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Confidence {
    /// By the formulas.
    #[default]
    Estimated,
    /// Seen when it ran here: so many times the estimate.
    Measured(f64),
}

impl Confidence {
    fn factor(self) -> f64 {
        match self {
            Self::Estimated => 1.0,
            Self::Measured(factor) => factor,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The model; `None` before its details are known.
    pub shape: Option<&'a Shape>,
    /// How it is to be loaded.
    pub setup: &'a Setup,
    /// Where it can lie.
    pub pools: &'a Pools,
    /// How sure the need is.
    pub confidence: Confidence,
    /// Whether apps use tools with it.
    pub tools: bool,
    /// The nearest smaller model that fits, where the asker knows one.
    pub nearest: Option<Nearest<'a>>,
}

/// A smaller model that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nearest<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is the same model with coarser weights.
    pub version: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What it comes to.
    pub kind: Kind,
    /// The result, in a sentence.
    pub first: String,
    /// The numbers, in a sentence; empty where there are none.
    pub numbers: String,
    /// What the person can do, at most two, the best first.
    pub actions: Vec<Action>,
    /// What it means for tools, in a sentence.
    pub tools: Option<String>,
    /// The share on the graphics card, in percent.
    pub on_gpu: u64,
    /// The conversation limit it is about, in tokens.
    pub limit: u64,
    /// The terms of the need, for who wants to look closer.
    pub details: Vec<Term>,
}

/// What an answer comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// It runs fully on the graphics card.
    Fits,
    /// It would, if other programs or models left it.
    FitsAfterClosing,
    /// It runs with so many percent on the graphics card.
    Partly {
        /// The share on the graphics card.
        percent: u64,
    },
    /// It runs on the processor.
    ProcessorOnly,
    /// It does not run.
    TooLarge,
    /// There is no telling yet.
    Unknown,
}

/// What the person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Have Ollama drop another model.
    Unload {
        /// Its name.
        model: String,
        /// What that frees, in bytes.
        frees: u64,
    },
    /// Close other programs.
    CloseOthers,
    /// Choose a shorter conversation limit.
    Shorten {
        /// The limit it has, in tokens.
        from: u64,
        /// The limit it fits with, in tokens.
        to: u64,
        /// What that saves, in bytes.
        saves: u64,
    },
    /// Store the conversation memory in 8 bits.
    Compress {
        /// What that saves, in bytes.
        saves: u64,
    },
    /// Take the same model with coarser weights.
    SmallerVersion {
        /// The version that fits.
        name: String,
    },
    /// Take another model.
    SmallerModel {
        /// One that fits, where one is known.
        name: Option<String>,
        /// Whether speed is what that brings: the model asked about runs on the processor.
        faster: bool,
    },
    /// Fetch the model's details, which uses the network.
    DownloadDetails,
    /// Load it and see.
    TryIt,
}

impl Action {
    /// The words on its button, with what it changes.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unload { model, frees } => {
                format!("Unload {model} (frees about {} GB)", down(*frees))
            }
            Self::CloseOthers => "Close other programs that use the graphics card".to_owned(),
            Self::Shorten { from, to, saves } => format!(
                "Shorten the conversation limit from {} to {} (saves about {} GB)",
                tokens(*from),
                tokens(*to),
                down(*saves)
            ),
            Self::Compress { saves } => {
                format!("Compress the conversation memory (saves about {} GB)", down(*saves))
            }
            Self::SmallerVersion { name } => {
                format!("Choose the smaller version {name} (it fits)")
            }
            Self::SmallerModel { name, faster } => {
                let what = name.as_deref().unwrap_or("a smaller model");
                let effect = match (faster, name) {
                    (true, _) => "answers faster",
                    (false, Some(_)) => "it fits",
                    (false, None) => "needs less memory",
                };
                format!("Choose {what} ({effect})")
            }
            Self::DownloadDetails => "Download details (tells what it needs)".to_owned(),
            Self::TryIt => "Try it; we measure".to_owned(),
        }
    }
}

/// One term of the need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Term {
    /// Its name in the field's terms.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: u64,
    /// What it follows from.
    pub from: String,
}

/// Says whether a model runs, and how.
#[must_use]
pub fn verdict(question: &Question<'_>) -> Verdict {
    let Some(shape) = question.shape else {
        return Verdict {
            kind: Kind::Unknown,
            first: "Can't tell yet.".to_owned(),
            numbers: String::new(),
            actions: vec![Action::DownloadDetails, Action::TryIt],
            tools: None,
            on_gpu: 0,
            limit: question.setup.num_ctx,
            details: Vec::new(),
        };
    };
    let placed = place(shape, question.setup, question.pools, question.confidence.factor());
    let limit = limit(shape, question.setup.num_ctx);
    let (kind, first) = result(shape, &placed);
    let mut actions = match kind {
        Kind::Fits => Vec::new(),
        Kind::FitsAfterClosing => closing(question, &placed),
        Kind::Partly { .. } | Kind::TooLarge => lighter(question, shape, &placed),
        Kind::ProcessorOnly => {
            let mut actions = making_room(question, &placed);
            // It is quick enough as it is.
            if !shape.is_encoder() {
                actions.extend(lighter(question, shape, &placed));
            }
            actions
        }
        Kind::Unknown => vec![Action::TryIt],
    };
    actions.truncate(2);
    Verdict {
        kind,
        first,
        numbers: numbers(question, &placed, kind),
        actions,
        tools: tools(question, shape, limit),
        on_gpu: match kind {
            Kind::Fits | Kind::FitsAfterClosing => 100,
            Kind::Partly { percent } => percent,
            Kind::ProcessorOnly | Kind::TooLarge | Kind::Unknown => 0,
        },
        limit,
        details: details(question.setup, &placed),
    }
}

fn result(shape: &Shape, placed: &Placed) -> (Kind, String) {
    let card = if placed.cards > 1 { "graphics cards" } else { "graphics card" };
    match placed.placement {
        Placement::Fits => (Kind::Fits, format!("Runs fully on your {card}.")),
        Placement::AfterClosing => {
            let is = if placed.cards > 1 { "cards are" } else { "card is" };
            (Kind::FitsAfterClosing, format!("Fits, but the graphics {is} busy now."))
        }
        Placement::Partly(parts) => {
            let percent = parts.percent;
            let about = if percent >= 5 { percent / 5 * 5 } else { percent };
            let first = format!("Runs, but slower: about {about} % fits on the {card}.");
            (Kind::Partly { percent }, first)
        }
        Placement::Memory => {
            let first = if shape.is_encoder() {
                "Runs on the processor, which is quick enough for this kind of model."
            } else {
                "Runs on the processor. Answers will be slow."
            };
            (Kind::ProcessorOnly, first.to_owned())
        }
        Placement::TooLarge => (
            Kind::TooLarge,
            format!(
                "Too large for this computer: needs about {} GB, about {} GB can be used.",
                up(placed.need.in_memory),
                down(placed.usable)
            ),
        ),
        Placement::Unknown => (Kind::Unknown, "Can't tell yet.".to_owned()),
    }
}

fn numbers(question: &Question<'_>, placed: &Placed, kind: Kind) -> String {
    let needs = |bytes| match question.confidence {
        Confidence::Estimated => format!("Needs about {} GB", up(bytes)),
        Confidence::Measured(_) => format!("Needs {} GB, measured on this computer", up(bytes)),
    };
    match (kind, placed.free) {
        // The first sentence holds the numbers already.
        (Kind::TooLarge, _) => String::new(),
        (Kind::ProcessorOnly, _) | (_, None) => {
            let Some(memory) = placed.memory_free else {
                return format!("{}.", needs(placed.need.in_memory));
            };
            let (need, free) = (needs(placed.need.in_memory), down(memory));
            let shared = u64::from(question.pools.unified);
            let once = leaving(question, placed, |model| {
                model.in_memory.saturating_add(model.size_vram.saturating_mul(shared))
            });
            format!("{need}, {free} GB of main memory free{once}.")
        }
        (_, Some(free)) if free.known => {
            let once = leaving(question, placed, |model| model.size_vram);
            format!("{}, {} GB free{once}.", needs(placed.need_free), down(free.free))
        }
        (_, Some(free)) => format!(
            "{}, about {} GB can be used; how much of the graphics card memory is free now cannot \
             be told.",
            needs(placed.need_free),
            down(free.free)
        ),
    }
}

/// The other models that may leave, the least first, by what each holds.
fn others<'a>(question: &Question<'a>, holds: impl Fn(&Loaded) -> u64) -> Vec<&'a Loaded> {
    let loaded = question.pools.loaded.iter();
    let mut others: Vec<_> =
        loaded.filter(|model| model.evictable && !model.itself && holds(model) > 0).collect();
    others.sort_by_key(|model| holds(model));
    others
}

/// Says who leaves before so much is free, where anyone does.
fn leaving(question: &Question<'_>, placed: &Placed, holds: impl Fn(&Loaded) -> u64) -> String {
    if !placed.others_leave {
        return String::new();
    }
    let (who, is) = match others(question, holds).as_slice() {
        [one] => (one.name.as_str(), "is"),
        _ => ("other models", "are"),
    };
    // Without a card, Ollama drops none before its time.
    if placed.free.is_some() {
        format!(" once Ollama takes {who} out of memory")
    } else {
        format!(" once {who} {is} out of memory")
    }
}

/// What frees main memory where Ollama does not do that by itself: the least that is enough, else
/// the largest.
fn making_room(question: &Question<'_>, placed: &Placed) -> Vec<Action> {
    if !placed.others_leave || placed.free.is_some() {
        return Vec::new();
    }
    let others = others(question, |model| model.in_memory);
    let all = others.iter().fold(0, |sum: u64, model| sum.saturating_add(model.in_memory));
    let free = placed.memory_free.unwrap_or_default().saturating_sub(all);
    let need = placed.need.in_memory;
    let enough = others.iter().find(|model| free.saturating_add(model.in_memory) >= need);
    let chosen = enough.or(others.last());
    let unload =
        chosen.map(|model| Action::Unload { model: model.name.clone(), frees: model.in_memory });
    unload.into_iter().collect()
}

/// What frees the graphics card: models Ollama would not drop by itself, the largest first.
fn closing(question: &Question<'_>, placed: &Placed) -> Vec<Action> {
    let free = placed.free.map(|free| free.free).unwrap_or_default();
    let mut others: Vec<_> =
        question.pools.loaded.iter().filter(|model| !model.evictable && !model.itself).collect();
    others.sort_by_key(|model| std::cmp::Reverse(model.size_vram));
    // One that is not enough by itself still comes before closing programs one does not know.
    let enough =
        others.iter().rev().find(|model| free.saturating_add(model.size_vram) >= placed.need_free);
    let chosen = enough.or(others.first()).filter(|model| model.size_vram > 0);
    let unload =
        chosen.map(|model| Action::Unload { model: model.name.clone(), frees: model.size_vram });
    unload.into_iter().chain([Action::CloseOthers]).collect()
}

/// What makes the model fit wholly, or run at all where it does not: each of these but the last was
/// tried.
fn lighter(question: &Question<'_>, shape: &Shape, placed: &Placed) -> Vec<Action> {
    let (setup, pools, factor) = (question.setup, question.pools, question.confidence.factor());
    let from = limit(shape, setup.num_ctx);
    let fits = |other: &Placed| other.placement == Placement::Fits;
    let helps = |other: &Placed| fits(other) || (!placed.runs() && other.runs());
    let saved = |other: &Placed| {
        if fits(other) {
            placed.need_free.saturating_sub(other.need_free)
        } else {
            placed.need.in_memory.saturating_sub(other.need.in_memory)
        }
    };
    let at = |to| place(shape, &Setup { num_ctx: to, ..setup.clone() }, pools, factor);
    let shorter = |to: Option<u64>| {
        let to = to.filter(|to| (SHORTEST..from).contains(to))?;
        Some((to, at(to))).filter(|(_, other)| helps(other))
    };
    let mut actions = Vec::new();
    let shortened = shorter(largest_context(shape, setup, pools, factor))
        .or_else(|| shorter(largest_running_context(shape, setup, pools, factor)));
    if let Some((to, other)) = shortened {
        actions.push(Action::Shorten { from, to, saves: saved(&other) });
    }
    if setup.cache == CacheType::F16 && setup.flash_attention {
        let setup = Setup { cache: CacheType::Q8_0, ..setup.clone() };
        let compressed = place(shape, &setup, pools, factor);
        if helps(&compressed) {
            actions.push(Action::Compress { saves: saved(&compressed) });
        }
    }
    actions.push(match question.nearest {
        Some(Nearest { name, version: true }) => Action::SmallerVersion { name: name.to_owned() },
        nearest => Action::SmallerModel {
            name: nearest.map(|nearest| nearest.name.to_owned()),
            faster: placed.placement == Placement::Memory,
        },
    });
    actions
}

fn tools(question: &Question<'_>, shape: &Shape, limit: u64) -> Option<String> {
    if !question.tools || limit >= TOOLS_NEED || shape.is_encoder() {
        return None;
    }
    let wanted = crate::sizing::limit(shape, TOOLS_WANT);
    if wanted <= limit {
        let most = tokens(limit);
        return Some(format!(
            "Tools need a longer conversation limit; this model allows no more than {most}."
        ));
    }
    let longer = Setup { num_ctx: wanted, ..question.setup.clone() };
    let needs = need(shape, &longer).scaled(question.confidence.factor()).need_free;
    let wanted = tokens(wanted);
    Some(format!("Tools need a longer conversation limit; {wanted} would need {} GB.", up(needs)))
}

fn details(setup: &Setup, placed: &Placed) -> Vec<Term> {
    let Need { cells, window_cells, batch, layers, .. } = placed.need;
    let window = if window_cells > 0 {
        format!(", {window_cells} in windowed layers")
    } else {
        String::new()
    };
    let cards = placed.cards.max(1);
    let rest = placed.need_free.saturating_sub(placed.need.size_vram);
    let mut terms = vec![
        Term {
            name: "weights in VRAM",
            bytes: placed.need.weights_gpu,
            from: format!("{layers} layers and the output"),
        },
        Term {
            name: "token embedding in RAM",
            bytes: placed.need.token_embedding,
            from: "it stays there".to_owned(),
        },
        Term {
            name: "KV cache",
            bytes: placed.need.kv,
            from: format!(
                "{cells} cells{window}, {} at once, {}",
                setup.parallel.max(1),
                setup.cache.name()
            ),
        },
        Term {
            name: "compute buffer",
            bytes: placed.need.compute,
            from: format!(
                "batch {batch}, flash attention {}",
                if setup.flash_attention { "on" } else { "off" }
            ),
        },
    ];
    if placed.need.projector > 0 {
        terms.push(Term {
            name: "projector",
            bytes: placed.need.projector,
            from: "reads pictures".to_owned(),
        });
    }
    terms.push(Term {
        name: "set aside",
        bytes: rest,
        from: format!("driver context and the margin llama.cpp keeps, {cards} cards")
            .replace("1 cards", "1 card"),
    });
    terms
}

/// Tokens as people write them: 32k is 32768.
fn tokens(tokens: u64) -> String {
    if tokens >= 1024 && tokens.is_multiple_of(1024) {
        format!("{}k", tokens / 1024)
    } else {
        tokens.to_string()
    }
}
