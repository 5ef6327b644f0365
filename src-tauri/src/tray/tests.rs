//! What the tray shows for which state, as values.

use drawbridge_core::view::{
    ConfigProblem, ConfigView, GatewayState, GatewayView, Held, ModeSource, OllamaState,
    OllamaView, PauseView, ServerView, Snapshot, ToolClaims, ToolView, TransportView,
};
use drawbridge_model::{
    Isolation, Mode, Preset, Problem, RecordRule, SecretsRule, ServerName, ServerState, ToolName,
};

use super::look::{Deck, Look, Sign};
use super::menu::{DesktopState, Entry, Menu, TrayAction, menu};
use super::words;
use crate::questions::question;

const READY: ServerState = ServerState::Ready { since: 0 };

fn tool(name: &str, mode: Mode) -> ToolView {
    ToolView {
        name: ToolName::new(name).expect("a tool's name"),
        exposed_name: name.to_owned(),
        title: None,
        description: String::new(),
        mode,
        mode_source: ModeSource::Tool,
        claims: ToolClaims::default(),
        tokens: 0,
        held: None,
        findings: Vec::new(),
    }
}

fn titled(name: &str, title: &str) -> ToolView {
    ToolView { title: Some(title.to_owned()), ..tool(name, Mode::Allow) }
}

fn pause() -> PauseView {
    PauseView { since: 0, until: None, from_before: false }
}

fn named(name: &str) -> ServerName {
    ServerName::new(name).expect("a server's name")
}

fn server(name: &str, state: ServerState, tools: Vec<ToolView>) -> ServerView {
    ServerView {
        name: named(name),
        transport: TransportView::BuiltIn,
        enabled: true,
        state,
        problem: None,
        restarts: 0,
        preset: Preset::Ask,
        isolation: Isolation::Shared,
        secrets: SecretsRule::Mark,
        record: RecordRule::Content,
        paused: None,
        start_waits: false,
        identity: None,
        tools,
        prompts: 0,
        resources: 0,
    }
}

fn snapshot(servers: Vec<ServerView>) -> Snapshot {
    Snapshot {
        revision: 1,
        version: "0.1.0".to_owned(),
        gateway: GatewayView {
            address: "http://127.0.0.1:7337".to_owned(),
            port: 7337,
            state: GatewayState::Listening,
        },
        paused: None,
        servers,
        clients: Vec::new(),
        config: ConfigView { path: "/c".to_owned(), problem: None, warnings: Vec::new() },
        record_problem: None,
        questions: Vec::new(),
        allowed_answers: Vec::new(),
        blocked: Vec::new(),
        ollama: OllamaView { state: OllamaState::Off, ..OllamaView::default() },
        backends: Vec::new(),
    }
}

fn files() -> ServerView {
    let tools = vec![
        tool("read_file", Mode::Allow),
        tool("write_file", Mode::Ask),
        tool("move_file", Mode::Off),
    ];
    server("files", READY, tools)
}

fn problem() -> Problem {
    Problem::new("It did not work.", "")
}

fn port_in_use(holder: Option<&str>) -> GatewayState {
    GatewayState::PortInUse { holder: holder.map(str::to_owned), problem: problem() }
}

fn line(key: &str, text: &str) -> Entry {
    Entry::Line { key: key.to_owned(), text: text.to_owned() }
}

fn command(key: &str, text: &str, action: TrayAction) -> Entry {
    Entry::Command { key: key.to_owned(), text: text.to_owned(), action }
}

fn check(key: &str, text: &str, checked: bool, [on, off]: [TrayAction; 2]) -> Entry {
    Entry::Check { key: key.to_owned(), text: text.to_owned(), checked, on, off }
}

fn tool_entry(key: &str, text: &str, checked: bool, name: &str, on: Mode) -> Entry {
    check(key, text, checked, [set(name, on), set(name, Mode::Off)])
}

fn set(tool: &str, mode: Mode) -> TrayAction {
    let tool = ToolName::new(tool).expect("a tool's name");
    TrayAction::SetToolMode { server: named("files"), tool, mode }
}

fn submenu<'a>(menu: &'a Menu, sought: &str) -> &'a [Entry] {
    let found = menu.0.iter().find_map(|entry| match entry {
        Entry::Submenu { key, entries, .. } if key == sought => Some(entries),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("there is no submenu {sought}"))
}

#[test]
fn the_menu_of_an_open_bridge() {
    let desktop = DesktopState { start_at_login: Some(false), ..DesktopState::default() };
    let expected = vec![
        line("status", "Open — 1 server, 2 tools"),
        check("pause", "Pause all tools", false, [true, false].map(TrayAction::SetPaused)),
        command("pause-a-while", "Pause for 15 minutes", TrayAction::PauseForMinutes(15)),
        Entry::Separator,
        Entry::Submenu {
            key: "server/files".to_owned(),
            text: "files".to_owned(),
            entries: vec![
                line("server/files/state", "Running — 3 tools, 1 off"),
                Entry::Separator,
                tool_entry("tool/files/read_file", "read_file", true, "read_file", Mode::Allow),
                tool_entry(
                    "tool/files/write_file",
                    "write_file (asks)",
                    true,
                    "write_file",
                    Mode::Ask,
                ),
                tool_entry("tool/files/move_file", "move_file", false, "move_file", Mode::Allow),
                Entry::Separator,
                command(
                    "server/files/all-off",
                    "All tools off",
                    TrayAction::AllToolsOff(named("files")),
                ),
                command(
                    "server/files/restart",
                    "Restart",
                    TrayAction::RestartServer(named("files")),
                ),
            ],
        },
        Entry::Separator,
        command("panel", "Open control panel", TrayAction::OpenPanel),
        command("vscode", "Copy VS Code setup", TrayAction::CopyVscodeSetup),
        check("login", "Start at login", false, [true, false].map(TrayAction::SetStartAtLogin)),
        Entry::Separator,
        command("quit", "Quit", TrayAction::Quit),
    ];
    assert_eq!(menu(&snapshot(vec![files()]), &desktop), Menu(expected));
}

#[test]
fn what_waits_for_the_persons_eyes_says_so_and_leads_to_the_panel() {
    let mut held = files();
    held.tools[0].held = Some(Held::Changed);
    let shown = menu(&snapshot(vec![held]), &DesktopState::default());
    assert_eq!(shown.action("look", true), Some(&TrayAction::OpenPanel));
    let look = shown.0.iter().find(|entry| entry.key() == Some("look")).expect("it is there");
    assert_eq!(look.text(), Some("Look at 1 change…"));
    let tool = tool_entry(
        "tool/files/read_file",
        "read_file (look at it first)",
        true,
        "read_file",
        Mode::Allow,
    );
    assert!(submenu(&shown, "server/files").contains(&tool));

    let mut waits = files();
    (waits.start_waits, waits.state) = (true, ServerState::Stopped);
    waits.tools.clear();
    let shown = menu(&snapshot(vec![waits]), &DesktopState::default());
    let entries = submenu(&shown, "server/files");
    assert!(entries.iter().any(|entry| entry.key() == Some("server/files/look")), "{entries:?}");
    assert!(entries.iter().all(|entry| entry.key() != Some("server/files/start")));
}

#[test]
fn the_status_line_says_what_is_worst() {
    type Change = fn(&mut Snapshot);
    let table: [(Change, &str); 18] = [
        (|_| {}, "Open — 2 servers, 3 tools"),
        (|s| s.paused = Some(pause()), "Paused — 2 servers, 3 tools"),
        (|s| s.servers[0].tools[0].held = Some(Held::New), "1 change waits until you have looked"),
        (
            |s| {
                s.servers[0].start_waits = true;
                s.servers[1].tools[0].held = Some(Held::Changed);
            },
            "2 changes wait until you have looked",
        ),
        (
            |s| {
                s.servers[0].tools[0].held = Some(Held::Found);
                s.servers[0].tools[0].mode = Mode::Off;
            },
            "Open — 2 servers, 2 tools",
        ),
        (|s| s.servers.clear(), "Open — 0 servers, 0 tools"),
        (|s| s.servers[1].enabled = false, "Open — 1 server, 2 tools"),
        (|s| s.gateway.state = GatewayState::Starting, "Starting…"),
        (|s| s.gateway.state = GatewayState::Draining, "Quitting"),
        (|s| s.gateway.state = port_in_use(Some("node")), "Trouble: port 7337 is used by node"),
        (|s| s.gateway.state = port_in_use(None), "Trouble: port 7337 is used by another program"),
        (
            |s| s.gateway.state = GatewayState::Failed { problem: problem() },
            "Trouble: apps cannot connect",
        ),
        (|s| s.servers[0].state = ServerState::Failed, "Trouble: files is not answering"),
        (
            |s| s.servers.iter_mut().for_each(|server| server.state = ServerState::Failed),
            "Trouble: 2 servers are not answering",
        ),
        (
            |s| {
                s.servers[0].state = ServerState::Failed;
                s.servers[0].enabled = false;
            },
            "Open — 1 server, 1 tool",
        ),
        (
            |s| s.record_problem = Some(problem()),
            "Trouble: calls cannot be recorded, so none may cross",
        ),
        (
            |s| {
                s.config.problem = Some(ConfigProblem {
                    path: String::new(),
                    line: None,
                    key: String::new(),
                    message: String::new(),
                });
            },
            "Trouble: the config file has an error",
        ),
        (
            |s| {
                s.paused = Some(pause());
                s.servers[0].state = ServerState::Waiting { retry_at: 0, attempt: 1 };
            },
            "Paused. Trouble: files is not answering",
        ),
    ];
    for (change, expected) in table {
        let mut snapshot =
            snapshot(vec![files(), server("notes", READY, vec![tool("find", Mode::Allow)])]);
        change(&mut snapshot);
        assert_eq!(words::status(&snapshot), expected);
        let trouble = words::trouble(&snapshot).is_some();
        let counted = menu(&snapshot, &DesktopState::default()).0.iter().any(|entry| {
            entry.key() == Some("count") && entry.text() == Some(&words::count(&snapshot))
        });
        assert_eq!(counted, trouble, "trouble leaves no room for the count: {expected}");
    }
}

#[test]
fn the_icon_says_it_by_the_deck_and_the_sign() {
    type Change = fn(&mut Snapshot);
    let table: [(&str, Change, Deck, Sign); 9] = [
        ("open", |_| {}, Deck::Down, Sign::Away),
        ("paused", |s| s.paused = Some(pause()), Deck::Up, Sign::Away),
        (
            "a tool is held back",
            |s| s.servers[0].tools[0].held = Some(Held::Changed),
            Deck::Down,
            Sign::Standing,
        ),
        ("a start waits", |s| s.servers[0].start_waits = true, Deck::Down, Sign::Standing),
        ("starting", |s| s.gateway.state = GatewayState::Starting, Deck::Up, Sign::Away),
        ("quitting", |s| s.gateway.state = GatewayState::Draining, Deck::Up, Sign::Away),
        ("port in use", |s| s.gateway.state = port_in_use(None), Deck::Up, Sign::Standing),
        ("no record", |s| s.record_problem = Some(problem()), Deck::Up, Sign::Standing),
        (
            "a server is down",
            |s| s.servers[0].state = ServerState::Failed,
            Deck::Down,
            Sign::Standing,
        ),
    ];
    for (name, change, deck, sign) in table {
        let mut snapshot = snapshot(vec![files()]);
        change(&mut snapshot);
        assert_eq!(Look::of(&snapshot), Look { deck, sign }, "{name}");
    }
}

#[test]
fn a_servers_menu_offers_what_fits_its_state() {
    let restart = TrayAction::RestartServer(named("s"));
    let start = TrayAction::StartServer(named("s"));
    let enable = TrayAction::EnableServer(named("s"));
    for (state, enabled, title, said, action) in [
        (READY, true, "s", "Running — 0 tools", &restart),
        (ServerState::Starting { since: 0 }, true, "s — starting", "Starting…", &restart),
        (
            ServerState::Waiting { retry_at: 0, attempt: 1 },
            true,
            "s — not answering",
            "Not answering — will be tried again (failed once)",
            &restart,
        ),
        (
            ServerState::Waiting { retry_at: 0, attempt: 3 },
            true,
            "s — not answering",
            "Not answering — will be tried again (failed 3 times)",
            &restart,
        ),
        (ServerState::Stopping, true, "s — stopping", "Stopping…", &restart),
        (
            ServerState::Failed,
            true,
            "s — not answering",
            "Not answering — given up until started again",
            &start,
        ),
        (ServerState::Stopped, true, "s — stopped", "Stopped", &start),
        (ServerState::Stopped, false, "s — off", "Switched off", &enable),
        (ServerState::Stopping, false, "s — off", "Switched off", &enable),
    ] {
        let mut shown = server("s", state.clone(), Vec::new());
        shown.enabled = enabled;
        let menu = menu(&snapshot(vec![shown]), &DesktopState::default());
        let found = menu.0.iter().find(|entry| entry.key() == Some("server/s"));
        assert_eq!(found.and_then(Entry::text), Some(title), "{state:?}");
        let entries = submenu(&menu, "server/s");
        assert_eq!(entries[0], line("server/s/state", said), "{state:?}");
        let last = entries.last().and_then(|entry| menu.action(entry.key()?, true));
        assert_eq!(last, Some(action), "{state:?}");
    }
}

#[test]
fn checking_a_tool_gives_back_the_mode_the_tray_took() {
    let key = "tool/files/move_file";
    let snapshot = snapshot(vec![files()]);
    let mut desktop = DesktopState::default();
    assert_eq!(menu(&snapshot, &desktop).action(key, true), Some(&set("move_file", Mode::Allow)));
    let tool = ToolName::new("move_file").expect("a tool's name");
    desktop.modes_before_off.insert((named("files"), tool), Mode::Ask);
    assert_eq!(menu(&snapshot, &desktop).action(key, true), Some(&set("move_file", Mode::Ask)));
}

#[test]
fn a_second_click_undoes_the_first_before_the_menu_has_changed() {
    let menu = menu(&snapshot(vec![files()]), &DesktopState::default());
    for (key, name, mode) in [
        ("tool/files/read_file", "read_file", Mode::Allow),
        ("tool/files/write_file", "write_file", Mode::Ask),
    ] {
        assert_eq!(menu.action(key, false), Some(&set(name, Mode::Off)), "the first click");
        assert_eq!(menu.action(key, true), Some(&set(name, mode)), "the second one");
    }
    assert_eq!(menu.action("pause", true), Some(&TrayAction::SetPaused(true)));
    assert_eq!(menu.action("pause", false), Some(&TrayAction::SetPaused(false)));
}

#[test]
fn all_tools_off_is_offered_while_one_is_on() {
    let offered = |mode| {
        let shown = server("s", READY, vec![tool("a", Mode::Off), tool("b", mode)]);
        menu(&snapshot(vec![shown]), &DesktopState::default())
            .action("server/s/all-off", true)
            .is_some()
    };
    assert!(offered(Mode::Ask));
    assert!(!offered(Mode::Off));
}

#[test]
fn a_port_conflict_can_be_resolved_from_the_menu() {
    let mut snapshot = snapshot(Vec::new());
    snapshot.gateway.state = port_in_use(Some("node"));
    let mut desktop = DesktopState::default();
    let why = line("port/why", "Port 7337 is used by node");
    let retry = command("port/retry", "Try port 7337 again", TrayAction::RetryGateway);
    let panel = command("port/panel", "Open control panel", TrayAction::OpenPanel);
    assert_eq!(
        submenu(&menu(&snapshot, &desktop), "port"),
        [why.clone(), retry.clone(), panel.clone()]
    );
    desktop.free_port = Some(7338);
    let text = "Move to port 7338 (set apps up again)";
    let there = command("port/move", text, TrayAction::MoveGateway(7338));
    assert_eq!(submenu(&menu(&snapshot, &desktop), "port"), [why, retry, there, panel]);
}

#[test]
fn what_did_not_work_is_said() {
    let desktop = DesktopState {
        failure: Some("The setup could not be copied.".to_owned()),
        ..DesktopState::default()
    };
    let menu = menu(&snapshot(Vec::new()), &desktop);
    assert!(menu.0.contains(&line("failure", "Did not work: The setup could not be copied.")));
}

#[test]
fn while_quitting_only_hurrying_is_offered() {
    let desktop = DesktopState { quitting: true, ..DesktopState::default() };
    let expected = [
        line("status", "Quitting. Calls in flight are ending."),
        command("quit", "Quit without waiting", TrayAction::Quit),
    ];
    assert_eq!(menu(&snapshot(vec![files()]), &desktop).0, expected);
}

#[test]
fn long_menus_end_with_the_way_to_the_rest() {
    let tools = (0..45).map(|n| tool(&format!("t{n}"), Mode::Allow)).collect();
    let mut servers = vec![server("many", READY, tools)];
    servers.extend((0..40).map(|n| server(&format!("s{n}"), READY, Vec::new())));
    let menu = menu(&snapshot(servers), &DesktopState::default());
    let checks = |entries: &[Entry]| {
        entries.iter().filter(|entry| matches!(entry, Entry::Check { .. })).count()
    };
    let entries = submenu(&menu, "server/many");
    assert_eq!(checks(entries), 40);
    let more = "5 more in the control panel…";
    assert!(entries.contains(&command("server/many/more", more, TrayAction::OpenPanel)));
    let servers = menu.0.iter().filter(|entry| matches!(entry, Entry::Submenu { .. })).count();
    assert_eq!(servers, 30);
    assert_eq!(menu.action("more", true), Some(&TrayAction::OpenPanel));
}

#[test]
fn tools_go_by_their_titles_unless_two_share_one() {
    let tools = vec![
        titled("a", "Read"),
        titled("b", "Write\u{202E}\nnow"),
        titled("c", "Read"),
        titled("d", "  "),
    ];
    let menu = menu(&snapshot(vec![server("s", READY, tools)]), &DesktopState::default());
    let texts: Vec<_> = submenu(&menu, "server/s")
        .iter()
        .filter(|entry| matches!(entry, Entry::Check { .. }))
        .filter_map(Entry::text)
        .collect();
    assert_eq!(texts, ["Read (a)", "Write now", "Read (c)", "d"]);
}

#[test]
fn somebody_elses_text_stays_one_short_line() {
    for (text, expected) in [
        ("plain", "plain"),
        ("a\tb\r\nc", "a b c"),
        ("\u{200B}\u{FEFF}", ""),
        ("0123456789", "0123456789"),
        ("01234567890", "012345678…"),
    ] {
        assert_eq!(words::clip(text, 10), expected, "{text:?}");
    }
}

#[test]
fn entries_keep_their_keys_while_words_and_marks_change() {
    let before = snapshot(vec![files()]);
    let mut after = before.clone();
    after.paused = Some(pause());
    after.servers[0].tools[0].mode = Mode::Off;
    after.servers[0].state = ServerState::Stopping;
    let show = |snapshot: &Snapshot| menu(snapshot, &DesktopState::default());
    assert_ne!(show(&before), show(&after));
    assert!(show(&before).has_the_entries_of(&show(&after)));
    after.servers[0].tools.pop();
    assert!(!show(&before).has_the_entries_of(&show(&after)));
}

#[test]
fn no_two_entries_share_a_key() {
    fn keys<'a>(entries: &'a [Entry], into: &mut Vec<&'a str>) {
        for entry in entries {
            into.extend(entry.key());
            if let Entry::Submenu { entries, .. } = entry {
                keys(entries, into);
            }
        }
    }
    let tools = || vec![tool("state", Mode::Allow), tool("restart", Mode::Off)];
    let mut snapshot = snapshot(vec![server("a", READY, tools()), server("pause", READY, tools())]);
    snapshot.gateway.state = port_in_use(None);
    let desktop = DesktopState {
        start_at_login: Some(true),
        free_port: Some(1),
        failure: Some("x".to_owned()),
        ..DesktopState::default()
    };
    let menu = menu(&snapshot, &desktop);
    let mut found = Vec::new();
    keys(&menu.0, &mut found);
    let all = found.len();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), all);
}

#[test]
fn a_waiting_question_is_in_the_menu_and_beside_the_icon() {
    let mut waiting = snapshot(vec![files()]);
    assert_eq!(Look::of(&waiting).sign, Sign::Away);
    for (count, status, answer) in [
        (1, "1 call waits for your answer", "Answer 1 question…"),
        (2, "2 calls wait for your answer", "Answer 2 questions…"),
    ] {
        waiting.questions = (1..=count).map(|id| question(id, "write_file")).collect();
        let menu = menu(&waiting, &DesktopState::default());
        assert_eq!(
            menu.0[..2],
            [line("status", status), command("answer", answer, TrayAction::ShowQuestions)]
        );
        let look = Look::of(&waiting);
        assert_eq!((look.deck, look.sign), (Deck::Down, Sign::Standing));
    }
    waiting.record_problem = Some(problem());
    let menu = menu(&waiting, &DesktopState::default());
    assert_eq!(menu.0[0].text(), Some("Trouble: calls cannot be recorded, so none may cross"));
}
