//! Whatever the file looks like, an edit does what it says and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use drawbridge_model::{
    ClientName, Endpoint, Isolation, Launch, Mode, Preset, RecordRule, SecretsRule,
    ServerDefinition, ServerName, ToolName, Transport,
};
use proptest::prelude::*;

use crate::config::edit::{Edit, apply, remove_server};
use crate::config::jsonc::{end_of_comment, without_mark};
use crate::config::{AuditSettings, ClientEntry, Config, TokenSource, parse};

const NAMES: [&str; 4] = ["files", "far away", "gr\u{f6}\u{df}e", "x"];
const TOOLS: [&str; 3] = ["read_file", "write \"x\"", "t"];

fn server_name() -> impl Strategy<Value = ServerName> {
    proptest::sample::select(&NAMES[..]).prop_map(|name| ServerName::new(name).expect("a name"))
}

fn mode() -> impl Strategy<Value = Mode> {
    proptest::sample::select(&[Mode::Off, Mode::Ask, Mode::Allow][..])
}

fn preset() -> impl Strategy<Value = Preset> {
    proptest::sample::select(&[Preset::Ask, Preset::Read, Preset::Allow, Preset::Off][..])
}

fn tool_name() -> impl Strategy<Value = ToolName> {
    proptest::sample::select(&TOOLS[..]).prop_map(|name| ToolName::new(name).expect("a name"))
}

fn word() -> impl Strategy<Value = String> {
    proptest::sample::select(
        &["a", "b c", "\u{1F600}", "C:\\x", "// no comment", "{\"}", "a\tb"][..],
    )
    .prop_map(ToOwned::to_owned)
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    let name = proptest::sample::select(&["A", "B", "X-C"][..]).prop_map(ToOwned::to_owned);
    proptest::collection::btree_map(name, word().prop_map(|w| w.replace('\u{1F600}', "e")), 0..3)
}

fn transport() -> impl Strategy<Value = Transport> {
    let local = (word(), proptest::collection::vec(word(), 0..12), texts(), any::<bool>())
        .prop_map(|(command, args, env, cwd)| {
            let cwd = cwd.then(|| PathBuf::from("/x y"));
            Transport::Stdio(Launch { command, args, env, cwd })
        });
    let remote = texts().prop_map(|headers| {
        Transport::Http(Endpoint { url: "https://x.example/mcp".to_owned(), headers })
    });
    prop_oneof![local, remote]
}

fn definition() -> impl Strategy<Value = ServerDefinition> {
    let tools = proptest::collection::btree_map(tool_name(), mode(), 0..3);
    let rules = (rule(), record_rule());
    (server_name(), transport(), any::<bool>(), preset(), tools, any::<bool>(), rules).prop_map(
        |(name, transport, enabled, preset, tools, own, (secrets, record))| ServerDefinition {
            name,
            transport,
            enabled,
            preset,
            tools,
            isolation: if own { Isolation::PerApp } else { Isolation::Shared },
            secrets,
            record,
        },
    )
}

fn record_rule() -> impl Strategy<Value = RecordRule> {
    let rules = [RecordRule::Content, RecordRule::Shapes, RecordRule::Nothing];
    proptest::sample::select(rules.to_vec())
}

fn rule() -> impl Strategy<Value = SecretsRule> {
    let rules = [SecretsRule::Mark, SecretsRule::Mask, SecretsRule::Block];
    proptest::sample::select(rules.to_vec())
}

fn audit() -> impl Strategy<Value = AuditSettings> {
    (proptest::option::of(1..=36_500_u32), proptest::option::of(10..=1_000_000_u32))
        .prop_map(|(keep_days, keep_megabytes)| AuditSettings { keep_days, keep_megabytes })
}

fn client() -> impl Strategy<Value = (ClientName, ClientEntry)> {
    (proptest::sample::select(&["a", "b.c"][..]), any::<bool>(), any::<bool>()).prop_map(
        |(name, reference, in_path)| {
            let token = match reference {
                true => TokenSource::Template(format!("${{env:{name}}}")),
                false => TokenSource::Sha256(format!("{:0>64}", name.len())),
            };
            (
                ClientName::new(name).expect("a name"),
                ClientEntry { token, in_path, manages_models: false },
            )
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    let any_server = prop_oneof![
        4 => server_name(),
        1 => Just(ServerName::new("computer").expect("a name")),
    ];
    let modes = proptest::collection::vec((tool_name(), proptest::option::of(mode())), 0..3);
    prop_oneof![
        (any_server, modes, preset(), any::<bool>(), (rule(), record_rule()), 0..5).prop_map(
            |(server, modes, preset, enabled, (rule, record), which)| match which {
                0 => Edit::SetToolModes { server, modes },
                1 => Edit::SetPreset { server, preset },
                2 => Edit::SetSecretsRule { server, rule },
                3 => Edit::SetRecordRule { server, rule: record },
                _ => Edit::SetEnabled { server, enabled },
            }
        ),
        definition().prop_map(Edit::AddServer),
        (server_name(), definition())
            .prop_map(|(server, with)| Edit::ReplaceServer { server, with: Box::new(with) }),
        server_name().prop_map(Edit::RemoveServer),
        client().prop_map(|(client, entry)| Edit::PutClient { client, entry }),
        client().prop_map(|(client, _)| Edit::RemoveClient(client)),
        (1..=u16::MAX).prop_map(Edit::SetPort),
        audit().prop_map(Edit::SetAudit),
        super::models::edit().prop_map(Edit::Models),
    ]
}

/// Blanks and comments, as people leave them between the parts of a file.
fn gap() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &[
            "",
            "",
            " ",
            "\n",
            "\n    ",
            "\n\n\t",
            " // c1 }\n",
            " /* c2 \" */ ",
            "\n  // c3,\n  ",
            "/*c4*/",
        ][..],
    )
}

/// A file as somebody may have written it: valid, but with any layout.
fn file() -> impl Strategy<Value = String> {
    let gaps = proptest::collection::vec(gap(), 64);
    let used = proptest::sample::subsequence(&NAMES[..], 0..=NAMES.len());
    let flags = proptest::collection::vec(any::<bool>(), 16);
    (gaps, used, flags, any::<bool>(), any::<bool>()).prop_map(
        |(gaps, used, flags, mark, windows)| {
            let mut gaps = gaps.into_iter().cycle();
            let mut flags = flags.into_iter().cycle();
            let mut gap = || gaps.next().unwrap_or("");
            let mut flag = || flags.next().unwrap_or(false);
            let mut group = |members: Vec<String>| {
                let comma = flag() && !members.is_empty();
                let mut text = format!("{{{}", gap());
                for (index, member) in members.iter().enumerate() {
                    let last = index + 1 == members.len();
                    let between = if !last || comma {
                        format!("{},{}", gap(), gap())
                    } else {
                        gap().to_owned()
                    };
                    text.push_str(&format!("{member}{between}"));
                }
                text + "}"
            };
            let tools =
                group(vec!["\"read_file\":\"off\"".to_owned(), "\"other\": \"ask\"".to_owned()]);
            let own = group(vec![format!("\"tools\": {tools}"), "\"enabled\": false".to_owned()]);
            let mut servers = Vec::new();
            for (index, name) in used.iter().enumerate() {
                let mut members = match index % 2 {
                    0 => vec![
                        "\"command\": \"npx\"".to_owned(),
                        "\"args\": [\"a\", // one\n \"b\"]".to_owned(),
                        "\"env\": { \"A\": \"1\", /* two */ \"Z\": \"2\" }".to_owned(),
                    ],
                    _ => vec!["\"url\": \"http://x/\"".to_owned(), "\"disabled\": true".to_owned()],
                };
                members.push("\"unknown\": [1.50, {\"deep\": null}]".to_owned());
                if index < 2 {
                    members.push(format!("\"drawbridge\": {own}"));
                }
                servers.push(format!("\"{name}\": {}", group(members)));
            }
            let mut sections = vec![format!("\"mcpServers\": {}", group(servers))];
            let mut clients = Vec::new();
            if used.len() > 1 {
                clients.push(format!(
                    "\"b.c\": {}",
                    group(vec!["\"token\": \"${secret:x}\"".to_owned()])
                ));
            }
            sections.push(format!("\"clients\": {}", group(clients)));
            if used.len() > 2 {
                sections.push(format!("\"gateway\": {}", group(vec!["\"hosts\": []".to_owned()])));
            }
            let text = group(sections) + "\n";
            let text = if windows { text.replace('\n', "\r\n") } else { text };
            format!("{}{text}", if mark { "\u{FEFF}" } else { "" })
        },
    )
}

/// What the edit means, on the config itself. `None`: it does not fit.
fn expected(mut config: Config, edit: &Edit) -> Option<Config> {
    fn find<'c>(config: &'c mut Config, name: &ServerName) -> Option<&'c mut ServerDefinition> {
        match name.as_str() {
            "computer" => Some(&mut config.computer),
            _ => config.servers.iter_mut().find(|server| server.name == *name),
        }
    }
    match edit {
        Edit::SetToolModes { server, modes } => {
            let server = find(&mut config, server)?;
            for (tool, mode) in modes {
                match mode {
                    Some(mode) => server.tools.insert(tool.clone(), *mode),
                    None => server.tools.remove(tool),
                };
            }
        }
        Edit::SetPreset { server, preset } => find(&mut config, server)?.preset = *preset,
        Edit::SetSecretsRule { server, rule } => find(&mut config, server)?.secrets = *rule,
        Edit::SetRecordRule { server, rule } => find(&mut config, server)?.record = *rule,
        Edit::SetAudit(audit) => config.audit = *audit,
        Edit::SetEnabled { server, enabled } => find(&mut config, server)?.enabled = *enabled,
        Edit::AddServer(server) => {
            if find(&mut config, &server.name).is_some() {
                return None;
            }
            config.servers.push(server.clone());
        }
        Edit::ReplaceServer { server, with } => {
            if with.name != *server && find(&mut config, &with.name).is_some() {
                return None;
            }
            let found = find(&mut config, server)?;
            found.name = with.name.clone();
            found.transport = with.transport.clone();
        }
        Edit::RemoveServer(server) => {
            find(&mut config, server)?;
            config.servers.retain(|other| other.name != *server);
        }
        Edit::PutClient { client, entry } => {
            let others = config.clients.iter().filter(|(name, _)| *name != client);
            if others.into_iter().any(|(_, other)| other.token == entry.token) {
                return None;
            }
            let manages_models =
                config.clients.get(client).is_some_and(|before| before.manages_models);
            config.clients.insert(client.clone(), ClientEntry { manages_models, ..entry.clone() });
        }
        Edit::RemoveClient(client) => {
            config.clients.remove(client)?;
        }
        Edit::SetPort(port) => config.gateway.port = Some(*port),
        Edit::Models(edit) => super::models::expected(&mut config, edit),
        Edit::RestoreServer(_) => return None,
    }
    Some(config)
}

fn read(text: &str) -> Config {
    match parse(text, Path::new("c")) {
        Ok((config, _)) => config,
        Err(problem) => panic!("{problem:?} in\n{text}"),
    }
}

/// The comments and the raw values of a text, in order.
fn pieces(text: &str) -> Vec<String> {
    let text = without_mark(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let end = if let Some(end) = end_of_comment(text, at) {
            end
        } else if let Some(inside) = rest.strip_prefix('"') {
            let mut escaped = false;
            let close = inside.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            at + close.expect("closed") + 2
        } else {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
            at + end.max(rest.chars().next().map_or(1, char::len_utf8))
        };
        let piece = text[at..end].trim();
        if !piece.is_empty() && !"{}[]:,".contains(piece) {
            found.push(piece.to_owned());
        }
        at = end;
    }
    found
}

/// Whether all of `part` occurs in `whole`, in that order.
fn is_within(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|piece| whole.any(|other| other == piece))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_does_what_it_says_to_the_config(text in file(), edits in proptest::collection::vec(edit(), 1..6)) {
        let mut text = text;
        for edit in edits {
            let before = read(&text);
            match (apply(&text, &edit, Path::new("c")), expected(before.clone(), &edit)) {
                (Ok(after), Some(expected)) => {
                    prop_assert_eq!(read(&after), expected, "{:?}\n{}\n---\n{}", edit, text, after);
                    text = after;
                }
                (Err(_), None) => {}
                (result, expected) => {
                    prop_assert!(false, "{:?}: {:?} but {:?}\n{}", edit, result, expected, text);
                }
            }
        }
    }

    #[test]
    fn adding_and_setting_keep_every_comment_and_every_other_value(text in file(), edit in edit()) {
        let Ok(after) = apply(&text, &edit, Path::new("c")) else { return Ok(()) };
        let (old, new) = (pieces(&text), pieces(&after));
        let comments = |pieces: &[String]| -> Vec<String> {
            pieces.iter().filter(|piece| piece.starts_with('/')).cloned().collect()
        };
        match &edit {
            Edit::AddServer(_) => prop_assert!(is_within(&old, &new), "{:?}\n{}\n---\n{}", edit, text, after),
            Edit::SetEnabled { .. }
            | Edit::SetPreset { .. }
            | Edit::SetSecretsRule { .. }
            | Edit::SetRecordRule { .. }
            | Edit::SetAudit(_)
            | Edit::SetPort(_) => {
                prop_assert_eq!(comments(&old), comments(&new), "{:?}\n{}\n---\n{}", edit, text, after);
                let mut rest = new.clone();
                let gone = old.iter().filter(|piece| match rest.iter().position(|other| other == *piece) {
                    Some(at) => {
                        rest.swap_remove(at);
                        false
                    }
                    None => true,
                });
                // Switching on a server that is off in two ways changes two values.
                prop_assert!(gone.count() <= 2, "{:?}\n{}\n---\n{}", edit, text, after);
            }
            Edit::RemoveServer(_) | Edit::RemoveClient(_) => {
                prop_assert!(is_within(&new, &old), "{:?}\n{}\n---\n{}", edit, text, after);
            }
            _ => {}
        }
        prop_assert_eq!(text.starts_with('\u{FEFF}'), after.starts_with('\u{FEFF}'));
        if text.contains("\r\n") {
            prop_assert!(!after.replace("\r\n", "").contains('\n'), "line ends stay alike\n{:?}", after);
        }
    }

    #[test]
    fn a_removed_server_comes_back_byte_for_byte_and_in_place_when_others_changed(
        text in file(), which in server_name(), between in edit(),
    ) {
        let Ok((without, removed)) = remove_server(&text, &which, Path::new("c")) else { return Ok(()) };
        let restore = Edit::RestoreServer(Box::new(removed));
        prop_assert_eq!(apply(&without, &restore, Path::new("c")), Ok(text.clone()));
        let Ok(changed) = apply(&without, &between, Path::new("c")) else { return Ok(()) };
        let taken = read(&changed).server(which.as_str()).is_some();
        match apply(&changed, &restore, Path::new("c")) {
            Ok(back) => {
                let (before, after) = (read(&text), read(&back));
                prop_assert_eq!(after.server(which.as_str()), before.server(which.as_str()), "{}\n---\n{}", changed, back);
                let names = |config: &Config| -> Vec<ServerName> {
                    let both = |s: &&ServerDefinition| before.server(s.name.as_str()).is_some() && after.server(s.name.as_str()).is_some();
                    config.servers.iter().filter(both).map(|s| s.name.clone()).collect()
                };
                let renamed = matches!(between, Edit::ReplaceServer { .. } | Edit::RemoveServer(_) | Edit::AddServer(_));
                prop_assert!(renamed || names(&before) == names(&after), "{}\n---\n{}", changed, back);
            }
            Err(error) => prop_assert!(taken, "{}\n{}", error, changed),
        }
    }
}
