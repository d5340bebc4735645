//! Tokens signed with a secret that the issuer shares with us: HS256 (RFC 7518, 3.2).

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use todo_api::{Unidentified, UserId};

use super::{key::Key, token::Token};
use crate::{AuthConfig, clock};

/// The secrets, of which several may count while one is being replaced.
pub(super) struct SharedSecrets(Vec<Arc<Key>>);

impl SharedSecrets {
    /// The keys are the UTF-8 bytes of the secrets as written: Better Auth decodes nothing either.
    pub(super) fn new(config: &AuthConfig) -> Self {
        let key = |secret: &SecretString| Arc::new(Key::of_secret(secret.expose_secret().as_bytes()));
        Self(config.secrets.iter().map(key).collect())
    }

    /// The key that signed `token`.
    pub(super) fn key(&self, token: &Token<'_>) -> Result<Arc<Key>, Unidentified> {
        let key = self.0.iter().find(|key| key.verifies(token)).cloned();
        key.ok_or_else(|| Unidentified::because(self.refusal(token)))
    }

    fn refusal(&self, token: &Token<'_>) -> String {
        let algorithm = token.algorithm;
        if self.0.is_empty() {
            format!(
                "the token is signed with {algorithm:?}, but no shared secret is configured: set BETTER_AUTH_SECRET, or \
                 send a token of Better Auth's JWT plugin"
            )
        } else if algorithm != Algorithm::HS256 {
            format!("the token is signed with {algorithm:?}; with the shared secret, sign with HS256")
        } else {
            "the signature does not match: was the token signed with the BETTER_AUTH_SECRET of this server?".to_owned()
        }
    }
}

/// A token to make.
#[derive(Debug)]
pub struct NewToken {
    /// The user it stands for.
    pub user: UserId,
    /// How long it counts.
    pub life: Duration,
}

/// No token could be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is nothing to sign with.
    #[error(
        "no shared secret is configured, so no token can be signed here; set BETTER_AUTH_SECRET, or ask your Better \
         Auth server for a token"
    )]
    NoSecret,
    /// The cryptographic library fails.
    #[error("the token could not be signed: {0}")]
    Unsigned(#[from] jsonwebtoken::errors::Error),
}

/// Makes a token as a frontend would: for trying the API by hand, and for tests.
///
/// # Errors
///
/// Where there is no secret, or the cryptographic library fails.
pub fn sign(token: &NewToken, config: &AuthConfig) -> Result<String, TokenError> {
    #[derive(Serialize)]
    struct Payload<'a> {
        sub: &'a str,
        iat: i64,
        exp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        iss: Option<&'a String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a String>,
    }
    let now = clock::now_micros() / 1_000_000;
    let payload = Payload {
        sub: token.user.as_str(),
        iat: now,
        exp: now.saturating_add_unsigned(token.life.as_secs()),
        iss: config.issuers.first(),
        aud: config.audiences.first(),
    };
    let secret = config.secrets.first().ok_or(TokenError::NoSecret)?.expose_secret();
    Ok(encode(&Header::new(Algorithm::HS256), &payload, &EncodingKey::from_secret(secret.as_bytes()))?)
}
