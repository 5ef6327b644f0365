use std::path::Path;

use drawbridge_model::{Isolation, Mode, Preset, Transport};

use crate::config::{Config, TokenSource, parse};

fn read(text: &str) -> (Config, Vec<String>) {
    parse(text, Path::new("c.jsonc")).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

/// Each text is refused at that line and key, with a sentence that holds those words and nothing
/// that may be a secret.
fn check_refused(table: &[(&str, u32, &str, &str)]) {
    for (text, line, key, words) in table {
        let problem = parse(text, Path::new("c.jsonc")).expect_err(text);
        assert_eq!(problem.line, Some(*line), "line of {text}: {problem:?}");
        assert_eq!(problem.key, *key, "key of {text}: {problem:?}");
        assert!(problem.message.contains(words), "{text}: {:?}", problem.message);
        assert!(problem.message.ends_with(['.', '?']), "a sentence: {:?}", problem.message);
        assert!(!format!("{problem:?}").contains("s3cret"), "no secret: {problem:?}");
        assert_eq!(problem.path, "c.jsonc");
    }
}

#[test]
fn nothing_is_an_empty_config_that_has_the_built_in_server() {
    for text in ["", "  \n", "\u{FEFF}", "// nothing\n", "/* nothing */ {}", "{}", "{ // x\n}"] {
        let (config, warnings) = read(text);
        assert_eq!((config, warnings), (Config::default(), Vec::new()), "{text:?}");
    }
    let config = Config::default();
    assert_eq!(config.gateway.port(), 7337);
    assert_eq!(config.computer.preset, Preset::Allow);
    assert_eq!(config.computer.transport, Transport::BuiltIn);
    assert_eq!(config.all_servers().count(), 1);
}

#[test]
fn servers_come_in_the_order_of_the_file_with_all_they_hold() {
    let (config, warnings) = read(
        "\u{FEFF}{ // comments, a byte order mark and commas at the end are fine\r\n\
         \"mcpServers\": {\r\n\
           \"zebra\": { \"command\": \"z\", },\r\n\
           \"files\": { \"type\": \"stdio\", \"command\": \"npx\", \"args\": [\"-y\", \"p\"],\r\n\
             \"env\": { \"A\": \"${secret:a}\" }, \"cwd\": \"/x\",\r\n\
             \"drawbridge\": { \"preset\": \"read\", \"tools\": { \"w f/1\": \"off\" }, \"isolation\": \"per-app\" } },\r\n\
           \"far\": { \"url\": \"https://far.example/mcp\", \"headers\": { \"X\": \"y\" }, \"disabled\": true },\r\n\
           \"computer\": { \"drawbridge\": { \"enabled\": false, \"tools\": { \"t\": \"ask\" } } } } }",
    );
    assert_eq!(warnings, Vec::<String>::new());
    let names: Vec<_> = config.servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["zebra", "files", "far"]);
    let files = &config.servers[1];
    let Transport::Stdio(launch) = &files.transport else { panic!("a local server") };
    assert_eq!((launch.command.as_str(), launch.args.len()), ("npx", 2));
    assert_eq!(launch.env["A"], "${secret:a}", "references are kept, not resolved");
    assert_eq!(launch.cwd.as_deref(), Some(Path::new("/x")));
    assert_eq!((files.preset, files.isolation), (Preset::Read, Isolation::PerApp));
    assert_eq!(files.tools["w f/1"], Mode::Off);
    assert_eq!(config.servers[0].preset, Preset::Ask, "a new server asks");
    assert!(!config.servers[2].enabled, "disabled is honoured");
    assert!(!config.computer.enabled);
    assert_eq!(config.computer.preset, Preset::Allow);
    assert_eq!(config.computer.tools["t"], Mode::Ask);
    assert_eq!(config.server("computer"), Some(&config.computer));
}

#[test]
fn the_gateway_and_the_clients_are_read() {
    let digest = "AB".repeat(32);
    let (config, _) = read(&format!(
        r#"{{ "gateway": {{ "port": 80, "hosts": ["Box.Local:8000", "[::1]:9"], "origins": ["http://localhost:3000", "vscode-file://vscode-app"] }},
             "clients": {{ "b": {{ "tokenSha256": "{digest}", "tokenInPath": true }}, "a": {{ "token": "${{secret:client-a}}" }} }} }}"#
    ));
    assert_eq!(config.gateway.port, Some(80));
    assert_eq!(config.gateway.hosts, ["box.local:8000", "[::1]:9"]);
    assert_eq!(config.gateway.origins.len(), 2);
    assert_eq!(config.clients["b"].token, TokenSource::Sha256("ab".repeat(32)));
    assert!(config.clients["b"].in_path && !config.clients["a"].in_path);
    assert_eq!(config.clients["a"].token, TokenSource::Template("${secret:client-a}".to_owned()));
}

#[test]
fn what_belongs_to_other_apps_is_kept_with_a_remark_that_names_its_line() {
    let (config, warnings) = read(
        "{ \"mcpServers\": { \"a\": { \"command\": \"x\",\n \"timeout\": 5,\n \"arg\": [],\n \
         \"envFile\": \"x\", \"args\": [\"${input:key}\"], \"headers\": {} },\n \
         \"b\": { \"url\": \"http://x\", \"cwd\": \"s3cret\" } } }",
    );
    assert_eq!(config.servers.len(), 2);
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    let has = |start: &str, words: &str| {
        warnings.iter().any(|warning| warning.starts_with(start) && warning.contains(words))
    };
    assert!(has("Line 2, mcpServers.a.timeout:", "not used"), "{warnings:?}");
    assert!(has("Line 3, mcpServers.a.arg:", "Did you mean args?"), "{warnings:?}");
    assert!(has("Line 4, mcpServers.a.envFile:", "env"), "{warnings:?}");
    assert!(has("Line 4, mcpServers.a.args[0]:", "VS Code"), "{warnings:?}");
    assert!(has("Line 5, mcpServers.b.cwd:", "command"), "{warnings:?}");
    assert!(!format!("{warnings:?}").contains("s3cret"), "remarks hold no values");
}

#[test]
fn what_is_not_json_is_refused_at_its_line() {
    check_refused(&[
        ("{", 1, "", "} is missing"),
        ("{\n\"a\": [\n}", 3, "", "closes nothing"),
        ("{\n  \"gateway\": {}\n  \"clients\": {}\n}", 2, "", "comma is missing"),
        ("{\n \"gateway\" {}\n}", 2, "", "colon"),
        ("{ \"a\":\n\n}", 3, "", "closes nothing"),
        ("{\n gateway: {} }", 2, "", "quotation marks"),
        ("{\n 'gateway': {} }", 2, "", "double"),
        ("{\n \u{201C}gateway\u{201D}: {} }", 2, "", "curly"),
        ("{ \"a\": \"x\ny\" }", 1, "", "closed"),
        ("{\n \"a\": \"s3cret,\n \"b\": 1\n}", 2, "", "not closed"),
        ("{ \"a\": \"C:\\Users\" }", 1, "", "backslash"),
        ("{}\n{}", 2, "", "after the end"),
        ("{ /* x", 1, "", "comment"),
        ("\n\nhello", 3, "", "quotation marks"),
        ("{\r\n\r\n \"a\": s3cret }", 3, "", "quotation marks"),
        ("{\r \"a\": nope }", 2, "", "quotation marks"),
    ]);
}

#[test]
fn sections_and_their_kinds_are_checked() {
    check_refused(&[
        ("[]", 1, "", "braces"),
        ("\"s3cret\"", 1, "", "found a text"),
        ("{\n \"mcpserver\": {} }", 2, "mcpserver", "Did you mean mcpServers?"),
        ("{\n \"Gateway\": {} }", 2, "Gateway", "Did you mean gateway?"),
        ("{ \"servers\": {} }", 1, "servers", "mcpServers"),
        ("{ \"nothing like it\": {} }", 1, "\"nothing like it\"", "Known here"),
        ("{ \"panel\": { \"x\": 1 } }", 1, "panel.x", "no settings so far"),
        ("{ \"$schema\": 1 }", 1, "$schema", "a text"),
        ("{ \"mcpServers\": [] }", 1, "mcpServers", "found a list"),
        ("{ \"gateway\": null }", 1, "gateway", "found null"),
        ("{ \"clients\": true }", 1, "clients", "found true"),
        ("{ \"gateway\": {},\n \"gateway\": {} }", 2, "gateway", "the first one is in line 1"),
        (
            "{ \"mcpServers\": { \"a\": { \"command\": \"x\",\n\"command\": \"s3cret\" } } }",
            2,
            "mcpServers.a.command",
            "second time",
        ),
        (
            "{ \"mcpServers\": { \"a\": { \"command\": \"x\", \"x\": [{},\n{\"b\": 1,\"b\": 2}] } } }",
            2,
            "mcpServers.a.x[1].b",
            "second time",
        ),
    ]);
}

#[test]
fn servers_are_checked() {
    let server = |body: &str| format!("{{ \"mcpServers\": {{\n\"a.b\": {body} }} }}");
    let key = |rest: &str| format!("mcpServers.\"a.b\"{rest}");
    for (body, rest, words) in [
        ("[]", "", "in braces"),
        ("{}", "", "found neither"),
        ("{ \"serverUrl\": \"http://x\" }", ".serverUrl", "called url"),
        ("{ \"httpUrl\": \"http://x\" }", ".httpUrl", "called url"),
        ("{ \"command\": \"x\", \"url\": \"http://x\" }", ".url", "found both"),
        ("{ \"command\": 1 }", ".command", "found a number"),
        ("{ \"command\": \" \" }", ".command", "name or path"),
        ("{ \"command\": \"x\", \"type\": \"http\" }", ".type", "has a url"),
        ("{ \"url\": \"http://x\", \"type\": \"stdio\" }", ".type", "has a command"),
        ("{ \"url\": \"http://x\", \"type\": \"sse\" }", ".type", "not supported yet"),
        ("{ \"command\": \"x\", \"type\": \"grpc\" }", ".type", "\"stdio\" or \"http\""),
        ("{ \"command\": \"x\", \"args\": \"-y s3cret\" }", ".args", "found a text"),
        ("{ \"command\": \"x\", \"args\": [\"a\", 1] }", ".args[1]", "found a number"),
        ("{ \"command\": \"x\", \"args\": [\"${env:s3cret\"] }", ".args[0]", "${env:NAME}"),
        ("{ \"command\": \"x\", \"env\": { \"K\": true } }", ".env.K", "found true"),
        ("{ \"command\": \"x\", \"env\": { \"K=1\": \"s3cret\" } }", ".env.K=1", "without ="),
        ("{ \"command\": \"x\", \"env\": { \"K\": \"${secret:}\" } }", ".env.K", "reference"),
        ("{ \"command\": \"x\", \"cwd\": \"\" }", ".cwd", "folder"),
        ("{ \"command\": \"x\", \"disabled\": \"yes\" }", ".disabled", "true or false"),
        ("{ \"url\": \"x.example\" }", ".url", "http://"),
        ("{ \"url\": \"file:///x\" }", ".url", "http://"),
        ("{ \"url\": \"https://me:s3cret@x\" }", ".url", "password"),
        ("{ \"url\": \"https://x?k=${secret:s3cret}\" }", ".url", "header"),
        ("{ \"url\": \"https://x/#a\" }", ".url", "#"),
        (
            "{ \"url\": \"https://x\", \"headers\": { \"a b\": \"s3cret\" } }",
            ".headers.\"a b\"",
            "name of a header",
        ),
        (
            "{ \"url\": \"https://x\", \"headers\": { \"A\": \"s3cret\\r\\nB: c\" } }",
            ".headers.A",
            "line break",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"preste\": \"ask\" } }",
            ".drawbridge.preste",
            "Did you mean preset?",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"preset\": \"Ask\" } }",
            ".drawbridge.preset",
            "Did you mean \"ask\"?",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"preset\": 1 } }",
            ".drawbridge.preset",
            "one of",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"enabled\": 1 } }",
            ".drawbridge.enabled",
            "true or false",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"isolation\": \"x\" } }",
            ".drawbridge.isolation",
            "per-app",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"tools\": { \"t\": \"read\" } } }",
            ".drawbridge.tools.t",
            "\"allow\"",
        ),
        (
            "{ \"command\": \"x\", \"drawbridge\": { \"tools\": { \"\": \"ask\" } } }",
            ".drawbridge.tools.\"\"",
            "name of a tool",
        ),
    ] {
        check_refused(&[(&server(body), 2, &key(rest), words)]);
    }
    check_refused(&[
        (
            "{ \"mcpServers\": { \"a/b\": { \"command\": \"x\" } } }",
            1,
            "mcpServers.a/b",
            "name of a server",
        ),
        (
            "{ \"mcpServers\": { \"\": { \"command\": \"x\" } } }",
            1,
            "mcpServers.\"\"",
            "name of a server",
        ),
        (
            "{ \"mcpServers\": { \"computer\": { \"command\": \"x\" } } }",
            1,
            "mcpServers.computer",
            "built in",
        ),
        (
            "{ \"mcpServers\": { \"computer\": { \"disabled\": true } } }",
            1,
            "mcpServers.computer",
            "built in",
        ),
        (
            "{ \"mcpServers\": { \"computer\": { \"drawbridge\": { \"isolation\": \"per-app\" } } } }",
            1,
            "mcpServers.computer.drawbridge.isolation",
            "built-in",
        ),
    ]);
}

#[test]
fn the_gateway_and_the_clients_are_checked() {
    let gateway = |body: &str| format!("{{ \"gateway\": {{\n{body} }} }}");
    for (body, key, words) in [
        ("\"prot\": 1", "gateway.prot", "Did you mean port?"),
        ("\"port\": 0", "gateway.port", "from 1 to 65535, found 0"),
        ("\"port\": 70000", "gateway.port", "found 70000"),
        ("\"port\": 1.5", "gateway.port", "whole number"),
        ("\"port\": -1", "gateway.port", "from 1"),
        ("\"port\": \"7337\"", "gateway.port", "found a text"),
        ("\"hosts\": \"x\"", "gateway.hosts", "a list of texts"),
        ("\"hosts\": [\"x\", \"http://x\"]", "gateway.hosts[1]", "host name"),
        ("\"hosts\": [\"*\"]", "gateway.hosts[0]", "no *"),
        ("\"hosts\": [\"a:b\"]", "gateway.hosts[0]", "host name"),
        ("\"hosts\": [\"a.\"]", "gateway.hosts[0]", "host name"),
        ("\"hosts\": [\"\"]", "gateway.hosts[0]", "host name"),
        ("\"hosts\": [\"me@x\"]", "gateway.hosts[0]", "host name"),
        ("\"origins\": [\"null\"]", "gateway.origins[0]", "sandboxed"),
        ("\"origins\": [\"*\"]", "gateway.origins[0]", "by itself"),
        ("\"origins\": [\"localhost:3000\"]", "gateway.origins[0]", "an origin"),
        ("\"origins\": [\"http://x/\"]", "gateway.origins[0]", "without a /"),
        ("\"origins\": [\"http://me@x\"]", "gateway.origins[0]", "an origin"),
        ("\"origins\": [\"http://\"]", "gateway.origins[0]", "an origin"),
        ("\"origins\": [\"http://x:80\"]", "gateway.origins[0]", "usual port"),
        ("\"origins\": [\"http://*.x\"]", "gateway.origins[0]", "an origin"),
    ] {
        check_refused(&[(&gateway(body), 2, key, words)]);
    }
    let client = |body: &str| format!("{{ \"clients\": {{\n\"a\": {body} }} }}");
    for (body, key, words) in [
        ("{}", "clients.a", "found neither"),
        ("{ \"token\": \"db_s3cret\" }", "clients.a.token", "does not belong in this file"),
        ("{ \"token\": \"${env:A}s3cret\" }", "clients.a.token", "one reference"),
        ("{ \"tokenSha256\": \"s3cret\" }", "clients.a.tokenSha256", "64"),
        ("{ \"tokenSHA256\": \"x\" }", "clients.a.tokenSHA256", "Did you mean tokenSha256?"),
        (
            "{ \"token\": \"${env:A}\", \"tokenSha256\": \"s3cret\" }",
            "clients.a.tokenSha256",
            "found both",
        ),
        (
            "{ \"token\": \"${env:A}\", \"tokenInPath\": 1 }",
            "clients.a.tokenInPath",
            "true or false",
        ),
        (
            "{ \"token\": \"${env:A}\" }, \"b\": { \"token\": \"${env:A}\" }",
            "clients.b",
            "the one of \"a\"",
        ),
        ("1", "clients.a", "in braces"),
    ] {
        check_refused(&[(&client(body), 2, key, words)]);
    }
    check_refused(&[("{ \"clients\": { \"a b\": {} } }", 1, "clients.\"a b\"", "letters, digits")]);
}

#[test]
fn a_file_without_end_is_refused_before_it_is_parsed() {
    let text = format!("{{}}{}", " ".repeat(4 * 1024 * 1024));
    let problem = parse(&text, Path::new("c")).expect_err("too long");
    assert!(problem.message.contains("4 MiB"), "{problem:?}");
    let deep = "[".repeat(100_000);
    assert!(parse(&deep, Path::new("c")).is_err(), "deep nesting ends with an error");
}
