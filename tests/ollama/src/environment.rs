//! What Ollama reads from the environment, with its defaults and its rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::clock;

/// How long a model stays loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// For this long.
    For(Duration),
    /// Until it is told to go.
    Forever,
}

/// The variables that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// `http` or `https`.
    pub scheme: String,
    /// The host to bind, without brackets.
    pub host: String,
    /// The port to bind.
    pub port: u16,
    /// The folder of the models. None keeps everything in memory: the real folder of whoever runs a
    /// test is never touched.
    pub models: Option<PathBuf>,
    /// 0 lets the memory of the devices decide.
    pub context_length: u64,
    /// How long a model stays.
    pub keep_alive: KeepAlive,
    /// Replies at the same time for one model.
    pub num_parallel: usize,
    /// 0 is three for each device.
    pub max_loaded_models: usize,
    /// How many requests may wait.
    pub max_queue: usize,
    /// The cloud is switched off.
    pub no_cloud: bool,
    /// Nothing is cleaned up at the start.
    pub no_prune: bool,
    /// Origins beside the built-in ones.
    pub origins: Vec<String>,
    /// Bytes held back on each device.
    pub gpu_overhead: u64,
}

impl Default for Environment {
    fn default() -> Environment {
        Environment::read(&|_| None)
    }
}

impl Environment {
    /// Reads the variables of this process.
    #[must_use]
    pub fn of_process() -> Environment {
        Environment::read(&|name| std::env::var(name).ok())
    }

    /// Reads the variables from `get`.
    #[must_use]
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Environment {
        let var = |name: &str| {
            let value = get(name).unwrap_or_default();
            value.trim_matches([' ', '\t', '\n', '\r', '"', '\'']).to_owned()
        };
        let number = |name: &str, default: u64| var(name).parse().unwrap_or(default);
        let size =
            |name: &str, default: u64| usize::try_from(number(name, default)).unwrap_or(usize::MAX);
        let flag = |name: &str| match var(name).as_str() {
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            // What cannot be read counts as true.
            _ => true,
        };
        let (scheme, host, port) = host(&var("OLLAMA_HOST"));
        let models = var("OLLAMA_MODELS");
        let origins = var("OLLAMA_ORIGINS");
        Environment {
            scheme,
            host,
            port,
            models: (!models.is_empty()).then(|| PathBuf::from(models)),
            context_length: number("OLLAMA_CONTEXT_LENGTH", 0),
            keep_alive: keep_alive(&var("OLLAMA_KEEP_ALIVE")),
            num_parallel: size("OLLAMA_NUM_PARALLEL", 1).max(1),
            max_loaded_models: size("OLLAMA_MAX_LOADED_MODELS", 0),
            max_queue: size("OLLAMA_MAX_QUEUE", 512),
            no_cloud: flag("OLLAMA_NO_CLOUD"),
            no_prune: flag("OLLAMA_NOPRUNE"),
            origins: origins.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect(),
            gpu_overhead: number("OLLAMA_GPU_OVERHEAD", 0),
        }
    }

    /// The address as it is bound and as it stands in messages.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address a client of the same machine connects to.
    #[must_use]
    pub fn connectable(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) if ip.is_unspecified() => {
                format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
            }
            Ok(IpAddr::V6(ip)) if ip.is_unspecified() => {
                format!("[{}]:{}", Ipv6Addr::LOCALHOST, self.port)
            }
            _ => self.address(),
        }
    }
}

/// Scheme, host and port of `OLLAMA_HOST`.
fn host(text: &str) -> (String, String, u16) {
    let (scheme, rest, default) = match text.split_once("://") {
        None => ("http", text, 11434),
        Some(("http", rest)) => ("http", rest, 80),
        Some(("https", rest)) => ("https", rest, 443),
        Some((scheme, rest)) => (scheme, rest, 11434),
    };
    let place = rest.split('/').next().unwrap_or_default();
    let (host, port) = match split_port(place) {
        Some((host, port)) => (host.to_owned(), port.parse().unwrap_or(default)),
        None if place.is_empty() => ("127.0.0.1".to_owned(), default),
        None => (place.trim_matches(['[', ']']).to_owned(), default),
    };
    (scheme.to_owned(), host, port)
}

/// Host and port, as Go splits them: a bare IPv6 address has no port.
pub(crate) fn split_port(place: &str) -> Option<(&str, &str)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return port.strip_prefix(':').map(|port| (host, port));
    }
    place.split_once(':').filter(|(_, port)| !port.contains(':'))
}

fn keep_alive(text: &str) -> KeepAlive {
    let (negative, duration) = match (clock::go_duration(text), text.parse::<i64>()) {
        (Some(read), _) => read,
        (None, Ok(seconds)) => (seconds < 0, Duration::from_secs(seconds.unsigned_abs())),
        (None, Err(_)) => (false, Duration::from_secs(300)),
    };
    if negative && !duration.is_zero() { KeepAlive::Forever } else { KeepAlive::For(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_follow_the_port_rules() {
        let cases = [
            ("", "http", "127.0.0.1", 11434),
            ("1.2.3.4", "http", "1.2.3.4", 11434),
            (":1234", "http", "", 1234),
            ("http://1.2.3.4", "http", "1.2.3.4", 80),
            ("https://h", "https", "h", 443),
            ("h:66000", "http", "h", 11434),
            ("[::1]:1337", "http", "::1", 1337),
            ("::1", "http", "::1", 11434),
            ("[0001:002:003:0004::1]", "http", "0001:002:003:0004::1", 11434),
            ("http://h:5/path", "http", "h", 5),
            (" \"1.2.3.4\" ", "http", "1.2.3.4", 11434),
        ];
        for (text, scheme, host, port) in cases {
            let get = |name: &str| (name == "OLLAMA_HOST").then(|| text.to_owned());
            let read = Environment::read(&get);
            assert_eq!((&*read.scheme, &*read.host, read.port), (scheme, host, port), "{text}");
        }
    }

    #[test]
    fn keep_alive_is_a_duration_or_seconds() {
        assert_eq!(keep_alive(""), KeepAlive::For(Duration::from_secs(300)));
        assert_eq!(keep_alive("10"), KeepAlive::For(Duration::from_secs(10)));
        assert_eq!(keep_alive("1h"), KeepAlive::For(Duration::from_secs(3600)));
        assert_eq!(keep_alive("0"), KeepAlive::For(Duration::ZERO));
        assert_eq!(keep_alive("-1"), KeepAlive::Forever);
    }

    #[test]
    fn a_flag_that_cannot_be_read_is_set() {
        let get = |name: &str| (name == "OLLAMA_NO_CLOUD").then(|| "yes please".to_owned());
        assert!(Environment::read(&get).no_cloud);
        assert!(!Environment::default().no_cloud);
    }
}
