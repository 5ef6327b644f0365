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
    let near = nearest(Purpose::Code, &setup, &card(12 * GIB)).expect("one fits");
    assert_eq!(near.name, "qwen2.5-coder:14b");
    let small = nearest(Purpose::Code, &setup, &card(4 * GIB)).expect("one fits");
    assert_eq!(small.name, "qwen2.5-coder:1.5b");
    let none = Pools { memory_free: Some(16 * GIB), ..Pools::default() };
    assert!(nearest(Purpose::Chat, &setup, &none).is_some(), "in main memory");
    assert!(nearest(Purpose::Chat, &setup, &Pools::default()).is_none());
}
