//! Whose tokens count.

use std::{collections::HashSet, fmt, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{http_url, reader::Reader};

/// Whose tokens count: those signed with a shared secret, with a published key, or with either.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Tokens signed with one of these (HS256) count, and the first one signs; the UTF-8 bytes are the key.
    pub secrets: Vec<SecretString>,
    /// Where the issuer publishes its keys; tokens signed with one of them count.
    pub jwks: Option<JwksConfig>,
    /// Accepted `iss`; any, or none, where empty.
    pub issuers: Vec<String>,
    /// Accepted `aud`; any, or none, where empty.
    pub audiences: Vec<String>,
    /// How many verified tokens are remembered, so that they need not be verified again; 0 is none.
    pub token_cache: usize,
}

/// Where the issuer publishes its keys (RFC 7517, 5), and how long they stand.
#[derive(Clone)]
pub struct JwksConfig {
    /// The address of the set.
    pub url: Url,
    /// A key that is no longer published stops verifying at the latest after this time, as long as the
    /// issuer answers.
    pub max_age: Duration,
    /// The least time between two fetches, whatever tokens come; after one that failed, a second.
    pub cooldown: Duration,
}

/// Without the whole address, in which there may be a password.
impl fmt::Debug for JwksConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, max_age, cooldown } = self;
        formatter
            .debug_struct("JwksConfig")
            .field("url", &url.host_str())
            .field("max_age", max_age)
            .field("cooldown", cooldown)
            .finish()
    }
}

/// The variables of this section, as they are written.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Variables {
    better_auth_secret: Option<String>,
    better_auth_secrets: Option<String>,
    auth_jwks_url: Option<String>,
    auth_jwks_max_age: Option<String>,
    auth_jwks_cooldown: Option<String>,
    auth_issuer: Option<String>,
    auth_audience: Option<String>,
    auth_token_cache: Option<String>,
}

/// The secret that Better Auth falls back to where none is set; known to everybody.
const DEFAULT_SECRET: &str = "better-auth-secret-12345678901234567890";

impl AuthConfig {
    pub(super) fn read(given: Variables, reader: &mut Reader) -> Self {
        let is_unset =
            given.better_auth_secret.is_none() && given.better_auth_secrets.is_none() && given.auth_jwks_url.is_none();
        if is_unset {
            reader.refuse(
                "BETTER_AUTH_SECRET",
                "and AUTH_JWKS_URL are both not set; give one of them: the secret of your Better Auth server (a new \
                 one: openssl rand -base64 32), or the address of its keys (http://localhost:3000/api/auth/jwks)",
            );
        }
        // Better Auth prefers the versioned secrets and keeps the single one for what is older.
        let mut secrets = versioned_secrets(reader, given.better_auth_secrets);
        secrets.extend(given.better_auth_secret.map(|secret| checked(reader, "BETTER_AUTH_SECRET", secret)));
        let max_age = reader.seconds("AUTH_JWKS_MAX_AGE", given.auth_jwks_max_age, 300, 1..=86_400);
        let cooldown = reader.seconds("AUTH_JWKS_COOLDOWN", given.auth_jwks_cooldown, 10, 1..=3600);
        if cooldown > max_age {
            reader.refuse(
                "AUTH_JWKS_COOLDOWN",
                format_args!(
                    "is {}, but must be at most AUTH_JWKS_MAX_AGE, which is {}, or a key that is no longer published \
                     verifies for longer than that; lower it or raise that",
                    cooldown.as_secs(),
                    max_age.as_secs()
                ),
            );
        }
        let url = given.auth_jwks_url.and_then(|url| {
            let wanted = "your Better Auth server's keys, such as https://app.example.com/api/auth/jwks";
            http_url::read(reader, "AUTH_JWKS_URL", &url, wanted)
        });
        Self {
            secrets,
            jwks: url.map(|url| JwksConfig { url, max_age, cooldown }),
            issuers: reader.list("AUTH_ISSUER", given.auth_issuer),
            audiences: reader.list("AUTH_AUDIENCE", given.auth_audience),
            token_cache: reader.number("AUTH_TOKEN_CACHE", given.auth_token_cache, 10_000, 0..=1_000_000),
        }
    }

    /// Whether other things that Better Auth signs with the shared secret count as tokens: since 1.7, the links that it
    /// mails to verify an address, which have a `userId` and neither issuer nor audience.
    pub(crate) fn takes_links_for_tokens(&self) -> bool {
        !self.secrets.is_empty() && self.issuers.is_empty() && self.audiences.is_empty()
    }

    /// Whether what the issuer signs for other applications counts as tokens: the ID tokens of Better Auth's OAuth
    /// provider are signed with the published keys, and any application that a user has let in has one.
    pub(crate) fn takes_tokens_for_others(&self) -> bool {
        self.jwks.is_some() && self.audiences.is_empty()
    }
}

/// Secrets as Better Auth reads them, `2:new,1:old`, without white space around each: the first one signs, all of them
/// verify.
fn versioned_secrets(reader: &mut Reader, given: Option<String>) -> Vec<SecretString> {
    const VARIABLE: &str = "BETTER_AUTH_SECRETS";
    let (mut versions, mut secrets) = (HashSet::new(), Vec::new());
    for (number, entry) in (1..).zip(reader.list(VARIABLE, given)) {
        let version = entry.split_once(':').and_then(|(version, secret)| Some((version.parse::<u32>().ok()?, secret)));
        let Some((version, secret)) = version else {
            reader.refuse(
                VARIABLE,
                format_args!("has an entry (number {number}) that is not <version>:<secret>; write 2:new,1:old"),
            );
            continue;
        };
        if !versions.insert(version) {
            reader.refuse(VARIABLE, format_args!("has the version {version} twice; give each secret its own"));
        }
        secrets.push(checked(reader, &format!("{VARIABLE} (version {version})"), secret.trim().to_owned()));
    }
    secrets
}

fn checked(reader: &mut Reader, variable: &str, secret: String) -> SecretString {
    if secret == DEFAULT_SECRET {
        reader.refuse(
            variable,
            "is the one that Better Auth falls back to, which everybody knows; make one: openssl rand -base64 32",
        );
    } else if secret.len() < 32 {
        reader.refuse(variable, "must have at least 32 bytes; make one: openssl rand -base64 32");
    }
    secret.into()
}
