//! Secrets in the arguments and results of calls, and a text without them.

use std::ops::Range;

use super::ScanFailed;
use super::hidden::visible;
use super::named;
use super::needles::{InText, in_text, may_hold_a_secret};
use super::strings::{Found, Step, each_string};
use crate::Fingerprint;

/// What kind of secret it is, by the way it is written or by what it is called.
///
/// Where two kinds overlap, the first in this order names what both cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// A private key in PEM (RFC 7468, OpenSSH, OpenPGP), or in PuTTY's form.
    PrivateKey,
    /// A secret key of `age`.
    AgeKey,
    /// A token of a client of Drawbridge itself: `db_` and 43 letters of base64url.
    DrawbridgeToken,
    /// The id of an access key of AWS, which names the key, or its secret part.
    AwsKey,
    /// A token of GitHub.
    GithubToken,
    /// A token of GitLab.
    GitlabToken,
    /// A token or a webhook's address of Slack.
    SlackToken,
    /// A secret key of Stripe, or the secret of one of its webhooks.
    StripeKey,
    /// A key of Anthropic.
    AnthropicKey,
    /// A key of OpenAI.
    OpenAiKey,
    /// A key of another service that runs models.
    ModelServiceKey,
    /// A key, client secret or access token of Google.
    GoogleKey,
    /// A token of npm.
    NpmToken,
    /// A token of PyPI.
    PypiToken,
    /// A token of Hugging Face.
    HuggingFaceToken,
    /// A key of SendGrid.
    SendGridKey,
    /// The token of a bot of Telegram.
    TelegramToken,
    /// A key of Azure's storage or messaging, or a client secret of Microsoft Entra.
    AzureKey,
    /// A token of DigitalOcean.
    DigitalOceanToken,
    /// A token or secret of Shopify.
    ShopifyToken,
    /// A token of Databricks.
    DatabricksToken,
    /// A token of Notion.
    NotionToken,
    /// A key of Linear.
    LinearKey,
    /// A token of Figma.
    FigmaToken,
    /// A token of Atlassian.
    AtlassianToken,
    /// A token of Docker.
    DockerToken,
    /// A token of Vault.
    VaultToken,
    /// A signed or encrypted token (RFC 7519).
    JsonWebToken,
    /// The password in an address such as `scheme://user:password@host`.
    PasswordInAddress,
    /// A value that looks drawn by chance and is called a password, secret, token or key.
    NamedSecret,
}

impl SecretKind {
    /// What it is called in a sentence, with its article.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::PrivateKey => "a private key",
            Self::AgeKey => "an age key",
            Self::DrawbridgeToken => "a Drawbridge token",
            Self::AwsKey => "an AWS access key",
            Self::GithubToken => "a GitHub token",
            Self::GitlabToken => "a GitLab token",
            Self::SlackToken => "a Slack token",
            Self::StripeKey => "a Stripe key",
            Self::AnthropicKey => "an Anthropic key",
            Self::OpenAiKey => "an OpenAI key",
            Self::ModelServiceKey => "a model service's key",
            Self::GoogleKey => "a Google key",
            Self::NpmToken => "an npm token",
            Self::PypiToken => "a PyPI token",
            Self::HuggingFaceToken => "a Hugging Face token",
            Self::SendGridKey => "a SendGrid key",
            Self::TelegramToken => "a Telegram bot's token",
            Self::AzureKey => "an Azure key",
            Self::DigitalOceanToken => "a DigitalOcean token",
            Self::ShopifyToken => "a Shopify token",
            Self::DatabricksToken => "a Databricks token",
            Self::NotionToken => "a Notion token",
            Self::LinearKey => "a Linear key",
            Self::FigmaToken => "a Figma token",
            Self::AtlassianToken => "an Atlassian token",
            Self::DockerToken => "a Docker token",
            Self::VaultToken => "a Vault token",
            Self::JsonWebToken => "a signed token",
            Self::PasswordInAddress => "a password in an address",
            Self::NamedSecret => "a password or key",
        }
    }

    /// What is written in its stead. It holds nothing that JSON would escape, and is no secret.
    fn mask(self) -> String {
        let words = self.words();
        let name = words.split_once(' ').map_or(words, |(_, name)| name);
        format!("[masked: {name}]")
    }
}

/// A secret in a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHit {
    /// What it is.
    pub kind: SecretKind,
    /// The way to the string it stands in, such as `content[0].text`; a secret that is itself the
    /// name of a member on this way is masked. Empty where the text is one string.
    pub place: String,
    /// Its bytes in the JSON text: inside the quotes of one string, never splitting an escape.
    pub span: Range<usize>,
    /// Stands for the secret itself, without escapes: equal for the same one at another place.
    pub digest: Fingerprint,
}

/// The secrets in a JSON text, in their order. None overlaps another.
///
/// A text without anything that could begin a secret is passed over once, without allocating,
/// and is not checked to be JSON: whoever took it from the wire has done so. The others are read
/// string by string.
///
/// # Errors
/// [`ScanFailed`] where the text had to be read and could not be. It must not cross then.
pub fn find_secrets(json: &str) -> Result<Vec<SecretHit>, ScanFailed> {
    if !may_hold_a_secret(json.as_bytes())? {
        return Ok(Vec::new());
    }
    let mut hits = Vec::new();
    let mut failed = None;
    each_string(json, |found| match secrets_of(found) {
        Ok(secrets) => hits.extend(secrets.into_iter().map(|(kind, part)| SecretHit {
            kind,
            place: place(found.path),
            digest: digest(found.text(), &part),
            span: found.string.raw(part),
        })),
        Err(why) => failed = Some(why),
    })?;
    failed.map_or(Ok(hits), Err)
}

/// The text with each of these secrets replaced by a word for it, such as
/// `[masked: GitHub token]`. All else stays byte for byte, and JSON stays JSON.
///
/// The hits must be those that [`find_secrets`] gave for this very text; a span that does not lie
/// in it is passed over.
#[must_use]
pub fn mask_secrets(json: &str, hits: &[SecretHit]) -> String {
    replaced(json, hits.iter().map(|hit| (hit.kind, hit.span.clone())).collect())
}

pub(super) fn replaced(text: &str, mut secrets: Vec<InText>) -> String {
    secrets.sort_by_key(|(_, span)| span.start);
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for (kind, span) in secrets {
        if text.get(span.clone()).is_none() {
            continue;
        }
        if let Some(between) = text.get(from..span.start) {
            masked.push_str(between);
            masked.push_str(&kind.mask());
        }
        from = from.max(span.end);
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    masked
}

fn digest(text: &str, part: &Range<usize>) -> Fingerprint {
    Fingerprint::of([text.get(part.clone()).unwrap_or_default().as_bytes()])
}

/// The secrets in one string, none overlapping another.
pub(super) fn secrets_of(found: &Found<'_, '_>) -> Result<Vec<InText>, ScanFailed> {
    let text = found.text();
    let mut all = in_text(text)?;
    if let Some(kind) = found.key().and_then(|key| named::member(key, text)) {
        all.push((kind, 0..text.len()));
    }
    Ok(joined(all))
}

fn joined(mut all: Vec<InText>) -> Vec<InText> {
    all.sort_by_key(|(_, span)| span.start);
    let mut apart: Vec<InText> = Vec::with_capacity(all.len());
    for (kind, span) in all {
        match apart.last_mut() {
            Some((before, whole)) if span.start < whole.end => {
                *before = kind.min(*before);
                whole.end = whole.end.max(span.end);
            }
            _ => apart.push((kind, span)),
        }
    }
    apart
}

/// A text that is shown, without its secrets.
fn masked_text(text: &str) -> String {
    in_text(text).map_or_else(|_| String::new(), |secrets| replaced(text, joined(secrets)))
}

/// A way into a JSON text as a person reads it: `inputSchema.properties.path`, `content[0].text`.
pub(super) fn place(path: &[Step<'_>]) -> String {
    /// Longest name that is shown, in bytes; a longer one is `[…]`.
    const NAME: usize = 200;
    /// Most characters of one name that are shown.
    const SHOWN: usize = 60;
    let mut place = String::new();
    for step in path {
        match step {
            Step::Index(index) => place.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                if key.len() > NAME {
                    place.push_str("[…]");
                    continue;
                }
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte);
                let key = masked_text(key);
                if !key.is_empty() && key.len() <= SHOWN && key.bytes().all(plain) {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.push_str(&key);
                } else {
                    let short: String = key.chars().take(SHOWN).collect();
                    place.push_str(&format!("[{:?}]", visible(&short)));
                }
            }
        }
    }
    place
}
