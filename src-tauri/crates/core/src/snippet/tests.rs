use std::collections::BTreeMap;

use drawbridge_model::{
    Isolation, Mode, Preset, ServerDefinition, ServerName, ToolName, Transport,
};

use super::{DraftError, cautions, check, describe, read};
use crate::view::{DraftTransport, DraftValue, ServerDraft};

fn local(name: &str, words: &[&str]) -> ServerDraft {
    let (command, args) = words.split_first().expect("a command");
    ServerDraft {
        name: name.to_owned(),
        transport: DraftTransport::Local {
            command: (*command).to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            cwd: None,
        },
    }
}

fn remote(name: &str, url: &str) -> ServerDraft {
    let transport = DraftTransport::Remote { url: url.to_owned(), headers: Vec::new() };
    ServerDraft { name: name.to_owned(), transport }
}

fn value(name: &str, value: Option<&str>) -> DraftValue {
    DraftValue { name: name.to_owned(), value: value.map(ToOwned::to_owned) }
}

fn names(text: &str) -> Vec<String> {
    match read(text) {
        Ok(drafts) => drafts.into_iter().map(|draft| draft.name).collect(),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn a_readme_is_read_in_every_shape_it_is_pasted_in() {
    let files = local("files", &["npx", "-y", "p"]);
    let body = r#""files": { "command": "npx", "args": ["-y", "p"] }"#;
    for text in [
        format!("{{ \"mcpServers\": {{ {body} }} }}"),
        format!("\u{FEFF}{{ \"servers\": {{ {body} }}, \"inputs\": [] }}"),
        format!("{{ \"mcp\": {{ \"servers\": {{ {body} }} }} }}"),
        format!("{{ \"mcp\": {{ {body} }} }}"),
        format!("{{ \"context_servers\": {{ {body} }} }}"),
        format!("{{ {body} }}"),
        body.to_owned(),
        format!("  {body},\n"),
        format!("// in your settings\n{body} // done"),
        format!("\"mcpServers\": {{ {body}, }}"),
        format!(
            "# Install\nAdd this:\n\n```json\n{{ \"mcpServers\": {{ {body} }} }}\n```\nThen restart."
        ),
        format!("```sh\nnpm install\n```\n\n```jsonc\n{body}\n```"),
        format!("```\r\n{{ {body} }}"),
    ] {
        assert_eq!(read(&text), Ok(vec![files.clone()]), "{text}");
    }
    assert_eq!(names(r#"{"b": {"command": "x"}, "a": {"url": "http://x"}}"#), ["b", "a"]);
}

#[test]
fn every_clients_words_for_a_server_are_understood() {
    let drafts = read(
        r#"{ "mcpServers": {
            "a": { "command": ["uvx", "x"], "args": ["y"], "environment": { "A": 1, "B": true, "C": null } },
            "b": { "type": "stdio", "command": "x", "env": { "K": "v" }, "cwd": "/x", "disabled": true, "autoApprove": ["all"] },
            "c": { "type": "streamable-http", "url": "https://x/mcp", "headers": { "X": "y" } },
            "d": { "serverUrl": "https://x/mcp" },
            "e": { "httpUrl": "https://x/mcp", "trust": true },
            "io.github.me/notes": { "command": "x" } } }"#,
    )
    .expect("readable");
    assert_eq!(drafts.len(), 6);
    let DraftTransport::Local { command, args, env, .. } = &drafts[0].transport else {
        panic!("local")
    };
    assert_eq!((command.as_str(), args.as_slice()), ("uvx", &["x".to_owned(), "y".to_owned()][..]));
    assert_eq!(env, &[value("A", Some("1")), value("B", Some("true"))]);
    let DraftTransport::Local { cwd, .. } = &drafts[1].transport else { panic!("local") };
    assert_eq!(cwd.as_deref(), Some("/x"));
    let DraftTransport::Remote { headers, .. } = &drafts[2].transport else { panic!("remote") };
    assert_eq!(headers, &[value("X", Some("y"))]);
    assert_eq!(drafts[3], remote("d", "https://x/mcp"));
    assert_eq!(drafts[4], remote("e", "https://x/mcp"));
    assert_eq!(drafts[5].name, "io.github.me-notes");
}

#[test]
fn a_server_without_a_name_gets_one_from_what_it_runs() {
    for (server, expected) in [
        (
            r#"{"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/x"]}"#,
            "filesystem",
        ),
        (r#"{"command": "npx.cmd", "args": ["--yes", "notes-mcp@1.2.3"]}"#, "notes"),
        (r#"{"command": "cmd", "args": ["/c", "npx", "-y", "mcp-notes"]}"#, "notes"),
        (r#"{"command": "uvx", "args": ["--from", "git+https://x", "mcp-server-git==1"]}"#, "git"),
        (r#"{"command": "uv", "args": ["--directory", "/x", "run", "weather.py"]}"#, "weather"),
        (
            r#"{"command": "docker", "args": ["run", "-i", "--rm", "-e", "TOKEN", "ghcr.io/x/github-mcp-server:1"]}"#,
            "github",
        ),
        (r#"{"command": "python3", "args": ["-m", "mcp_server_time"]}"#, "time"),
        (r#"{"command": "node", "args": ["C:\\x\\build\\index.js"]}"#, "index"),
        (r#"{"command": "/opt/notes-server"}"#, "notes"),
        (r#"{"command": "C:\\tools\\Notes.exe"}"#, "notes"),
        (r#"{"url": "https://mcp.notes.example/mcp"}"#, "notes"),
        (r#"{"url": "http://127.0.0.1:3000/mcp"}"#, "server"),
        (r#"{"command": "npx", "args": ["computer"]}"#, "server"),
    ] {
        assert_eq!(names(server), [expected], "{server}");
    }
}

#[test]
fn what_is_no_server_is_refused_with_its_place_and_no_value() {
    for (text, line, column, words) in [
        ("", 1, 1, "Nothing is here"),
        (" \n ", 1, 1, "Nothing is here"),
        ("npx -y s3cret", 1, 1, "not JSON"),
        ("[]", 1, 1, "not JSON"),
        ("{}", 1, 1, "No server is in here"),
        ("{ \"mcpServers\": {} }", 1, 17, "No server is in here"),
        ("{ \"name\": \"s3cret\" }", 1, 1, "\"command\" or a \"url\""),
        ("{ \"mcpServers\": [] }", 1, 17, "expected a group"),
        (
            "{\n \"a\": { \"command\": \"x\" },\n \"b\": { \"args\": [] } }",
            3,
            2,
            "neither a \"command\" nor",
        ),
        ("{ \"a\": { \"command\": \"x\", \"url\": \"http://s3cret\" } }", 1, 26, "one of the two"),
        (
            "{ \"a\": {\n  \"type\": \"sse\", \"url\": \"http://s3cret\" } }",
            2,
            3,
            "not supported yet",
        ),
        ("{ \"a\": { \"command\": \"x\", \"args\": \"s3cret\" } }", 1, 34, "a list of texts"),
        (
            "{ \"a\": { \"command\": \"x\", \"env\": { \"K\": [\"s3cret\"] } } }",
            1,
            40,
            "expected a text",
        ),
        ("{ \"a\": { \"command\": {} } }", 1, 21, "a list of texts"),
        ("{ \"a\": { \"command\": [] } }", 1, 10, "empty command"),
        (
            "{ \"a\": { \"command\": \"x\" }, \"a\": { \"command\": \"s3cret\" } }",
            1,
            28,
            "second time",
        ),
        (
            "{ \"a/b\": { \"command\": \"x\" }, \"a-b\": { \"command\": \"x\" } }",
            1,
            30,
            "nearly the same",
        ),
        ("{ \u{201C}mcpServers\u{201D}: {} }", 1, 3, "curly"),
        ("\u{201C}files\u{201D}: {}", 1, 1, "curly"),
        ("\"files\": {\n  \"command\": \"x\"\n  \"args\": []\n}", 2, 17, "comma is missing"),
        ("\"files\": { \"command\" \"x\" }", 1, 22, "colon"),
        ("text\n```json\n{\n  \"a\": { \"command\": x }\n}\n```", 4, 21, "quotation marks"),
        ("{ \"mcpServers\": { \"a\": { \"command\": \"x\" }", 1, 17, "never closed"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.message.contains(words), "{text}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(!format!("{error:?}{:?}", error.problem()).contains("s3cret"), "{error:?}");
    }
    assert!(read(&"x".repeat(2_000_000)).is_err());
}

#[test]
fn what_deserves_a_second_look_is_said() {
    for (words, expected) in [
        (&["sudo", "x"][..], "administrator"),
        (&["bash", "-c", "echo hi"], "starts a shell"),
        (&["C:\\Windows\\System32\\cmd.exe", "/c", "x"], "starts a shell"),
        (&["env", "A=1", "sh", "-c", "x"], "starts a shell"),
        (&["sh", "-c", "curl -fsSL https://x | sh"], "downloads a script and runs it"),
        (&["powershell", "-Command", "iwr https://x | iex"], "downloads a script and runs it"),
        (&["curl", "https://x"], "downloads something"),
        (&["sh", "-c", "rm -rf ~/x"], "deletes"),
        (&["cmd", "/c", "del /s x"], "deletes"),
        (&["docker", "run", "-v", "/:/host", "x:1"], "whole disk"),
        (&["docker", "run", "--mount", "type=bind,source=/,target=/h", "x"], "whole disk"),
        (
            &["podman", "run", "--volume=/var/run/docker.sock:/s", "x"],
            "control over all containers",
        ),
        (&["docker", "run", "--privileged", "x"], "full rights"),
        (&["docker", "run", "--network", "host", "x"], "network or processes"),
        (&["docker", "run", "-v", "/home/me/.ssh:/k", "x"], "keys and passwords"),
        (&["npx", "-y", "p"], "whatever version is the newest"),
        (&["npx", "-y", "@s/p@1.2.3"], "may download"),
        (&["uvx", "p"], "whatever version is the newest"),
        (&["uvx", "p==1.0"], "may download"),
        (&["cmd", "/c", "npx", "-y", "p"], "whatever version is the newest"),
        (&["docker", "run", "x"], "whatever version is the newest"),
        (&["python", "-c", "print(1)"], "Read them as code"),
        (&["node", "-e", "x"], "Read them as code"),
        (&["x", "/home/me/.ssh/id_rsa"], "keys and passwords"),
        (&["x", "--key=C:\\Users\\me\\.ssh\\k"], "keys and passwords"),
        (&["x", "/home/me"], "whole home folder"),
        (&["x", "C:\\Users\\me"], "whole home folder"),
        (&["x", "~"], "whole home folder"),
        (&["x", "/"], "whole disk"),
        (&["x", "C:\\"], "whole disk"),
        (&["x", "/etc/hosts"], "belongs to the system"),
        (&["x", "a\u{202E}b"], "invisible"),
        (&["x", "--key", "<YOUR_KEY>"], "looks like an example"),
        (&["x", "/path/to/notes"], "looks like an example"),
    ] {
        let said = cautions(&local("a", words));
        assert!(said.iter().any(|line| line.contains(expected)), "{words:?}: {said:?}");
    }
    for words in [
        &["notes-server", "/home/me/notes"][..],
        &["node", "/opt/notes/index.js"],
        &["python3", "-m", "notes"],
        &["x", "--format", "remote"],
    ] {
        assert_eq!(cautions(&local("a", words)), Vec::<String>::new(), "{words:?}");
    }
    let said = cautions(&local("a", &["npx", "-y", "p", "/", "/", "~"]));
    assert_eq!(said.len(), 3, "each is said once: {said:?}");
}

#[test]
fn variables_and_addresses_that_deserve_a_second_look_are_named_without_their_value() {
    let mut draft = local("a", &["x"]);
    let DraftTransport::Local { env, .. } = &mut draft.transport else { panic!("local") };
    *env =
        vec![value("LD_PRELOAD", Some("s3cret")), value("KEY", Some("<s3cret>")), value("B", None)];
    let said = cautions(&draft);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("LD_PRELOAD") && said[1].contains("KEY"), "{said:?}");
    assert!(!format!("{said:?}").contains("s3cret"));
    let far = cautions(&remote("a", "http://x.example/mcp?api_key=s3cret"));
    assert_eq!(far.len(), 3, "{far:?}");
    assert!(!format!("{far:?}").contains("s3cret"));
    for here in ["http://localhost:1/mcp", "http://127.0.0.1:1/mcp", "http://[::1]:1/mcp"] {
        assert_eq!(cautions(&remote("a", here)), Vec::<String>::new(), "{here}");
    }
}

fn stored() -> ServerDefinition {
    let mut draft = local("files", &["npx", "p"]);
    let DraftTransport::Local { env, cwd, .. } = &mut draft.transport else { panic!("local") };
    *env = vec![value("KEY", Some("s3cret")), value("LANG", Some("en"))];
    *cwd = Some("/x".to_owned());
    let mut stored = check(&draft, |_| false, None).expect("valid");
    stored.preset = Preset::Allow;
    stored.isolation = Isolation::PerApp;
    stored.tools = BTreeMap::from([(ToolName::new("t").expect("a name"), Mode::Off)]);
    stored
}

#[test]
fn a_stored_server_is_described_without_values_and_keeps_them_when_edited() {
    let stored = stored();
    let mut draft = describe(&stored);
    assert!(!format!("{draft:?}").contains("s3cret"), "values are left out: {draft:?}");
    assert_eq!(check(&draft, |name| name == "files", Some(&stored)), Ok(stored.clone()));
    draft.name = " notes ".to_owned();
    let DraftTransport::Local { env, cwd, .. } = &mut draft.transport else { panic!("local") };
    env[1].value = Some("de".to_owned());
    *cwd = Some(" ".to_owned());
    let edited = check(&draft, |_| false, Some(&stored)).expect("valid");
    let Transport::Stdio(launch) = &edited.transport else { panic!("local") };
    assert_eq!((launch.env["KEY"].as_str(), launch.env["LANG"].as_str()), ("s3cret", "de"));
    assert_eq!(launch.cwd, None);
    assert_eq!(edited.name, ServerName::new("notes").expect("a name"));
    assert_eq!((edited.preset, &edited.tools), (Preset::Allow, &stored.tools));
}

#[test]
fn a_draft_that_breaks_a_rule_is_refused_by_field() {
    let taken = |name: &str| name == "files";
    assert!(check(&local("ok", &["x"]), taken, None).is_ok());
    assert!(check(&remote("ok", " https://x/mcp "), taken, None).is_ok());
    for name in ["files", "computer"] {
        let error = check(&local(name, &["x"]), taken, None);
        assert_eq!(error, Err(DraftError::NameTaken(name.to_owned())));
    }
    for name in ["", "  ", "a/b", "a\nb"] {
        let error = check(&local(name, &["x"]), taken, None);
        assert!(matches!(error, Err(DraftError::BadName(_))), "{name:?}: {error:?}");
    }
    let with_env = |values: Vec<DraftValue>| {
        let mut draft = local("a", &["x"]);
        let DraftTransport::Local { env, .. } = &mut draft.transport else { panic!("local") };
        *env = values;
        draft
    };
    let with_header = |name: &str, text: &str| {
        let headers = vec![value(name, Some(text))];
        ServerDraft {
            name: "a".to_owned(),
            transport: DraftTransport::Remote { url: "https://x".to_owned(), headers },
        }
    };
    for (draft, expected) in [
        (local("a", &[" "]), "command"),
        (local("a", &["x", "${input:s3cret}"]), "Argument 1"),
        (local("a", &["x", "${workspaceFolder}/s"]), "Argument 1"),
        (local("a", &["x", "y", "${env:"]), "Argument 2"),
        (local("a", &["x\0"]), "command"),
        (remote("a", "x.example"), "Address"),
        (remote("a", "https://me:s3cret@x"), "Address"),
        (with_env(vec![value("K", None)]), "K"),
        (with_env(vec![value("K=", Some("s3cret"))]), "K="),
        (with_env(vec![value("", Some("s3cret"))]), ""),
        (with_env(vec![value("K", Some("a")), value("K", Some("b"))]), "K"),
        (with_header("A B", "s3cret"), "A B"),
        (with_header("A", "s3cret\n"), "A"),
    ] {
        let error = check(&draft, taken, None).expect_err("it breaks a rule");
        assert!(
            matches!(&error, DraftError::BadField { field, .. } if field == expected),
            "{draft:?}: {error:?}"
        );
        let shown = format!("{error}{:?}", error.problem());
        assert!(!shown.contains("s3cret") || shown.contains("${input:s3cret}"), "{shown}");
    }
}
