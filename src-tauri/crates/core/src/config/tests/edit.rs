use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use drawbridge_model::{
    ClientName, Endpoint, Isolation, Launch, Mode, Preset, RecordRule, SecretsRule,
    ServerDefinition, ServerName, ToolName, Transport,
};

use crate::config::edit::{Edit, EditError, apply, remove_server};
use crate::config::{ClientEntry, Config, TokenSource, parse};

const FILE: &str = r#"// my servers
{
  "mcpServers": {
    // notes
    "files": {
      "command": "npx", // from Node
      "args": ["-y", "p"],
      "env": { "KEY": "k", "LANG": "en" },
      "timeout": 5,
      "drawbridge": { "preset": "ask" }
    },

    // elsewhere
    "far": {
      "url": "https://far.example/mcp",
      "disabled": true
    }
  },
  "gateway": { "port": 7337 } // the usual
}
"#;

fn server(name: &str) -> ServerName {
    ServerName::new(name).expect("a name")
}

fn tool(name: &str) -> ToolName {
    ToolName::new(name).expect("a name")
}

fn edited(text: &str, edit: &Edit) -> String {
    apply(text, edit, Path::new("c")).unwrap_or_else(|error| panic!("{edit:?}: {error}"))
}

fn config(text: &str) -> Config {
    parse(text, Path::new("c")).unwrap_or_else(|problem| panic!("{problem:?}\n{text}")).0
}

fn local(name: &str, command: &str) -> ServerDefinition {
    ServerDefinition {
        name: server(name),
        transport: Transport::Stdio(Launch {
            command: command.to_owned(),
            args: vec!["-y".to_owned()],
            env: BTreeMap::from([("A".to_owned(), "say \"hi\"\n".to_owned())]),
            cwd: Some(PathBuf::from("/x")),
        }),
        enabled: false,
        preset: Preset::Off,
        tools: BTreeMap::from([(tool("t"), Mode::Allow)]),
        isolation: Isolation::PerApp,
        secrets: SecretsRule::Mark,
        record: RecordRule::Content,
    }
}

fn remote(name: &str) -> ServerDefinition {
    ServerDefinition {
        transport: Transport::Http(Endpoint {
            url: "https://x.example/mcp".to_owned(),
            headers: BTreeMap::from([("X-Key".to_owned(), "${secret:x}".to_owned())]),
        }),
        ..local(name, "x")
    }
}

/// The text after the edit is the text before with only these pieces replaced.
fn check(edit: &Edit, pieces: &[(&str, &str)]) {
    let mut expected = FILE.to_owned();
    for (from, to) in pieces {
        assert_eq!(expected.matches(from).count(), 1, "the table names one place: {from}");
        expected = expected.replace(from, to);
    }
    assert_eq!(edited(FILE, edit), expected, "{edit:?}");
    let windows = FILE.replace('\n', "\r\n");
    let with_mark = format!("\u{FEFF}{windows}");
    assert_eq!(
        edited(&with_mark, edit),
        format!("\u{FEFF}{}", expected.replace('\n', "\r\n")),
        "line ends and byte order mark stay: {edit:?}"
    );
}

#[test]
fn each_edit_touches_its_own_place_only() {
    check(
        &Edit::SetToolModes {
            server: server("files"),
            modes: vec![(tool("write"), Some(Mode::Off)), (tool("none"), None)],
        },
        &[(
            "{ \"preset\": \"ask\" }",
            "{ \"preset\": \"ask\", \"tools\": { \"write\": \"off\" } }",
        )],
    );
    check(
        &Edit::SetToolModes { server: server("far"), modes: vec![(tool("t"), Some(Mode::Ask))] },
        &[(
            "\"disabled\": true\n",
            "\"disabled\": true,\n      \"drawbridge\": {\n        \"tools\": {\n          \"t\": \"ask\"\n        }\n      }\n",
        )],
    );
    check(
        &Edit::SetPreset { server: server("files"), preset: Preset::Allow },
        &[("\"preset\": \"ask\"", "\"preset\": \"allow\"")],
    );
    check(&Edit::SetPreset { server: server("files"), preset: Preset::Ask }, &[]);
    check(
        &Edit::SetEnabled { server: server("far"), enabled: true },
        &[("\"disabled\": true", "\"disabled\": false")],
    );
    check(&Edit::SetEnabled { server: server("far"), enabled: false }, &[]);
    check(
        &Edit::SetEnabled { server: server("files"), enabled: false },
        &[("{ \"preset\": \"ask\" }", "{ \"preset\": \"ask\", \"enabled\": false }")],
    );
    check(
        &Edit::SetEnabled { server: server("computer"), enabled: false },
        &[(
            "\"disabled\": true\n    }\n",
            "\"disabled\": true\n    },\n    \"computer\": {\n      \"drawbridge\": {\n        \"enabled\": false\n      }\n    }\n",
        )],
    );
    check(&Edit::SetPort(8000), &[("{ \"port\": 7337 }", "{ \"port\": 8000 }")]);
    check(&Edit::SetPort(7337), &[]);
    check(
        &Edit::RemoveServer(server("far")),
        &[(
            "    },\n\n    // elsewhere\n    \"far\": {\n      \"url\": \"https://far.example/mcp\",\n      \"disabled\": true\n    }\n",
            "    }\n\n",
        )],
    );
}

#[test]
fn a_server_is_changed_key_by_key() {
    let mut with = config(FILE).servers[0].clone();
    let Transport::Stdio(launch) = &mut with.transport else { panic!("a local server") };
    launch.args.push("q".to_owned());
    launch.env =
        BTreeMap::from([("KEY".to_owned(), "k2".to_owned()), ("N".to_owned(), "1".to_owned())]);
    with.name = server("notes");
    check(
        &Edit::ReplaceServer { server: server("files"), with: Box::new(with) },
        &[
            ("\"files\"", "\"notes\""),
            ("[\"-y\", \"p\"]", "[\"-y\", \"p\", \"q\"]"),
            ("{ \"KEY\": \"k\", \"LANG\": \"en\" }", "{ \"KEY\": \"k2\", \"N\": \"1\" }"),
        ],
    );
    let text = edited(
        FILE,
        &Edit::ReplaceServer { server: server("files"), with: Box::new(remote("files")) },
    );
    let changed = &config(&text).servers[0];
    assert_eq!(changed.transport, remote("files").transport);
    assert_eq!(changed.preset, Preset::Ask, "what Drawbridge does with it stays");
    assert!(text.contains("\"timeout\": 5"), "other apps' keys stay");
}

#[test]
fn a_key_without_effect_gains_none_when_the_kind_of_server_changes() {
    let text = r#"{ "mcpServers": { "a": { "command": "x", "headers": { "Old": "h" }, "type": "stdio" } } }"#;
    let mut with = remote("a");
    with.transport = Transport::Http(Endpoint {
        url: "https://x.example/mcp".to_owned(),
        headers: BTreeMap::new(),
    });
    let text =
        edited(text, &Edit::ReplaceServer { server: server("a"), with: Box::new(with.clone()) });
    assert_eq!(config(&text).servers[0].transport, with.transport, "{text}");
}

#[test]
fn servers_are_added_whole_also_to_an_empty_file() {
    for text in ["", "\u{FEFF}", "{}", "// only a remark\n", "{ \"mcpServers\": {} }", FILE] {
        let before = config(text).servers;
        for definition in [local("new one", "npx"), remote("new one")] {
            let added = edited(text, &Edit::AddServer(definition.clone()));
            let after = config(&added).servers;
            assert_eq!(after.last(), Some(&definition), "{added}");
            assert_eq!(after[..before.len()], before);
        }
    }
    assert_eq!(
        edited(
            "",
            &Edit::AddServer(ServerDefinition { tools: BTreeMap::new(), ..local("a", "x") })
        ),
        "{\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"x\",\n      \"args\": [\"-y\"],\n      \"env\": {\n        \"A\": \"say \\\"hi\\\"\\n\"\n      },\n      \"cwd\": \"/x\",\n      \"drawbridge\": {\n        \"enabled\": false,\n        \"preset\": \"off\",\n        \"isolation\": \"per-app\"\n      }\n    }\n  }\n}\n"
    );
}

#[test]
fn clients_are_added_replaced_and_removed() {
    let client = ClientName::new("vscode").expect("a name");
    let put = |token, in_path| Edit::PutClient {
        client: client.clone(),
        entry: ClientEntry { token, in_path, manages_models: false },
    };
    let digest = TokenSource::Sha256("ab".repeat(32));
    let reference = TokenSource::Template("${env:T}".to_owned());
    let text = edited(FILE, &put(digest.clone(), false));
    assert_eq!(
        config(&text).clients["vscode"],
        ClientEntry { token: digest.clone(), in_path: false, manages_models: false }
    );
    let text = edited(&text, &put(reference.clone(), true));
    assert_eq!(
        config(&text).clients["vscode"],
        ClientEntry { token: reference, in_path: true, manages_models: false }
    );
    let text = edited(&text, &put(digest.clone(), true));
    assert_eq!(
        config(&text).clients["vscode"],
        ClientEntry { token: digest, in_path: true, manages_models: false }
    );
    let text = edited(&text, &Edit::RemoveClient(client.clone()));
    assert!(config(&text).clients.is_empty());
    let gone = apply(&text, &Edit::RemoveClient(client.clone()), Path::new("c"));
    assert_eq!(gone, Err(EditError::NoSuchClient(client)));
}

#[test]
fn a_removed_server_comes_back_as_it_was() {
    for name in ["files", "far"] {
        let (without, removed) = remove_server(FILE, &server(name), Path::new("c")).expect("there");
        assert!(config(&without).server(name).is_none());
        assert!(!format!("{removed:?}").contains("https"), "its text is not shown");
        let restore = Edit::RestoreServer(Box::new(removed));
        assert_eq!(edited(&without, &restore), FILE, "byte for byte");

        let elsewhere = edited(&without, &Edit::SetPort(8000));
        assert_eq!(edited(&elsewhere, &restore), FILE.replace("7337", "8000"));

        let beside = edited(&without, &Edit::AddServer(local("third", "x")));
        let back = edited(&beside, &restore);
        let names: Vec<_> =
            config(&back).servers.iter().map(|s| s.name.as_str().to_owned()).collect();
        assert_eq!(names, ["files", "far", "third"], "{back}");
        assert_eq!(config(&back).server(name), config(FILE).server(name));

        let taken = edited(&without, &Edit::AddServer(local(name, "x")));
        assert_eq!(
            apply(&taken, &restore, Path::new("c")),
            Err(EditError::NameTaken(server(name)))
        );
        assert_eq!(
            config(&edited("", &restore)).servers,
            [config(FILE).server(name).expect("there").clone()]
        );
    }
}

#[test]
fn what_does_not_fit_changes_nothing_and_says_why() {
    let no =
        |text: &str, edit: Edit| apply(text, &edit, Path::new("c")).expect_err("it does not fit");
    let unknown = server("nope");
    let computer = server("computer");
    assert_eq!(
        no(FILE, Edit::SetEnabled { server: unknown.clone(), enabled: true }),
        EditError::NoSuchServer(unknown.clone())
    );
    assert_eq!(no(FILE, Edit::RemoveServer(unknown.clone())), EditError::NoSuchServer(unknown));
    assert_eq!(
        no(FILE, Edit::RemoveServer(computer.clone())),
        EditError::Reserved(computer.clone())
    );
    assert_eq!(no(FILE, Edit::AddServer(local("computer", "x"))), EditError::Reserved(computer));
    assert_eq!(no(FILE, Edit::AddServer(local("far", "x"))), EditError::NameTaken(server("far")));
    let rename = Edit::ReplaceServer { server: server("files"), with: Box::new(local("far", "x")) };
    assert_eq!(no(FILE, rename), EditError::NameTaken(server("far")));
    assert!(matches!(no(FILE, Edit::SetPort(0)), EditError::Invalid(_)));
    let mut bad = remote("bad");
    let Transport::Http(endpoint) = &mut bad.transport else { panic!("a remote server") };
    endpoint.headers.insert("a b".to_owned(), "s3cret".to_owned());
    let error = no(FILE, Edit::AddServer(bad));
    assert!(matches!(&error, EditError::Invalid(problem) if problem.key.contains("headers")));
    assert!(!format!("{error:?} {:?}", error.problem()).contains("s3cret"));
    let broken = FILE.replace("},\n\n", "}\n\n");
    let error = no(&broken, Edit::SetPort(1));
    assert!(matches!(&error, EditError::Broken(problem) if problem.line == Some(11)), "{error:?}");
    assert!(error.problem().message.contains("line 11"), "{:?}", error.problem());
}
