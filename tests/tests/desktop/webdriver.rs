//! As much of WebDriver as these tests need, spoken to tauri-driver.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use drawbridge_tests::client::http;
use drawbridge_tests::programs::program;
use drawbridge_tests::{TestEngine, eventually, wait::SOON};
use serde_json::{Value, json};

use crate::app::{arguments, free_port};

/// The key of an element's reference (WebDriver, §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long a window may take to open and a page to load on a busy computer.
const WINDOW: Duration = Duration::from_secs(60);

/// A driver process and its one session with the app's window.
pub(crate) struct Window {
    http: reqwest::Client,
    address: String,
    driver: Child,
}

/// An element of the page.
#[derive(Clone)]
pub(crate) struct Element(String);

impl Window {
    /// Starts the app under the driver and waits for its window.
    pub(crate) async fn open(engine: &TestEngine) -> Self {
        let driver = std::env::var_os("TAURI_DRIVER").map(PathBuf::from);
        let driver = driver.expect("TAURI_DRIVER names tauri-driver; `cargo xtask test` does that");
        let (port, native_port) = (free_port().to_string(), free_port().to_string());
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(engine.path().join("engine.log"))
            .unwrap();
        let driver = engine
            .desktop_command(&driver)
            .args(["--port", &port, "--native-port", &native_port])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut window =
            Self { http: http(), address: format!("http://127.0.0.1:{port}/session"), driver };
        eventually("the driver answers", SOON, async || {
            let status = format!("http://127.0.0.1:{port}/status");
            window.http.get(status).send().await.ok().map(drop)
        })
        .await;
        let options = json!({"application": program("drawbridge").display().to_string(),
            "args": arguments(engine)});
        let opened = window
            .send(
                reqwest::Method::POST,
                "",
                Some(json!({"capabilities":
                {"alwaysMatch": {"tauri:options": options}}})),
            )
            .await;
        let session = opened["sessionId"].as_str().unwrap_or_else(|| panic!("a session: {opened}"));
        window.address = format!("{}/{session}", window.address);
        window
    }

    async fn try_send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer =
            request.timeout(WINDOW).send().await.map_err(|error| json!(error.to_string()))?;
        let fine = answer.status().is_success();
        let mut said: Value = answer.json().await.map_err(|error| json!(error.to_string()))?;
        if fine { Ok(said["value"].take()) } else { Err(said) }
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        self.try_send(method, path, body)
            .await
            .unwrap_or_else(|error| panic!("the driver at {path}: {error}"))
    }

    /// The element with a test id, once it is there and to be seen.
    pub(crate) async fn find(&self, test_id: &str) -> Element {
        self.find_css(&format!("[data-testid=\"{test_id}\"]")).await
    }

    /// The element a selector names, once it is there and to be seen.
    pub(crate) async fn find_css(&self, css: &str) -> Element {
        eventually(&format!("{css} is there"), SOON, async || {
            let query = json!({"using": "css selector", "value": css});
            let found = self.try_send(reqwest::Method::POST, "/element", Some(query)).await.ok()?;
            let element = Element(found[ELEMENT].as_str()?.to_owned());
            let shown = format!("/element/{}/displayed", element.0);
            let shown = self.try_send(reqwest::Method::GET, &shown, None).await.ok()?;
            (shown == true).then_some(element)
        })
        .await
    }

    /// Clicks an element, as soon as nothing is in its way.
    pub(crate) async fn click(&self, element: &Element) {
        let path = format!("/element/{}/click", element.0);
        eventually("the element can be clicked", SOON, async || {
            self.try_send(reqwest::Method::POST, &path, Some(json!({}))).await.ok()
        })
        .await;
    }

    /// Clicks the element with a test id.
    pub(crate) async fn click_on(&self, test_id: &str) {
        let element = self.find(test_id).await;
        self.click(&element).await;
    }

    /// Puts text into a field, as soon as nothing is in its way.
    pub(crate) async fn fill(&self, test_id: &str, text: &str) {
        let element = self.find(test_id).await;
        let path = format!("/element/{}/value", element.0);
        eventually("the field takes text", SOON, async || {
            self.try_send(reqwest::Method::POST, &path, Some(json!({ "text": text }))).await.ok()
        })
        .await;
    }

    /// What a script returns.
    pub(crate) async fn script(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.send(reqwest::Method::POST, "/execute/sync", Some(body)).await
    }

    /// Waits until the page's text holds `text`.
    pub(crate) async fn until_it_says(&self, text: &str) {
        eventually(&format!("the page says {text:?}"), SOON, async || {
            let all = self.script("return document.body.innerText").await;
            all.as_str()?.contains(text).then_some(())
        })
        .await;
    }

    /// Goes to a place of the panel, such as `#/tools`.
    pub(crate) async fn go(&self, place: &str) {
        self.script(&format!("window.location.hash = {}", json!(place))).await;
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The driver ends the app and WebKit's own driver with it.
        if let Some(pid) =
            i32::try_from(self.driver.id()).ok().and_then(rustix::process::Pid::from_raw)
        {
            for process in drawbridge_tests::processes::descendants(self.driver.id()) {
                drawbridge_tests::processes::signal(process.pid, rustix::process::Signal::TERM);
            }
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
