//! Names of models, as Ollama writes them: `namespace/model:tag`, the tag `latest` left out.

/// The name with its tag, as Ollama lists it: `qwen3` is `qwen3:latest`.
#[must_use]
pub fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

/// Whether both name the same model.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    with_tag(one).eq_ignore_ascii_case(&with_tag(other))
}

/// Whether a model runs in Ollama's cloud: what follows the last colon is `cloud`, or ends so after
/// a hyphen (Ollama, internal/modelref). A name without a tag that ends so counts as well: it is
/// rather asked about once too often.
#[must_use]
pub fn is_cloud(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    match name.rsplit_once(':') {
        Some((_, tag)) if tag.trim() == "cloud" => true,
        _ => name.ends_with("-cloud"),
    }
}

/// Whether this could be the name of a model: what Ollama takes, and no more than 255 characters.
#[must_use]
pub fn is_valid(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let (path, tag) = match name.rsplit_once(':') {
        // A port of a registry is followed by a path.
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    let mut parts = path.split('/').collect::<Vec<_>>();
    if parts.len() > 2
        && let Some((host, port)) = parts[0].split_once(':')
    {
        if port.parse::<u16>().is_err() {
            return false;
        }
        parts[0] = host;
    }
    name.len() <= 255
        && (1..=4).contains(&parts.len())
        && parts.iter().all(|each| part(each))
        && tag.is_none_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tag_means_the_latest() {
        for (one, other, wanted) in [
            ("qwen3", "qwen3:latest", true),
            ("qwen3:8b", "qwen3", false),
            ("Qwen3:8B", "qwen3:8b", true),
            ("me/qwen3", "qwen3", false),
            ("hf.co/me/qwen3", "hf.co/me/qwen3:latest", true),
            ("localhost:5000/me/qwen3", "localhost:5000/me/qwen3:latest", true),
        ] {
            assert_eq!(same(one, other), wanted, "{one} {other}");
        }
    }

    #[test]
    fn cloud_models_are_known_by_their_tag() {
        for (name, wanted) in [
            ("gpt-oss:120b-cloud", true),
            ("glm-4.6:cloud", true),
            ("GLM-4.6:Cloud", true),
            ("me/deepseek:671b-cloud", true),
            ("deepseek-cloud", true),
            ("gpt-oss:120b:cloud", true),
            ("x: cloud ", true),
            ("x:local", false),
            ("me/cloud", false),
            ("localhost:5000/cloud", false),
            ("localhost:5000/me/x:cloud", true),
            ("cloud:8b", false),
            ("cloudy:8b", false),
            ("qwen3:8b", false),
            ("my-cloud/qwen3:8b", false),
        ] {
            assert_eq!(is_cloud(name), wanted, "{name}");
        }
    }

    #[test]
    fn only_what_ollama_takes_is_a_name() {
        for (name, wanted) in [
            ("qwen3", true),
            ("qwen3:8b", true),
            ("me/qwen3:8b-q4_K_M", true),
            ("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", true),
            ("registry.local:5000/me/qwen3:8b", true),
            ("", false),
            (":8b", false),
            ("qwen3:", false),
            ("../../etc/passwd", false),
            ("a b", false),
            ("qwen3\n", false),
            ("http://x/y", false),
            ("a/b/c/d/e", false),
            ("-x", false),
        ] {
            assert_eq!(is_valid(name), wanted, "{name:?}");
        }
        assert!(!is_valid(&"a".repeat(256)));
    }
}
