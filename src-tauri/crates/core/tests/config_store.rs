//! The config store with real files and the system's own notices of changes.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_core::config::edit::{Edit, EditError};
use drawbridge_core::config::{ApplyError, Config, InForce, Loaded, Store, StoreSettings, parse};
use drawbridge_core::paths::Paths;
use drawbridge_model::{Mode, ServerName, ToolName};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const LIMIT: Duration = Duration::from_secs(20);

/// A store in a folder of its own.
struct Home {
    folder: tempfile::TempDir,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    fn paths(&self) -> Paths {
        Paths {
            config_file: self.folder.path().join("etc/drawbridge/config.jsonc"),
            data_dir: self.folder.path().join("data"),
        }
    }

    fn file(&self) -> PathBuf {
        self.paths().config_file
    }

    fn with_file(text: &str) -> Self {
        let home = Self::new();
        fs::create_dir_all(home.file().parent().expect("a folder")).expect("made");
        save(&home.file(), text);
        home
    }

    fn settings(&self) -> StoreSettings {
        StoreSettings::new(&self.paths(), self.tasks.clone(), self.stop.clone())
    }

    async fn open(&self) -> Store {
        Store::open(self.settings()).await
    }

    /// Ends the store as a quitting engine does.
    async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(LIMIT, self.tasks.wait()).await.expect("the store's task ends");
    }
}

/// Truncates the file and writes it.
fn save(path: &Path, text: &str) {
    let mut file = File::create(path).expect("opens");
    file.write_all(text.as_bytes()).expect("writes");
    file.sync_all().expect("reaches the disk");
}

fn with_port(port: u16) -> String {
    format!("// mine\n{{ \"gateway\": {{ \"port\": {port} }} }}\n")
}

fn with_server(name: &str) -> String {
    format!("{{ \"mcpServers\": {{ \"{name}\": {{ \"command\": \"x\" }} }} }}")
}

async fn wait_for(
    changes: &mut watch::Receiver<Arc<Loaded>>,
    what: &str,
    condition: impl FnMut(&Arc<Loaded>) -> bool,
) -> Arc<Loaded> {
    let found = tokio::time::timeout(LIMIT, changes.wait_for(condition)).await;
    if let Ok(found) = found {
        return found.expect("the store lives").clone();
    }
    drop(found);
    panic!("{what} did not happen; it is {:?}", changes.borrow());
}

fn port(port: u16) -> impl FnMut(&Arc<Loaded>) -> bool {
    move |loaded| loaded.config.gateway.port == Some(port)
}

fn server(name: &str) -> ServerName {
    ServerName::new(name).expect("a name")
}

#[tokio::test]
async fn a_missing_file_is_an_empty_config_and_its_folder_is_made() {
    let home = Home::new();
    let store = home.open().await;
    let loaded = store.loaded();
    assert_eq!(*loaded.config, Config::default());
    assert_eq!((loaded.problem.clone(), loaded.in_force), (None, InForce::File));
    assert!(!home.file().exists(), "nothing is written unasked");
    let mut changes = store.subscribe();
    save(&home.file(), &with_port(7001));
    wait_for(&mut changes, "the new file", port(7001)).await;
    home.close().await;
}

#[tokio::test]
async fn each_way_editors_save_is_seen_once_it_is_whole() {
    type Way = fn(&Path, &str);
    let ways: [(&str, Way); 4] = [
        ("truncate and write", save),
        ("rename over", |path, text| {
            let beside = path.with_extension("swp");
            save(&beside, text);
            fs::rename(&beside, path).expect("renames");
        }),
        ("delete and create", |path, text| {
            fs::remove_file(path).expect("deletes");
            save(path, text);
        }),
        ("move away and create", |path, text| {
            fs::rename(path, path.with_extension("bak")).expect("renames");
            save(path, text);
        }),
    ];
    let home = Home::with_file(&with_port(1));
    let store = home.open().await;
    let mut changes = store.subscribe();
    let mut next = 2;
    for round in 0..2 {
        for (name, way) in ways {
            way(&home.file(), &with_port(next));
            let whole = |loaded: &Arc<Loaded>| {
                assert!(loaded.problem.is_none(), "{name}: {:?}", loaded.problem);
                assert!(loaded.config.gateway.port.is_some(), "{name}: never taken for empty");
                loaded.config.gateway.port == Some(next)
            };
            let loaded = wait_for(&mut changes, name, whole).await;
            assert_eq!(loaded.in_force, InForce::File, "{name}, round {round}");
            next += 1;
        }
    }
    home.close().await;
}

#[tokio::test]
async fn a_bad_edit_keeps_what_runs_and_says_where_it_is_bad() {
    let home = Home::with_file(&with_server("files"));
    let store = home.open().await;
    let mut changes = store.subscribe();
    save(&home.file(), "{\n  \"gateway\": { \"port\": \"x\" }\n}");
    let loaded = wait_for(&mut changes, "the mistake", |loaded| loaded.problem.is_some()).await;
    let problem = loaded.problem.clone().expect("it is there");
    assert_eq!((problem.line, problem.key.as_str()), (Some(2), "gateway.port"));
    assert!(loaded.config.server("files").is_some(), "what was there goes on");

    let refused = store.apply(Edit::SetPort(9)).await.expect_err("a broken file is not edited");
    assert!(matches!(&refused, ApplyError::Edit(EditError::Broken(_))), "{refused:?}");
    assert!(refused.problem().message.contains("line 2"), "{:?}", refused.problem());
    let text = fs::read_to_string(home.file()).expect("readable");
    assert!(text.contains("\"x\""), "the hand edit is untouched");

    save(&home.file(), &with_port(7002));
    let loaded = wait_for(&mut changes, "the correction", port(7002)).await;
    assert_eq!(loaded.problem, None);
    home.close().await;
}

#[tokio::test]
async fn what_is_no_text_or_no_file_is_a_mistake_like_any_other() {
    let home = Home::with_file(&with_server("files"));
    let store = home.open().await;
    let mut changes = store.subscribe();
    let mut file = File::create(home.file()).expect("opens");
    file.write_all(b"{\n\n\xFF }").expect("writes");
    drop(file);
    let loaded = wait_for(&mut changes, "the mistake", |loaded| loaded.problem.is_some()).await;
    let problem = loaded.problem.clone().expect("it is there");
    assert_eq!(problem.line, Some(3));
    assert!(problem.message.contains("UTF-8"), "{problem:?}");
    let refused = store.apply(Edit::SetPort(9)).await;
    assert!(matches!(refused, Err(ApplyError::Unreadable(_))), "{refused:?}");

    fs::remove_file(home.file()).expect("deletes");
    fs::create_dir(home.file()).expect("makes a folder");
    let is_folder = |loaded: &Arc<Loaded>| {
        loaded.problem.as_ref().is_some_and(|problem| problem.message.contains("something else"))
    };
    wait_for(&mut changes, "the folder", is_folder).await;
    assert!(store.loaded().config.server("files").is_some());
    home.close().await;
}

#[tokio::test]
async fn a_file_that_is_broken_at_the_start_is_replaced_by_the_last_good_copy() {
    let home = Home::with_file(&with_server("files"));
    let store = home.open().await;
    store.apply(Edit::SetPort(7003)).await.expect("applies");
    home.close().await;
    drop(store);
    let copy = fs::read_to_string(home.paths().last_good_config()).expect("there is a copy");
    assert!(copy.contains("7003"), "the copy is the newest: {copy}");

    save(&home.file(), "{ \"gateway\": ");
    let again = Home { stop: CancellationToken::new(), tasks: TaskTracker::new(), ..home };
    let store = again.open().await;
    let loaded = store.loaded();
    assert_eq!(loaded.in_force, InForce::LastGood);
    assert!(loaded.problem.is_some(), "and it is said so");
    assert_eq!(loaded.config.gateway.port, Some(7003));
    assert!(store.apply(Edit::SetPort(9)).await.is_err());
    let mut changes = store.subscribe();
    save(&again.file(), &with_port(7004));
    let loaded = wait_for(&mut changes, "the correction", port(7004)).await;
    assert_eq!((loaded.in_force, loaded.problem.clone()), (InForce::File, None));
    again.close().await;
}

#[tokio::test]
async fn a_file_that_is_broken_at_the_start_without_a_copy_starts_with_nothing() {
    let home = Home::with_file("]");
    let store = home.open().await;
    let loaded = store.loaded();
    assert_eq!(loaded.in_force, InForce::Nothing);
    assert_eq!(*loaded.config, Config::default());
    assert_eq!(loaded.problem.as_ref().and_then(|problem| problem.line), Some(1));
    home.close().await;
    assert!(!home.paths().last_good_config().exists(), "a broken file is not copied");
}

#[tokio::test]
async fn a_file_that_stays_away_or_blank_does_not_stop_what_runs() {
    for blank in [false, true] {
        let home = Home::with_file(&with_server("files"));
        let mut settings = home.settings();
        settings.absence = Duration::from_millis(200);
        let store = Store::open(settings).await;
        let mut changes = store.subscribe();
        match blank {
            true => save(&home.file(), " \n"),
            false => fs::remove_file(home.file()).expect("deletes"),
        }
        let loaded = wait_for(&mut changes, "the notice", |loaded| loaded.problem.is_some()).await;
        let word = if blank { "empty" } else { "gone" };
        let problem = loaded.problem.clone().expect("it is there");
        assert!(problem.message.contains(word), "{problem:?}");
        assert!(loaded.config.server("files").is_some(), "the servers go on");

        let loaded = store.apply(Edit::SetPort(7005)).await.expect("writes the file anew");
        assert_eq!(loaded.problem, None);
        let text = fs::read_to_string(home.file()).expect("it is back");
        assert!(text.contains("7005") && text.contains("files"), "{text}");
        home.close().await;
    }
}

#[tokio::test]
async fn a_folder_that_goes_and_comes_back_is_watched_again() {
    let home = Home::with_file(&with_server("files"));
    let mut settings = home.settings();
    settings.absence = Duration::from_millis(200);
    let store = Store::open(settings).await;
    let mut changes = store.subscribe();
    let folder = home.file().parent().expect("a folder").to_owned();
    fs::remove_dir_all(&folder).expect("deletes");
    wait_for(&mut changes, "the notice", |loaded| loaded.problem.is_some()).await;
    fs::create_dir_all(&folder).expect("made");
    save(&home.file(), &with_port(7006));
    let loaded = wait_for(&mut changes, "the new file", port(7006)).await;
    assert_eq!(loaded.problem, None);
    home.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_file_elsewhere_is_followed_both_ways() {
    let home = Home::new();
    let elsewhere = home.folder.path().join("dotfiles");
    fs::create_dir_all(&elsewhere).expect("made");
    fs::create_dir_all(home.file().parent().expect("a folder")).expect("made");
    let target = elsewhere.join("db.jsonc");
    save(&target, &with_port(1));
    std::os::unix::fs::symlink("../../dotfiles/db.jsonc", home.file()).expect("links");
    let store = home.open().await;
    let mut changes = store.subscribe();
    save(&target, &with_port(7007));
    wait_for(&mut changes, "the change behind the link", port(7007)).await;
    store.apply(Edit::SetPort(7008)).await.expect("applies");
    assert!(fs::symlink_metadata(home.file()).expect("there").is_symlink(), "the link stays");
    assert_eq!(fs::read_to_string(&target).expect("readable"), with_port(7008));
    home.close().await;
}

#[tokio::test]
async fn edits_begin_with_what_is_on_the_disk_and_none_is_lost() {
    let home = Home::with_file("{\n  // by hand\n}\n");
    let store = home.open().await;
    // Nobody has told the store of this yet.
    save(&home.file(), &with_server("files").replace("}\n", "} // by hand\n"));
    let mut edits = Vec::new();
    for number in 0..40 {
        let store = store.clone();
        edits.push(async move {
            let tool = ToolName::new(&format!("tool-{number}")).expect("a name");
            let modes = vec![(tool, Some(Mode::Allow))];
            store.apply(Edit::SetToolModes { server: server("files"), modes }).await
        });
    }
    let mut set = tokio::task::JoinSet::new();
    for edit in edits {
        set.spawn(edit);
    }
    while let Some(done) = set.join_next().await {
        let loaded = done.expect("no panic").expect("applies");
        assert!(loaded.config.server("files").is_some());
    }
    let text = fs::read_to_string(home.file()).expect("readable");
    let (config, _) = parse(&text, &home.file()).expect("valid");
    assert_eq!(config.server("files").expect("there").tools.len(), 40, "{text}");
    assert_eq!(store.loaded().config, Arc::new(config), "what is in force is what is written");
    home.close().await;
}

#[tokio::test]
async fn our_own_writes_are_published_once() {
    let home = Home::with_file(&with_port(1));
    let store = home.open().await;
    let mut changes = store.subscribe();
    let mut seen = Vec::new();
    for port in [2, 3] {
        store.apply(Edit::SetPort(port)).await.expect("applies");
        assert!(changes.has_changed().expect("lives"), "in force when apply returns");
        seen.push(changes.borrow_and_update().config.gateway.port);
    }
    // The notices of our own writes lie before the one of this change.
    save(&home.file(), &with_port(4));
    tokio::time::timeout(LIMIT, changes.changed()).await.expect("in time").expect("lives");
    seen.push(changes.borrow_and_update().config.gateway.port);
    assert_eq!(seen, [Some(2), Some(3), Some(4)], "each once");
    let same = store.apply(Edit::SetPort(4)).await.expect("applies");
    assert!(!changes.has_changed().expect("lives"), "an edit without effect is no change");
    assert_eq!(same.config.gateway.port, Some(4));
    home.close().await;
}

#[tokio::test]
async fn a_removed_server_is_put_back_with_its_comments() {
    let text = "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"x\" },\n    // about b\n    \"b\": { \"command\": \"y\" }\n  }\n}\n";
    let home = Home::with_file(text);
    let store = home.open().await;
    let (loaded, removed) = store.remove_server(server("b")).await.expect("removes");
    assert!(loaded.config.server("b").is_none());
    assert!(!fs::read_to_string(home.file()).expect("readable").contains("about b"));
    store.apply(Edit::RestoreServer(Box::new(removed))).await.expect("restores");
    assert_eq!(fs::read_to_string(home.file()).expect("readable"), text);
    home.close().await;
}

#[tokio::test]
async fn an_edit_that_cannot_be_written_changes_nothing() {
    let home = Home::new();
    save(&home.folder.path().join("etc"), "a file where the folder should be");
    let store = home.open().await;
    assert!(store.loaded().problem.is_some(), "it is said at the start");
    let refused = store.apply(Edit::SetPort(9)).await.expect_err("there is no place for it");
    assert!(!refused.problem().message.is_empty());
    assert_eq!(store.loaded().config.gateway.port, None, "not in force unless written");
    home.close().await;
}

#[tokio::test]
async fn a_store_that_has_ended_says_so() {
    let home = Home::with_file(&with_port(1));
    let store = home.open().await;
    home.close().await;
    assert!(matches!(store.apply(Edit::SetPort(2)).await, Err(ApplyError::Stopped)));
    assert_eq!(fs::read_to_string(home.file()).expect("readable"), with_port(1));
}

#[cfg(unix)]
#[tokio::test]
async fn what_we_write_is_for_its_owner_only_and_a_mode_that_was_set_stays() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let home = Home::new();
    let store = home.open().await;
    store.apply(Edit::SetPort(2)).await.expect("applies");
    assert_eq!(mode(&home.file()), 0o600);
    fs::set_permissions(home.file(), fs::Permissions::from_mode(0o640)).expect("set");
    store.apply(Edit::SetPort(3)).await.expect("applies");
    assert_eq!(mode(&home.file()), 0o640);
    home.close().await;
    assert_eq!(mode(&home.paths().last_good_config()), 0o600);
}
