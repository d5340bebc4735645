//! Tokens signed with a secret that the issuer shares with us: HS256 (RFC 7518, 3.2).

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use todo_api::{Unidentified, UserId};

use super::{claims::Claims, token::Token};
use crate::{AuthConfig, clock};

/// The algorithm that goes with the key, whatever a header says.
const ALGORITHM: Algorithm = Algorithm::HS256;

pub(super) struct SharedSecret {
    key: DecodingKey,
    validation: Validation,
}

impl SharedSecret {
    /// The key is the UTF-8 bytes of the secret as written: Better Auth decodes nothing either.
    pub(super) fn new(secret: &SecretString) -> Self {
        // The library checks the signature, and we the claims: its rules refuse every token that has
        // an audience, allow a minute of leeway, and ask a clock of its own.
        let mut validation = Validation::new(ALGORITHM);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { key: DecodingKey::from_secret(secret.expose_secret().as_bytes()), validation }
    }

    /// The claims, if the signature is of our secret.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<Claims, Unidentified> {
        if token.header.alg != ALGORITHM {
            return Err(Unidentified::because(format!(
                "the token is signed with {:?}, but only HS256 with the shared secret is configured",
                token.header.alg
            )));
        }
        match decode::<Claims>(token.text, &self.key, &self.validation) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(Unidentified::because(match error.kind() {
                ErrorKind::InvalidSignature => {
                    "the signature does not match: was the token signed with the BETTER_AUTH_SECRET of this server?"
                }
                _ => "the claims of the token are no JSON object",
            })),
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
#[error("the token could not be signed: {0}")]
pub struct TokenError(#[from] jsonwebtoken::errors::Error);

/// Makes a token as a frontend would: for trying the API by hand, and for tests.
///
/// # Errors
///
/// Where the cryptographic library fails.
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
    let now = clock::now_seconds();
    let payload = Payload {
        sub: token.user.as_str(),
        iat: now,
        exp: now.saturating_add_unsigned(token.life.as_secs()),
        iss: config.issuers.first(),
        aud: config.audiences.first(),
    };
    let key = EncodingKey::from_secret(config.secret.expose_secret().as_bytes());
    Ok(encode(&Header::new(ALGORITHM), &payload, &key)?)
}
