//! The words, as a table, and what must hold for each answer.

#![expect(clippy::expect_used, reason = "a test ends where it fails")]

use drawbridge_hardware::catalog;
use drawbridge_hardware::probe::{Computer, Gpu, GpuKind, Memory, Vendor};
use drawbridge_hardware::sizing::{
    CacheType, DRIVER_CONTEXT_METAL, GIB, Loaded, MIB, Placement, Pool, Pools, Setup, Shape,
    largest_context, place,
};
use drawbridge_hardware::verdict::{Action, Confidence, Kind, Nearest, Question, Verdict, verdict};

fn shape(name: &str) -> &'static Shape {
    &catalog::entry(name).expect("it is in the catalog").shape
}

fn card(total: u64, free: Option<u64>) -> Pool {
    Pool { id: "1".to_owned(), vendor: Vendor::Nvidia, total: Some(total), free }
}

/// A card and main memory, in GiB.
fn pools(total: u64, free: u64, memory: u64) -> Pools {
    Pools {
        cards: vec![card(total * GIB, Some(free * GIB))],
        memory_free: Some(memory * GIB),
        ..Pools::default()
    }
}

fn without_card(memory: u64) -> Pools {
    Pools { memory_free: Some(memory * GIB), ..Pools::default() }
}

fn loaded(name: &str, size_vram: u64, in_memory: u64) -> Loaded {
    Loaded { name: name.to_owned(), size_vram, in_memory, evictable: true, itself: false }
}

fn setup(num_ctx: u64) -> Setup {
    Setup { num_ctx, ..Setup::default() }
}

fn ask(shape: &Shape, setup: &Setup, pools: &Pools) -> Verdict {
    verdict(&Question {
        shape: Some(shape),
        setup,
        pools,
        confidence: Confidence::Estimated,
        tools: false,
        nearest: None,
    })
}

#[test]
fn each_answer_has_its_words() {
    let rows = [
        (
            "llama3.1:8b",
            setup(4096),
            pools(8, 7, 16),
            Kind::Fits,
            "Runs fully on your graphics card.",
            "Needs about 6.4 GB, 7.0 GB free.",
        ),
        (
            "llama3.1:8b",
            setup(4096),
            pools(8, 3, 16),
            Kind::FitsAfterClosing,
            "Fits, but the graphics card is busy now.",
            "Needs about 6.4 GB, 3.0 GB free.",
        ),
        (
            "llama3.1:8b",
            setup(4096),
            without_card(16),
            Kind::ProcessorOnly,
            "Runs on the processor. Answers will be slow.",
            "Needs about 6.3 GB, 16.0 GB of main memory free.",
        ),
        (
            "nomic-embed-text:v1.5",
            setup(2048),
            without_card(16),
            Kind::ProcessorOnly,
            "Runs on the processor, which is quick enough for this kind of model.",
            "Needs about 1.4 GB, 16.0 GB of main memory free.",
        ),
        (
            "llama3.3:70b",
            setup(4096),
            pools(8, 7, 16),
            Kind::TooLarge,
            "Too large for this computer: needs about 42.1 GB, about 21.3 GB can be used.",
            "",
        ),
        (
            "llama3.1:8b",
            setup(4096),
            Pools::default(),
            Kind::Unknown,
            "Can't tell yet.",
            "Needs about 6.3 GB.",
        ),
    ];
    for (name, setup, pools, kind, first, numbers) in rows {
        let answer = ask(shape(name), &setup, &pools);
        assert_eq!(answer.kind, kind, "{name}: {answer:?}");
        assert_eq!(answer.first, first);
        assert_eq!(answer.numbers, numbers);
    }
}

#[test]
fn part_of_a_model_on_the_card_is_told_with_what_would_help() {
    let answer = ask(shape("llama3.1:8b"), &setup(32768), &pools(8, 8, 32));
    let Kind::Partly { percent } = answer.kind else { panic!("{answer:?}") };
    assert!((60..90).contains(&percent), "{percent}");
    assert_eq!(answer.on_gpu, percent);
    let about = percent / 5 * 5;
    let first = format!("Runs, but slower: about {about} % fits on the graphics card.");
    assert_eq!(answer.first, first);
    let Some(Action::Shorten { from: 32768, to: 16384, saves }) = answer.actions.first() else {
        panic!("{:?}", answer.actions)
    };
    assert!(*saves > 2 * GIB);
    let words = answer.actions[0].words();
    assert!(
        words.starts_with("Shorten the conversation limit from 32k to 16k (saves about "),
        "{words}"
    );
    assert_eq!(answer.actions.len(), 2);
}

#[test]
fn what_is_proposed_really_fits() {
    let names = ["llama3.1:8b", "gemma3:12b", "qwen3:30b", "gpt-oss:20b", "qwen2.5:14b"];
    let places = (4..48).flat_map(|free| {
        [pools(free, free, 64), pools(free, free, 2), pools(free, free, 10), without_card(free)]
    });
    let places: Vec<_> = places.collect();
    let mut proposed = std::collections::HashMap::new();
    for name in names {
        for pools in &places {
            for num_ctx in [8192, 32768, 131_072] {
                let setup = setup(num_ctx);
                let answer = ask(shape(name), &setup, pools);
                assert!(answer.actions.len() <= 2 && !answer.first.is_empty());
                let lighter = answer.actions.iter().filter_map(|action| match action {
                    Action::Shorten { to, .. } => Some(Setup { num_ctx: *to, ..setup.clone() }),
                    Action::Compress { .. } => {
                        Some(Setup { cache: CacheType::Q8_0, ..setup.clone() })
                    }
                    _ => None,
                });
                for lighter in lighter {
                    let placed = place(shape(name), &lighter, pools, 1.0).placement;
                    let runs = matches!(placed, Placement::Partly(_) | Placement::Memory);
                    let helps =
                        placed == Placement::Fits || (answer.kind == Kind::TooLarge && runs);
                    assert!(helps, "{name} {num_ctx} on {pools:?}: {placed:?}");
                    let kind = (answer.kind == Kind::TooLarge, placed == Placement::Fits);
                    *proposed.entry(kind).or_insert(0) += 1;
                }
            }
        }
    }
    for kind in [(false, true), (true, true), (true, false)] {
        assert!(proposed.get(&kind).is_some_and(|count| *count > 50), "{proposed:?}");
    }
}

#[test]
fn what_a_long_conversation_makes_too_large_is_shortened_first() {
    // 22.6 GiB are needed, of which 16 GiB are the conversation.
    let llama = shape("llama3.1:8b");
    for (at, to) in [
        (without_card(8), 16384),
        (without_card(16), 65536),
        // The card takes all of a short one, and nothing is left for the rest of a long one.
        (pools(8, 8, 2), 16384),
        // Nowhere whole.
        (pools(4, 4, 8), 32768),
    ] {
        let answer = ask(llama, &setup(131_072), &at);
        assert_eq!(answer.kind, Kind::TooLarge, "{at:?}");
        let Some(Action::Shorten { from: 131_072, to: chosen, saves }) = answer.actions.first()
        else {
            panic!("{at:?}: {:?}", answer.actions)
        };
        assert!(*chosen == to && *saves > 4 * GIB, "{at:?}: {:?}", answer.actions);
        assert!(place(llama, &setup(to), &at, 1.0).placement != Placement::TooLarge);
    }
    let compressed = ask(llama, &setup(131_072), &without_card(16)).actions;
    let Some(Action::Compress { saves }) = compressed.get(1) else { panic!("{compressed:?}") };
    assert!(*saves > 7 * GIB);
    let nowhere = ask(shape("llama3.3:70b"), &setup(131_072), &without_card(8)).actions;
    assert_eq!(nowhere, [Action::SmallerModel { name: None, faster: false }]);
}

#[test]
fn a_smaller_model_is_named_with_what_it_brings() {
    let asked = |nearest, num_ctx, pools: &Pools| {
        let answer = verdict(&Question {
            shape: Some(shape("llama3.1:8b")),
            setup: &setup(num_ctx),
            pools,
            confidence: Confidence::Estimated,
            tools: false,
            nearest,
        });
        answer.actions.last().map(Action::words).unwrap_or_default()
    };
    let other = Some(Nearest { name: "qwen3:1.7b", version: false });
    let version = Some(Nearest { name: "llama3.1:8b", version: true });
    for (nearest, pools, words) in [
        (None, without_card(16), "Choose a smaller model (answers faster)"),
        (other, without_card(16), "Choose qwen3:1.7b (answers faster)"),
        (None, pools(6, 6, 16), "Choose a smaller model (needs less memory)"),
        (other, pools(6, 6, 16), "Choose qwen3:1.7b (it fits)"),
        (other, without_card(4), "Choose qwen3:1.7b (it fits)"),
        (version, without_card(4), "Choose the smaller version llama3.1:8b (it fits)"),
    ] {
        assert_eq!(asked(nearest, 4096, &pools), words, "{pools:?}");
    }
}

#[test]
fn an_encoder_on_the_processor_is_left_there() {
    let answer = ask(shape("nomic-embed-text:v1.5"), &setup(2048), &without_card(16));
    assert_eq!((answer.kind, answer.actions), (Kind::ProcessorOnly, Vec::new()));
}

#[test]
fn free_memory_that_others_hold_is_told_with_who_leaves() {
    let llama = shape("llama3.1:8b");
    let with = |loaded: Vec<Loaded>, free| Pools { loaded, ..pools(24, free, 16) };
    let qwen = || loaded("qwen3:8b", 10 * GIB, 0);
    let answer = ask(llama, &setup(32768), &with(vec![qwen()], 8));
    assert_eq!(answer.kind, Kind::Fits);
    assert_eq!(
        answer.numbers,
        "Needs about 10.1 GB, 18.0 GB free once Ollama takes qwen3:8b out of memory."
    );
    let two = with(vec![qwen(), loaded("mistral:7b", 4 * GIB, 0)], 8);
    let numbers = ask(llama, &setup(32768), &two).numbers;
    assert!(numbers.ends_with("22.0 GB free once Ollama takes other models out of memory."));
    let beside = ask(llama, &setup(32768), &with(vec![qwen()], 12));
    assert_eq!(beside.numbers, "Needs about 10.1 GB, 12.0 GB free.", "there is room beside it");
    let own = with(vec![Loaded { itself: true, ..qwen() }], 8);
    assert_eq!(ask(llama, &setup(32768), &own).numbers, "Needs about 10.1 GB, 18.0 GB free.");
    let (own, other) = (Loaded { itself: true, ..loaded("own", 6 * GIB, 0) }, qwen());
    let both = ask(llama, &setup(65536), &with(vec![own, other], 7));
    assert!(both.numbers.ends_with("23.0 GB free once Ollama takes qwen3:8b out of memory."));
}

#[test]
fn main_memory_that_models_hold_is_given_back() {
    let llama = shape("llama3.1:8b");
    let with = |loaded: Vec<Loaded>, free| Pools {
        memory_total: Some(16 * GIB),
        loaded,
        ..without_card(free)
    };
    // 6.3 GB are needed.
    let other = || loaded("qwen3:8b", 0, 6 * GIB);
    let answer = ask(llama, &setup(4096), &with(vec![other()], 5));
    assert_eq!(answer.kind, Kind::ProcessorOnly);
    assert_eq!(
        answer.numbers,
        "Needs about 6.3 GB, 11.0 GB of main memory free once qwen3:8b is out of memory."
    );
    // Without a card, Ollama leaves it there until its time has come.
    let unload = Action::Unload { model: "qwen3:8b".to_owned(), frees: 6 * GIB };
    assert_eq!(answer.actions.first(), Some(&unload));
    let beside = ask(llama, &setup(4096), &with(vec![other()], 7));
    assert_eq!(beside.numbers, "Needs about 6.3 GB, 7.0 GB of main memory free.");
    assert!(!beside.actions.contains(&unload));
    let own = ask(llama, &setup(4096), &with(vec![Loaded { itself: true, ..other() }], 5));
    assert_eq!(own.numbers, "Needs about 6.3 GB, 11.0 GB of main memory free.");
    assert!(!own.actions.contains(&unload));
    let small = loaded("qwen3:4b", 0, 3 * GIB);
    let two = ask(llama, &setup(4096), &with(vec![other(), small], 4));
    assert!(
        two.numbers.ends_with("13.0 GB of main memory free once other models are out of memory.")
    );
    let least = Action::Unload { model: "qwen3:4b".to_owned(), frees: 3 * GIB };
    assert_eq!(two.actions.first(), Some(&least), "it is enough");
    let huge = with(vec![Loaded { in_memory: u64::MAX, ..other() }], 5);
    assert_eq!(place(llama, &setup(4096), &huge, 1.0).memory_free, Some(16 * GIB));
    // Beside a card, what another keeps there counts as free already; its own does not.
    let card = |itself| Pools {
        loaded: vec![Loaded { itself, ..other() }],
        memory_total: Some(16 * GIB),
        ..pools(1, 1, 5)
    };
    assert_eq!(ask(llama, &setup(4096), &card(false)).kind, Kind::TooLarge);
    assert_eq!(ask(llama, &setup(4096), &card(true)).kind, Kind::ProcessorOnly);
}

#[test]
fn a_card_that_would_be_nearly_full_is_not_promised() {
    // 6.37 GiB are needed.
    for (total, closing) in [(7 * GIB, true), (13 * GIB / 2, false)] {
        let busy = Pools { cards: vec![card(total, Some(GIB))], ..pools(8, 8, 16) };
        let kind = ask(shape("llama3.1:8b"), &setup(4096), &busy).kind;
        assert_eq!(kind == Kind::FitsAfterClosing, closing, "{total}: {kind:?}");
    }
}

#[test]
fn a_limit_too_short_to_be_of_use_is_not_proposed() {
    let llama = shape("llama3.1:8b");
    let tight = Pools { cards: vec![card(25 * GIB / 4, Some(25 * GIB / 4))], ..pools(8, 8, 16) };
    assert_eq!(largest_context(llama, &setup(32768), &tight, 1.0), Some(2048));
    let answer = ask(llama, &setup(32768), &tight);
    assert_eq!(answer.actions, [Action::SmallerModel { name: None, faster: false }]);
}

#[test]
fn the_longest_limit_that_fits_is_the_longest() {
    let llama = shape("llama3.1:8b");
    assert_eq!(largest_context(llama, &setup(4096), &pools(24, 24, 32), 1.0), Some(131_072));
    assert_eq!(largest_context(llama, &setup(4096), &pools(8, 8, 32), 1.0), Some(16384));
    assert_eq!(largest_context(llama, &setup(4096), &pools(4, 4, 32), 1.0), None);
    assert_eq!(largest_context(llama, &setup(4096), &without_card(32), 1.0), Some(131_072));
    assert_eq!(largest_context(llama, &setup(4096), &without_card(8), 1.0), Some(16384));
    assert_eq!(largest_context(llama, &setup(4096), &without_card(4), 1.0), None);
    let hidden = Pools { cards: vec![Pool { total: None, ..card(0, None) }], ..without_card(32) };
    assert_eq!(largest_context(llama, &setup(4096), &hidden, 1.0), None, "it cannot be told");
}

#[test]
fn free_memory_that_is_not_known_is_guessed_low_and_said_so() {
    let unknown = Pools { cards: vec![card(8 * GIB, None)], ..pools(8, 8, 16) };
    let answer = ask(shape("llama3.1:8b"), &setup(4096), &unknown);
    assert_eq!(answer.kind, Kind::Fits);
    assert_eq!(
        answer.numbers,
        "Needs about 6.4 GB, about 7.2 GB can be used; how much of the graphics card memory is \
         free now cannot be told."
    );
    // 6.37 GiB are more than 7 GiB less a tenth, though less than 7 GiB less a twentieth.
    let tight = Pools { cards: vec![card(7 * GIB, None)], ..pools(7, 7, 16) };
    assert!(matches!(ask(shape("llama3.1:8b"), &setup(4096), &tight).kind, Kind::Partly { .. }));
}

#[test]
fn a_card_whose_size_is_not_known_leaves_it_open() {
    let unknown =
        Pools { cards: vec![Pool { total: None, free: None, ..card(0, None) }], ..pools(8, 8, 16) };
    let answer = ask(shape("llama3.1:8b"), &setup(4096), &unknown);
    assert_eq!(answer.kind, Kind::Unknown);
    let none = verdict(&Question {
        shape: None,
        setup: &setup(4096),
        pools: &unknown,
        confidence: Confidence::Estimated,
        tools: true,
        nearest: None,
    });
    assert_eq!((none.kind, none.first.as_str()), (Kind::Unknown, "Can't tell yet."));
    assert_eq!(none.actions, [Action::DownloadDetails, Action::TryIt]);
}

#[test]
fn a_loaded_model_is_not_counted_against_a_new_one() {
    let loaded = |evictable| Loaded { evictable, ..loaded("mistral:7b", 5 * GIB, 0) };
    let idle = Pools { loaded: vec![loaded(true)], ..pools(8, 2, 16) };
    assert_eq!(ask(shape("llama3.1:8b"), &setup(4096), &idle).kind, Kind::Fits);
    let busy = Pools { loaded: vec![loaded(false)], ..pools(8, 2, 16) };
    let answer = ask(shape("llama3.1:8b"), &setup(4096), &busy);
    assert_eq!(answer.kind, Kind::FitsAfterClosing);
    let unload = Action::Unload { model: "mistral:7b".to_owned(), frees: 5 * GIB };
    assert_eq!(answer.actions, [unload, Action::CloseOthers]);
    assert_eq!(answer.actions[0].words(), "Unload mistral:7b (frees about 5.0 GB)");
    let huge = Loaded { size_vram: u64::MAX, ..loaded(true) };
    let odd = Pools { loaded: vec![huge.clone(), huge], ..pools(8, 2, 16) };
    assert_eq!(
        place(shape("llama3.1:8b"), &setup(4096), &odd, 1.0).free.map(|free| free.free),
        Some(8 * GIB)
    );
}

#[test]
fn two_cards_carry_what_one_does_not() {
    let two = Pools {
        cards: vec![card(12 * GIB, Some(12 * GIB)), card(12 * GIB, Some(12 * GIB))],
        ..without_card(16)
    };
    let answer = ask(shape("gpt-oss:20b"), &setup(8192), &two);
    assert_eq!(answer.kind, Kind::Fits);
    assert_eq!(answer.first, "Runs fully on your graphics cards.");
    let placed = place(shape("gpt-oss:20b"), &setup(8192), &two, 1.0);
    assert_eq!(placed.cards, 2);
    assert!(placed.need_free >= placed.need.need_free + 1481 * MIB, "each pays its share");
    let one = place(shape("llama3.2:3b"), &setup(4096), &two, 1.0);
    assert_eq!(one.cards, 1, "a small one lies on one");
    let mut mixed = two;
    mixed.cards[1].vendor = Vendor::Amd;
    let mixed = place(shape("gpt-oss:20b"), &setup(8192), &mixed, 1.0);
    assert_eq!(mixed.cards, 1, "Ollama does not spread over two libraries");
}

#[test]
fn one_shared_memory_is_counted_once() {
    let shared = Pools {
        cards: vec![Pool { vendor: Vendor::Apple, ..card(11 * GIB, Some(11 * GIB)) }],
        memory_free: Some(8 * GIB),
        unified: true,
        ..Pools::default()
    };
    let metal = Setup { driver_context: DRIVER_CONTEXT_METAL, ..setup(4096) };
    assert_eq!(ask(shape("llama3.1:8b"), &metal, &shared).kind, Kind::Fits);
    let large = ask(shape("qwen2.5:14b"), &metal, &shared);
    assert!(!matches!(large.kind, Kind::Partly { .. }), "nothing is added up: {large:?}");
    assert!(large.first.contains("8.0 GB can be used") || large.kind == Kind::FitsAfterClosing);
}

#[test]
fn a_computer_becomes_pools() {
    let gpu = |vendor, kind, total: Option<u64>| Gpu {
        id: "x".to_owned(),
        pci: String::new(),
        name: String::new(),
        vendor,
        kind,
        total,
        free: total,
        users: Vec::new(),
        ollama: None,
        source: "test".to_owned(),
    };
    let memory = Memory { total: 128 * GIB, available: 100 * GIB, limited_by: None };
    let laptop = Computer {
        memory: memory.clone(),
        gpus: vec![gpu(Vendor::Intel, GpuKind::Integrated, None)],
        ..Computer::default()
    };
    let pools = Pools::of(&laptop, Vec::new());
    assert_eq!((pools.cards.len(), pools.memory_free), (0, Some(100 * GIB)));
    let answer = ask(shape("llama3.1:8b"), &setup(4096), &pools);
    assert_eq!(answer.kind, Kind::ProcessorOnly);
    // GB10: a chip of NVIDIA that reports no memory of its own.
    let chip = Computer {
        memory,
        gpus: vec![gpu(Vendor::Nvidia, GpuKind::Integrated, None)],
        unified: true,
        ..Computer::default()
    };
    let pools = Pools::of(&chip, Vec::new());
    assert_eq!(pools.cards[0].total, Some(128 * GIB));
    let answer = ask(shape("gpt-oss:120b"), &setup(4096), &pools);
    assert_eq!(answer.kind, Kind::Fits);
}

#[test]
fn tools_with_a_short_limit_get_a_sentence() {
    let asked = |name, num_ctx, tools| {
        let answer = verdict(&Question {
            shape: Some(shape(name)),
            setup: &setup(num_ctx),
            pools: &pools(8, 7, 16),
            confidence: Confidence::Estimated,
            tools,
            nearest: None,
        });
        answer.tools
    };
    let sentence = "Tools need a longer conversation limit; 32k would need 10.1 GB.";
    assert_eq!(asked("llama3.1:8b", 4096, true).as_deref(), Some(sentence));
    assert_eq!(asked("llama3.1:8b", 4096, false), None);
    assert_eq!(asked("llama3.1:8b", 16384, true), None);
    assert_eq!(asked("nomic-embed-text:v1.5", 2048, true), None);
}

#[test]
fn a_measurement_changes_the_number_and_says_so() {
    let answer = verdict(&Question {
        shape: Some(shape("llama3.1:8b")),
        setup: &setup(4096),
        pools: &pools(8, 7, 16),
        confidence: Confidence::Measured(1.1),
        tools: false,
        nearest: None,
    });
    assert_eq!(answer.numbers, "Needs 6.9 GB, measured on this computer, 7.0 GB free.");
}

#[test]
fn terms_of_the_trade_stand_in_the_details_alone() {
    let setups = [setup(4096), setup(131_072)];
    let places =
        [pools(8, 7, 16), pools(8, 3, 16), without_card(16), pools(8, 7, 2), Pools::default()];
    for name in ["llama3.1:8b", "gemma3:4b", "llama3.3:70b"] {
        for (setup, pools) in
            setups.iter().flat_map(|setup| places.iter().map(move |at| (setup, at)))
        {
            let answer = ask(shape(name), setup, pools);
            let mut words = format!("{} {}", answer.first, answer.numbers);
            for action in &answer.actions {
                words.push_str(&action.words());
            }
            for term in ["VRAM", "KV", "offload", "Q4_K_M", "insufficient", "!"] {
                assert!(!words.contains(term), "{term}: {words}");
            }
            assert!(answer.actions.len() <= 2);
            let sum: u64 = answer
                .details
                .iter()
                .filter(|term| !term.name.contains("RAM") || term.name.contains("VRAM"))
                .map(|term| term.bytes)
                .sum();
            let placed = place(shape(name), setup, pools, 1.0);
            assert_eq!(sum, placed.need_free, "the terms add up: {:?}", answer.details);
        }
    }
}
