//! The tray's menu, read and clicked as a panel does it: over D-Bus.

use std::collections::HashMap;
use std::time::Duration;

use drawbridge_tests::{McpClient, Setup, TestEngine, eventually, processes, wait::SOON};
use serde_json::json;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedValue, Structure, Value};

use crate::app::{App, Notifications, call, close_window, picture_of_the_desktop, windows_of};

/// An entry of the menu.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    id: i32,
    label: String,
    enabled: bool,
    /// `None` for an entry without a check mark.
    checked: Option<bool>,
    children: Vec<Entry>,
}

impl Entry {
    /// The entry whose label begins so, in this menu alone.
    fn child(&self, label: &str) -> Option<&Self> {
        self.children.iter().find(|entry| entry.label.starts_with(label))
    }

    fn labels(&self) -> Vec<&str> {
        self.children.iter().map(|entry| entry.label.as_str()).collect()
    }
}

/// The menu behind the app's icon.
pub(crate) struct Tray {
    bus: Connection,
    name: String,
    menu: String,
}

impl Tray {
    /// Finds the icon that the app put into the tray.
    pub(crate) async fn of(pid: u32) -> Self {
        let bus = Connection::session().unwrap();
        let (name, path) = eventually("the app's icon is in the tray", SOON, async || {
            items(&bus).into_iter().find(|(name, _)| owner(&bus, name) == Some(pid))
        })
        .await;
        let item =
            Proxy::new(&bus, name.as_str(), path.as_str(), "org.kde.StatusNotifierItem").unwrap();
        let menu: zbus::zvariant::OwnedObjectPath = item.get_property("Menu").unwrap();
        let menu = menu.to_string();
        drop(item);
        Self { bus, name, menu }
    }

    fn proxy(&self) -> Proxy<'_> {
        Proxy::new(&self.bus, self.name.as_str(), self.menu.as_str(), "com.canonical.dbusmenu")
            .unwrap()
    }

    /// The whole menu as it is.
    pub(crate) fn read(&self) -> Entry {
        let proxy = self.proxy();
        // What a panel says before it opens a menu; the app may fill it then.
        let _ = proxy.call_method("AboutToShow", &(0_i32,));
        let answer = proxy.call_method("GetLayout", &(0_i32, -1_i32, Vec::<&str>::new())).unwrap();
        type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let (_revision, layout): (u32, Layout) = answer.body().deserialize().unwrap();
        entry(layout.0, &layout.1, layout.2.iter().map(|child| &**child))
    }

    /// Chooses an entry as a click does.
    fn choose(&self, entry: &Entry) {
        assert!(entry.enabled, "{entry:?} can be chosen");
        self.proxy()
            .call_method("Event", &(entry.id, "clicked", Value::from(0_i32), 0_u32))
            .unwrap();
    }

    /// Waits for an entry at the end of a path of labels, and gives it.
    async fn find(&self, path: &[&str]) -> Entry {
        eventually(&format!("{path:?} is in the menu"), SOON, async || {
            let menu = self.read();
            path.iter().try_fold(&menu, |entry, label| entry.child(label)).cloned()
        })
        .await
    }

    /// Waits until the menu has an entry that begins so.
    pub(crate) async fn until_it_has(&self, label: &str, limit: Duration) {
        eventually(&format!("{label:?} is in the menu"), limit, async || {
            self.read().child(label).map(drop)
        })
        .await;
    }

    /// Waits for an entry and chooses it.
    pub(crate) async fn click(&self, path: &[&str]) {
        self.choose(&self.find(path).await);
    }
}

/// The icons in the tray: the bus names of their apps, and their paths.
fn items(bus: &Connection) -> Vec<(String, String)> {
    let watcher = Proxy::new(
        bus,
        "org.kde.StatusNotifierWatcher",
        "/StatusNotifierWatcher",
        "org.kde.StatusNotifierWatcher",
    )
    .unwrap();
    let items: Vec<String> =
        watcher.get_property("RegisteredStatusNotifierItems").unwrap_or_default();
    items
        .into_iter()
        .map(|item| match item.find('/') {
            Some(at) => (item[..at].to_owned(), item[at..].to_owned()),
            None => (item, "/StatusNotifierItem".to_owned()),
        })
        .collect()
}

fn owner(bus: &Connection, name: &str) -> Option<u32> {
    let daemon =
        Proxy::new(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
            .ok()?;
    daemon.call("GetConnectionUnixProcessID", &(name,)).ok()
}

fn entry<'a>(
    id: i32,
    properties: &HashMap<String, OwnedValue>,
    children: impl Iterator<Item = &'a Value<'a>>,
) -> Entry {
    let text =
        |name: &str| properties.get(name).and_then(|value| String::try_from(value.clone()).ok());
    let number =
        |name: &str| properties.get(name).and_then(|value| i32::try_from(value.clone()).ok());
    let flag = |name: &str, otherwise: bool| {
        let value = properties.get(name).and_then(|value| bool::try_from(value.clone()).ok());
        value.unwrap_or(otherwise)
    };
    let is_check = text("toggle-type").is_some_and(|kind| kind == "checkmark");
    Entry {
        id,
        // An underscore marks the letter to press; two stand for one.
        label: text("label")
            .unwrap_or_default()
            .replace("__", "\u{0}")
            .replace('_', "")
            .replace('\u{0}', "_"),
        enabled: flag("enabled", true) && flag("visible", true),
        checked: is_check.then(|| number("toggle-state") == Some(1)),
        children: children.filter_map(child).collect(),
    }
}

/// One entry below another: a variant around `(ia{sv}av)`.
fn child(value: &Value<'_>) -> Option<Entry> {
    let value = match value {
        Value::Value(inner) => inner,
        other => other,
    };
    let Value::Structure(structure) = value else { return None };
    let structure: Structure<'_> = structure.try_clone().ok()?;
    let (id, properties, children): (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>) =
        structure.try_into().ok()?;
    Some(entry(id, &properties, children.iter().map(|child| &**child)))
}

async fn refused(engine: &TestEngine, tool: &str) {
    eventually(&format!("{tool} is refused"), SOON, async || {
        let result = call(engine, tool, json!({"text": "x"})).await;
        (result["isError"] == true).then_some(())
    })
    .await;
}

async fn answered_by_computer(engine: &TestEngine) {
    eventually("the computer answers", SOON, async || {
        let result = call(engine, "computer__current_time", json!({})).await;
        (result["isError"] != true).then_some(())
    })
    .await;
}

async fn answered(engine: &TestEngine, tool: &str) {
    eventually(&format!("{tool} answers"), SOON, async || {
        let result = call(engine, tool, json!({"text": "x"})).await;
        (result["content"][0]["text"] == "x").then_some(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_tool_switched_off_in_the_tray_is_refused() {
    let app = App::start(Setup::new().server("answers", "answers"), &["--hidden"]).await;
    app.engine.until_ready("answers").await;
    let client = McpClient::open(&app.engine, "/mcp").await;
    let mut stream = client.listen().await;
    answered(&app.engine, "answers__echo").await;
    let tray = Tray::of(app.pid()).await;
    // From then on the menu stays the same one.
    app.engine.until_ready("computer").await;
    for last in [vec!["Start at login"], vec!["computer", "Current time"]] {
        tray.find(&last).await;
    }
    let echo = tray.find(&["answers", "Echo"]).await;
    assert_eq!(echo.checked, Some(true), "{echo:?}");
    picture_of_the_desktop("tray");

    tray.choose(&echo);
    stream.notification("notifications/tools/list_changed").await;
    refused(&app.engine, "answers__echo").await;
    let seen = app.engine.calls_seen_by("answers").len();
    refused(&app.engine, "answers__echo").await;
    assert_eq!(app.engine.calls_seen_by("answers").len(), seen, "the server hears nothing");
    eventually("the check mark is gone", SOON, async || {
        (tray.find(&["answers", "Echo"]).await.checked == Some(false)).then_some(())
    })
    .await;

    tray.choose(&echo);
    answered(&app.engine, "answers__echo").await;
    // A slip of the finger: the next click comes before anything has changed, and the last one
    // counts. The pause after it shows that the clicks were taken up.
    for (clicks, is_on) in [(2, true), (3, false), (4, false), (1, true), (6, true)] {
        for _ in 0..clicks {
            tray.choose(&echo);
        }
        tray.click(&["Pause all tools"]).await;
        refused(&app.engine, "computer__current_time").await;
        tray.click(&["Pause all tools"]).await;
        answered_by_computer(&app.engine).await;
        if is_on {
            answered(&app.engine, "answers__echo").await;
        } else {
            refused(&app.engine, "answers__echo").await;
        }
        eventually("the check mark says so", SOON, async || {
            (tray.find(&["answers", "Echo"]).await.checked == Some(is_on)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn everything_can_be_paused_and_resumed_in_the_tray() {
    let app = App::start(Setup::new().server("answers", "answers"), &["--hidden"]).await;
    app.engine.until_ready("answers").await;
    let tray = Tray::of(app.pid()).await;
    let menu = tray.read();
    for wanted in ["Pause all tools", "Open control panel", "Copy VS Code setup", "Quit"] {
        assert!(menu.child(wanted).is_some(), "{wanted} in {:?}", menu.labels());
    }
    answered(&app.engine, "answers__echo").await;
    tray.click(&["Pause all tools"]).await;
    refused(&app.engine, "answers__echo").await;
    let client = McpClient::open(&app.engine, "/mcp").await;
    let tools = client.tools().await;
    assert!(tools.contains(&"answers__echo".to_owned()), "lists stay as they are: {tools:?}");
    let computer = tools.iter().find(|tool| tool.starts_with("computer__")).unwrap();
    refused(&app.engine, computer).await;
    picture_of_the_desktop("tray-paused");
    eventually("the entry is checked", SOON, async || {
        (tray.find(&["Pause all tools"]).await.checked == Some(true)).then_some(())
    })
    .await;
    tray.click(&["Pause all tools"]).await;
    answered(&app.engine, "answers__echo").await;
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn closing_the_panel_keeps_the_app_and_frees_the_webview_and_quit_ends_all() {
    let mut app = App::start(Setup::new().server("answers", "answers"), &[]).await;
    app.engine.until_ready("answers").await;
    let window = eventually("the panel is open", SOON, async || windows_of(app.pid()).pop()).await;
    eventually("WebKit shows it", SOON, async || app.web_processes().pop()).await;
    picture_of_the_desktop("panel-open");
    close_window(&window);
    eventually("the webview is gone", SOON, async || app.web_processes().is_empty().then_some(()))
        .await;
    answered(&app.engine, "answers__echo").await;

    // A second start shows the first one's panel and ends.
    let mut second = app.spawn(&[]);
    eventually("the second one ends", SOON, async || second.try_wait().unwrap()).await;
    let window = eventually("the panel is back", SOON, async || windows_of(app.pid()).pop()).await;
    close_window(&window);
    eventually("the webview is gone again", SOON, async || {
        app.web_processes().is_empty().then_some(())
    })
    .await;

    let tray = Tray::of(app.pid()).await;
    tray.click(&["Open control panel"]).await;
    eventually("the panel is back once more", SOON, async || windows_of(app.pid()).pop()).await;

    let family = processes::descendants(app.pid());
    tray.click(&["Quit"]).await;
    let code = eventually("the app has ended", SOON, async || app.ended()).await;
    assert_eq!(code, Some(0), "{}", app.engine.log());
    eventually("nothing of it is left", SOON, async || {
        (!family.iter().any(processes::Process::runs)).then_some(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_killed_app_leaves_no_process_behind() {
    let setup =
        Setup::new().server("forks", "forks-a-grandchild").server("stubborn", "ignores-sigterm");
    let app = App::start(setup, &["--hidden"]).await;
    app.engine.until_ready("forks").await;
    app.engine.until_ready("stubborn").await;
    let family = processes::descendants(app.pid());
    assert!(family.iter().any(|process| process.command.contains("test-server sleeps")));
    processes::signal(app.pid(), rustix::process::Signal::KILL);
    eventually("nothing of it is left", SOON, async || {
        let left = family.iter().any(processes::Process::runs);
        (!left && app.engine.server_processes().is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a desktop; `cargo xtask test` gives it one"]
async fn a_pause_from_the_tray_is_there_after_a_restart_and_is_reminded_of() {
    let mut app = App::start(Setup::new().server("answers", "answers"), &["--hidden"]).await;
    app.engine.until_ready("answers").await;
    app.engine.until_ready("computer").await;
    let tray = Tray::of(app.pid()).await;
    tray.find(&["Start at login"]).await;
    tray.find(&["computer", "Current time"]).await;
    tray.click(&["Pause for 15 minutes"]).await;
    refused(&app.engine, "computer__current_time").await;
    let mut told = Notifications::listen().await;
    app.restart(&["--hidden"]).await;
    told.until("Still paused from before.").await;
    refused(&app.engine, "computer__current_time").await;
    let tray = Tray::of(app.pid()).await;
    let pause = tray.find(&["Pause all tools"]).await;
    assert_eq!(pause.checked, Some(true), "{pause:?}");
    picture_of_the_desktop("tray-still-paused");
    app.engine.until_ready("computer").await;
    tray.find(&["Start at login"]).await;
    tray.find(&["computer", "Current time"]).await;
    tray.click(&["Pause all tools"]).await;
    answered_by_computer(&app.engine).await;
}
