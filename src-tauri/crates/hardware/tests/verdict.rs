//! The words, as a table, and what must hold for each answer.

#![expect(clippy::expect_used, reason = "a test ends where it fails")]

use drawbridge_hardware::catalog;
use drawbridge_hardware::probe::{Computer, Gpu, GpuKind, Memory, Vendor};
use drawbridge_hardware::sizing::{
    CacheType, DRIVER_CONTEXT_METAL, GIB, Loaded, MIB, Placement, Pool, Pools, Setup, Shape,
    largest_context, place,
};
use drawbridge_hardware::verdict::{Action, Confidence, Kind, Question, Verdict, verdict};

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
    let mut proposed = 0;
    for name in names {
        for free in 4..48 {
            for num_ctx in [8192, 32768, 131_072] {
                let (setup, pools) = (setup(num_ctx), pools(free, free, 64));
                let answer = ask(shape(name), &setup, &pools);
                assert!(answer.actions.len() <= 2 && !answer.first.is_empty());
                let lighter = answer.actions.iter().filter_map(|action| match action {
                    Action::Shorten { to, .. } => Some(Setup { num_ctx: *to, ..setup.clone() }),
                    Action::Compress { .. } => {
                        Some(Setup { cache: CacheType::Q8_0, ..setup.clone() })
                    }
                    _ => None,
                });
                for lighter in lighter {
                    let placed = place(shape(name), &lighter, &pools, 1.0).placement;
                    assert_eq!(placed, Placement::Fits, "{name} {num_ctx} on {free}");
                    proposed += 1;
                }
            }
        }
    }
    assert!(proposed > 50, "only {proposed} were tried");
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
    assert_eq!(answer.actions, [Action::SmallerVersion]);
}

#[test]
fn the_longest_limit_that_fits_is_the_longest() {
    let llama = shape("llama3.1:8b");
    assert_eq!(largest_context(llama, &setup(4096), &pools(24, 24, 32), 1.0), Some(131_072));
    assert_eq!(largest_context(llama, &setup(4096), &pools(8, 8, 32), 1.0), Some(16384));
    assert_eq!(largest_context(llama, &setup(4096), &pools(4, 4, 32), 1.0), None);
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
    let loaded =
        |evictable| Loaded { name: "mistral:7b".to_owned(), size_vram: 5 * GIB, evictable };
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
        loaded: Vec::new(),
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
