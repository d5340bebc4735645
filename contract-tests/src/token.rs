//! Tokens, good ones and others.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use crate::{SECRET, SigningKey};

/// A token in the making; as it starts out, it is one that counts.
#[derive(Debug, Clone)]
pub struct Token {
    header: Header,
    claims: Map<String, Value>,
    key: EncodingKey,
}

impl Token {
    /// A good token of `user` for a quarter of an hour, as Better Auth's live.
    #[must_use]
    pub fn of(user: &str) -> Self {
        let claims = [("sub".to_owned(), json!(user)), ("exp".to_owned(), json!(seconds_from_now(900)))];
        Self {
            header: Header::new(Algorithm::HS256),
            claims: claims.into_iter().collect(),
            key: EncodingKey::from_secret(SECRET.as_bytes()),
        }
    }

    /// With a claim set.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    /// Without a claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.shift_remove(claim);
        self
    }

    /// With the header changed.
    #[must_use]
    pub fn header(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    /// Signed with another secret.
    #[must_use]
    pub fn signed_with(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.key = EncodingKey::from_secret(secret.as_ref());
        self
    }

    /// Signed with a key that an issuer publishes, and named so in the header.
    #[must_use]
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.header.alg = key.algorithm();
        self.header.kid = Some(key.id().to_owned());
        self.key = key.encoding().clone();
        self
    }

    /// The token as it is sent.
    ///
    /// # Panics
    ///
    /// Where the library cannot sign so.
    #[must_use]
    pub fn encode(&self) -> String {
        encode(&self.header, &self.claims, &self.key).expect("it can be signed")
    }

    /// The token as it stands in `Authorization`.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.encode())
    }
}

/// Bytes as parts of a token are written (RFC 7515, 2): in base64url without padding.
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A moment in seconds since 1970, counted from now.
///
/// # Panics
///
/// Where the clock stands before 1970.
#[expect(clippy::disallowed_methods, reason = "tokens of tests are made at the real time")]
#[must_use]
pub fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
    i64::try_from(now).expect("a clock before the end of time") + seconds
}
