//! A model of its own for the real server: a few tens of kilobytes of GGUF, made here so that
//! nothing of it has to be kept.
//!
//! It is a transformer of one block whose attention and feed-forward do nothing. A letter is
//! followed by the next of the alphabet, anything else by `a`, and `z` ends the reply. So it says
//! `abcdefghijklmnopqrstuvwxyz` to whoever asks.

/// The width of an embedding.
const WIDTH: usize = 32;
/// Unknown, begin, end, 256 bytes, the space, 26 letters.
const VOCABULARY: usize = 3 + 256 + 1 + 26;
const LETTER_A: usize = 3 + 256 + 1;
const END: usize = 2;

/// The kinds of values.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// A template that names the messages by role.
const TEMPLATE: &str = "{% for message in messages %}{{ message['role'] }}: \
    {{ message['content'] }}\n{% endfor %}assistant:";

/// The file, whole: a model that talks, or one for embeddings.
pub(crate) fn tiny_model(embeds: bool) -> Vec<u8> {
    let pairs = pairs(embeds);
    let tensors = tensors();
    let mut file = Vec::new();
    file.extend(b"GGUF");
    file.extend(3_u32.to_le_bytes());
    file.extend((tensors.len() as u64).to_le_bytes());
    file.extend((pairs.len() as u64).to_le_bytes());
    for (key, value) in &pairs {
        text(&mut file, key);
        file.extend(value);
    }
    let mut offset = 0_u64;
    for (name, shape, values) in &tensors {
        text(&mut file, name);
        file.extend((shape.len() as u32).to_le_bytes());
        for extent in shape {
            file.extend((*extent as u64).to_le_bytes());
        }
        file.extend(0_u32.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset += padded(values.len() * 4) as u64;
    }
    file.resize(padded(file.len()), 0);
    for (_, _, values) in &tensors {
        for value in values {
            file.extend(value.to_le_bytes());
        }
        file.resize(padded(file.len()), 0);
    }
    file
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(32)
}

fn text(file: &mut Vec<u8>, text: &str) {
    file.extend((text.len() as u64).to_le_bytes());
    file.extend(text.as_bytes());
}

fn pairs(embeds: bool) -> Vec<(String, Vec<u8>)> {
    let string = |value: &str| {
        let mut bytes = STRING.to_le_bytes().to_vec();
        text(&mut bytes, value);
        bytes
    };
    let number = |value: u32| [U32.to_le_bytes(), value.to_le_bytes()].concat();
    let float = |value: f32| [F32.to_le_bytes(), value.to_le_bytes()].concat();
    let array = |kind: u32, count: usize, items: Vec<u8>| {
        let mut bytes = ARRAY.to_le_bytes().to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend((count as u64).to_le_bytes());
        bytes.extend(items);
        bytes
    };
    let mut tokens = Vec::new();
    let mut kinds = Vec::new();
    for token in 0..VOCABULARY {
        let (name, kind): (String, i32) = match token {
            0 => ("<unk>".to_owned(), 2),
            1 => ("<s>".to_owned(), 3),
            END => ("</s>".to_owned(), 3),
            byte if byte < 3 + 256 => (format!("<0x{:02X}>", byte - 3), 6),
            space if space < LETTER_A => ("\u{2581}".to_owned(), 1),
            letter => (char::from(b'a' + (letter - LETTER_A) as u8).to_string(), 1),
        };
        text(&mut tokens, &name);
        kinds.extend(kind.to_le_bytes());
    }
    let scores: Vec<u8> = (0..VOCABULARY).flat_map(|_| 0_f32.to_le_bytes()).collect();
    let mut pairs = vec![
        ("general.architecture", string("llama")),
        ("general.name", string("tiny")),
        ("general.file_type", number(0)),
        ("general.parameter_count", number(22_000)),
        ("llama.context_length", number(512)),
        ("llama.embedding_length", number(WIDTH as u32)),
        ("llama.block_count", number(1)),
        ("llama.feed_forward_length", number(WIDTH as u32)),
        ("llama.attention.head_count", number(1)),
        ("llama.attention.head_count_kv", number(1)),
        ("llama.attention.layer_norm_rms_epsilon", float(1e-5)),
        ("llama.rope.dimension_count", number(WIDTH as u32)),
        ("tokenizer.ggml.model", string("llama")),
        ("tokenizer.ggml.tokens", array(STRING, VOCABULARY, tokens)),
        ("tokenizer.ggml.scores", array(F32, VOCABULARY, scores)),
        ("tokenizer.ggml.token_type", array(I32, VOCABULARY, kinds)),
        ("tokenizer.ggml.unknown_token_id", number(0)),
        ("tokenizer.ggml.bos_token_id", number(1)),
        ("tokenizer.ggml.eos_token_id", number(END as u32)),
        ("tokenizer.chat_template", string(TEMPLATE)),
    ];
    if embeds {
        pairs.push(("llama.pooling_type", number(1)));
    }
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn tensors() -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut embedding = vec![0.0; VOCABULARY * WIDTH];
    let mut output = vec![0.0; VOCABULARY * WIDTH];
    for token in 0..VOCABULARY {
        let place = if token < LETTER_A { 0 } else { token - LETTER_A + 1 };
        embedding[token * WIDTH + place] = 1.0;
    }
    for place in 0..=26 {
        let next = if place == 26 { END } else { LETTER_A + place };
        output[next * WIDTH + place] = 10.0;
    }
    let square = || vec![0.0; WIDTH * WIDTH];
    let ones = || vec![1.0; WIDTH];
    let mut all = vec![
        ("token_embd.weight".to_owned(), vec![WIDTH, VOCABULARY], embedding),
        ("output_norm.weight".to_owned(), vec![WIDTH], ones()),
        ("output.weight".to_owned(), vec![WIDTH, VOCABULARY], output),
    ];
    for norm in ["attn_norm", "ffn_norm"] {
        all.push((format!("blk.0.{norm}.weight"), vec![WIDTH], ones()));
    }
    for layer in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
        all.push((format!("blk.0.{layer}.weight"), vec![WIDTH, WIDTH], square()));
    }
    all
}
