//! Linux: the tray's host on the session bus, and WebKitGTK's processes.
//!
//! Tray icons live in whatever program owns `org.kde.StatusNotifierWatcher` on the session bus and
//! says that a host shows them (StatusNotifierItem specification, "StatusNotifierWatcher"). GNOME
//! without an extension, and plain window managers, have none. Bars come and go, so both are
//! watched.
//!
//! An old X11 tray without that name on the bus counts as none: an icon may then be shown and the
//! window treated as if it were not, which loses nothing.

#![expect(unsafe_code, reason = "giving memory back to the system is a call into it")]

use futures_util::{StreamExt, stream};
use rustix::mm::{Advice, madvise};
use rustix::process::{Pid, Signal};
use tauri::WebviewWindow;
use tokio::sync::watch;
use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};
use zbus::fdo::DBusProxy;
use zbus::{Connection, MatchRule, MessageStream};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";

pub(super) async fn watch_tray(shown: watch::Sender<bool>) {
    if let Err(error) = follow(&shown).await {
        tracing::info!(%error, "no tray: the session bus does not answer");
        shown.send_replace(false);
    }
}

async fn follow(shown: &watch::Sender<bool>) -> zbus::Result<()> {
    let connection = Connection::session().await?;
    let bus = DBusProxy::new(&connection).await?;
    let owners = bus.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
    let hosts = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(WATCHER)?
        .path(WATCHER_PATH)?
        .build();
    let hosts = MessageStream::for_match_rule(hosts, &connection, None).await?;
    let mut changes = stream::select(owners.map(drop), hosts.map(drop));
    loop {
        let registered = is_shown(&connection).await;
        if shown.send_replace(registered) != registered {
            tracing::info!(shown = registered, "the desktop's tray came or went");
        }
        if changes.next().await.is_none() {
            return Ok(());
        }
    }
}

async fn is_shown(connection: &Connection) -> bool {
    let asked = connection
        .call_method(
            Some(WATCHER),
            WATCHER_PATH,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(WATCHER, "IsStatusNotifierHostRegistered"),
        )
        .await;
    asked
        .and_then(|answer| answer.body().deserialize::<zbus::zvariant::OwnedValue>())
        .ok()
        .and_then(|value| bool::try_from(value).ok())
        .unwrap_or(false)
}

/// The panel is text and boxes. Drawing it without the graphics card saves the driver's memory in
/// our own process, and the blank windows that some drivers give WebKitGTK.
pub(super) fn make_frugal(window: &WebviewWindow) -> tauri::Result<()> {
    window.with_webview(|webview| {
        if let Some(settings) = webview.inner().settings() {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
            settings.set_enable_webgl(false);
            settings.set_enable_webaudio(false);
            settings.set_enable_media(false);
            settings.set_enable_page_cache(false);
        }
    })
}

/// WebKitGTK keeps its network process for good once there was a webview. It starts another one
/// when a webview needs it, as it does after a crash.
pub(super) async fn end_idle_web_processes() {
    let own = rustix::process::getpid();
    for pid in children_named(own, "WebKitNetworkPr") {
        if let Err(error) = rustix::process::kill_process(pid, Signal::TERM) {
            tracing::debug!(%error, "the network process is gone already");
        }
    }
    let freed = drop_views_of_files();
    tracing::debug!(freed_kib = freed, "let go of what only a webview uses");
}

/// Lets go of the pages of program and library files that were read for the webview, about half of
/// what it leaves behind in our own process. They come back from the file when they are used.
/// Returns the size in KiB.
fn drop_views_of_files() -> u64 {
    let Ok(maps) = std::fs::read_to_string("/proc/self/smaps") else { return 0 };
    let mut freed = 0;
    for view in views_of_files(&maps) {
        let address = std::ptr::with_exposed_provenance_mut(view.start);
        // SAFETY: the range is one whole mapping of this process, private, of a file, not writable,
        // and without a page of its own, so that each of its pages is the file's and is read from
        // there again. The loader makes no such mapping writable afterwards.
        if unsafe { madvise(address, view.length, Advice::LinuxDontNeed) }.is_ok() {
            freed += view.resident_kib;
        }
    }
    freed
}

/// A mapping that is nothing but a view of a file.
#[derive(Debug, PartialEq, Eq)]
struct View {
    start: usize,
    length: usize,
    resident_kib: u64,
}

/// Reads those mappings from the text of `/proc/self/smaps` (proc(5)).
fn views_of_files(maps: &str) -> Vec<View> {
    let mut views = Vec::new();
    let mut candidate: Option<View> = None;
    for line in maps.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["Rss:", size, "kB"] => {
                if let (Some(view), Ok(size)) = (&mut candidate, size.parse()) {
                    view.resident_kib = size;
                }
            }
            ["Anonymous:", size, "kB"] => {
                views.extend(candidate.take().filter(|view| *size == "0" && view.resident_kib > 0));
            }
            [range, permissions, _, _, _, path @ ..] if range.contains('-') => {
                let of_a_file = path.first().is_some_and(|path| path.starts_with('/'));
                let fixed = matches!(*permissions, "r-xp" | "r--p");
                candidate = parse_range(range).filter(|_| of_a_file && fixed);
            }
            _ => {}
        }
    }
    views
}

fn parse_range(range: &str) -> Option<View> {
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    Some(View { start, length: end.checked_sub(start)?, resident_kib: 0 })
}

/// Children of a process by the start of their name, as far as the system shows them.
fn children_named(parent: Pid, name: &str) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            is_child(&stat, parent, name).then_some(pid)
        })
        .collect()
}

/// Reads `pid (name) state parent …` (proc(5), "/proc/pid/stat"). A name may hold anything, so its
/// end is the last parenthesis.
fn is_child(stat: &str, parent: Pid, name: &str) -> bool {
    let Some((before, after)) = stat.rsplit_once(") ") else { return false };
    let Some((_, found)) = before.split_once('(') else { return false };
    let parent_of_it = after.split(' ').nth(1).and_then(|field| field.parse().ok());
    found.starts_with(name) && parent_of_it == Some(parent.as_raw_nonzero().get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_untouched_views_of_files_are_let_go() {
        let maps = "\
1000-3000 r-xp 00000000 08:01 1    /usr/lib/libx.so (deleted)
Size:                  8 kB
Rss:                   4 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
3000-4000 r--p 00000000 08:01 1    /usr/lib/relocated.so
Rss:                   4 kB
Anonymous:             4 kB
4000-5000 rw-p 00000000 08:01 1    /usr/lib/data.so
Rss:                   4 kB
Anonymous:             0 kB
5000-6000 r--p 00000000 00:00 0
Rss:                   4 kB
Anonymous:             0 kB
6000-7000 r--s 00000000 08:01 1    /shared
Rss:                   4 kB
Anonymous:             0 kB
7000-8000 r-xp 00000000 00:00 0    [vdso]
Rss:                   4 kB
Anonymous:             0 kB
8000-9000 r-xp 00000000 08:01 1    /usr/lib/not/resident.so
Rss:                   0 kB
Anonymous:             0 kB
";
        let expected = View { start: 0x1000, length: 0x2000, resident_kib: 4 };
        assert_eq!(views_of_files(maps), [expected]);
    }

    #[test]
    fn a_program_goes_on_without_its_views() {
        assert!(drop_views_of_files() > 0, "a test has its own text at least");
        assert_eq!(parse_range("1000-1001").map(|view| view.length), Some(1));
    }

    #[test]
    fn a_child_is_told_by_parent_and_name() {
        let parent = Pid::from_raw(7).expect("a pid");
        for (stat, expected) in [
            ("9 (WebKitNetworkPr) S 7 7 7 0", true),
            ("9 (WebKitNetworkPr) S 8 7 7 0", false),
            ("9 (WebKitWebProces) S 7 7 7 0", false),
            ("9 (x) S 7 (WebKitNetworkPr) S 8 1", false),
            ("", false),
        ] {
            assert_eq!(is_child(stat, parent, "WebKitNetworkPr"), expected, "{stat:?}");
        }
    }
}
