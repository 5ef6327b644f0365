//! What a model says, as a row of steps that the dialects write down.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::script::{Call, Engine, FaultKind, Script, Turn};

/// What is asked of a model, whatever the dialect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    /// Whether there are messages, or a prompt.
    pub(crate) anything: bool,
    /// Rounds of tool calls since the last message of the user.
    pub(crate) rounds: usize,
    /// Characters of the prompt.
    pub(crate) length: usize,
    pub(crate) tools: bool,
    pub(crate) think: Option<bool>,
    /// A model that does not think is asked to, and that is overlooked.
    pub(crate) relax_thinking: bool,
    pub(crate) stream: bool,
    pub(crate) chat: bool,
    /// `/api/generate` gives the tokens back, unless it was raw.
    pub(crate) raw: bool,
    pub(crate) options: Map<String, Value>,
    pub(crate) keep_alive: Option<Value>,
    pub(crate) suffix: bool,
}

impl Ask {
    /// Reads messages: how long they are and how many rounds of calls they hold.
    pub(crate) fn read_messages(&mut self, messages: &[Value]) {
        self.anything = !messages.is_empty();
        self.length = messages.iter().map(|message| message.to_string().len()).sum();
        let role = |message: &Value| message["role"].as_str().unwrap_or_default().to_owned();
        let last = messages
            .iter()
            .rposition(|message| role(message) == "user" && !holds(message, "tool_result"));
        let since = &messages[last.map_or(0, |last| last + 1)..];
        self.rounds = since
            .iter()
            .filter(|message| {
                role(message) == "assistant"
                    && (message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty())
                        || holds(message, "tool_use"))
            })
            .count();
    }
}

/// Whether a message holds a block of a type.
fn holds(message: &Value, kind: &str) -> bool {
    let blocks = message["content"].as_array();
    blocks.is_some_and(|blocks| blocks.iter().any(|block| block["type"] == kind))
}

/// A call as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct MadeCall {
    pub(crate) id: String,
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
}

/// One line of a reply.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    pub(crate) content: String,
    pub(crate) thinking: String,
    pub(crate) calls: Vec<MadeCall>,
    pub(crate) done: Option<Done>,
}

/// What the last line tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub(crate) reason: String,
    pub(crate) total: u64,
    pub(crate) load: u64,
    pub(crate) prompt_count: u64,
    pub(crate) prompt_time: u64,
    pub(crate) count: u64,
    pub(crate) time: u64,
    pub(crate) context: Option<Vec<u64>>,
}

/// A step of a reply.
pub(crate) enum Step {
    Chunk(Chunk),
    Error(String),
    Cut,
    End,
    Hang,
    Crash(i32, String),
}

/// The steps of a reply, each with the time before it.
pub(crate) struct Steps {
    first: Duration,
    between: Duration,
    thoughts: VecDeque<String>,
    words: VecDeque<String>,
    /// Tokens that are all alike, made when they are due.
    alike: Option<(usize, String)>,
    calls: VecDeque<Vec<MadeCall>>,
    last_calls: Vec<MadeCall>,
    reason: String,
    fault: Option<(usize, FaultKind)>,
    sent: usize,
    tokens: u64,
    limit: Option<usize>,
    began: Instant,
    load: Duration,
    prompt_count: u64,
    context: bool,
    finished: bool,
}

impl Steps {
    pub(crate) fn new(
        script: &Script,
        turns: &[Turn],
        engine: Engine,
        ask: &Ask,
        thinks: bool,
        fault: Option<FaultKind>,
    ) -> Steps {
        let turn = turns.get(ask.rounds).or(turns.last()).cloned().unwrap_or_default();
        let mut index = 0;
        let mut calls: VecDeque<Vec<MadeCall>> = VecDeque::new();
        if ask.chat && (ask.tools || turn.always) {
            for line in &turn.tool_calls {
                let made = line.iter().map(|call| {
                    index += 1;
                    made(call, index - 1, engine)
                });
                calls.push_back(made.collect());
            }
        }
        let last_calls = match engine {
            Engine::Native => calls.drain(..).flatten().collect(),
            Engine::Rendered => Vec::new(),
        };
        let calling = !calls.is_empty() || !last_calls.is_empty();
        let text = match &*turn.content {
            "" if !calling => "These are the words of a model that says what it was told to say.",
            text => text,
        };
        let words = |text: &str| text.split_inclusive(' ').map(str::to_owned).collect();
        let alike = script.reply.lines.filter(|_| !calling);
        let limit = ask.options.get("num_predict").and_then(Value::as_i64);
        let fault = fault.and_then(|fault| match fault {
            FaultKind::ErrorAfter { lines, .. }
            | FaultKind::CutAfter { lines }
            | FaultKind::EndAfter { lines }
            | FaultKind::HangAfter { lines }
            | FaultKind::CrashAfter { lines, .. } => Some((lines, fault)),
            _ => None,
        });
        Steps {
            first: Duration::from_millis(script.delays.first_token_ms),
            between: Duration::from_millis(script.delays.token_ms),
            thoughts: if thinks { words(&turn.thinking) } else { VecDeque::new() },
            words: if alike.is_some() { VecDeque::new() } else { words(text) },
            alike: alike.map(|lines| (lines, script.reply.token.clone())),
            calls,
            last_calls,
            reason: script.reply.done_reason.clone(),
            fault,
            sent: 0,
            tokens: 0,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0),
            began: Instant::now(),
            load: Duration::ZERO,
            prompt_count: (ask.length as u64).div_ceil(4).max(1),
            context: !ask.chat && !ask.raw,
            finished: false,
        }
    }

    /// When the request came, and how long the model took to load.
    pub(crate) fn loaded(mut self, began: Instant, load: Duration) -> Steps {
        self.began = began;
        self.load = load;
        self
    }

    fn step(&mut self) -> Step {
        if let Some((lines, fault)) = &self.fault
            && self.sent >= *lines
        {
            self.finished = true;
            return match fault {
                FaultKind::ErrorAfter { message, .. } => Step::Error(message.clone()),
                FaultKind::CutAfter { .. } => Step::Cut,
                FaultKind::HangAfter { .. } => Step::Hang,
                FaultKind::CrashAfter { code, stderr, .. } => Step::Crash(*code, stderr.clone()),
                _ => Step::End,
            };
        }
        self.sent += 1;
        let over = self.limit.is_some_and(|limit| self.tokens >= limit as u64);
        if !over {
            if let Some(thinking) = self.thoughts.pop_front() {
                self.tokens += 1;
                return Step::Chunk(Chunk { thinking, ..Chunk::default() });
            }
            if let Some((left, token)) = &mut self.alike
                && *left > 0
            {
                *left -= 1;
                self.tokens += 1;
                return Step::Chunk(Chunk { content: token.clone(), ..Chunk::default() });
            }
            if let Some(content) = self.words.pop_front() {
                self.tokens += 1;
                return Step::Chunk(Chunk { content, ..Chunk::default() });
            }
        }
        if let Some(calls) = self.calls.pop_front() {
            self.tokens += 1;
            return Step::Chunk(Chunk { calls, ..Chunk::default() });
        }
        self.finished = true;
        let unsaid =
            !self.words.is_empty() || self.alike.as_ref().is_some_and(|(left, _)| *left > 0);
        Step::Chunk(Chunk {
            calls: std::mem::take(&mut self.last_calls),
            done: Some(self.done(if unsaid { "length" } else { &self.reason })),
            ..Chunk::default()
        })
    }

    fn done(&self, reason: &str) -> Done {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let total = self.began.elapsed();
        let prompt = self.first.max(Duration::from_micros(120));
        let context = (1..=self.prompt_count + self.tokens).map(|token| 255 + token);
        Done {
            reason: reason.to_owned(),
            total: nanos(total),
            load: nanos(self.load.max(Duration::from_micros(50))),
            prompt_count: self.prompt_count,
            prompt_time: nanos(prompt),
            count: self.tokens + u64::from(reason != "length"),
            time: nanos(total.saturating_sub(self.load + self.first)),
            context: self.context.then(|| context.collect()),
        }
    }
}

impl Iterator for Steps {
    type Item = (Duration, Step);

    fn next(&mut self) -> Option<(Duration, Step)> {
        if self.finished {
            return None;
        }
        let wait = if self.sent == 0 { self.first } else { self.between };
        Some((wait, self.step()))
    }
}

fn made(call: &Call, index: usize, engine: Engine) -> MadeCall {
    let id = call.id.clone().unwrap_or_else(|| match engine {
        Engine::Rendered => format!("call_{}", random_of(8, LOWER)),
        Engine::Native => random_of(32, MIXED),
    });
    MadeCall { id, index, name: call.name.clone(), arguments: call.arguments.clone() }
}

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Letters and digits that do not repeat.
fn random_of(length: usize, letters: &[u8]) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut number = random_number();
        for _ in 0..8 {
            let at = number % letters.len() as u64;
            text.push(char::from(letters[at as usize]));
            number /= letters.len() as u64;
        }
    }
    text.truncate(length);
    text
}

/// A number that does not repeat.
pub(crate) fn random_number() -> u64 {
    RandomState::new().hash_one(Instant::now())
}
