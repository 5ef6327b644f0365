//! Models of its own for the real server: a few tens of kilobytes of GGUF, made here so that
//! nothing of them has to be kept.
//!
//! Each is a transformer of one block whose attention and feed-forward do nothing: one token
//! decides the next. After anything that is not one of its words comes its first word, after each
//! word the next, and the last one ends the reply. So it says its words to whoever asks.

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It says the alphabet.
    Talks,
    /// It gives embeddings.
    Embeds,
    /// It thinks, then calls a tool.
    Calls,
}

/// The width of an embedding: a place for each word and one for anything else.
const WIDTH: usize = 32;
/// Unknown, begin, end, 256 bytes, the space; the words come after.
const FIRST_WORD: usize = 3 + 256 + 1;
const END: usize = 2;

/// The kinds of values.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// A template that names the messages by role.
const PLAIN: &str = "{% for message in messages %}{{ message['role'] }}: \
    {{ message['content'] }}\n{% endfor %}assistant:";

/// A template of a model that thinks and calls tools.
const CALLING: &str = r#"{%- if tools %}{{- '<|im_start|>system\n# Tools\n<tools>' }}{%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}{{- '\n</tools>\n<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n' }}{%- endif %}{%- for message in messages %}{%- if message.role == 'assistant' %}{{- '<|im_start|>assistant\n' }}{%- if message.reasoning_content %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- endif %}{{- message.content }}{%- if message.tool_calls %}{%- for tool_call in message.tool_calls %}{%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}{{- '\n<tool_call>\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}{{- tool_call.arguments | tojson }}{{- '}\n</tool_call>' }}{%- endfor %}{%- endif %}{{- '<|im_end|>\n' }}{%- elif message.role == 'tool' %}{{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' }}{%- else %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"#;

impl Kind {
    fn words(self) -> Vec<String> {
        match self {
            Kind::Talks | Kind::Embeds => ('a'..='z').map(String::from).collect(),
            Kind::Calls => [
                "<think>",
                "\nlet me ",
                "look\n",
                "</think>",
                "\n\n",
                "<tool_call>",
                "\n{\"name\": ",
                "\"f\", ",
                "\"arguments\": ",
                "{\"city\": \"Bern\"}",
                "}\n",
                "</tool_call>",
            ]
            .map(str::to_owned)
            .into(),
        }
    }
}

/// The file, whole.
pub(crate) fn tiny_model(kind: Kind) -> Vec<u8> {
    let words = kind.words();
    let pairs = pairs(kind, &words);
    let tensors = tensors(words.len());
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

fn pairs(kind: Kind, words: &[String]) -> Vec<(String, Vec<u8>)> {
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
    let vocabulary = FIRST_WORD + words.len();
    let mut tokens = Vec::new();
    let mut kinds = Vec::new();
    for token in 0..vocabulary {
        let (name, kind): (String, i32) = match token {
            0 => ("<unk>".to_owned(), 2),
            1 => ("<s>".to_owned(), 3),
            END => ("</s>".to_owned(), 3),
            byte if byte < 3 + 256 => (format!("<0x{:02X}>", byte - 3), 6),
            space if space < FIRST_WORD => ("\u{2581}".to_owned(), 1),
            word => (words[word - FIRST_WORD].replace(' ', "\u{2581}"), 1),
        };
        text(&mut tokens, &name);
        kinds.extend(kind.to_le_bytes());
    }
    let scores: Vec<u8> = (0..vocabulary).flat_map(|_| 0_f32.to_le_bytes()).collect();
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
        ("tokenizer.ggml.tokens", array(STRING, vocabulary, tokens)),
        ("tokenizer.ggml.scores", array(F32, vocabulary, scores)),
        ("tokenizer.ggml.token_type", array(I32, vocabulary, kinds)),
        ("tokenizer.ggml.unknown_token_id", number(0)),
        ("tokenizer.ggml.bos_token_id", number(1)),
        ("tokenizer.ggml.eos_token_id", number(END as u32)),
        ("tokenizer.chat_template", string(if kind == Kind::Calls { CALLING } else { PLAIN })),
    ];
    if kind == Kind::Embeds {
        pairs.push(("llama.pooling_type", number(1)));
    }
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn tensors(words: usize) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let vocabulary = FIRST_WORD + words;
    let mut embedding = vec![0.0; vocabulary * WIDTH];
    let mut output = vec![0.0; vocabulary * WIDTH];
    for token in 0..vocabulary {
        let place = if token < FIRST_WORD { 0 } else { token - FIRST_WORD + 1 };
        embedding[token * WIDTH + place] = 1.0;
    }
    for place in 0..=words {
        let next = if place == words { END } else { FIRST_WORD + place };
        output[next * WIDTH + place] = 10.0;
    }
    let square = || vec![0.0; WIDTH * WIDTH];
    let ones = || vec![1.0; WIDTH];
    let mut all = vec![
        ("token_embd.weight".to_owned(), vec![WIDTH, vocabulary], embedding),
        ("output_norm.weight".to_owned(), vec![WIDTH], ones()),
        ("output.weight".to_owned(), vec![WIDTH, vocabulary], output),
    ];
    for norm in ["attn_norm", "ffn_norm"] {
        all.push((format!("blk.0.{norm}.weight"), vec![WIDTH], ones()));
    }
    for layer in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"] {
        all.push((format!("blk.0.{layer}.weight"), vec![WIDTH, WIDTH], square()));
    }
    all
}
