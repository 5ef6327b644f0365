//! Secrets that are told by how they are written: a fixed beginning and a body of known letters.

use std::ops::Range;

use super::SecretKind;

/// How a token is written.
pub(super) struct Format {
    pub(super) kind: SecretKind,
    /// What it begins with.
    pub(super) prefix: &'static str,
    body: fn(u8) -> bool,
    /// How many bytes the body has.
    length: Range<usize>,
}

const fn format(
    kind: SecretKind,
    prefix: &'static str,
    body: fn(u8) -> bool,
    length: Range<usize>,
) -> Format {
    Format { kind, prefix, body, length }
}

fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn underscored(byte: u8) -> bool {
    alnum(byte) || byte == b'_'
}

fn hyphened(byte: u8) -> bool {
    alnum(byte) || byte == b'-'
}

/// The letters of base64url.
pub(super) fn url_safe(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'_' | b'-')
}

fn dotted(byte: u8) -> bool {
    url_safe(byte) || byte == b'.'
}

fn base64(byte: u8) -> bool {
    alnum(byte) || matches!(byte, b'+' | b'/' | b'=')
}

fn base64_both(byte: u8) -> bool {
    base64(byte) || url_safe(byte)
}

fn path(byte: u8) -> bool {
    alnum(byte) || byte == b'/'
}

/// Longest body of those tokens whose issuers promise no length.
const OPEN: usize = 513;

/// Lengths are those that the issuers publish or have used so far; where an issuer says that they
/// may grow, the upper end is open. None of the prefixes begins with another one.
pub(super) const FORMATS: &[Format] = &[
    format(SecretKind::AwsKey, "AKIA", upper, 16..17),
    format(SecretKind::AwsKey, "ASIA", upper, 16..17),
    format(SecretKind::GithubToken, "ghp_", alnum, 36..OPEN),
    format(SecretKind::GithubToken, "gho_", alnum, 36..OPEN),
    format(SecretKind::GithubToken, "ghu_", alnum, 36..OPEN),
    format(SecretKind::GithubToken, "ghs_", alnum, 36..OPEN),
    format(SecretKind::GithubToken, "ghr_", alnum, 36..OPEN),
    format(SecretKind::GithubToken, "github_pat_", underscored, 36..OPEN),
    format(SecretKind::GitlabToken, "glpat-", dotted, 20..OPEN),
    format(SecretKind::GitlabToken, "gldt-", url_safe, 20..OPEN),
    format(SecretKind::GitlabToken, "glrt-", dotted, 20..OPEN),
    format(SecretKind::GitlabToken, "glptt-", url_safe, 20..OPEN),
    format(SecretKind::GitlabToken, "gloas-", url_safe, 20..OPEN),
    format(SecretKind::SlackToken, "xoxa-", hyphened, 20..OPEN),
    format(SecretKind::SlackToken, "xoxb-", hyphened, 20..OPEN),
    format(SecretKind::SlackToken, "xoxp-", hyphened, 20..OPEN),
    format(SecretKind::SlackToken, "xoxr-", hyphened, 20..OPEN),
    format(SecretKind::SlackToken, "xoxs-", hyphened, 20..OPEN),
    format(SecretKind::SlackToken, "xoxe", dotted, 20..OPEN),
    format(SecretKind::SlackToken, "xapp-", hyphened, 20..OPEN),
    format(SecretKind::SlackToken, "hooks.slack.com/services/", path, 40..80),
    format(SecretKind::StripeKey, "sk_live_", alnum, 16..OPEN),
    format(SecretKind::StripeKey, "rk_live_", alnum, 16..OPEN),
    format(SecretKind::StripeKey, "sk_test_", alnum, 16..OPEN),
    format(SecretKind::StripeKey, "rk_test_", alnum, 16..OPEN),
    format(SecretKind::StripeKey, "whsec_", base64, 24..OPEN),
    format(SecretKind::OpenAiKey, "sk-", url_safe, 20..OPEN),
    format(SecretKind::GoogleKey, "AIza", url_safe, 35..36),
    format(SecretKind::GoogleKey, "GOCSPX-", url_safe, 28..29),
    format(SecretKind::GoogleKey, "ya29.", dotted, 40..OPEN),
    format(SecretKind::NpmToken, "npm_", alnum, 36..37),
    format(SecretKind::PypiToken, "pypi-Ag", url_safe, 50..OPEN),
    format(SecretKind::HuggingFaceToken, "hf_", alnum, 34..41),
    format(SecretKind::SendGridKey, "SG.", dotted, 66..67),
    format(SecretKind::DigitalOceanToken, "dop_v1_", hex, 64..65),
    format(SecretKind::DigitalOceanToken, "doo_v1_", hex, 64..65),
    format(SecretKind::DigitalOceanToken, "dor_v1_", hex, 64..65),
    format(SecretKind::ShopifyToken, "shpat_", hex, 32..33),
    format(SecretKind::ShopifyToken, "shpca_", hex, 32..33),
    format(SecretKind::ShopifyToken, "shppa_", hex, 32..33),
    format(SecretKind::ShopifyToken, "shpss_", hex, 32..33),
    format(SecretKind::DatabricksToken, "dapi", hex, 32..33),
    format(SecretKind::DrawbridgeToken, "db_", url_safe, 43..44),
    format(SecretKind::AgeKey, "AGE-SECRET-KEY-1", upper, 58..59),
    format(SecretKind::NotionToken, "ntn_", alnum, 40..OPEN),
    format(SecretKind::LinearKey, "lin_api_", alnum, 40..OPEN),
    format(SecretKind::FigmaToken, "figd_", url_safe, 40..OPEN),
    format(SecretKind::AtlassianToken, "ATATT3", base64_both, 100..OPEN),
    format(SecretKind::DockerToken, "dckr_pat_", url_safe, 27..33),
    format(SecretKind::VaultToken, "hvs.", url_safe, 24..OPEN),
    format(SecretKind::ModelServiceKey, "gsk_", alnum, 52..53),
    format(SecretKind::ModelServiceKey, "xai-", alnum, 80..81),
    format(SecretKind::ModelServiceKey, "pplx-", alnum, 48..57),
];

impl Format {
    /// The first bytes by which it is searched for; they tell prefixes apart.
    pub(super) fn needle(&self) -> &'static str {
        // The slash may be written as `\/`.
        self.prefix.split('/').next().unwrap_or(self.prefix)
    }

    /// Whether enough of the right letters follow its needle at `at`. Bytes of JSON will do: no
    /// letter of a body can stand in an escape other than `\u`.
    pub(super) fn may_be(&self, text: &[u8], at: usize) -> bool {
        if self.needle() != self.prefix {
            return true;
        }
        self.run(text, at) >= self.length.start
    }

    fn run(&self, text: &[u8], at: usize) -> usize {
        let rest = text.get(at + self.prefix.len()..).unwrap_or_default();
        rest.iter().take(self.length.end).take_while(|byte| (self.body)(**byte)).count()
    }

    /// The token that begins at `at` in a text without escapes.
    pub(super) fn read(&self, text: &str, at: usize) -> Option<(SecretKind, Range<usize>)> {
        let bytes = text.as_bytes();
        let attached =
            at.checked_sub(1).and_then(|last| bytes.get(last)).copied().is_some_and(alnum);
        if attached || !text.get(at..)?.starts_with(self.prefix) {
            return None;
        }
        let length = self.run(bytes, at);
        if !self.length.contains(&length) {
            return None;
        }
        let body = text.get(at + self.prefix.len()..at + self.prefix.len() + length)?;
        // The full stop that ends a sentence is no part of what it names.
        let body = body.trim_end_matches('.');
        if body.len() < self.length.start || stands_for_one(body) {
            return None;
        }
        let kind = match self.prefix {
            "sk-" => model_key(body)?,
            "SG." if body.as_bytes().get(22) != Some(&b'.') => return None,
            _ => self.kind,
        };
        Some((kind, at..at + self.prefix.len() + body.len()))
    }
}

/// Whether it is what instructions write where a token would stand.
fn stands_for_one(body: &str) -> bool {
    body.bytes().all(|byte| matches!(byte, b'x' | b'X' | b'_' | b'-' | b'.'))
        || body.ends_with("EXAMPLE")
}

/// Whose key it is that begins with `sk-`, if it is one and no name made of words.
fn model_key(body: &str) -> Option<SecretKind> {
    if body.starts_with("ant-") {
        return Some(SecretKind::AnthropicKey);
    }
    let own = ["proj-", "svcacct-", "admin-"].iter().any(|start| body.starts_with(start));
    if own || body.contains("T3BlbkFJ") {
        return Some(SecretKind::OpenAiKey);
    }
    let last = body.rsplit('-').next().unwrap_or(body);
    let mixed = last.bytes().any(|byte| byte.is_ascii_digit())
        && last.bytes().any(|byte| byte.is_ascii_alphabetic());
    (mixed && last.len() >= 20).then_some(SecretKind::ModelServiceKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_hides_another() {
        for (index, one) in FORMATS.iter().enumerate() {
            assert!(one.needle().len() >= 3, "{} is too short to search for", one.prefix);
            for other in &FORMATS[index + 1..] {
                let apart = !one.needle().starts_with(other.needle())
                    && !other.needle().starts_with(one.needle());
                assert!(apart, "{} and {}", one.prefix, other.prefix);
            }
        }
    }

    #[test]
    fn a_token_has_its_length_and_stands_apart() {
        let token =
            |length: usize| format!("db_{}", "aB3_-".repeat(20).get(..length).expect("short"));
        let format = FORMATS.iter().find(|format| format.prefix == "db_").expect("listed");
        let read =
            |text: &str| format.read(text, text.find("db_").expect("there")).map(|hit| hit.1);
        assert_eq!(read(&token(43)), Some(0..46));
        assert_eq!(read(&token(42)), None);
        assert_eq!(read(&token(44)), None);
        assert_eq!(read(&format!("={}.", token(43))), Some(1..47));
        assert_eq!(read(&format!("m{}", token(43))), None);
        assert_eq!(read(&format!("db_{}", "x".repeat(43))), None, "that is a placeholder");
    }

    #[test]
    fn keys_that_begin_alike_are_told_apart() {
        let random = "a1B2c3D4".repeat(5);
        for (body, kind) in [
            (format!("ant-api03-{random}"), Some(SecretKind::AnthropicKey)),
            (format!("proj-{random}"), Some(SecretKind::OpenAiKey)),
            (format!("{random}T3BlbkFJ{random}"), Some(SecretKind::OpenAiKey)),
            (format!("or-v1-{random}"), Some(SecretKind::ModelServiceKey)),
            (random.clone(), Some(SecretKind::ModelServiceKey)),
            ("folding-cube-with-many-classes".to_owned(), None),
            ("abcdefghijklmnopqrstuvwxyz".to_owned(), None),
        ] {
            assert_eq!(model_key(&body), kind, "{body}");
        }
    }
}
