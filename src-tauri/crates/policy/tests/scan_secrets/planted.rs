//! Secrets of every kind, put together from parts while the tests run, so that no scan of this
//! repository takes them for real ones.

use drawbridge_policy::scan::SecretKind;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL_SAFE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A secret, and what must stand around it for it to be one.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    pub(crate) kind: SecretKind,
    pub(crate) before: String,
    pub(crate) secret: String,
    pub(crate) after: String,
}

/// Letters that are drawn from the numbers given, one after the other.
pub(crate) struct Draw<'a>(pub(crate) std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl Draw<'_> {
    fn of(&mut self, letters: &str, count: usize) -> String {
        let letters = letters.as_bytes();
        let draw = |number: &u8| char::from(letters[usize::from(*number) % letters.len()]);
        self.0.by_ref().take(count).map(draw).collect()
    }

    /// What a generator of passwords gives: all classes, mixed.
    pub(crate) fn password(&mut self) -> String {
        (0..6)
            .map(|_| self.of("ABCDEFGH", 1) + &self.of("23456789", 1) + &self.of(LOWER, 2))
            .collect()
    }
}

/// One of every kind, and of every way to write a kind that is told by its beginning.
pub(crate) fn planted(draw: &mut Draw<'_>) -> Vec<Planted> {
    use SecretKind as Kind;
    let mut all = Vec::new();
    let mut add = |kind, before: &str, secret: String, after: &str| {
        all.push(Planted { kind, before: before.into(), secret, after: after.into() });
    };
    for (kind, prefix, letters, count) in [
        (Kind::AwsKey, "AKIA", UPPER, 16),
        (Kind::AwsKey, "ASIA", UPPER, 16),
        (Kind::GithubToken, "ghp_", ALNUM, 36),
        (Kind::GithubToken, "gho_", ALNUM, 36),
        (Kind::GithubToken, "ghu_", ALNUM, 36),
        (Kind::GithubToken, "ghs_", ALNUM, 36),
        (Kind::GithubToken, "ghr_", ALNUM, 36),
        (Kind::GithubToken, "github_pat_", ALNUM, 82),
        (Kind::GitlabToken, "glpat-", URL_SAFE, 20),
        (Kind::GitlabToken, "gldt-", URL_SAFE, 20),
        (Kind::GitlabToken, "glrt-", URL_SAFE, 20),
        (Kind::GitlabToken, "glptt-", HEX, 40),
        (Kind::GitlabToken, "gloas-", HEX, 64),
        (Kind::SlackToken, "xoxb-123456789012-", ALNUM, 24),
        (Kind::SlackToken, "xoxp-123456789012-", ALNUM, 24),
        (Kind::SlackToken, "xoxe.xoxp-1-", ALNUM, 60),
        (Kind::SlackToken, "xapp-1-A0123456789-", ALNUM, 40),
        (Kind::SlackToken, "hooks.slack.com/services/T01234567/B01234567/", ALNUM, 24),
        (Kind::StripeKey, "sk_live_", ALNUM, 24),
        (Kind::StripeKey, "rk_live_", ALNUM, 24),
        (Kind::StripeKey, "sk_test_", ALNUM, 24),
        (Kind::StripeKey, "whsec_", ALNUM, 32),
        (Kind::OpenAiKey, "sk-proj-", URL_SAFE, 120),
        (Kind::AnthropicKey, "sk-ant-api03-", URL_SAFE, 95),
        (Kind::ModelServiceKey, "sk-or-v1-a1", HEX, 62),
        (Kind::ModelServiceKey, "gsk_", ALNUM, 52),
        (Kind::ModelServiceKey, "xai-", ALNUM, 80),
        (Kind::ModelServiceKey, "pplx-", ALNUM, 48),
        (Kind::GoogleKey, "AIza", URL_SAFE, 35),
        (Kind::GoogleKey, "GOCSPX-", URL_SAFE, 28),
        (Kind::GoogleKey, "ya29.", URL_SAFE, 100),
        (Kind::NpmToken, "npm_", ALNUM, 36),
        (Kind::PypiToken, "pypi-AgEIcHlwaS5vcmc", URL_SAFE, 100),
        (Kind::HuggingFaceToken, "hf_", ALNUM, 34),
        (Kind::DigitalOceanToken, "dop_v1_", HEX, 64),
        (Kind::ShopifyToken, "shpat_", HEX, 32),
        (Kind::ShopifyToken, "shpss_", HEX, 32),
        (Kind::DatabricksToken, "dapi", HEX, 32),
        (Kind::DrawbridgeToken, "db_", URL_SAFE, 43),
        (Kind::AgeKey, "AGE-SECRET-KEY-1", UPPER, 58),
        (Kind::NotionToken, "ntn_", ALNUM, 46),
        (Kind::LinearKey, "lin_api_", ALNUM, 40),
        (Kind::FigmaToken, "figd_", URL_SAFE, 43),
        (Kind::AtlassianToken, "ATATT3xFfGF0", URL_SAFE, 180),
        (Kind::DockerToken, "dckr_pat_", URL_SAFE, 27),
        (Kind::VaultToken, "hvs.", URL_SAFE, 90),
    ] {
        add(kind, "", format!("{prefix}{}", draw.of(letters, count)), "");
    }
    add(
        Kind::SendGridKey,
        "",
        format!("SG.{}.{}", draw.of(URL_SAFE, 22), draw.of(URL_SAFE, 43)),
        "",
    );
    add(Kind::TelegramToken, "", format!("{}:AA{}", "12345678", draw.of(URL_SAFE, 33)), "");
    let header = draw.of(URL_SAFE, 30);
    let signed = format!("eyJ{header}.{}.{}", draw.of(URL_SAFE, 60), draw.of(URL_SAFE, 43));
    add(Kind::JsonWebToken, "", signed, "");
    add(Kind::AzureKey, "", format!("{}8Q~{}", draw.of(ALNUM, 3), draw.of(ALNUM, 34)), "");
    let account = format!("{}a1==", draw.of(ALNUM, 84));
    add(Kind::AzureKey, "AccountName=some;AccountKey=", account, ";EndpointSuffix=core");
    add(Kind::PasswordInAddress, "postgres://someone:", draw.password(), "@db.example.org:5432/a");
    add(Kind::NamedSecret, "API_KEY=", draw.password(), "");
    add(Kind::NamedSecret, "Authorization: Bearer ", draw.password(), "");
    for label in ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "PRIVATE KEY"]
    {
        let lines: Vec<String> = (0..4).map(|_| draw.of(ALNUM, 64)).collect();
        let (dashes, lines) = ("-".repeat(5), lines.join("\n"));
        let key = format!("{dashes}BEGIN {label}{dashes}\n{lines}\n{dashes}END {label}{dashes}");
        add(Kind::PrivateKey, "", key, "");
    }
    let putty = format!(
        "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\nPrivate-MAC: {}",
        draw.of(ALNUM, 64),
        draw.of(HEX, 64),
    );
    add(Kind::PrivateKey, "", putty, "");
    all
}
