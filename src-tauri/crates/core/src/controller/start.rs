//! How a server is started, as far as the person's answers are tied to it.

use drawbridge_model::Transport;
use drawbridge_policy::Fingerprint;

/// Changes with everything that decides which program answers: command, arguments, variables and
/// folder, or address and headers. Values stand in it as configured, so that a secret that is
/// renewed changes nothing.
pub(super) fn start_of(transport: &Transport) -> Fingerprint {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    match transport {
        Transport::Stdio(launch) => {
            parts.push(b"stdio".to_vec());
            parts.push(launch.command.clone().into_bytes());
            parts.push(launch.args.len().to_string().into_bytes());
            parts.extend(launch.args.iter().map(|argument| argument.clone().into_bytes()));
            for (name, value) in &launch.env {
                parts.extend([name.clone().into_bytes(), value.clone().into_bytes()]);
            }
            if let Some(folder) = &launch.cwd {
                parts.push(folder.as_os_str().as_encoded_bytes().to_vec());
            }
        }
        Transport::Http(endpoint) => {
            parts.push(b"http".to_vec());
            parts.push(endpoint.url.clone().into_bytes());
            for (name, value) in &endpoint.headers {
                parts.extend([name.clone().into_bytes(), value.clone().into_bytes()]);
            }
        }
        Transport::BuiltIn => parts.push(b"built in".to_vec()),
    }
    Fingerprint::of(parts.iter().map(Vec::as_slice))
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
