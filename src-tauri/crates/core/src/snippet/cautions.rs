//! What deserves a second look before a server starts.
//!
//! These sentences help a person to look in the right place. They are no filter: what is not named
//! here is not thereby harmless.

use crate::view::{DraftTransport, DraftValue, ServerDraft};

/// Sentences about a draft, the gravest first.
#[must_use]
pub fn cautions(draft: &ServerDraft) -> Vec<String> {
    match &draft.transport {
        DraftTransport::Local { command, args, env, .. } => local(command, args, env),
        DraftTransport::Remote { url, headers } => remote(url, headers),
    }
}

/// The program's own name: without folder and without the ending Windows adds, in lower case.
pub(super) fn program(command: &str) -> String {
    let name = command.rsplit(['/', '\\']).next().unwrap_or(command).to_lowercase();
    let ends = [".exe", ".cmd", ".bat", ".ps1"];
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name).to_owned()
}

fn local(command: &str, args: &[String], env: &[DraftValue]) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |sentence: &str| {
        if !found.iter().any(|said| said == sentence) {
            found.push(sentence.to_owned());
        }
    };
    let words: Vec<&str> =
        std::iter::once(command).chain(args.iter().map(String::as_str)).collect();
    let programs: Vec<String> = words.iter().map(|word| program(word)).collect();
    let line = words.join(" ");
    let lower = line.to_lowercase();
    let pieces: Vec<&str> =
        lower.split(|c: char| c.is_whitespace() || ";&|()'\"`".contains(c)).collect();
    let runs = |names: &[&str]| {
        names.iter().any(|name| pieces.iter().any(|piece| program(piece) == *name))
    };

    if runs(&["sudo", "doas", "pkexec", "runas", "gsudo"]) {
        say("It asks for administrator rights, and can then change anything on this computer.");
    }
    let fetches = runs(&["curl", "wget", "iwr", "invoke-webrequest", "invoke-restmethod", "irm"]);
    let shell = ["sh", "bash", "zsh", "dash", "ksh", "fish", "cmd", "powershell", "pwsh"];
    if fetches && (lower.contains('|') || runs(&["iex", "invoke-expression", "eval"])) {
        say("It downloads a script and runs it at once, whatever is in it at that moment.");
    } else if fetches {
        say("It downloads something from the network.");
    }
    if deletes(&pieces) {
        say("It deletes or overwrites files without asking.");
    }
    if shell.contains(&programs[0].as_str()) || (programs[0] == "env" && runs(&shell)) {
        say(
            "It starts a shell, which does whatever its arguments say, not only start one program.",
        );
    }
    if matches!(programs[0].as_str(), "docker" | "podman" | "nerdctl") {
        container(args, &mut say);
    }
    if let Some(pinned) = downloads(&programs, args) {
        match pinned {
            true => say("It may download its program from the network when it starts."),
            false => say(
                "It downloads its program from the network when it starts, in whatever version is \
                 the newest then.",
            ),
        }
    }
    let inline = |flags: &[&str]| args.iter().any(|arg| flags.contains(&arg.as_str()));
    let interpreter = programs[0].trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if matches!(interpreter, "node" | "python" | "perl" | "ruby" | "deno" | "bun" | "php")
        && inline(&["-c", "-e", "--eval", "-r", "eval", "-p"])
    {
        say("The program itself stands in the arguments. Read them as code.");
    }
    for word in &words {
        paths(word, &mut say);
        if word.chars().any(|c| c.is_control() || hidden(c)) {
            say("It holds invisible characters, which can make it look like something else.");
        }
    }
    for DraftValue { name, value } in env {
        let loads = [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "PYTHONSTARTUP",
            "PYTHONPATH",
            "PATH",
            "BASH_ENV",
        ];
        if loads.contains(&name.to_uppercase().as_str()) {
            say(&format!("The variable {name} changes which code programs load."));
        }
        placeholder(name, value.as_deref(), &mut say);
    }
    for (index, arg) in args.iter().enumerate() {
        placeholder(&format!("Argument {}", index + 1), Some(arg), &mut say);
    }
    found
}

fn remote(address: &str, headers: &[DraftValue]) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(url) = url::Url::parse(address.trim()) {
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if !here && url.scheme() == "http" {
            found.push(
                "The address begins with http://, so what is sent can be read on the way."
                    .to_owned(),
            );
        }
        if !here {
            found.push("What apps send to its tools leaves this computer.".to_owned());
        }
        if url.query().is_some_and(|query| {
            let query = query.to_lowercase();
            ["key=", "token=", "secret=", "password="].iter().any(|word| query.contains(word))
        }) {
            found.push(
                "The address seems to hold a key. Addresses are shown; send the key as a header \
                 if the server allows it."
                    .to_owned(),
            );
        }
    }
    for DraftValue { name, value } in headers {
        placeholder(name, value.as_deref(), &mut |sentence| found.push(sentence.to_owned()));
    }
    found
}

fn deletes(pieces: &[&str]) -> bool {
    pieces.iter().enumerate().any(|(at, piece)| {
        let flags = || pieces[at + 1..].iter().take_while(|word| word.starts_with(['-', '/']));
        match program(piece).as_str() {
            "rm" => flags().any(|flag| {
                flag.starts_with("--recursive")
                    || flag.starts_with("--force")
                    || (!flag.starts_with("--") && flag.contains(['r', 'f']))
            }),
            "del" | "erase" | "rd" | "rmdir" => flags().any(|flag| flag.starts_with("/s")),
            "remove-item" => pieces.iter().any(|word| word.starts_with("-recurse")),
            "dd" => pieces.iter().any(|word| word.starts_with("of=")),
            name => name.starts_with("mkfs") || matches!(name, "shred" | "diskpart"),
        }
    })
}

fn container(args: &[String], say: &mut impl FnMut(&str)) {
    let mounts = args.iter().enumerate().filter_map(|(at, arg)| match arg.as_str() {
        "-v" | "--volume" | "--mount" => args.get(at + 1).map(String::as_str),
        other => ["-v=", "--volume=", "--mount="].iter().find_map(|flag| other.strip_prefix(flag)),
    });
    for mount in mounts {
        let named = mount
            .split(',')
            .find_map(|part| part.strip_prefix("source=").or_else(|| part.strip_prefix("src=")));
        let drive = mount.len() > 2 && mount.as_bytes()[1] == b':' && mount.as_bytes()[2] == b'\\';
        let source = named.unwrap_or_else(|| match drive {
            true => mount[..3 + mount[3..].find(':').unwrap_or(mount.len() - 3)].as_ref(),
            false => mount.split(':').next().unwrap_or(mount),
        });
        if matches!(source, "/" | "C:\\" | "c:\\" | "//") {
            say("It gives the container the whole disk.");
        }
        if source.ends_with("docker.sock") {
            say("It gives the container control over all containers, and so over this computer.");
        }
        paths(source, say);
    }
    if args.iter().any(|arg| matches!(arg.as_str(), "--privileged" | "--privileged=true")) {
        say("The container runs with full rights over this computer.");
    }
    let joined = args.join(" ");
    let host = [
        "--network=host",
        "--network host",
        "--net=host",
        "--net host",
        "--pid=host",
        "--pid host",
    ];
    if host.iter().any(|flag| joined.contains(flag)) {
        say("The container shares this computer's network or processes.");
    }
}

/// Whether the program is fetched at each start; if so, whether its version is fixed.
fn downloads(programs: &[String], args: &[String]) -> Option<bool> {
    // `cmd /c npx …` is how launchers are started on Windows.
    let at = match programs[0].as_str() {
        "cmd" => {
            programs.iter().position(|name| matches!(name.as_str(), "npx" | "bunx" | "uvx"))?
        }
        _ => 0,
    };
    let after = &args[at..];
    let has = |word: &str| after.first().is_some_and(|first| first == word);
    let launcher = match programs[at].as_str() {
        "npx" | "bunx" | "uvx" => true,
        "pnpm" | "yarn" => has("dlx"),
        "npm" => has("exec") || has("x"),
        "bun" => has("x"),
        "pipx" => has("run"),
        "uv" => has("run") || has("tool"),
        "deno" => after.iter().any(|arg| arg.starts_with("npm:") || arg.starts_with("http")),
        "docker" | "podman" => has("run"),
        _ => false,
    };
    if !launcher {
        return None;
    }
    let pinned = after.iter().filter(|arg| !arg.starts_with('-')).any(|arg| {
        let version = arg.rsplit_once('@').map(|(_, version)| version);
        let version = version.or_else(|| arg.split_once("==").map(|(_, version)| version));
        let version = version.or_else(|| arg.rsplit_once(':').map(|(_, version)| version));
        arg.contains("@sha256:")
            || version.is_some_and(|version| {
                version.starts_with(|c: char| c.is_ascii_digit())
                    || version
                        .strip_prefix('v')
                        .is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
            })
    });
    Some(pinned)
}

fn paths(word: &str, say: &mut impl FnMut(&str)) {
    let path = word.rsplit_once('=').map_or(word, |(_, value)| value).replace('\\', "/");
    let lower = path.to_lowercase();
    let private = [
        "/.ssh",
        "/.gnupg",
        "/.aws",
        "/.kube",
        "/.config",
        "/.docker",
        "/.mozilla",
        "/keychains",
        "/appdata/roaming",
        "id_rsa",
        "id_ed25519",
    ];
    if private.iter().any(|part| lower.contains(part)) {
        say("It names a folder in which keys and passwords are kept.");
    }
    let parts: Vec<&str> = lower.trim_end_matches('/').split('/').collect();
    let home = matches!(
        lower.trim_end_matches('/'),
        "~" | "$home" | "${home}" | "%userprofile%" | "/root"
    ) || matches!(parts.as_slice(), ["", "home" | "users", _] | [_, "users", _] if !parts.is_empty() && lower.len() > 1);
    if home {
        say("It names your whole home folder. A smaller folder may be enough.");
    }
    let drive = lower.len() <= 3 && lower.ends_with(":/");
    let system = ["/etc", "/usr", "/boot", "/system", "/var", "c:/windows", "c:/program files"];
    if path == "/" || drive {
        say("It names the whole disk. A smaller folder may be enough.");
    } else if system
        .iter()
        .any(|folder| lower == *folder || lower.starts_with(&format!("{folder}/")))
    {
        say("It names a folder that belongs to the system.");
    }
}

fn placeholder(name: &str, value: Option<&str>, say: &mut impl FnMut(&str)) {
    let Some(value) = value else { return };
    let lower = value.to_lowercase();
    let brackets = value.find('<').is_some_and(|open| value[open..].contains('>'));
    let words =
        ["your_", "your-", "yourapikey", "/path/to/", "path\\to\\", "xxxx", "changeme", "insert_"];
    if brackets || words.iter().any(|word| lower.contains(word)) {
        say(&format!("{name} looks like an example that is to be replaced by your own value."));
    }
}

/// Characters that change how a text looks without being seen (Unicode Technical Report 36,
/// section 2.6).
fn hidden(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' | '\u{061C}' | '\u{00AD}')
}
