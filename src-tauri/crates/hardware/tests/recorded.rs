//! The formulas against figures recorded from a real llama.cpp (xllamacpp 2026.10.11549, processor
//! backend) by `tests/clients/sizing/compare.py`: made-up shapes, each at several conversation
//! limits, cache types and numbers of conversations. Record again with its `--record`.

#![expect(clippy::expect_used, reason = "a test ends where it fails")]

use drawbridge_hardware::sizing::{MIB, Setup, Shape, need};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    rows: Vec<Row>,
}

/// All sizes are in bytes.
#[derive(Deserialize)]
struct Row {
    name: String,
    shape: Shape,
    setup: Setup,
    kv: u64,
    compute: u64,
    weights: u64,
}

fn rows() -> Vec<Row> {
    let recorded: Recorded =
        serde_json::from_str(include_str!("recorded.json")).expect("the recorded figures");
    assert!(recorded.rows.len() > 150, "only {} loads were recorded", recorded.rows.len());
    recorded.rows
}

/// The log has two digits after the point, and a buffer more than one number.
fn same(ours: u64, theirs: u64) -> bool {
    ours.abs_diff(theirs) <= MIB / 50
}

/// How far off ours is, in percent of theirs: above 0 it is too high.
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
fn off(ours: u64, theirs: u64) -> f64 {
    (ours as f64 / theirs as f64 - 1.0) * 100.0
}

#[test]
fn the_conversation_memory_is_what_llama_cpp_allocates() {
    for row in rows() {
        let kv = need(&row.shape, &row.setup).kv;
        assert!(same(kv, row.kv), "{} {:?}: {kv} for {}", row.name, row.setup, row.kv);
    }
}

#[test]
fn the_weights_are_what_llama_cpp_loads() {
    for row in rows() {
        let ours = row.shape.weights;
        assert!(same(ours, row.weights), "{}: {ours} for {}", row.name, row.weights);
    }
}

/// What is known to be off: too high for feed-forward parts narrower than the embedding and for
/// encoders without a gate, where the models are small; and a little too low for quantized caches
/// beside a sliding window.
#[test]
fn the_room_for_computing_is_near_what_llama_cpp_allocates() {
    for row in rows() {
        let ours = need(&row.shape, &row.setup).compute;
        let off = off(ours, row.compute);
        let highest = match row.shape.architecture.as_str() {
            "bert" => 90.0,
            _ if row.shape.feed_forward <= row.shape.embedding => 11.0,
            _ if row.setup.flash_attention => 0.1,
            _ => 4.0,
        };
        let lowest = if row.shape.is_encoder() { -2.5 } else { -1.5 };
        assert!(
            (lowest..=highest).contains(&off),
            "{} {:?}: {ours} for {}, {off:+.2} %",
            row.name,
            row.setup,
            row.compute
        );
    }
}
