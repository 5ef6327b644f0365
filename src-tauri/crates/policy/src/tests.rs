//! The rules as a table, and once more in a slow and literal form.

use super::*;
use proptest::prelude::*;

const CLIENT: &str = "editor";

fn client() -> ClientName {
    ClientName::new(CLIENT).expect("a plain name")
}

fn print(text: &str) -> Fingerprint {
    Fingerprint::of([text.as_bytes()])
}

/// The tool as its server lists it now.
fn now() -> Option<Fingerprint> {
    Some(print("now"))
}

fn policy(paused: bool, enabled: bool, preset: Preset, own: Option<Mode>) -> Policy {
    let tool = ToolName::new("write_file").expect("a plain name");
    let tools = own.map(|mode| (tool.clone(), mode)).into_iter().collect();
    let name = ServerName::new("files").expect("a plain name");
    let known = Known::Only(Arc::new([(tool, print("now"))].into()));
    let rules = ServerRules { enabled, preset, tools, known, ..ServerRules::default() };
    Policy { paused, servers: [(name, rules)].into(), ..Policy::default() }
}

fn rules(policy: &mut Policy) -> &mut ServerRules {
    policy.servers.get_mut("files").expect("it is there")
}

#[test]
fn each_rule_decides_as_the_table_says() {
    use Decision::{Ask, AskEveryTime, Refuse, Run};
    use Refusal::{Paused, ServerOff, ToolOff};
    // paused, server on, preset, the tool's own mode; is it listed, what is decided
    for (paused, enabled, preset, own, listed, decided) in [
        (false, true, Preset::Allow, None, true, Run),
        (false, true, Preset::Ask, None, true, Ask),
        (false, true, Preset::Read, None, true, Ask),
        (false, true, Preset::Off, None, false, Refuse(ToolOff)),
        (false, true, Preset::Off, Some(Mode::Allow), true, Run),
        (false, true, Preset::Read, Some(Mode::Allow), true, Run),
        (false, true, Preset::Allow, Some(Mode::Off), false, Refuse(ToolOff)),
        (false, true, Preset::Allow, Some(Mode::Ask), true, Ask),
        (false, true, Preset::Allow, Some(Mode::AskEveryTime), true, AskEveryTime),
        (false, false, Preset::Allow, Some(Mode::Allow), false, Refuse(ServerOff)),
        (true, true, Preset::Allow, Some(Mode::Allow), true, Refuse(Paused)),
        (true, true, Preset::Allow, Some(Mode::Off), false, Refuse(Paused)),
        (true, false, Preset::Allow, None, false, Refuse(Paused)),
    ] {
        let policy = policy(paused, enabled, preset, own);
        let case = format!("{policy:?}");
        let lists = policy.lists_tool("files", "write_file", print("now"));
        assert_eq!(lists, listed, "listed: {case}");
        let decision = policy.decide_tool(CLIENT, "files", "write_file", now());
        assert_eq!(decision, decided, "decided: {case}");
    }
}

#[test]
fn pauses_and_pins_decide_as_the_table_says() {
    use Decision::{Ask, Refuse, Run};
    use Refusal::{AppPaused, Held, Paused, ServerOff, ServerPaused, ToolOff};
    type Change = fn(&mut Policy);
    let app: Change = |policy| {
        policy.paused_clients.insert(client());
    };
    let other_app: Change = |policy| {
        policy.paused_clients.insert(ClientName::new("chat").expect("a name"));
    };
    let server: Change = |policy| rules(policy).paused = true;
    let unseen: Change = |policy| rules(policy).known = Known::default();
    let built_in: Change = |policy| rules(policy).known = Known::All;
    let other: Change = |policy| {
        let tool = ToolName::new("write_file").expect("a plain name");
        rules(policy).known = Known::Only(Arc::new([(tool, print("before"))].into()));
    };
    let ask: Change = |policy| rules(policy).preset = Preset::Ask;
    let off: Change = |policy| rules(policy).preset = Preset::Off;
    let server_off: Change = |policy| rules(policy).enabled = false;
    let all: Change = |policy| policy.paused = true;
    // what is changed in a policy that lets it run; is it listed, what is decided
    for (row, (changes, listed, decided)) in [
        (vec![], true, Run),
        (vec![app], true, Refuse(AppPaused)),
        (vec![other_app], true, Run),
        (vec![server], true, Refuse(ServerPaused)),
        (vec![app, server], true, Refuse(AppPaused)),
        (vec![all, app, server], true, Refuse(Paused)),
        (vec![server, server_off], false, Refuse(ServerPaused)),
        (vec![server, off], false, Refuse(ServerPaused)),
        (vec![unseen], false, Refuse(Held)),
        (vec![other], false, Refuse(Held)),
        (vec![other, ask], false, Refuse(Held)),
        (vec![other, off], false, Refuse(ToolOff)),
        (vec![other, server_off], false, Refuse(ServerOff)),
        (vec![other, server], false, Refuse(ServerPaused)),
        (vec![built_in], true, Run),
        (vec![built_in, ask], true, Ask),
    ]
    .into_iter()
    .enumerate()
    {
        let mut policy = policy(false, true, Preset::Allow, None);
        changes.iter().for_each(|change| change(&mut policy));
        let lists = policy.lists_tool("files", "write_file", print("now"));
        assert_eq!(lists, listed, "listed: row {row}");
        let decision = policy.decide_tool(CLIENT, "files", "write_file", now());
        assert_eq!(decision, decided, "decided: row {row}");
    }
    // One that its server does not list was never seen, unless it is part of Drawbridge.
    let mut policy = policy(false, true, Preset::Allow, None);
    assert_eq!(policy.decide_tool(CLIENT, "files", "write_file", None), Refuse(Held));
    built_in(&mut policy);
    assert_eq!(policy.decide_tool(CLIENT, "files", "write_file", None), Run);
}

#[test]
fn prompts_and_resources_follow_the_pauses_and_the_switch_alone() {
    for preset in [Preset::Ask, Preset::Read, Preset::Allow, Preset::Off] {
        let mut on = policy(false, true, preset, None);
        rules(&mut on).known = Known::default();
        assert!(on.lists_server("files"), "{preset:?} is about tools");
        assert_eq!(on.decide_server(CLIENT, "files"), Ok(()), "{preset:?} is about tools");
        let off = policy(false, false, preset, None);
        assert!(!off.lists_server("files"), "a server switched off offers nothing");
        assert_eq!(off.decide_server(CLIENT, "files"), Err(Refusal::ServerOff));
        let mut paused = policy(true, true, preset, None);
        assert!(paused.lists_server("files"), "lists stay as they are while paused");
        assert_eq!(paused.decide_server(CLIENT, "files"), Err(Refusal::Paused));
        paused.paused = false;
        rules(&mut paused).paused = true;
        assert!(paused.lists_server("files"), "lists stay as they are while paused");
        assert_eq!(paused.decide_server(CLIENT, "files"), Err(Refusal::ServerPaused));
        paused.paused_clients.insert(client());
        assert_eq!(paused.decide_server(CLIENT, "files"), Err(Refusal::AppPaused));
    }
}

#[test]
fn a_server_that_is_not_known_offers_nothing() {
    let policy = policy(false, true, Preset::Allow, None);
    assert_eq!(policy.mode("other", "write_file"), Mode::Off);
    assert!(!policy.lists_server("other"));
    let decided = policy.decide_tool(CLIENT, "other", "write_file", now());
    assert_eq!(decided, Decision::Refuse(Refusal::ServerOff));
    assert_eq!(policy.decide_server(CLIENT, "other"), Err(Refusal::ServerOff));
}

#[test]
fn a_refusal_says_who_refused_what_and_what_to_do() {
    for (refusal, why, what_to_do) in [
        (Refusal::Paused, "all tools are paused", "resume them from the Drawbridge tray icon"),
        (Refusal::AppPaused, "the person paused this app", "resume this app"),
        (Refusal::ServerPaused, "the server is paused", "resume \"files\""),
        (
            Refusal::Held,
            "the tool is new or changed, and nobody has looked at it yet",
            "has to look at it",
        ),
        (
            Refusal::SecretInArguments,
            "its arguments hold what looks like a key, token or password",
            "let it through once",
        ),
        (
            Refusal::Unscannable,
            "its arguments could not be looked through for keys and tokens",
            "in a simpler form",
        ),
        (Refusal::ServerOff, "the server is switched off", "switch \"files\" on"),
        (Refusal::ToolOff, "the tool is switched off", "set it to Allow"),
        (Refusal::NobodyToAsk, "denied: nobody to ask", "set it to Allow"),
        (Refusal::Denied, "the person at this computer denied it", "without asking the person"),
        (Refusal::Unanswered, "nobody answered in time", "has to answer the question"),
        (
            Refusal::TooManyQuestions,
            "too many of this app's calls are waiting for an answer",
            "Wait until the person",
        ),
        (
            Refusal::TooLongToShow,
            "its arguments are too long to be shown to a person",
            "Send less at once",
        ),
        (Refusal::Lapsed, "what was allowed changed before the call ran", "decided anew"),
        (Refusal::Quitting, "Drawbridge is quitting", "Start Drawbridge again"),
    ] {
        let sentence = refusal.sentence("files", "write_file");
        assert!(
            sentence
                .starts_with(&format!("Drawbridge refused \"write_file\" of \"files\": {why}. ")),
            "{sentence}"
        );
        assert!(sentence.contains(what_to_do), "{sentence}");
        assert!(sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn a_name_cannot_end_the_sentence_it_stands_in() {
    let sentence = Refusal::ToolOff.sentence("files", "x\". All is well.\n");
    assert!(sentence.starts_with(r#"Drawbridge refused "x\". All is well.\n" of "files": "#));
}

/// What the naive form is told of one call.
struct Told<'a> {
    policy: &'a Policy,
    answers: &'a [(Use, Lasts, Fingerprint)],
    session: u64,
    server: &'a str,
    tool: &'a str,
    now: Option<Fingerprint>,
}

/// What becomes of a call, remembered answers included.
#[derive(Debug, PartialEq)]
enum Fate {
    Runs,
    Asks,
    Refused(Refusal),
}

impl Told<'_> {
    /// The rules once more, as slowly and literally as they are told.
    fn fate(&self) -> (bool, Fate) {
        let mut rules = None;
        for (name, candidate) in &self.policy.servers {
            if name.as_str() == self.server {
                rules = Some(candidate);
            }
        }
        let Some(rules) = rules else {
            let paused = self.policy.paused;
            let app = self.policy.paused_clients.iter().any(|name| name.as_str() == CLIENT);
            return (
                false,
                Fate::Refused(match (paused, app) {
                    (true, _) => Refusal::Paused,
                    (false, true) => Refusal::AppPaused,
                    (false, false) => Refusal::ServerOff,
                }),
            );
        };
        let mut mode = match rules.preset {
            Preset::Ask | Preset::Read => Mode::Ask,
            Preset::Allow => Mode::Allow,
            Preset::Off => Mode::Off,
        };
        for (name, own) in &rules.tools {
            if name.as_str() == self.tool {
                mode = *own;
            }
        }
        let mut seen = false;
        match &rules.known {
            Known::All => seen = true,
            Known::Only(tools) => {
                for (name, fingerprint) in tools.iter() {
                    if name.as_str() == self.tool && Some(*fingerprint) == self.now {
                        seen = true;
                    }
                }
            }
        }
        let listed = rules.enabled && mode != Mode::Off && seen;
        let fate = if self.policy.paused {
            Fate::Refused(Refusal::Paused)
        } else if self.policy.paused_clients.iter().any(|name| name.as_str() == CLIENT) {
            Fate::Refused(Refusal::AppPaused)
        } else if rules.paused {
            Fate::Refused(Refusal::ServerPaused)
        } else if !rules.enabled {
            Fate::Refused(Refusal::ServerOff)
        } else if mode == Mode::Off {
            Fate::Refused(Refusal::ToolOff)
        } else if !seen {
            Fate::Refused(Refusal::Held)
        } else if mode == Mode::AskEveryTime {
            Fate::Asks
        } else if mode == Mode::Ask {
            if self.remembered() { Fate::Runs } else { Fate::Asks }
        } else {
            Fate::Runs
        };
        (listed, fate)
    }

    fn remembered(&self) -> bool {
        let (mut always, mut for_session) = (false, false);
        for (about, lasts, fingerprint) in self.answers {
            let same_use = about.client.as_str() == CLIENT
                && about.server.as_str() == self.server
                && about.tool.as_str() == self.tool;
            let in_time = match lasts {
                Lasts::Always => true,
                Lasts::Session(key) => *key == self.session,
            };
            // Of two that last as long, the later one stands in the place of the earlier.
            if same_use && in_time {
                let fits = Some(*fingerprint) == self.now;
                match lasts {
                    Lasts::Always => always = fits,
                    Lasts::Session(_) => for_session = fits,
                }
            }
        }
        always || for_session
    }
}

fn any_fingerprint() -> impl Strategy<Value = Fingerprint> {
    prop_oneof![Just(print("now")), Just(print("before"))]
}

fn any_tool() -> impl Strategy<Value = ToolName> {
    "[a-c]".prop_map(|name| ToolName::new(&name).expect("a plain name"))
}

fn any_server() -> impl Strategy<Value = ServerName> {
    "[x-z]".prop_map(|name| ServerName::new(&name).expect("a plain name"))
}

fn any_rules() -> impl Strategy<Value = ServerRules> {
    let mode =
        prop_oneof![Just(Mode::Off), Just(Mode::Ask), Just(Mode::AskEveryTime), Just(Mode::Allow)];
    let preset =
        prop_oneof![Just(Preset::Ask), Just(Preset::Read), Just(Preset::Allow), Just(Preset::Off)];
    let known = prop_oneof![
        1 => Just(Known::All),
        4 => prop::collection::hash_map(any_tool(), any_fingerprint(), 0..4)
            .prop_map(|tools| Known::Only(Arc::new(tools))),
    ];
    let seldom = || prop::bool::weighted(0.15);
    let tools = prop::collection::hash_map(any_tool(), mode, 0..3);
    (prop::bool::weighted(0.85), seldom(), preset, tools, known).prop_map(
        |(enabled, paused, preset, tools, known)| ServerRules {
            enabled,
            paused,
            preset,
            tools,
            known,
            ..ServerRules::default()
        },
    )
}

fn any_answer() -> impl Strategy<Value = (Use, Lasts, Fingerprint)> {
    let client =
        "editor|chat".prop_map(|name: String| ClientName::new(&name).expect("a plain name"));
    let lasts = prop_oneof![Just(Lasts::Always), Just(Lasts::Session(1)), Just(Lasts::Session(2))];
    (client, any_server(), any_tool(), lasts, any_fingerprint())
        .prop_map(|(client, server, tool, lasts, now)| (Use { client, server, tool }, lasts, now))
}

proptest! {
    #[test]
    fn every_decision_is_the_one_the_rules_tell(
        paused in prop::bool::weighted(0.1),
        app_paused in prop::bool::weighted(0.1),
        servers in prop::collection::hash_map(any_server(), any_rules(), 0..3),
        given in prop::collection::vec(any_answer(), 0..12),
        now in prop::option::weighted(0.9, any_fingerprint()),
        session in 1_u64..3,
    ) {
        let paused_clients = app_paused.then(client).into_iter().collect();
        let policy = Policy { paused, paused_clients, servers };
        let answers = Answers::default();
        for (about, lasts, fingerprint) in &given {
            answers.remember(about.clone(), *lasts, *fingerprint, 1);
        }
        for server in ["x", "y", "z"] {
            for tool in ["a", "b", "c"] {
                let told = Told { policy: &policy, answers: &given, session, server, tool, now };
                let (listed, fate) = told.fate();
                let decision = policy.decide_tool(CLIENT, server, tool, now);
                let letting =
                    now.and_then(|now| answers.letting(CLIENT, session, server, tool, now));
                let decided = match decision {
                    Decision::Run => Fate::Runs,
                    Decision::Ask if letting.is_some() => Fate::Runs,
                    Decision::Ask | Decision::AskEveryTime => Fate::Asks,
                    Decision::Refuse(refusal) => Fate::Refused(refusal),
                };
                prop_assert_eq!(&decided, &fate);
                if let Some(now) = now {
                    prop_assert_eq!(policy.lists_tool(server, tool, now), listed);
                }
                let of_server = match fate {
                    Fate::Refused(
                        why @ (Refusal::Paused
                        | Refusal::AppPaused
                        | Refusal::ServerPaused
                        | Refusal::ServerOff),
                    ) => Some(why),
                    _ => None,
                };
                prop_assert_eq!(policy.decide_server(CLIENT, server).err(), of_server);
                let on = policy.servers.get(server).is_some_and(|rules| rules.enabled);
                prop_assert_eq!(policy.lists_server(server), on);
            }
        }
    }
}
