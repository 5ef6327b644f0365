//! Every row of the rules, as a table. `P` in a value stands for our port.

use http::Request;

use super::*;

const PORT: u16 = 7337;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Pass,
    Malformed,
    Refused,
}
use Expected::{Malformed, Pass, Refused};

fn decide(
    listening: &Listening,
    rules: &GuardRules,
    method: &str,
    target: &str,
    headers: &[(&str, &[u8])],
) -> Result<Admitted, GuardRefusal> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value).expect("a value hyper would let pass");
        request = request.header(*name, value);
    }
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let path = parts.uri.path().to_owned();
    check(listening, rules, &parts, &path)
}

fn expected(decided: Result<Admitted, GuardRefusal>) -> Expected {
    match decided {
        Ok(_) => Pass,
        Err(refusal) if refusal.status() == StatusCode::BAD_REQUEST => Malformed,
        Err(_) => Refused,
    }
}

fn check_hosts(listening: &Listening, rules: &GuardRules, rows: &[(&str, Expected)]) {
    for (host, wanted) in rows {
        let host = host.replace('P', &PORT.to_string());
        for (method, target) in [("POST", "/mcp"), ("GET", "/health"), ("OPTIONS", "/x")] {
            let decided = decide(listening, rules, method, target, &[("host", host.as_bytes())]);
            assert_eq!(expected(decided), *wanted, "Host {host:?} on {method} {target}");
        }
    }
}

#[test]
fn each_host_is_answered_as_the_table_says() {
    let both = Listening::new(PORT, true);
    check_hosts(
        &both,
        &GuardRules::default(),
        &[
            ("127.0.0.1:P", Pass),
            ("localhost:P", Pass),
            ("LOCALHOST:P", Pass),
            ("[::1]:P", Pass),
            ("evil.example:P", Refused),
            ("localhost.evil.example:P", Refused),
            ("127.0.0.1.nip.io:P", Refused),
            ("localhost.:P", Refused),
            ("localhost", Refused),
            ("127.0.0.1", Refused),
            ("localhost:7338", Refused),
            ("localhost:0P", Refused),
            ("user@localhost:P", Malformed),
            ("localhost:abc", Malformed),
            ("localhost:+P", Malformed),
            ("localhost:", Malformed),
            ("localhost:99999", Malformed),
            ("localhost,evil", Malformed),
            ("localhost:P,evil:P", Malformed),
            ("localhost :P", Malformed),
            ("local host:P", Malformed),
            ("localhost:P/mcp", Malformed),
            ("http://localhost:P", Malformed),
            ("[::1:P", Malformed),
            ("[::1]P", Malformed),
            ("[]x:P", Malformed),
            (":P", Malformed),
            ("", Malformed),
            ("0.0.0.0:P", Refused),
            ("127.1:P", Refused),
            ("2130706433:P", Refused),
            ("[::ffff:127.0.0.1]:P", Refused),
            ("[0:0:0:0:0:0:0:1]:P", Refused),
            ("host.docker.internal:P", Refused),
        ],
    );
    check_hosts(
        &Listening::new(PORT, false),
        &GuardRules::default(),
        &[("[::1]:P", Refused), ("127.0.0.1:P", Pass)],
    );
}

#[test]
fn a_host_name_without_a_port_is_ours_only_on_the_default_port() {
    let web = Listening::new(80, true);
    for (host, wanted) in [("localhost", Pass), ("localhost:80", Pass), ("localhost:8080", Refused)]
    {
        let decided =
            decide(&web, &GuardRules::default(), "GET", "/", &[("host", host.as_bytes())]);
        assert_eq!(expected(decided), wanted, "Host {host:?}");
    }
}

#[test]
fn added_hosts_pass_and_nothing_like_them() {
    let rules = GuardRules {
        hosts: vec!["host.docker.internal".into(), "box:9000".into(), "bad host".into()],
        origins: vec![],
    };
    check_hosts(
        &Listening::new(PORT, true),
        &rules,
        &[
            ("host.docker.internal:P", Pass),
            ("HOST.docker.internal:P", Pass),
            ("host.docker.internal:7338", Refused),
            ("host.docker.internal", Refused),
            ("x.host.docker.internal:P", Refused),
            ("box:9000", Pass),
            ("box:P", Refused),
            ("box", Refused),
            ("bad host", Malformed),
        ],
    );
}

#[test]
fn a_missing_doubled_or_differing_host_is_malformed() {
    let listening = Listening::new(PORT, true);
    let rules = GuardRules::default();
    let own: &[u8] = b"localhost:7337";
    for (target, headers, wanted) in [
        ("/mcp", vec![], Malformed),
        ("/mcp", vec![("host", own)], Pass),
        ("/mcp", vec![("host", own), ("host", own)], Malformed),
        ("http://localhost:7337/mcp", vec![("host", own)], Pass),
        ("http://LocalHost:7337/mcp", vec![("host", own)], Pass),
        ("http://localhost:7337/mcp", vec![], Malformed),
        ("http://evil.example:7337/mcp", vec![("host", own)], Malformed),
        ("http://127.0.0.1:7337/mcp", vec![("host", own)], Malformed),
        ("http://user@localhost:7337/mcp", vec![("host", own)], Malformed),
        ("https://localhost:7337/mcp", vec![("host", own)], Malformed),
        ("http://evil.example/mcp", vec![("host", b"evil.example" as &[u8])], Refused),
        ("/mcp", vec![("host", b"localhost:7337\xff" as &[u8])], Malformed),
    ] {
        let decided = decide(&listening, &rules, "POST", target, &headers);
        assert_eq!(expected(decided), wanted, "{target} with {headers:?}");
    }
}

fn check_origins(rules: &GuardRules, v6: bool, rows: &[(&[u8], Expected)]) {
    let listening = Listening::new(PORT, v6);
    for (origin, wanted) in rows {
        for (method, target) in
            [("POST", "/mcp"), ("GET", "/health"), ("OPTIONS", "/mcp"), ("PUT", "/unknown")]
        {
            let headers = [("host", b"localhost:7337" as &[u8]), ("origin", origin)];
            let decided = decide(&listening, rules, method, target, &headers);
            let origin = String::from_utf8_lossy(origin);
            assert_eq!(expected(decided), *wanted, "Origin {origin:?} on {method} {target}");
        }
    }
}

#[test]
fn each_origin_is_answered_as_the_table_says() {
    check_origins(
        &GuardRules::default(),
        true,
        &[
            (b"http://127.0.0.1:7337", Pass),
            (b"http://localhost:7337", Pass),
            (b"HTTP://LOCALHOST:7337", Pass),
            (b"http://[::1]:7337", Pass),
            (b"http://localhost:7337, http://localhost:7337", Refused),
            (b"http://localhost:7337 http://evil.example", Refused),
            (b"", Refused),
            (b"http://l\xc3\xb6calhost:7337", Refused),
            (b"null", Refused),
            (b"NULL", Refused),
            (b"*", Refused),
            (b"https://localhost:7337", Refused),
            (b"http://localhost:3000", Refused),
            (b"http://localhost", Refused),
            (b"http://localhost.:7337", Refused),
            (b"http://localhost:7337.evil.example", Refused),
            (b"http://xlocalhost:7337", Refused),
            (b"http://user@localhost:7337", Refused),
            (b"http://localhost:7337/", Refused),
            (b"http://localhost:7337/mcp", Refused),
            (b"http://localhost:7337?x", Refused),
            (b"http://localhost:7337#x", Refused),
            (b"http://localhost:99999", Refused),
            (b"http://localhost:", Refused),
            (b"http://evil.example", Refused),
            (b"tauri://localhost", Refused),
            (b"http://tauri.localhost", Refused),
            (b"https://tauri.localhost", Refused),
            (b"vscode-webview://1a2b", Refused),
            (b"vscode-file://vscode-app", Refused),
            (b"chrome-extension://abcdef", Refused),
            (b"moz-extension://abcdef", Refused),
            (b"file://", Refused),
            (b"app://", Refused),
        ],
    );
    check_origins(
        &GuardRules::default(),
        false,
        &[(b"http://[::1]:7337", Refused), (b"http://localhost:7337", Pass)],
    );
}

#[test]
fn added_origins_pass_exactly_and_null_cannot_be_added() {
    let rules = GuardRules {
        hosts: vec![],
        origins: ["http://localhost:3000", "vscode-webview://1a2b", "null", "*", ""]
            .map(Into::into)
            .into(),
    };
    check_origins(
        &rules,
        true,
        &[
            (b"http://localhost:3000", Pass),
            (b"vscode-webview://1a2b", Pass),
            (b"vscode-webview://1a2c", Refused),
            (b"http://localhost:3001", Refused),
            (b"null", Refused),
            (b"*", Refused),
            (b"", Refused),
        ],
    );
}

#[test]
fn two_origin_lines_are_refused_even_when_equal() {
    let own: &[u8] = b"http://localhost:7337";
    let host = ("host", b"localhost:7337" as &[u8]);
    let listening = Listening::new(PORT, true);
    let rules = GuardRules::default();
    for (headers, wanted) in [
        (vec![host, ("origin", own)], Pass),
        (vec![host, ("origin", own), ("origin", own)], Refused),
        (vec![host, ("origin", own), ("origin", b"http://evil.example" as &[u8])], Refused),
    ] {
        let decided = decide(&listening, &rules, "POST", "/mcp", &headers);
        assert_eq!(expected(decided), wanted, "{headers:?}");
    }
}

#[test]
fn fetch_metadata_refuses_other_sites_unless_the_person_listed_the_origin() {
    let listening = Listening::new(PORT, true);
    let rules = GuardRules { hosts: vec![], origins: vec!["http://localhost:3000".into()] };
    let listed = Some("http://localhost:3000");
    for (path, origin, site, wanted) in [
        ("/mcp", None, "cross-site", Refused),
        ("/mcp", None, "same-site", Refused),
        ("/mcp", None, "none", Refused),
        ("/mcp", None, "same-origin", Pass),
        ("/mcp", None, "Same-Origin", Refused),
        ("/mcp", None, "nonsense", Refused),
        ("/mcp/files", None, "none", Refused),
        ("/mcpx", None, "none", Pass),
        ("/health", None, "none", Pass),
        ("/health", None, "cross-site", Refused),
        ("/unknown", None, "same-site", Refused),
        ("/mcp", listed, "same-site", Pass),
        ("/mcp", listed, "cross-site", Pass),
        ("/mcp", Some("http://localhost:7337"), "cross-site", Refused),
        ("/mcp", Some("http://localhost:7337"), "same-origin", Pass),
    ] {
        let mut headers: Vec<(&str, &[u8])> =
            vec![("host", b"localhost:7337"), ("sec-fetch-site", site.as_bytes())];
        headers.extend(origin.map(|origin| ("origin", origin.as_bytes())));
        let decided = decide(&listening, &rules, "GET", path, &headers);
        assert_eq!(expected(decided), wanted, "{path} {origin:?} {site}");
    }
    let twice: Vec<(&str, &[u8])> = vec![
        ("host", b"localhost:7337"),
        ("sec-fetch-site", b"same-origin"),
        ("sec-fetch-site", b"same-origin"),
    ];
    assert_eq!(expected(decide(&listening, &rules, "GET", "/mcp", &twice)), Refused);
}

#[test]
fn preflights_are_answered_for_allowed_origins_alone() {
    let listening = Listening::new(PORT, true);
    let rules = GuardRules { hosts: vec![], origins: vec!["http://LOCALHOST:3000".into()] };
    let host = ("host", b"localhost:7337" as &[u8]);
    let origin = ("origin", b"http://localhost:3000" as &[u8]);
    let network = ("access-control-request-private-network", b"true" as &[u8]);
    let named = HeaderValue::from_static("http://localhost:3000");
    for (method, headers, wanted) in [
        (
            "OPTIONS",
            vec![host, origin],
            Ok(Admitted::Preflight { origin: named.clone(), private_network: false }),
        ),
        (
            "OPTIONS",
            vec![host, origin, network],
            Ok(Admitted::Preflight { origin: named.clone(), private_network: true }),
        ),
        ("POST", vec![host, origin, network], Ok(Admitted::From(named))),
        ("OPTIONS", vec![host], Ok(Admitted::Plain)),
        (
            "OPTIONS",
            vec![host, ("origin", b"http://evil.example" as &[u8]), network],
            Err(GuardRefusal::OriginForeign),
        ),
    ] {
        assert_eq!(decide(&listening, &rules, method, "/mcp", &headers), wanted, "{headers:?}");
    }
}

#[test]
fn host_is_judged_before_origin_and_origin_before_fetch_metadata() {
    let listening = Listening::new(PORT, true);
    let rules = GuardRules::default();
    let bad_host = ("host", b"evil.example:7337" as &[u8]);
    let host = ("host", b"localhost:7337" as &[u8]);
    let origin = ("origin", b"http://evil.example" as &[u8]);
    let site = ("sec-fetch-site", b"cross-site" as &[u8]);
    for (headers, wanted) in [
        (vec![bad_host, origin, site], GuardRefusal::HostForeign),
        (vec![host, origin, site], GuardRefusal::OriginForeign),
        (vec![host, site], GuardRefusal::FetchSite),
    ] {
        assert_eq!(decide(&listening, &rules, "POST", "/mcp", &headers), Err(wanted));
    }
}
