use std::collections::HashSet;

use super::*;
use crate::sizing::{GIB, Pool, TensorType, need};

#[test]
fn the_file_is_read_sorted_and_without_doubles() {
    let read: Result<File, _> = serde_json::from_str(include_str!("catalog.json"));
    read.expect("the shipped file");
    assert!((20..=60).contains(&entries().len()), "{}", entries().len());
    let names: Vec<_> = entries().iter().map(|entry| &entry.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    assert_eq!(checked().len(), 10);
    assert_eq!(entry("llama3.1:8b").map(|entry| entry.shape.layers), Some(32));
}

#[test]
fn each_entry_says_where_it_is_from_and_is_plausible() {
    for entry in entries() {
        let (name, shape) = (&entry.name, &entry.shape);
        assert!(entry.source.starts_with("https://"), "{name}");
        assert!(entry.size_source.starts_with("https://"), "{name}");
        assert_eq!(entry.checked.len(), 10, "{name}");
        assert!(name.contains(':') && !entry.title.is_empty(), "{name}");
        assert!(entry.about.ends_with('.') && entry.about.len() < 90, "{name}");
        assert!(!entry.licence.is_empty(), "{name}");
        assert!((1..=126).contains(&shape.layers), "{name}");
        assert!((256..=16_384).contains(&shape.embedding), "{name}");
        assert!(shape.feed_forward >= shape.embedding, "{name}");
        assert!(shape.heads.largest() % shape.kv_heads.largest() == 0, "{name}");
        assert!((512..=1_024_000).contains(&shape.trained_context), "{name}");
        assert!(shape.token_embedding < shape.weights, "{name}");
        assert_eq!(shape.file, entry.download, "{name}");
        assert_eq!(entry.purpose == Purpose::Vision, shape.projector > 0, "{name}");
        assert_eq!(entry.purpose == Purpose::Embedding, shape.is_encoder(), "{name}");
        assert!(need(shape, &Setup::default()).need_free > shape.weights / 2, "{name}");
    }
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn the_parts_add_up_to_the_download() {
    for entry in entries() {
        let sum = (entry.shape.weights + entry.shape.projector) as f64;
        let download = entry.download as f64;
        // Tokens and their merges come on top.
        let off = (download - sum).abs() - 10e6;
        assert!(off <= download * TOLERANCE, "{}: {sum} for {download}", entry.name);
    }
}

/// What the quantization makes of a matrix: rows that blocks of 256 do not divide take the nearest
/// type with smaller blocks (llama.cpp, src/llama-quant.cpp).
fn matrix(kind: &str, inner: u64, outer: u64) -> u64 {
    let kind = match kind {
        "Q4_K" if !inner.is_multiple_of(256) => "Q5_0",
        "Q5_K" if !inner.is_multiple_of(256) => "Q5_1",
        "Q6_K" if !inner.is_multiple_of(256) => "Q8_0",
        kind => kind,
    };
    TensorType::named(kind).expect("a known type").bytes(inner * outer)
}

/// Weights, token embedding and output by the rule of `Q4_K_M` and of `Q4_0` (llama.cpp,
/// src/llama-quant.cpp).
fn by_rule(entry: &Entry) -> (u64, u64, Option<u64>) {
    let shape = &entry.shape;
    let (e, tokens) = (shape.embedding, shape.vocabulary);
    let query = shape.heads.largest() * shape.key_length;
    let keys = shape.kv_heads.largest() * shape.key_length;
    let base = if entry.quantization == "Q4_0" { "Q4_0" } else { "Q4_K" };
    let better = if base == "Q4_0" { "Q4_0" } else { "Q6_K" };
    let tied = shape.output.is_none();
    let embedding = matrix(if tied { "Q6_K" } else { base }, e, tokens);
    let output = (!tied).then(|| matrix("Q6_K", e, tokens));
    let floats = |count: u64| TensorType::F32.bytes(count);
    let mut all = embedding + output.unwrap_or_default() + floats(e);
    let layers = u64::from(shape.layers);
    for layer in 0..layers {
        let eighth = layers / 8;
        let more = layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
        let kind = if more { better } else { base };
        let values = match entry.quantization.as_str() {
            "Q4_K_M, values F16" => "F16",
            // Models with 80 layers share each value among eight heads.
            "Q4_K_M" if layers == 80 && !more => "Q5_K",
            _ => kind,
        };
        all += match shape.architecture.as_str() {
            "phi3" => matrix("Q5_K", e, query + 2 * keys),
            _ => matrix(base, e, query) + matrix(base, e, keys) + matrix(values, e, keys),
        };
        all += matrix(base, query, e);
        all += match entry.experts {
            Some(Experts { of, length }) => {
                2 * matrix(base, e, length * of) + matrix(kind, length, e * of) + floats(e * of)
            }
            None => 2 * matrix(base, e, shape.feed_forward) + matrix(kind, shape.feed_forward, e),
        };
        all += floats(2 * e);
        all += match shape.architecture.as_str() {
            "gemma3" => floats(2 * e + 2 * shape.key_length),
            "qwen3" | "qwen3moe" => floats(2 * shape.key_length),
            "qwen2" => floats(query + 2 * keys),
            _ => 0,
        };
    }
    (all, embedding, output)
}

#[test]
fn computed_parts_follow_the_rule_of_their_quantization() {
    let mut held = 0;
    for entry in entries().iter().filter(|entry| entry.quantization.starts_with("Q4_")) {
        let shape = &entry.shape;
        let (all, embedding, output) = by_rule(entry);
        assert_eq!((shape.token_embedding, shape.output), (embedding, output), "{}", entry.name);
        // The frequencies of a long context are a few hundred bytes.
        assert!(shape.weights.abs_diff(all) <= 512, "{}: {all}", entry.name);
        held += 1;
    }
    assert!(held >= 30, "only {held}");
}

#[test]
fn the_worked_examples_of_the_formulas_are_in_it() {
    let weights = |name| entry(name).map(|entry| entry.shape.weights);
    assert_eq!(weights("llama3.1:8b"), Some(4_912_898_304));
    assert_eq!(weights("qwen2.5:7b"), Some(4_677_120_000));
    assert_eq!(weights("gemma3:12b"), Some(7_294_226_304));
    assert_eq!(weights("gpt-oss:20b"), Some(13_779_630_336));
}

#[test]
fn the_nearest_model_fits_and_is_the_largest_that_does() {
    let card = |free| Pools {
        cards: vec![Pool {
            id: "1".to_owned(),
            vendor: crate::probe::Vendor::Nvidia,
            total: Some(free),
            free: Some(free),
        }],
        memory_free: Some(16 * GIB),
        ..Pools::default()
    };
    let setup = Setup::default();
    let near = |name: &str, purpose, setup: &Setup, pools: &Pools| {
        nearest(name, &entry(name).expect("an entry").shape, purpose, setup, pools)
            .map(|nearest| nearest.name)
    };
    let coder = |free| near("qwen3-coder:30b", Purpose::Code, &setup, &card(free * GIB));
    assert_eq!(coder(12), Some("qwen2.5-coder:14b"));
    assert_eq!(coder(4), Some("qwen2.5-coder:1.5b"));
    let none = |memory| Pools { memory_free: Some(memory * GIB), ..Pools::default() };
    let found = near("llama3.3:70b", Purpose::Chat, &setup, &none(16));
    assert_eq!(found, Some("mistral-small:24b"), "in main memory");
    assert_eq!(near("llama3.3:70b", Purpose::Chat, &setup, &Pools::default()), None);
    let found = near("llama3.1:8b", Purpose::Chat, &setup, &none(64));
    assert_eq!(found, Some("llama3.2:3b"), "never a larger one, and one that is faster");
    assert_eq!(near("qwen3:0.6b", Purpose::Chat, &setup, &none(64)), None);
    let long = Setup { num_ctx: 131_072, ..Setup::default() };
    let tiny = near("llama3.2:1b", Purpose::Chat, &long, &card(2 * GIB));
    assert_eq!(tiny, None, "partly on a card is better than beside it");
}

#[test]
fn a_coarser_version_of_the_same_model_comes_first() {
    let pools = Pools { memory_free: Some(8 * GIB), ..Pools::default() };
    let llama = &entry("llama3.1:8b").expect("an entry").shape;
    let full = Shape { weights: 4 * llama.weights, ..llama.clone() };
    let near = |name, shape: &Shape| nearest(name, shape, Purpose::Chat, &Setup::default(), &pools);
    let version = near("llama3.1:8b-instruct-fp16", &full);
    assert_eq!(version, Some(Nearest { name: "llama3.1:8b", version: true }));
    let other = near("llama3.1:8bits", &full).expect("another");
    assert!(!other.version, "{other:?}");
    let distilled = Shape { architecture: "qwen3".to_owned(), ..full.clone() };
    assert!(!near("llama3.1:8b-distill", &distilled).expect("another").version);
    let same = near("llama3.1:8b-instruct", llama).expect("another");
    assert!(!same.version, "it is as large: {same:?}");
}
