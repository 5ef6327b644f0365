//! The tray app as a process, and the desktop around it.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drawbridge_tests::processes::{self, Process};
use drawbridge_tests::programs::{program, programs};
use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, wait::SOON};
use serde_json::{Value, json};

/// The app, started by the test itself. Dropping it kills it.
pub(crate) struct App {
    pub(crate) engine: TestEngine,
    process: Option<Child>,
}

/// A port nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// What the app is started with.
pub(crate) fn arguments(engine: &TestEngine) -> Vec<String> {
    let mut all = engine.places().to_vec();
    all.extend(["--port".to_owned(), engine.port.to_string()]);
    all
}

/// Waits until the gateway of the app answers.
pub(crate) async fn until_it_serves(engine: &TestEngine) {
    eventually("the app's gateway answers", SOON, async || {
        (engine.health().await["status"] == "ok").then_some(())
    })
    .await;
}

impl App {
    /// Starts it and waits until its gateway answers.
    pub(crate) async fn start(setup: Setup, more: &[&str]) -> Self {
        let mut engine = setup.prepare(free_port()).start_again();
        // Without a desktop the config is the consent, so that the servers in it are agreed to.
        assert!(engine.stop().success());
        let mut app = Self { engine, process: None };
        app.process = Some(app.spawn(more));
        until_it_serves(&app.engine).await;
        app
    }

    /// Starts one more with the same folders.
    pub(crate) fn spawn(&self, more: &[&str]) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.engine.path().join("engine.log"))
            .unwrap();
        self.engine
            .desktop_command(&program("drawbridge"))
            .args(arguments(&self.engine))
            .args(more)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the app is built; `cargo xtask test` does that")
    }

    /// Ends it as the desktop does at the end of a session, and starts it again.
    pub(crate) async fn restart(&mut self, more: &[&str]) {
        processes::signal(self.pid(), rustix::process::Signal::TERM);
        eventually("it has ended", SOON, async || self.ended()).await;
        self.process = Some(self.spawn(more));
        until_it_serves(&self.engine).await;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().map(Child::id).expect("it was started")
    }

    /// Whether it has ended by itself, and with which code.
    pub(crate) fn ended(&mut self) -> Option<Option<i32>> {
        let status = self.process.as_mut()?.try_wait().ok()??;
        self.process = None;
        Some(status.code())
    }

    /// The processes WebKit runs for its windows.
    pub(crate) fn web_processes(&self) -> Vec<Process> {
        let mut all = processes::descendants(self.pid());
        all.retain(|process| process.command.contains("WebKitWebProcess"));
        all
    }
}

impl Drop for App {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Calls a tool as an app would and gives its result.
pub(crate) async fn call(engine: &TestEngine, tool: &str, arguments: Value) -> Value {
    let client = McpClient::open(engine, "/mcp").await;
    let answer = client.request("tools/call", json!({"name": tool, "arguments": arguments})).await;
    answer["result"].clone()
}

/// Where pictures are kept: beside the programs, in `desktop`.
pub(crate) fn picture(name: &str) -> PathBuf {
    let folder = programs().parent().unwrap().join("desktop");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.png"))
}

/// A picture of the whole desktop, tray included.
pub(crate) fn picture_of_the_desktop(name: &str) {
    // What the document says is on the screen some frames later.
    std::thread::sleep(Duration::from_millis(300));
    let taken = Command::new("import").args(["-window", "root"]).arg(picture(name)).status();
    assert!(taken.is_ok_and(|status| status.success()), "a picture of the desktop");
}

/// The visible windows of a process.
pub(crate) fn windows_of(pid: u32) -> Vec<String> {
    let found = Command::new("xdotool")
        .args(["search", "--onlyvisible", "--pid", &pid.to_string()])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    // GTK keeps tiny helper windows; a window a person sees has a size.
    found.lines().filter(|window| is_large(window)).map(str::to_owned).collect()
}

/// The window whose title begins so, once it is there and to be seen.
pub(crate) async fn window_named(title: &str) -> String {
    eventually(&format!("a window named {title}"), SOON, async || find_window(title)).await
}

/// Waits until no window has such a title.
pub(crate) async fn no_window_named(title: &str) {
    let gone = async || find_window(title).is_none().then_some(());
    eventually(&format!("no window named {title}"), SOON, gone).await;
}

fn find_window(title: &str) -> Option<String> {
    let found = xdotool(&["search", "--onlyvisible", "--name", &format!("^{title}")]);
    found.lines().find(|window| is_large(window)).map(str::to_owned)
}

/// What xdotool says.
pub(crate) fn xdotool(arguments: &[&str]) -> String {
    let said = Command::new("xdotool").args(arguments).output().unwrap();
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

fn is_large(window: &str) -> bool {
    let geometry =
        Command::new("xdotool").args(["getwindowgeometry", "--shell", window]).output().unwrap();
    String::from_utf8_lossy(&geometry.stdout)
        .lines()
        .filter_map(|line| line.strip_prefix("WIDTH="))
        .any(|width| width.parse::<u32>().is_ok_and(|width| width > 200))
}

/// Closes a window as its close button does: through the window manager.
pub(crate) fn close_window(window: &str) {
    let closed = Command::new("xdotool")
        .args(["windowactivate", "--sync", window, "key", "--clearmodifiers", "alt+F4"])
        .status();
    assert!(closed.is_ok_and(|status| status.success()), "the window is asked to close");
}

/// What the notification daemon of the desktop is told.
pub(crate) struct Notifications {
    monitor: Child,
    heard: Arc<Mutex<String>>,
}

impl Notifications {
    /// Listens from now on.
    pub(crate) async fn listen() -> Self {
        let mut monitor = Command::new("dbus-monitor")
            .args(["--session", "interface='org.freedesktop.Notifications',member='Notify'"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let heard = Arc::<Mutex<String>>::default();
        let (into, mut output) = (Arc::clone(&heard), monitor.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut chunk) {
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        // What the monitor says first is that it was let onto the bus.
        eventually("it listens", SOON, async || (!heard.lock().unwrap().is_empty()).then_some(()))
            .await;
        Self { monitor, heard }
    }

    /// Waits until a notification holds a text.
    pub(crate) async fn until(&mut self, text: &str) {
        let what = format!("the daemon is told {text:?}");
        eventually(&what, SOON, async || self.heard.lock().unwrap().contains(text).then_some(()))
            .await;
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        let _ = self.monitor.kill();
        let _ = self.monitor.wait();
    }
}
