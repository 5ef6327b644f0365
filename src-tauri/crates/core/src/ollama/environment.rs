//! What an Ollama of ours is started with: the settings as the variables it reads (Ollama,
//! envconfig/config.go).

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::view::OllamaSettings;

/// Variables of our own environment that Ollama gets beside what every child gets: its own
/// settings, which a person may have made before, where downloads go through, and what makes an
/// unlisted card work. `HTTP_PROXY` is left out: Ollama would send its own runners through it.
fn passes_on(name: &str) -> bool {
    name.starts_with("OLLAMA_")
        || matches!(name, "HTTPS_PROXY" | "https_proxy" | "NO_PROXY" | "no_proxy")
        || matches!(name, "HSA_OVERRIDE_GFX_VERSION" | "CUDA_VISIBLE_DEVICES")
        || matches!(name, "ROCR_VISIBLE_DEVICES" | "GGML_VK_VISIBLE_DEVICES")
}

/// The variables of a start. `keep_partial` keeps downloads that were begun, however old.
pub(super) fn of(
    settings: &OllamaSettings,
    ours: impl IntoIterator<Item = (OsString, OsString)>,
    keep_partial: bool,
) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = ours
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| passes_on(name))
        .collect();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            env.insert(name.to_owned(), value);
        }
    };
    set("OLLAMA_HOST", Some(format!("127.0.0.1:{}", settings.port())));
    set("OLLAMA_MODELS", settings.models_folder.clone());
    set("OLLAMA_KEEP_ALIVE", settings.keep_alive.clone());
    set("OLLAMA_CONTEXT_LENGTH", settings.context_length.map(|tokens| tokens.to_string()));
    set("OLLAMA_NUM_PARALLEL", settings.parallel.map(|requests| requests.to_string()));
    set("OLLAMA_FLASH_ATTENTION", settings.flash_attention.map(|on| u8::from(on).to_string()));
    set("OLLAMA_KV_CACHE_TYPE", settings.cache_type.map(|cache| cache.word().to_owned()));
    if let Some(gpus) = &settings.gpus {
        // "-1" is no card for either.
        let list = if gpus.is_empty() { "-1".to_owned() } else { gpus.join(",") };
        set("CUDA_VISIBLE_DEVICES", Some(list.clone()));
        set("ROCR_VISIBLE_DEVICES", Some(list));
        // Vulkan counts its cards and knows no ids, and would use the others (llama.cpp,
        // ggml-vulkan.cpp).
        set("OLLAMA_VULKAN", Some("0".to_owned()));
    }
    set("OLLAMA_NO_CLOUD", Some(u8::from(!settings.cloud).to_string()));
    set("OLLAMA_NOPRUNE", keep_partial.then(|| "1".to_owned()));
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::CacheType;

    #[test]
    fn each_setting_is_the_variable_beside_it() {
        let ours = [
            ("OLLAMA_DEBUG", "1"),
            ("OLLAMA_HOST", "0.0.0.0"),
            ("HTTP_PROXY", "http://x"),
            ("HTTPS_PROXY", "http://y"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let settings = OllamaSettings {
            port: Some(5000),
            models_folder: Some("/m".to_owned()),
            keep_alive: Some("-1".to_owned()),
            context_length: Some(8192),
            parallel: Some(2),
            flash_attention: Some(false),
            cache_type: Some(CacheType::Q8_0),
            gpus: Some(Vec::new()),
            ..OllamaSettings::default()
        };
        let env = of(&settings, ours, true);
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            env,
            [
                ("CUDA_VISIBLE_DEVICES", "-1"),
                ("HTTPS_PROXY", "http://y"),
                ("OLLAMA_CONTEXT_LENGTH", "8192"),
                ("OLLAMA_DEBUG", "1"),
                ("OLLAMA_FLASH_ATTENTION", "0"),
                ("OLLAMA_HOST", "127.0.0.1:5000"),
                ("OLLAMA_KEEP_ALIVE", "-1"),
                ("OLLAMA_KV_CACHE_TYPE", "q8_0"),
                ("OLLAMA_MODELS", "/m"),
                ("OLLAMA_NOPRUNE", "1"),
                ("OLLAMA_NO_CLOUD", "1"),
                ("OLLAMA_NUM_PARALLEL", "2"),
                ("OLLAMA_VULKAN", "0"),
                ("ROCR_VISIBLE_DEVICES", "-1"),
            ]
        );
        let plain = of(&OllamaSettings::default(), [], false);
        assert_eq!(plain.keys().collect::<Vec<_>>(), ["OLLAMA_HOST", "OLLAMA_NO_CLOUD"]);
    }
}
