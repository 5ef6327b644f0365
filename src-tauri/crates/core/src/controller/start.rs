//! How a server is started, as far as the person's answers are tied to it.

use std::collections::BTreeMap;

use drawbridge_model::{Transport, display_argv};
use drawbridge_policy::Fingerprint;

/// Changes with everything that decides which program answers: command, arguments, variables and
/// folder, or address and headers. Values stand in it as configured, so that a secret that is
/// renewed changes nothing.
pub(crate) fn start_of(transport: &Transport) -> Fingerprint {
    match transport {
        Transport::Stdio(launch) => {
            // Where the arguments end; variables come in pairs, and then perhaps a folder.
            let arguments = launch.args.len().to_le_bytes();
            let mut parts: Vec<&[u8]> = vec![b"stdio", launch.command.as_bytes(), &arguments];
            parts.extend(launch.args.iter().map(String::as_bytes));
            parts.extend(launch.env.iter().flat_map(pair));
            parts.extend(launch.cwd.iter().map(|folder| folder.as_os_str().as_encoded_bytes()));
            Fingerprint::of(parts)
        }
        Transport::Http(endpoint) => {
            let address: [&[u8]; 2] = [b"http", endpoint.url.as_bytes()];
            Fingerprint::of(address.into_iter().chain(endpoint.headers.iter().flat_map(pair)))
        }
        Transport::BuiltIn => Fingerprint::of([b"built in".as_slice()]),
    }
}

/// The same in words, for a person to compare: never a value of a variable or header.
pub(crate) fn shown(transport: &Transport) -> String {
    let names = |title: &str, map: &BTreeMap<String, String>| match map.len() {
        0 => String::new(),
        _ => format!("\n{title}: {}", map.keys().cloned().collect::<Vec<_>>().join(", ")),
    };
    match transport {
        Transport::Stdio(launch) => {
            let words = std::iter::once(&launch.command).chain(&launch.args);
            let command = display_argv(words.map(String::as_str));
            let folder = launch.cwd.as_ref();
            let folder = folder.map(|cwd| format!("\nFolder: {}", cwd.display()));
            let variables = names("Variables", &launch.env);
            format!("{command}{}{variables}", folder.unwrap_or_default())
        }
        Transport::Http(endpoint) => {
            format!("{}{}", endpoint.url, names("Headers", &endpoint.headers))
        }
        Transport::BuiltIn => String::new(),
    }
}

fn pair<'a>((name, value): (&'a String, &'a String)) -> [&'a [u8]; 2] {
    [name.as_bytes(), value.as_bytes()]
}

#[cfg(test)]
mod tests {
    use drawbridge_model::{Endpoint, Launch};

    use super::*;

    #[test]
    fn whatever_decides_which_program_answers_counts() {
        let plain = Launch { command: "npx".into(), args: vec!["a".into()], ..Launch::default() };
        let variants = [
            plain.clone(),
            Launch { command: "node".into(), ..plain.clone() },
            Launch { args: vec!["b".into()], ..plain.clone() },
            Launch { args: vec!["a".into(), "b".into()], ..plain.clone() },
            Launch { env: [("A".into(), "1".into())].into(), ..plain.clone() },
            Launch { env: [("A".into(), "2".into())].into(), ..plain.clone() },
            // What was a variable is an argument.
            Launch { args: vec!["a".into(), "A".into(), "1".into()], ..plain.clone() },
            Launch { cwd: Some("/tmp".into()), ..plain.clone() },
        ];
        let remote = |url: &str, header: Option<(&str, &str)>| {
            let headers = header.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
            Transport::Http(Endpoint { url: url.into(), headers: headers.collect() })
        };
        let all: Vec<Fingerprint> = variants
            .into_iter()
            .map(Transport::Stdio)
            .chain([
                remote("https://a.example/mcp", None),
                remote("https://b.example/mcp", None),
                remote("https://a.example/mcp", Some(("x", "1"))),
                Transport::BuiltIn,
            ])
            .map(|transport| start_of(&transport))
            .collect();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{index}");
        }
        assert_eq!(start_of(&Transport::Stdio(plain.clone())), start_of(&Transport::Stdio(plain)));
    }
}
