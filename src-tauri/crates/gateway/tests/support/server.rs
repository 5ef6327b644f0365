//! A server that follows a script, on a pipe in memory.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Tools named for what they do, prompts, resources, templates, completions, logging.
    Everything,
    /// One tool, `echo`.
    Echo,
}

/// A running server: what it heard, and a way to make it speak or end.
pub struct Scripted {
    heard: Arc<Mutex<Vec<Value>>>,
    say: mpsc::UnboundedSender<String>,
    end: CancellationToken,
}

impl Scripted {
    /// The messages with this method, in the order they came.
    pub fn heard(&self, method: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|message| message["method"] == method).cloned().collect()
    }

    /// Everything it heard, as text.
    pub fn everything(&self) -> String {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|message| message.to_string() + "\n").collect()
    }

    pub fn say(&self, message: &Value) {
        self.say.send(message.to_string()).unwrap();
    }

    /// The server ends, as a child that crashes.
    pub fn crash(&self) {
        self.end.cancel();
    }
}

pub fn start(
    name: &str,
    script: Script,
    tasks: &TaskTracker,
) -> (Scripted, DuplexStream, DuplexStream) {
    let (stdin, input) = tokio::io::duplex(1 << 20);
    let (mut output, stdout) = tokio::io::duplex(1 << 20);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (say, mut saying) = mpsc::unbounded_channel::<String>();
    let end = CancellationToken::new();
    let scripted = Scripted { heard: Arc::clone(&heard), say: say.clone(), end: end.clone() };
    let mut server = Server { name: name.to_owned(), script, say, waiting: None };
    tasks.spawn(async move {
        let mut lines = BufReader::new(input).lines();
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                line = lines.next_line() => match line {
                    Ok(Some(line)) => {
                        let message: Value = serde_json::from_str(&line).unwrap();
                        heard.lock().unwrap().push(message.clone());
                        server.take(&message);
                    }
                    _ => return,
                },
                Some(text) = saying.recv() => {
                    if output.write_all((text + "\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
            }
        }
    });
    (scripted, stdin, stdout)
}

struct Server {
    name: String,
    script: Script,
    say: mpsc::UnboundedSender<String>,
    /// The id of a call that waits for the answer to a question.
    waiting: Option<Value>,
}

/// A result in which nothing may change: order of keys, forms of numbers, unknown fields, `_meta`,
/// escapes and spaces.
pub const ODD_RESULT: &str = r#"{"z":1.0, "content":[{"type":"text","text":"caf\u00e9"},{"type":"image","data":"AA==","mimeType":"image/png"}],"structuredContent":{"n":1e3,"big":123456789012345678901},"_meta":{"x/y":[ ]},"isError":false}"#;

/// Something that looks like a GitHub token, made where it is needed, so that none stands here.
pub fn token() -> String {
    ["ghp_", &"9fK2mQ7xLw4Z".repeat(3)].concat()
}

impl Server {
    fn raw(&self, text: String) {
        let _ = self.say.send(text);
    }

    fn result(&self, id: &Value, result: &Value) {
        self.raw(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string());
    }

    fn text(&self, id: &Value, text: &str) {
        self.result(id, &json!({"content": [{"type": "text", "text": text}]}));
    }

    fn take(&mut self, message: &Value) {
        let id = &message["id"];
        let params = &message["params"];
        let everything = self.script == Script::Everything;
        match message["method"].as_str() {
            None => self.answered(message),
            Some("initialize") => {
                let capabilities = if everything {
                    json!({
                        "tools": {"listChanged": true}, "prompts": {}, "completions": {},
                        "resources": {"subscribe": true}, "logging": {},
                        "experimental": {"x": {}},
                    })
                } else {
                    json!({"tools": {}})
                };
                self.result(
                    id,
                    &json!({
                        "protocolVersion": params["protocolVersion"],
                        "capabilities": capabilities,
                        "serverInfo": {"name": self.name, "version": "7", "vendor": 1},
                        "instructions": format!("use {} well", self.name),
                    }),
                );
            }
            Some("tools/list") => {
                let mut tools = vec!["echo"];
                if everything {
                    tools.extend([
                        "odd", "fail", "break", "progress", "ask", "sample", "wait", "slow", "log",
                        "link", "fs.read",
                    ]);
                }
                let tools: Vec<Value> = tools
                    .iter()
                    .map(|name| json!({"name": name, "inputSchema": {"type": "object"}, "x": 1}))
                    .collect();
                self.result(id, &json!({"tools": tools}));
            }
            Some("prompts/list") => {
                self.result(id, &json!({"prompts": [{"name": "greet"}]}));
            }
            Some("resources/list") => {
                self.result(id, &json!({"resources": [{"uri": "file:///a", "name": "a"}]}));
            }
            Some("resources/templates/list") => {
                let template = json!({"uriTemplate": "file:///{path}", "name": "t"});
                self.result(id, &json!({"resourceTemplates": [template]}));
            }
            Some("tools/call") => self.call(id, params),
            Some("prompts/get") => {
                self.result(
                    id,
                    &json!({
                        "messages": [{"role": "user", "content": {
                            "type": "text",
                            "text": format!("{} greets {}", self.name, params["arguments"]["who"]),
                        }}],
                    }),
                );
            }
            Some("resources/read") => {
                let uri = &params["uri"];
                let text = match uri.as_str() {
                    Some("file:///token") => format!("use {}", token()),
                    // As long as what it was asked for, several times over.
                    Some(long) if long.starts_with("file:///token?") => {
                        format!("use {} {}", token(), "ordinary words ".repeat(long.len() / 8))
                    }
                    _ => "content".to_owned(),
                };
                self.result(id, &json!({"contents": [{"uri": uri, "text": text}]}));
            }
            Some("completion/complete") => {
                let values = json!({"values": [params["ref"]]});
                self.result(id, &json!({"completion": values}));
            }
            Some("resources/subscribe" | "resources/unsubscribe" | "logging/setLevel") => {
                self.result(id, &json!({}));
            }
            Some("vendor/thing") => self.result(id, &json!({"vendor": params})),
            Some(_) if id.is_null() => {}
            Some(method) => self.raw(
                json!({"jsonrpc": "2.0", "id": id,
                       "error": {"code": -32601, "message": format!("no {method}")}})
                .to_string(),
            ),
        }
    }

    fn call(&mut self, id: &Value, params: &Value) {
        let arguments = &params["arguments"];
        match params["name"].as_str().unwrap() {
            "echo" => self.text(id, &format!("{}: {arguments}", self.name)),
            "fs.read" => self.text(id, "fs.read"),
            "odd" => {
                self.raw(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{ODD_RESULT}}}"#));
            }
            "fail" => self.result(id, &json!({"content": [], "isError": true})),
            "break" => self.raw(
                json!({"jsonrpc": "2.0", "id": id,
                       "error": {"code": -32602, "message": "bad arguments", "data": [1]}})
                .to_string(),
            ),
            "progress" => {
                let token = &params["_meta"]["progressToken"];
                for step in 1..=3 {
                    let params = json!({"progressToken": token, "progress": step});
                    self.raw(
                        json!({"jsonrpc": "2.0", "method": "notifications/progress",
                               "params": params})
                        .to_string(),
                    );
                }
                self.text(id, "done");
            }
            "ask" => {
                self.waiting = Some(id.clone());
                self.raw(
                    json!({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create",
                           "params": {"message": "Deploy?", "requestedSchema": {}}})
                    .to_string(),
                );
            }
            "sample" => {
                self.waiting = Some(id.clone());
                self.raw(
                    json!({"jsonrpc": "2.0", "id": "q2", "method": "sampling/createMessage",
                           "params": {"messages": [], "maxTokens": 1}})
                    .to_string(),
                );
            }
            "log" => {
                for (level, data) in [("debug", "fine"), ("warning", "coarse")] {
                    self.raw(
                        json!({"jsonrpc": "2.0", "method": "notifications/message",
                               "params": {"level": level, "data": data}})
                        .to_string(),
                    );
                }
                self.text(id, "logged");
            }
            "link" => self.result(
                id,
                &json!({"content": [
                    {"type": "resource_link", "uri": "file:///a", "name": "a"},
                    {"type": "resource", "resource": {"uri": "file:///b", "text": "b"}},
                ]}),
            ),
            "slow" => {
                let text = json!({"jsonrpc": "2.0", "id": id, "result":
                    {"content": [{"type": "text", "text": "slow"}]}});
                let say = self.say.clone();
                let wait = std::time::Duration::from_millis(300);
                let later = async move {
                    tokio::time::sleep(wait).await;
                    let _ = say.send(text.to_string());
                };
                TaskTracker::new().spawn(later);
            }
            // `wait` never answers.
            _ => {}
        }
    }

    /// The answer to a question becomes the result of the call that asked it.
    fn answered(&mut self, message: &Value) {
        if let Some(id) = self.waiting.take() {
            let answer = if message["result"].is_null() { "error" } else { "result" };
            self.text(&id, &format!("{answer} {}", message[answer]));
        }
    }
}
