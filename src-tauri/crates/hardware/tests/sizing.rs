//! The formulas against worked examples and a published load, and what must hold for any shape.

use drawbridge_hardware::sizing::{
    CacheType, GIB, Logits, MIB, Need, PerLayer, Recurrent, Setup, Shape, Unknown, Window,
    Windowed, default_context, need, partly, predicted,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn llama_8b() -> Shape {
    Shape {
        architecture: "llama".to_owned(),
        layers: 32,
        embedding: 4096,
        feed_forward: 14336,
        heads: PerLayer::All(32),
        kv_heads: PerLayer::All(8),
        key_length: 128,
        value_length: 128,
        trained_context: 131_072,
        vocabulary: 128_256,
        weights: 4_912_898_304,
        token_embedding: 295_501_824,
        output: Some(430_940_160),
        ..Shape::default()
    }
}

fn qwen_7b() -> Shape {
    Shape {
        architecture: "qwen2".to_owned(),
        layers: 28,
        embedding: 3584,
        feed_forward: 18944,
        heads: PerLayer::All(28),
        kv_heads: PerLayer::All(4),
        trained_context: 32768,
        vocabulary: 152_064,
        weights: 4_677_120_000,
        token_embedding: 306_561_024,
        output: Some(447_068_160),
        ..llama_8b()
    }
}

fn gemma_12b() -> Shape {
    Shape {
        architecture: "gemma3".to_owned(),
        layers: 48,
        embedding: 3840,
        feed_forward: 15360,
        heads: PerLayer::All(16),
        kv_heads: PerLayer::All(8),
        key_length: 256,
        value_length: 256,
        window: Some(Window { tokens: 1024, layers: Windowed::AllButEvery(6) }),
        trained_context: 131_072,
        vocabulary: 262_208,
        weights: 7_294_226_304,
        token_embedding: 825_955_200,
        output: None,
        ..Shape::default()
    }
}

fn gpt_oss_20b() -> Shape {
    Shape {
        architecture: "gptoss".to_owned(),
        layers: 24,
        embedding: 2880,
        feed_forward: 2880 * 4,
        experts_used: 4,
        heads: PerLayer::All(64),
        kv_heads: PerLayer::All(8),
        key_length: 64,
        value_length: 64,
        window: Some(Window { tokens: 128, layers: Windowed::AllButEvery(2) }),
        trained_context: 131_072,
        vocabulary: 201_088,
        weights: 13_779_630_336,
        token_embedding: 1_158_266_880,
        output: Some(1_158_266_880),
        ..Shape::default()
    }
}

fn setup(num_ctx: u64) -> Setup {
    Setup { num_ctx, ..Setup::default() }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn near(ours: u64, theirs: u64, share: f64) -> bool {
    (ours as f64 - theirs as f64).abs() <= theirs as f64 * share
}

#[test]
fn the_worked_examples_come_out() {
    // num_ctx, batch, KV in 16 bits, KV in 8 bits, compute, size_vram, need_free in 0.01 GiB.
    type Expected = (u64, u64, u64, u64, u64, u64, u64);
    let models: [(&str, Shape, u64, &[Expected]); 4] = [
        (
            "llama3.1 8B",
            llama_8b(),
            4_617_396_480,
            &[
                (4096, 512, 536_870_912, 285_212_672, 134_217_728, 5_288_485_120, 637),
                (32768, 1024, 4_294_967_296, 2_281_701_376, 327_155_712, 9_239_519_488, 1005),
                (131_072, 2048, 17_179_869_184, 9_126_805_504, 1_056_964_608, 22_854_230_272, 2273),
            ],
        ),
        (
            "qwen2.5 7B",
            qwen_7b(),
            4_370_558_976,
            &[
                (4096, 512, 234_881_024, 124_780_544, 157_286_400, 4_762_726_400, 588),
                (32768, 1024, 1_879_048_192, 998_244_352, 373_293_056, 6_622_900_224, 761),
                (131_072, 1024, 1_879_048_192, 998_244_352, 373_293_056, 6_622_900_224, 761),
            ],
        ),
        (
            "gemma3 12B",
            gemma_12b(),
            7_294_226_304,
            &[
                (4096, 512, 771_751_936, 409_993_216, 139_460_608, 8_205_438_848, 909),
                (32768, 1024, 2_818_572_288, 1_497_366_528, 338_690_048, 10_451_488_640, 1118),
                (131_072, 2048, 9_596_567_552, 5_098_176_512, 1_084_227_584, 17_975_021_440, 1819),
            ],
        ),
        (
            "gpt-oss 20B",
            gpt_oss_20b(),
            12_621_363_456,
            &[
                (4096, 512, 119_537_664, 63_504_384, 105_250_816, 12_846_151_936, 1341),
                (32768, 1024, 836_763_648, 444_530_688, 270_270_464, 13_728_397_568, 1423),
                (131_072, 2048, 3_277_848_576, 1_741_357_056, 947_388_416, 16_846_600_448, 1714),
            ],
        ),
    ];
    for (name, shape, weights, rows) in models {
        for &(num_ctx, batch, kv, kv_8, compute, size_vram, hundredths) in rows {
            let ours = need(&shape, &setup(num_ctx));
            assert_eq!(ours.weights_gpu, weights, "{name}");
            assert_eq!(ours.batch, batch, "{name} {num_ctx}");
            assert_eq!(ours.kv, kv, "{name} {num_ctx}");
            let eight = Setup { cache: CacheType::Q8_0, ..setup(num_ctx) };
            assert_eq!(need(&shape, &eight).kv, kv_8, "{name} {num_ctx}");
            assert!(near(ours.compute, compute, 0.01), "{name} {num_ctx}: {}", ours.compute);
            assert!(near(ours.size_vram, size_vram, 0.01), "{name} {num_ctx}: {}", ours.size_vram);
            let free = ours.need_free * 100 / GIB;
            assert!(near(free, hundredths, 0.01), "{name} {num_ctx}: {free}");
        }
    }
}

#[test]
fn more_points_come_out() {
    let odd = need(&llama_8b(), &setup(5000));
    assert_eq!((odd.cells, odd.kv), (5120, 671_088_640));
    let four = need(&llama_8b(), &Setup { parallel: 4, ..setup(8192) });
    assert_eq!((four.batch, four.kv, four.compute), (1024, 4_294_967_296, 276_824_064));
    let small = need(&llama_8b(), &Setup { cache: CacheType::Q4_0, ..setup(32768) });
    assert_eq!(small.kv, 1_207_959_552);
    let plain = need(&llama_8b(), &Setup { flash_attention: false, ..setup(4096) });
    assert_eq!((plain.batch, plain.compute), (512, 331_350_016));
    assert_eq!(need(&llama_8b(), &setup(1)).cells, 256);
    let none = Setup { parallel: 0, ..setup(4096) };
    assert_eq!(need(&llama_8b(), &none).kv, need(&llama_8b(), &setup(4096)).kv);
}

/// From ollama/ollama #16416 and #16480: gpt-oss:120b with two conversations of 131072 tokens.
#[test]
fn a_published_load_comes_out_in_each_column() {
    let shape = Shape { layers: 36, weights: 65_355_994_368, ..gpt_oss_20b() };
    let asked = Setup {
        num_ctx: 131_072,
        parallel: 2,
        batch: Some(1024),
        logits: Logits::OfBatch,
        ..Setup::default()
    };
    let Need { weights_gpu, kv, compute, token_embedding, .. } = need(&shape, &asked);
    assert_eq!(weights_gpu / MIB, 61_223);
    assert_eq!(kv, 9306 * MIB);
    assert_eq!(compute / MIB, 796);
    assert_eq!(token_embedding / MIB, 1104);
}

#[test]
fn ollamas_own_rules_come_out() {
    assert_eq!(default_context(47 * GIB), 262_144);
    assert_eq!(default_context(47 * GIB - 1), 32768);
    assert_eq!(default_context(23 * GIB), 32768);
    assert_eq!(default_context(23 * GIB - 1), 4096);
    // Its first guess for gemma3 12B at 128k: 51.8 GiB, where 16.7 are taken.
    let shape = Shape { file: 8_100_000_000, ..gemma_12b() };
    let guess = predicted(&shape, &setup(131_072));
    assert!(near(guess, 52 * GIB, 0.02), "{guess}");
}

#[test]
fn layers_that_do_not_fit_lie_in_main_memory() {
    let shape = llama_8b();
    let whole = need(&shape, &setup(4096));
    let none = partly(&shape, &setup(4096), &[GIB]);
    assert_eq!((none.layers, none.percent), (0, 0));
    let half = partly(&shape, &setup(4096), &[4 * GIB]);
    assert!((10..20).contains(&half.layers), "{half:?}");
    assert!(half.on_gpu < 4 * GIB && half.in_memory > 2 * GIB, "{half:?}");
    let two = partly(&shape, &setup(4096), &[4 * GIB, 4 * GIB]);
    assert!(two.layers > half.layers, "each card takes some: {two:?}");
    let all = partly(&shape, &setup(4096), &[whole.need_free * 2]);
    assert_eq!(all.layers, 32);
}

fn show(change: impl FnOnce(&mut Value)) -> Result<Shape, Unknown> {
    let mut answer = json!({
        "model_info": {
            "general.architecture": "llama",
            "llama.block_count": 2,
            "llama.context_length": 8192,
            "llama.embedding_length": 512,
            "llama.feed_forward_length": 1024,
            "llama.attention.head_count": 8,
            "llama.attention.head_count_kv": 2,
        },
        "tensors": [
            { "name": "token_embd.weight", "type": "Q4_K", "shape": [512, 1000] },
            { "name": "output.weight", "type": "Q6_K", "shape": [512, 1000] },
            { "name": "blk.0.attn_q.weight", "type": "F16", "shape": [512, 512] },
            { "name": "v.blk.0.attn_q.weight", "type": "F32", "shape": [16, 16] },
        ],
    });
    change(&mut answer);
    Shape::from_show(&answer)
}

#[test]
fn a_shape_is_read_from_what_ollama_shows() {
    let shape = show(|_| ()).expect("a whole answer");
    assert_eq!(shape.key_length, 64, "from the length of all heads");
    assert_eq!(shape.vocabulary, 1000);
    assert_eq!(shape.token_embedding, 288_000);
    assert_eq!(shape.output, Some(420_000));
    assert_eq!(shape.weights, 288_000 + 420_000 + 524_288);
    assert_eq!(shape.projector, 1024);
    let told = show(|answer| answer["model_info"]["llama.attention.key_length"] = json!(96));
    assert_eq!(told.expect("told").key_length, 96);
}

#[test]
fn what_an_answer_lacks_is_named() {
    let kv = "llama.attention.head_count_kv";
    let needs = Err(Unknown::NeedsVerbose(kv.to_owned()));
    assert_eq!(show(|answer| answer["model_info"][kv] = Value::Null), needs);
    assert_eq!(show(|answer| answer["model_info"][kv] = json!([])), needs);
    let heads = "llama.attention.head_count";
    let lists = Err(Unknown::NeedsVerbose(heads.to_owned()));
    assert_eq!(show(|answer| answer["model_info"][heads] = Value::Null), lists);
    let drop = |answer: &mut Value| {
        answer["model_info"].as_object_mut().expect("an object").remove(kv);
    };
    assert_eq!(show(drop), needs);
    let verbose = show(|answer| {
        drop(answer);
        answer["model_info"]["tokenizer.ggml.tokens"] = json!(["a"]);
    });
    assert_eq!(verbose.expect("all was told").kv_heads, PerLayer::All(8));
    let odd = show(|answer| answer["tensors"][0]["type"] = json!("Q9_Z"));
    let unknown =
        Unknown::TensorType { tensor: "token_embd.weight".to_owned(), kind: "Q9_Z".to_owned() };
    assert_eq!(odd, Err(unknown));
    let missing = show(|answer| answer["model_info"]["llama.block_count"] = json!("many"));
    assert_eq!(missing, Err(Unknown::Missing("llama.block_count".to_owned())));
    assert!(Shape::from_show(&json!({})).is_err());
    let bare = show(|answer| answer["tensors"] = json!([]));
    assert_eq!(bare, Err(Unknown::Missing("tensors".to_owned())));
}

#[test]
fn heads_may_differ_by_layer_and_a_layer_without_is_recurrent() {
    let shape = show(|answer| {
        answer["model_info"]["llama.attention.head_count_kv"] = json!([2, 0]);
        answer["model_info"]["llama.ssm.conv_kernel"] = json!(4);
        answer["model_info"]["llama.ssm.inner_size"] = json!(1024);
        answer["model_info"]["llama.ssm.state_size"] = json!(128);
        answer["model_info"]["llama.ssm.group_count"] = json!(1);
    });
    let shape = shape.expect("a list is read");
    let state = Recurrent { convolution: 4, inner: 1024, state: 128, groups: 1 };
    assert_eq!(shape.recurrent, Some(state));
    assert_eq!(state.bytes(), 4 * (3 * (1024 + 2 * 128) + 128 * 1024));
    let kv = need(&shape, &setup(4096)).kv;
    assert_eq!(kv, 4096 * 2 * (64 + 64) * 2 + state.bytes());
}

#[test]
fn a_window_of_an_unknown_kind_counts_as_none() {
    let key = "llama.attention.sliding_window";
    let plain = show(|answer| answer["model_info"][key] = json!(512)).expect("read");
    assert_eq!(plain.window, None);
    let told = show(|answer| {
        answer["model_info"][key] = json!(512);
        answer["model_info"]["llama.attention.sliding_window_pattern"] = json!([true, false]);
    });
    let layers = Windowed::Each(vec![true, false]);
    assert_eq!(told.expect("read").window, Some(Window { tokens: 512, layers }));
}

prop_compose! {
    /// Any shape, sound or not.
    fn any_shape()(
        layers in 0u32..200,
        numbers in prop::array::uniform8(prop_oneof![0u64..70_000, any::<u64>()]),
        windowed in prop::option::of((any::<u64>(), 0u32..8)),
        tied in any::<bool>(),
        encoder in any::<bool>(),
    ) -> Shape {
        let [embedding, feed_forward, heads, kv_heads, key, trained_context, weights, part] = numbers;
        Shape {
            architecture: if encoder { "bert" } else { "llama" }.to_owned(),
            layers,
            embedding,
            feed_forward,
            experts_used: part % 9,
            heads: PerLayer::All(heads),
            kv_heads: PerLayer::All(kv_heads),
            key_length: key,
            value_length: key,
            window: windowed.map(|(tokens, every)| Window {
                tokens,
                layers: Windowed::AllButEvery(every),
            }),
            trained_context,
            vocabulary: part,
            weights,
            token_embedding: part,
            output: (!tied).then_some(part),
            ..Shape::default()
        }
    }
}

fn any_setup() -> impl Strategy<Value = Setup> {
    let cache = prop_oneof![Just(CacheType::F16), Just(CacheType::Q8_0), Just(CacheType::Q4_0)];
    let num_ctx = prop_oneof![0u64..300_000, Just(1 << 40), any::<u64>()];
    (num_ctx, prop_oneof![0u64..9, any::<u64>()], cache, any::<bool>()).prop_map(
        |(num_ctx, parallel, cache, flash_attention)| Setup {
            num_ctx,
            parallel,
            cache,
            flash_attention,
            ..Setup::default()
        },
    )
}

proptest! {
    #[test]
    fn no_number_breaks_the_formulas(
        shape in any_shape(),
        setup in any_setup(),
        free in prop::collection::vec(any::<u64>(), 0..4),
    ) {
        let ours = need(&shape, &setup);
        prop_assert!(ours.need_free >= ours.size_vram);
        let parts = partly(&shape, &setup, &free);
        prop_assert!(parts.layers <= u64::from(shape.layers));
        prop_assert!(parts.percent < 100);
        prop_assert!(predicted(&shape, &setup) >= shape.weights);
    }

    #[test]
    fn more_tokens_conversations_or_layers_never_need_less(
        shape in any_shape(),
        setup in any_setup(),
        more in 0u64..100_000,
    ) {
        let before = need(&shape, &setup);
        let longer = Setup { num_ctx: setup.num_ctx.saturating_add(more), ..setup.clone() };
        let parallel = Setup { parallel: setup.parallel.saturating_add(more), ..setup.clone() };
        let deeper = Shape { layers: shape.layers + 1, ..shape.clone() };
        for after in [need(&shape, &longer), need(&shape, &parallel), need(&deeper, &setup)] {
            prop_assert!(after.kv >= before.kv);
            prop_assert!(after.size_vram >= before.size_vram);
        }
    }

    #[test]
    fn quantized_caches_keep_their_ratio(
        layers in 1u32..100,
        heads in 1u64..64,
        blocks in 1u64..8,
        num_ctx in 4u64..200_000,
    ) {
        let length = blocks * 32;
        let shape = Shape {
            layers,
            heads: PerLayer::All(heads),
            kv_heads: PerLayer::All(heads),
            key_length: length,
            value_length: length,
            ..llama_8b()
        };
        let kv = |cache| need(&shape, &Setup { cache, ..setup(num_ctx) }).kv;
        prop_assert_eq!(kv(CacheType::Q8_0) * 32, kv(CacheType::F16) * 17);
        prop_assert_eq!(kv(CacheType::Q4_0) * 32, kv(CacheType::F16) * 9);
    }

    #[test]
    fn contexts_stay_within_what_was_trained_and_windows_within_their_bounds(
        trained in 256u64..200_000,
        num_ctx in any::<u64>(),
        tokens in 1u64..10_000,
    ) {
        let window = Some(Window { tokens, layers: Windowed::AllButEvery(6) });
        let shape = Shape { trained_context: trained, window, ..gemma_12b() };
        let ours = need(&shape, &setup(num_ctx));
        prop_assert!(ours.cells <= trained.next_multiple_of(256));
        prop_assert!(ours.window_cells <= tokens + ours.batch + 255);
        prop_assert!(ours.window_cells <= ours.cells);
    }
}
