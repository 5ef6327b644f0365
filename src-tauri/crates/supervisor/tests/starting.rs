//! What a program finds when it starts, what is said when it cannot, and what it leaves in the log.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use drawbridge_supervisor::{ResolvedLaunch, SpawnError, find_program};
use support::{home, sh, within};

#[tokio::test]
async fn code_and_signal_are_reported() {
    let home = home();
    for (script, code, signal) in [
        ("exit 0", Some(0), None),
        ("exit 42", Some(42), None),
        ("kill -SEGV $$", None, Some(11)),
        ("kill -KILL $$", None, Some(9)),
    ] {
        let mut server = home.sh(script).await;
        let report = within(server.running.exited()).await;
        assert_eq!((report.code, report.signal), (code, signal), "{script}");
    }
}

#[tokio::test]
async fn the_last_line_that_says_something_is_in_the_report_and_all_are_in_the_log() {
    let home = home();
    let mut server =
        home.sh("echo starting >&2; printf 'Error: no key\\n}\\n\\n' >&2; exit 1").await;
    let report = within(server.running.exited()).await;
    assert_eq!(report.last_stderr.as_deref(), Some("Error: no key"));
    let texts: Vec<_> = home.log.tail(10).into_iter().map(|line| line.text.to_string()).collect();
    assert_eq!(texts, ["starting", "Error: no key", "}", ""]);
}

#[tokio::test]
async fn many_short_lives_side_by_side_are_all_reported() {
    let home = home();
    let mut servers = vec![];
    for n in 0..24 {
        servers.push((n, home.sh(&format!("exit {n}")).await));
    }
    for (n, mut server) in servers {
        assert_eq!(within(server.running.exited()).await.code, Some(n));
    }
    home.tasks.close();
    within(home.tasks.wait()).await;
    assert_eq!(home.notes(), 0);
}

#[tokio::test]
async fn a_planted_secret_does_not_reach_a_child_and_what_is_added_does() {
    // The test program was started with variables of its own, as we are by a desktop.
    let ours: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    assert!(ours.iter().any(|name| name.starts_with("CARGO")), "something that must not pass");
    let home = home();
    let mut launch = sh("env; echo ready; exit 0");
    launch.env = BTreeMap::from([("API_KEY".into(), "of this server".into())]);
    let mut server = support::Server::from(home.spawner.spawn(&launch, &home.log).await.unwrap());
    let mut names = vec![];
    while let Some(line) = server.line().await.filter(|line| line != "ready") {
        let (name, value) = line.split_once('=').unwrap();
        if name == "API_KEY" {
            assert_eq!(value, "of this server");
        }
        names.push(name.to_owned());
    }
    for expected in ["API_KEY", "HOME", "PATH"] {
        assert!(names.iter().any(|name| name == expected), "{expected} is missing in {names:?}");
    }
    let known = |name: &str| {
        name.starts_with("LC_")
            || name.starts_with("XDG_")
            || [
                "API_KEY",
                "DRAWBRIDGE_TREE",
                "HOME",
                "LANG",
                "LANGUAGE",
                "LOGNAME",
                "PATH",
                "PWD",
                "SHELL",
                "SHLVL",
                "TMPDIR",
                "TZ",
                "USER",
                "OLDPWD",
                "_",
            ]
            .contains(&name)
    };
    let strange: Vec<_> = names.iter().filter(|name| !known(name)).collect();
    assert!(strange.is_empty(), "{strange:?} must not reach a child");
}

#[tokio::test]
async fn a_child_inherits_its_three_pipes_and_nothing_else() {
    let home = home();
    // A descriptor that any program we start would inherit, as libraries leave them.
    let leak = fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let mut server = home.sh("exec ls /proc/self/fd").await;
    let mut open = vec![];
    while let Some(fd) = server.line().await {
        open.push(fd);
    }
    assert_eq!(open, ["0", "1", "2", "3"], "the last one is the folder that is listed");

    let mut server = home.sh("ps -o sid= -p $$").await;
    let session: u32 = server.line().await.unwrap().trim().parse().unwrap();
    assert_eq!(session, server.pid, "it has a session of its own, and so no terminal");
}

#[tokio::test]
async fn the_pipes_are_the_childs_alone() {
    let home = home();
    let mut server = home.sh("exec >&-; cat >&2; exit 6").await;
    assert_eq!(server.line().await, None, "a stream that the child closes is closed");
    drop(server.stdin);
    assert_eq!(within(server.running.exited()).await.code, Some(6));
}

async fn refusal(launch: ResolvedLaunch) -> SpawnError {
    let home = home();
    let error = home.spawner.spawn(&launch, &home.log).await.expect_err("it cannot start");
    assert_eq!(home.notes(), 0);
    home.tasks.close();
    within(home.tasks.wait()).await;
    error
}

#[tokio::test]
async fn what_keeps_a_program_from_starting_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        #[expect(clippy::disallowed_methods, reason = "a file of a test")]
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let launch = |command: &str| ResolvedLaunch {
        command: command.into(),
        cwd: Some(folder.path().into()),
        ..ResolvedLaunch::default()
    };

    let error = refusal(launch("no-such-program-anywhere")).await;
    assert!(
        matches!(&error, SpawnError::CommandNotFound { command, .. } if command == "no-such-program-anywhere")
    );
    assert!(error.problem().message.contains("no-such-program-anywhere"));

    let error = refusal(launch("/no/such/program")).await;
    assert!(matches!(error, SpawnError::CommandNotFound { .. }), "{error:?}");

    let error = refusal(launch(&file("plain.txt", "text", 0o644))).await;
    assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error:?}");

    let error = refusal(launch(&file("script", "#!/no/such/interpreter\n", 0o755))).await;
    assert!(
        matches!(&error, SpawnError::NotExecutable { reason, .. } if reason.contains("interpreter")),
        "{error:?}"
    );

    let cwd = Some(folder.path().join("missing"));
    let error = refusal(ResolvedLaunch { cwd, ..sh("exit 0") }).await;
    assert!(matches!(error, SpawnError::Folder { .. }), "{error:?}");

    let cwd = Some(file("a-file", "", 0o644).into());
    let error = refusal(ResolvedLaunch { cwd, ..sh("exit 0") }).await;
    assert!(matches!(error, SpawnError::Folder { .. }), "{error:?}");

    let error = refusal(sh("a null \0 in it")).await;
    assert!(matches!(error, SpawnError::Arguments { .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_guardian_is_our_own_fault_and_says_so() {
    let home = home();
    let spawner = drawbridge_supervisor::Spawner::new(drawbridge_supervisor::SpawnerSettings {
        guardian: "/no/such/guardian".into(),
        state_dir: home.folder.path().into(),
        grace: std::time::Duration::from_secs(1),
        search_path: "/usr/bin:/bin".into(),
        tasks: home.tasks.clone(),
    });
    let error = spawner.spawn(&sh("exit 0"), &home.log).await.expect_err("no guardian");
    assert!(matches!(error, SpawnError::Guardian { .. }), "{error:?}");
}

#[tokio::test]
async fn a_flood_on_standard_error_neither_stops_the_server_nor_fills_the_log() {
    let home = home();
    let mut server = home
        .sh("yes 'noise noise noise noise' | head -n 60000 >&2; echo done; echo 'the end' >&2; exit 0")
        .await;
    assert_eq!(server.line().await.as_deref(), Some("done"));
    let report = within(server.running.exited()).await;
    assert_eq!(report.code, Some(0));
    assert_eq!(report.last_stderr.as_deref(), Some("the end"), "kept though the log dropped it");
    let tail = home.log.tail(usize::MAX);
    assert!(tail.len() <= 2_000, "{} lines are kept", tail.len());
    assert!(tail.iter().any(|line| line.text.ends_with("lines dropped")), "and it is said");
}

#[test]
fn programs_are_found_as_a_shell_would_find_them_but_not_beside_us() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir_all(bin.join("folder")).unwrap();
    let tool = bin.join("tool");
    #[expect(clippy::disallowed_methods, reason = "a file of a test")]
    fs::write(&tool, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("/nowhere::relative:{}", bin.display());
    let cwd = Some(folder.path());
    for (command, expected) in [
        ("tool", Some(tool.as_path())),
        ("folder", None),
        ("missing", None),
        ("", None),
        ("bin/tool", Some(tool.as_path())),
        ("./tool", None),
        (tool.to_str().unwrap(), Some(tool.as_path())),
    ] {
        let found = find_program(command, path.as_ref(), cwd);
        assert_eq!(found.as_deref(), expected.map(Path::new), "{command:?}");
    }
    assert_eq!(find_program("tool", "bin:.:".as_ref(), cwd), None, "relative folders do not count");
}

/// Asks a made-up login shell for its path, in a process of its own, whose `SHELL` is free to set.
fn path_from_shell(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("shell");
    #[expect(clippy::disallowed_methods, reason = "a file of a test")]
    fs::write(&shell, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a second program that plays us")]
    let output = std::process::Command::new(support::example("login_path"))
        .env("SHELL", &shell)
        .env("GITHUB_TOKEN", "a secret")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_login_shell_tells_its_path_whatever_else_it_does() {
    // Called as `shell -l -i -c SCRIPT`; it runs the script as a shell with such a PATH would.
    let run = r#"eval "$4""#;
    let noisy = format!("echo Welcome; (sleep 1000 &) ; PATH=/login/bin:$PATH; {run}; exit 1");
    let path = path_from_shell(&noisy);
    assert!(path.starts_with("Some(\"/login/bin:"), "{path}");
    let secret = format!("PATH=/token-${{GITHUB_TOKEN:-none}}; {run}");
    assert_eq!(path_from_shell(&secret), "Some(\"/token-none\")\n");
    assert_eq!(path_from_shell("exit 0"), "None\n", "a shell that says nothing is no answer");
    assert_eq!(path_from_shell("exec /no/such/program"), "None\n");
}

#[test]
fn a_login_shell_that_hangs_is_given_up() {
    let began = std::time::Instant::now();
    assert_eq!(path_from_shell("sleep 1000"), "None\n");
    assert!(began.elapsed() < support::LIMIT);
}
