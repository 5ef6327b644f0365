//! A name for a server that was pasted without one, and names that fit our rules.

use drawbridge_model::ServerName;

use crate::view::DraftTransport;

/// The name with what a name cannot hold replaced.
pub(super) fn fitting(name: &str) -> String {
    if ServerName::new(name).is_ok() {
        return name.to_owned();
    }
    let replaced: String = name
        .trim()
        .chars()
        .map(|c| if c.is_control() || "/\\?#%".contains(c) { '-' } else { c })
        .take(64)
        .collect();
    let trimmed = replaced.trim_matches(['-', ' ']);
    if trimmed.is_empty() { "server".to_owned() } else { trimmed.to_owned() }
}

/// A name made from the package, the program or the address.
pub(super) fn suggest(transport: &DraftTransport) -> String {
    let name = match transport {
        DraftTransport::Local { command, args, .. } => {
            let program = super::cautions::program(command);
            match package(&program, args) {
                Some(package) => of_package(package),
                None => of_package(&program),
            }
        }
        DraftTransport::Remote { url, .. } => url::Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(of_host))
            .unwrap_or_default(),
    };
    match name.as_str() {
        "" | drawbridge_model::BUILT_IN_COMPUTER => "server".to_owned(),
        _ => fitting(&name),
    }
}

/// The argument that names what a launcher runs.
fn package<'a>(program: &str, args: &'a [String]) -> Option<&'a str> {
    let skipped: &[&str] = match program {
        "npx" | "bunx" | "uvx" | "pipx" => &["run"],
        "pnpm" | "yarn" | "bun" | "npm" => &["dlx", "x", "exec"],
        "uv" => &["tool", "run"],
        "docker" | "podman" => &["run"],
        "node" | "python" | "python3" | "deno" | "cmd" => &["run", "/c", "npx"],
        _ => return None,
    };
    let takes_value = |flag: &str| {
        matches!(
            flag,
            "-e" | "--env"
                | "-v"
                | "--volume"
                | "--mount"
                | "--name"
                | "--network"
                | "-p"
                | "--directory"
                | "--from"
                | "--with"
                | "--python"
                | "-u"
                | "--user"
                | "-w"
        )
    };
    let mut words = args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-m" | "--package" => return words.next(),
            flag if takes_value(flag) => {
                words.next();
            }
            flag if flag.starts_with('-') => {}
            skip if skipped.contains(&skip) => {}
            package => return Some(package),
        }
    }
    None
}

/// `@scope/mcp-server-notes@1.2` and `ghcr.io/org/notes-mcp:latest` are about notes.
fn of_package(package: &str) -> String {
    let last = package.rsplit(['/', '\\']).next().unwrap_or(package);
    let last = last.split(['@', '=', ':', '[']).find(|part| !part.is_empty()).unwrap_or(last);
    let stem = [".js", ".mjs", ".cjs", ".ts", ".py", ".exe", ".jar"]
        .iter()
        .find_map(|end| last.strip_suffix(end))
        .unwrap_or(last);
    let mut name = stem;
    for prefix in ["mcp-server-", "mcp_server_", "server-", "mcp-", "mcp_"] {
        if let Some(rest) = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
            name = rest;
            break;
        }
    }
    for suffix in ["-mcp-server", "_mcp_server", "-server", "-mcp", "_mcp"] {
        if let Some(rest) = name.strip_suffix(suffix).filter(|rest| !rest.is_empty()) {
            name = rest;
            break;
        }
    }
    name.to_owned()
}

/// `mcp.notes.example` is about notes.
fn of_host(host: &str) -> String {
    if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
        return String::new();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let named = labels.len().checked_sub(2).map_or(host, |at| labels[at]);
    named.to_owned()
}
