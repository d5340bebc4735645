//! Tokens: who a bearer is.
//!
//! Each source of keys has a file, and so have the claims, which are the same whatever signed them. The algorithm
//! always comes from the key; what a token's header says of it is only compared. The library checks signatures, and we
//! check the claims: its own rules refuse every token that has an audience, allow a minute of leeway, and read a clock
//! of their own.

mod check;
mod claims;
mod jwks;
mod key;
mod shared_secret;
mod token;
mod verified;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jsonwebtoken::AlgorithmFamily;
use todo_api::{
    Failure::{self, Refused},
    Outcome, Tokens, Unidentified, UserId,
};

pub use self::{
    check::{Check, check_token},
    jwks::UnusableJwks,
    shared_secret::{NewToken, TokenError, sign},
};
use self::{claims::Rules, jwks::Jwks, key::Key, shared_secret::SharedSecrets, token::Token, verified::Verified};
pub(crate) use self::{jwks::published_keys, key::OF_USE};
use crate::{
    AuthConfig, clock,
    metrics::{self, Authentication},
};

/// Keeps the port that turns a token into a user.
pub(crate) struct Authenticator {
    shared_secrets: SharedSecrets,
    jwks: Option<Arc<Jwks>>,
    rules: Rules,
    verified: Verified,
}

impl Authenticator {
    /// For `requests` at a time, of which half may wait for the issuer.
    pub(crate) fn new(config: &AuthConfig, requests: usize) -> Result<Self, UnusableJwks> {
        Ok(Self {
            shared_secrets: SharedSecrets::new(config),
            jwks: config.jwks.as_ref().map(|jwks| Jwks::new(jwks, requests.div_ceil(2))).transpose()?,
            rules: Rules::new(config),
            verified: Verified::new(config.token_cache),
        })
    }

    async fn authenticate(&self, text: &str) -> Outcome<UserId, Unidentified> {
        let now = clock::now_seconds();
        // First: a remembered token counts no longer than the key that verified it.
        self.keep_fresh(text).await?;
        if let Some(user) = self.verified.user(text, now) {
            metrics::count(Authentication::Accepted);
            return Ok(user);
        }
        let refused = |verdict| {
            move |unidentified| {
                metrics::count(verdict);
                Refused(unidentified)
            }
        };
        let token = Token::parse(text).map_err(refused(Authentication::Malformed))?;
        let key = self.key(&token).await.map_err(|failure| match failure {
            Refused(unidentified) => refused(Authentication::Unverified)(unidentified),
            broken @ Failure::Broken(_) => broken,
        })?;
        let claims = token.claims().map_err(refused(Authentication::Malformed))?;
        let (user, expires) = self.rules.user(&claims, now).map_err(refused(Authentication::Claims))?;
        metrics::count(Authentication::Accepted);
        self.verified.remember(text, &user, &key, expires);
        Ok(user)
    }

    async fn keep_fresh(&self, text: &str) -> Outcome<(), Unidentified> {
        let Some(jwks) = &self.jwks else { return Ok(()) };
        jwks.keep_fresh(|| Token::parse(text).is_ok_and(|token| !is_hmac(&token))).await
    }

    /// The key that signed `token`, of those that are fresh.
    async fn key(&self, token: &Token<'_>) -> Outcome<Arc<Key>, Unidentified> {
        match &self.jwks {
            _ if is_hmac(token) => self.shared_secrets.key(token).map_err(Refused),
            Some(jwks) => jwks.key(token).await,
            None => Err(Refused(Unidentified::because(format!(
                "the token is signed with {:?}, but only a shared secret is configured: set AUTH_JWKS_URL to the \
                 address of your Better Auth server's keys (its /api/auth/jwks)",
                token.algorithm
            )))),
        }
    }
}

/// Whether a token says that it is signed with a shared secret.
fn is_hmac(token: &Token<'_>) -> bool {
    token.algorithm.family() == AlgorithmFamily::Hmac
}

/// What turns tokens into users, alone: for benchmarks.
///
/// # Errors
///
/// Where no request to the issuer of tokens can be made.
pub fn authenticator(config: &AuthConfig) -> Result<impl Tokens + use<>, UnusableJwks> {
    Authenticator::new(config, 1)
}

impl Tokens for Authenticator {
    fn user<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Outcome<UserId, Unidentified>> {
        Box::pin(self.authenticate(token))
    }

    fn lacking(&self, why: &Unidentified) {
        metrics::count(match why {
            Unidentified::NoToken => Authentication::NoToken,
            Unidentified::InvalidToken(_) => Authentication::Malformed,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::tests::configured;

    #[tokio::test]
    async fn a_token_that_counts_is_remembered_and_no_other() {
        let config = configured(&[]).auth;
        let authenticator = Authenticator::new(&config, 1).expect("it asks nobody");
        let ann = UserId::stored("ann".to_owned());
        let new = NewToken { user: ann.clone(), life: Duration::from_mins(1) };
        let token = sign(&new, &config).expect("there is a secret");
        let forged = format!("{token}x");
        assert!(authenticator.authenticate(&token).await.is_ok_and(|user| user == ann));
        assert!(authenticator.authenticate(&forged).await.is_err());
        let known = |token: &str| authenticator.verified.user(token, clock::now_seconds());
        assert_eq!((known(&token), known(&forged)), (Some(ann), None));
    }
}
