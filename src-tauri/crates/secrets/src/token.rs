use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Secret;

/// What an app shows to be let in: 256 random bits, written as `db_` and base64url.
#[derive(Clone)]
pub struct Token(Secret);

impl Token {
    /// Makes a token nobody has had before.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(Secret::new(format!("db_{}", URL_SAFE_NO_PAD.encode(bytes)))))
    }

    /// Takes a token that was made before, or that the person wrote into the environment. Any text
    /// is one.
    #[must_use]
    pub fn from_secret(secret: Secret) -> Self {
        Self(secret)
    }

    /// The token as it is shown once, or put into an app's settings.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// What the config file holds in its place.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.0.expose())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<redacted>")
    }
}

/// The SHA-256 of a token: enough to know the token again, not enough to have it. Written as 64
/// hexadecimal digits.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of what an app presents.
    #[must_use]
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented).into())
    }

    /// Whether this is the digest of what an app presents. Takes the same time whatever differs.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.same(&Self::of(presented))
    }

    /// Whether two digests are the same, in a time that does not depend on where they differ.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.same(other)
    }
}

impl Eq for TokenDigest {}

impl fmt::Display for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is not the digest of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SHA-256 of a token has 64 hexadecimal digits")]
pub struct TokenDigestError;

impl FromStr for TokenDigest {
    type Err = TokenDigestError;

    fn from_str(text: &str) -> Result<Self, TokenDigestError> {
        let digits = text.as_bytes();
        let mut bytes = [0_u8; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(TokenDigestError);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: u8| (c as char).to_digit(16).ok_or(TokenDigestError);
            *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?)
                .map_err(|_| TokenDigestError)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_256_random_bits_in_characters_that_fit_a_header_and_a_path() {
        let token = Token::generate().expect("random bytes");
        let text = token.secret().expose();
        assert!(text.starts_with("db_"), "{}", text.len());
        let bits = URL_SAFE_NO_PAD.decode(&text[3..]).expect("base64url without padding");
        assert_eq!(bits.len(), 32);
        let other = Token::generate().expect("random bytes");
        assert_ne!(text, other.secret().expose(), "each token is new");
        assert_eq!(format!("{token:?}"), "<redacted>");
    }

    #[test]
    fn a_digest_knows_its_token_and_no_other() {
        let token = Token::generate().expect("random bytes");
        let digest = token.digest();
        assert!(digest.matches(token.secret().expose()));
        assert!(!digest.matches(&token.secret().expose()[1..]));
        assert!(!digest.matches(""));
        assert!(!digest.matches(&digest.to_string()), "the digest itself opens nothing");
    }

    #[test]
    fn a_digest_is_written_as_in_the_config_file() {
        // The first example of FIPS 180-2, appendix B.1.
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let digest: TokenDigest = text.parse().expect("64 digits");
        assert!(digest.matches("abc"));
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<TokenDigest>(), Ok(digest));
        for wrong in ["", "ba78", &text[1..], &format!("{}g", &text[1..]), &"ä".repeat(32)] {
            assert_eq!(wrong.parse::<TokenDigest>(), Err(TokenDigestError), "{wrong:?}");
        }
    }
}
