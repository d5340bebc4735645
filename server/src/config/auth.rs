//! Whose tokens count.

use secrecy::SecretString;
use serde::Deserialize;

use super::refusals::{Reader, list};

/// Whose tokens count.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Tokens signed with it (HS256) count; its UTF-8 bytes are the key.
    pub secret: SecretString,
    /// Accepted `iss`; any, or none, where empty.
    pub issuers: Vec<String>,
    /// Accepted `aud`; any, or none, where empty.
    pub audiences: Vec<String>,
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Variables {
    better_auth_secret: Option<String>,
    auth_issuer: Option<String>,
    auth_audience: Option<String>,
}

/// The secret that Better Auth falls back to where none is set; known to everybody.
const DEFAULT_SECRET: &str = "better-auth-secret-12345678901234567890";

impl AuthConfig {
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Self {
        Self {
            secret: secret(reader, given.better_auth_secret),
            issuers: list(given.auth_issuer),
            audiences: list(given.auth_audience),
        }
    }
}

fn secret(reader: &mut Reader, given: Option<String>) -> SecretString {
    const VARIABLE: &str = "BETTER_AUTH_SECRET";
    match &given {
        None => reader.refuse(
            VARIABLE,
            "is not set; give it the secret of your Better Auth server, or a new one: openssl rand -base64 32",
        ),
        Some(secret) if secret == DEFAULT_SECRET => reader.refuse(
            VARIABLE,
            "is the one that Better Auth falls back to, which everybody knows; make one: openssl rand -base64 32",
        ),
        Some(secret) if secret.len() < 32 => {
            reader.refuse(VARIABLE, "must have at least 32 bytes; make one: openssl rand -base64 32");
        }
        Some(_) => {}
    }
    given.unwrap_or_default().into()
}
