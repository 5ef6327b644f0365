//! Who may ask: the checks of `Origin` and `Host`.

use std::net::IpAddr;

use hyper::header::{HOST, ORIGIN};
use hyper::{HeaderMap, Method};

use crate::body::Response;
use crate::environment::split_port;
use crate::go;
use crate::server::Shared;

const HEADERS: &str = "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,\
    X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,\
    X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,X-Stainless-Poll-Helper,\
    X-Stainless-Retry-Count,X-Stainless-Runtime,X-Stainless-Runtime-Version,X-Stainless-Timeout";

/// What a request passes with, or is turned away with.
pub(crate) enum Checked {
    /// Go on, and allow this origin in the answer.
    Pass(Option<String>),
    /// This is the answer.
    Answer(Box<Response>),
}

pub(crate) fn check(shared: &Shared, method: &Method, headers: &HeaderMap) -> Checked {
    let of = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = of(HOST);
    let origin = of(ORIGIN);
    let same = origin == format!("http://{host}") || origin == format!("https://{host}");
    let foreign = !origin.is_empty() && !same;
    if foreign && !allowed_origin(&shared.environment.origins, origin) {
        return Checked::Answer(Box::new(go::empty(403)));
    }
    if foreign && method == Method::OPTIONS {
        return Checked::Answer(Box::new(preflight(origin)));
    }
    if shared.address.ip().is_loopback() {
        let name = split_port(host).map_or(host, |(host, _)| host);
        let ip: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        if !ip.is_some_and(local) {
            if !allowed_host(name) {
                return Checked::Answer(Box::new(go::empty(403)));
            }
            if method == Method::OPTIONS {
                return Checked::Answer(Box::new(go::empty(204)));
            }
        }
    }
    Checked::Pass(foreign.then(|| origin.to_owned()))
}

fn preflight(origin: &str) -> Response {
    let mut response = go::empty(204);
    let headers = [
        ("access-control-allow-headers", HEADERS),
        ("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"),
        ("access-control-allow-origin", origin),
        ("access-control-max-age", "43200"),
        ("vary", "Origin"),
        ("vary", "Access-Control-Request-Method"),
        ("vary", "Access-Control-Request-Headers"),
    ];
    for (name, value) in headers {
        go::header(&mut response, name, value);
    }
    response
}

fn local(ip: IpAddr) -> bool {
    let private = match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    ip.is_loopback() || ip.is_unspecified() || private
}

fn allowed_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.is_empty()
        || host == "localhost"
        || [".localhost", ".local", ".internal"].iter().any(|end| host.ends_with(end))
        || own_name().is_some_and(|own| own.eq_ignore_ascii_case(&host))
}

fn own_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn allowed_origin(added: &[String], origin: &str) -> bool {
    for host in ["localhost", "127.0.0.1", "0.0.0.0"] {
        for scheme in ["http", "https"] {
            let plain = format!("{scheme}://{host}");
            if origin == plain || origin.starts_with(&format!("{plain}:")) {
                return true;
            }
        }
    }
    let schemes = ["app://", "file://", "tauri://", "vscode-webview://", "vscode-file://"];
    schemes.iter().any(|scheme| origin.starts_with(scheme))
        || added.iter().any(|pattern| matches(pattern, origin))
}

/// A pattern with at most one `*`.
fn matches(pattern: &str, origin: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == origin,
        Some((start, end)) => {
            origin.len() >= start.len() + end.len()
                && origin.starts_with(start)
                && origin.ends_with(end)
        }
    }
}
