//! The window with the questions: that it comes up beside what the person is doing, and every
//! answer by its key.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, files, wait::SOON};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::app::{
    App, Notifications, close_window, no_window_named, picture_of_the_desktop, window_named,
    xdotool,
};
use crate::tray::Tray;

const TITLE: &str = "A question";
/// Longer than it takes until the page stands.
const LOADING: Duration = Duration::from_millis(1_500);
/// Longer than a question takes no answer once its window has come to the front.
const INERT: Duration = Duration::from_millis(900);
/// Longer than a question waits for an answer, and than an app may be gone.
const LONGEST: Duration = Duration::from_secs(90);

/// The app with a tool about which the person is asked.
async fn app() -> App {
    let asks = json!({"preset": "allow", "tools": {"echo": "ask"}});
    let app =
        App::start(Setup::new().server_with("answers", &["answers"], asks), &["--hidden"]).await;
    app.engine.until_ready("answers").await;
    app
}

/// Calls the tool in a session, in the background.
fn call(client: &std::sync::Arc<McpClient>, text: &str) -> JoinHandle<Value> {
    let (client, arguments) = (std::sync::Arc::clone(client), json!({"text": text}));
    tokio::spawn(async move { client.call("answers__echo", arguments).await })
}

async fn session(engine: &TestEngine) -> std::sync::Arc<McpClient> {
    std::sync::Arc::new(McpClient::open(engine, "/mcp").await)
}

/// Answers the one question there is with a key, and gives what its caller is told. A person whose
/// window is not there yet presses again.
async fn answer(mut waiting: JoinHandle<Value>, key: &str) -> Value {
    for _ in 0..5 {
        press(key).await;
        if let Ok(told) = tokio::time::timeout(Duration::from_secs(4), &mut waiting).await {
            return told.unwrap();
        }
    }
    panic!("{key} was not taken as an answer");
}

/// Presses a key in the window with the questions, as a person does who has looked at it.
async fn press(key: &str) {
    tokio::time::sleep(LOADING).await;
    // The window of the question before may only just have gone.
    let window = window_named(TITLE).await;
    xdotool(&["windowactivate", "--sync", &window]);
    tokio::time::sleep(INERT).await;
    xdotool(&["key", "--clearmodifiers", key]);
}

fn said(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_question_is_told_to_the_notification_daemon_of_the_desktop() {
    let daemon = Command::new("gdbus")
        .args(["call", "--session", "--dest", "org.freedesktop.Notifications"])
        .args(["--object-path", "/org/freedesktop/Notifications"])
        .args(["--method", "org.freedesktop.Notifications.GetServerInformation"])
        .output()
        .unwrap();
    assert!(daemon.status.success(), "no daemon: {}", String::from_utf8_lossy(&daemon.stderr));
    let app = app().await;
    let mut told = Notifications::listen().await;
    let client = session(&app.engine).await;
    let waiting = call(&client, "told");
    let sentence = "tester wants to use Echo of answers. Answer in the Drawbridge window.";
    told.until(sentence).await;
    assert_eq!(said(&answer(waiting, "o").await), "told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn every_answer_counts_and_can_be_given_by_its_key() {
    let app = app().await;
    let client = session(&app.engine).await;

    let waiting = call(&client, "once");
    window_named(TITLE).await;
    tokio::time::sleep(LOADING + INERT).await;
    picture_of_the_desktop("question");
    // Enter is what a person presses who types on.
    // What it presses is the answer that has the focus: to deny.
    assert!(
        said(&answer(waiting, "Return").await).contains("the person at this computer denied it")
    );
    assert!(app.engine.calls_seen_by("answers").is_empty());

    let once = call(&client, "once");
    assert_eq!(said(&answer(once, "o").await), "once");

    let denied = call(&client, "denied");
    assert!(said(&answer(denied, "d").await).contains("the person at this computer denied it"));

    let for_session = call(&client, "for the session");
    assert_eq!(said(&answer(for_session, "s").await), "for the session");
    assert_eq!(said(&call(&client, "again").await.unwrap()), "again", "not asked any more");
    let other = session(&app.engine).await;
    let asked = call(&other, "another session");
    assert_eq!(said(&answer(asked, "w").await), "another session");
    let later = session(&app.engine).await;
    assert_eq!(said(&call(&later, "always").await.unwrap()), "always");
    assert_eq!(app.engine.calls_seen_by("answers").len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn denying_can_switch_the_tool_off_and_the_tray_brings_the_questions_up() {
    let app = app().await;
    let tray = Tray::of(app.pid()).await;
    let client = session(&app.engine).await;
    let waiting = call(&client, "unheard");
    let window = window_named(TITLE).await;
    // The person puts it away. What waits goes on waiting.
    tokio::time::sleep(LOADING).await;
    close_window(&window);
    no_window_named(TITLE).await;
    assert!(!waiting.is_finished());
    tray.click(&["Answer 1 question…"]).await;
    assert!(said(&answer(waiting, "x").await).contains("the person at this computer denied it"));
    eventually("the tool is switched off in the config", SOON, async || {
        let config = files::read(&app.engine.config_path());
        config.contains("\"echo\": \"off\"").then_some(())
    })
    .await;
    let refused = client.call("answers__echo", json!({"text": "unheard"})).await;
    assert!(said(&refused).contains("switched off"), "{refused}");
    assert!(app.engine.calls_seen_by("answers").is_empty());
}

/// A terminal that writes what is typed into a file.
struct Terminal(Child);

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_question_takes_no_keystroke_from_what_the_person_is_typing() {
    let app = app().await;
    let typed = app.engine.path().join("typed");
    let into = format!("cat > '{}'", typed.display());
    let terminal = Command::new("xterm")
        .args(["-title", "Typing here", "-e", "sh", "-c", &into])
        .stdin(Stdio::null())
        .spawn()
        .expect("xterm is installed");
    let _terminal = Terminal(terminal);
    let window = window_named("Typing here").await;
    xdotool(&["windowactivate", "--sync", &window]);

    // Every letter that would be an answer.
    let text = "who sews old sox wows dodos ".repeat(6);
    let typing = {
        let text = text.clone();
        tokio::task::spawn_blocking(move || xdotool(&["type", "--delay", "25", &text]))
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let client = session(&app.engine).await;
    let waiting = call(&client, "a question");
    window_named(TITLE).await;
    typing.await.unwrap();
    xdotool(&["key", "Return"]);
    eventually("all that was typed is there", SOON, async || {
        (files::read(&typed) == format!("{text}\n")).then_some(())
    })
    .await;
    picture_of_the_desktop("question-beside-typing");
    assert!(!waiting.is_finished(), "nothing that was typed answered");
    assert_eq!(xdotool(&["getactivewindow"]), window, "the keyboard stayed");
    assert!(said(&answer(waiting, "d").await).contains("denied it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_question_goes_with_its_app() {
    let app = app().await;
    let client = session(&app.engine).await;
    let (id, _answer) = tokio::time::timeout(
        Duration::from_secs(10),
        client.begin(
            "tools/call",
            json!({"name": "answers__echo", "arguments": {"text": "x"},
                "_meta": {"progressToken": 1}}),
        ),
    )
    .await
    .unwrap();
    window_named(TITLE).await;
    client.notify("notifications/cancelled", json!({"requestId": id})).await;
    no_window_named(TITLE).await;
    assert!(app.engine.calls_seen_by("answers").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn questions_that_come_together_are_one_list_and_equal_ones_are_answered_as_one() {
    let app = app().await;
    let tray = Tray::of(app.pid()).await;
    let client = session(&app.engine).await;
    let same = [call(&client, "the same"), call(&client, "the same")];
    tray.until_it_has("Answer 2 questions…", SOON).await;
    let other = call(&client, "another");
    tray.until_it_has("Answer 3 questions…", SOON).await;
    window_named(TITLE).await;
    tokio::time::sleep(LOADING).await;
    picture_of_the_desktop("questions-together");

    let answered = || same.iter().filter(|call| call.is_finished()).count();
    let mut presses = 0;
    while answered() == 0 {
        presses += 1;
        assert!(presses <= 5, "the key was not taken as an answer");
        press("o").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(answered(), 2, "what answered one of them answered both");
    for call in same {
        assert_eq!(said(&call.await.unwrap()), "the same");
    }
    tray.until_it_has("Answer 1 question…", SOON).await;
    assert!(!other.is_finished(), "another one waits for an answer of its own");
    assert!(said(&answer(other, "d").await).contains("denied it"));
    assert_eq!(app.engine.calls_seen_by("answers").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_question_whose_app_left_goes_and_one_that_nobody_answers_is_denied_in_time() {
    let app = app().await;
    let tray = Tray::of(app.pid()).await;
    let asked = Instant::now();
    let unanswered = {
        let client = session(&app.engine).await;
        tokio::spawn(async move {
            let call = json!({"name": "answers__echo", "arguments": {"text": "unanswered"}});
            let (_id, mut answer) = client.begin("tools/call", call).await;
            answer.next_within(LONGEST).await.expect("an answer")["result"].take()
        })
    };
    tray.until_it_has("Answer 1 question…", SOON).await;
    let leaving = call(&session(&app.engine).await, "left alone");
    tray.until_it_has("Answer 2 questions…", SOON).await;
    // Its connection is closed without a word. An app may come back; then it is taken for gone.
    leaving.abort();
    tray.until_it_has("Answer 1 question…", LONGEST).await;
    assert!(!unanswered.is_finished(), "the other one goes on waiting");

    let told = unanswered.await.unwrap();
    assert!(said(&told).contains("nobody answered in time"), "{told}");
    assert!(asked.elapsed() >= Duration::from_secs(50), "after {:?}", asked.elapsed());
    no_window_named(TITLE).await;
    assert!(app.engine.calls_seen_by("answers").is_empty());
}
