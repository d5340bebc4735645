//! Tokens: who a bearer is.
//!
//! One file a source of keys, and one for the claims, which are the same whatever signed them. The
//! algorithm always comes from the key; what a token's header says of it is only compared.

mod claims;
mod shared_secret;
mod token;

use std::{future::Future, pin::Pin};

use todo_api::{Failure::Refused, Outcome, Tokens, Unidentified, UserId};

pub use self::shared_secret::{NewToken, TokenError, sign};
use self::{claims::Rules, shared_secret::SharedSecret, token::Token};
use crate::{AuthConfig, clock};

/// Keeps the port that turns a token into a user.
pub(crate) struct Authenticator {
    shared_secret: SharedSecret,
    rules: Rules,
}

impl Authenticator {
    pub(crate) fn new(config: &AuthConfig) -> Self {
        Self { shared_secret: SharedSecret::new(&config.secret), rules: Rules::new(config) }
    }

    fn authenticate(&self, token: &str) -> Result<UserId, Unidentified> {
        let token = Token::parse(token)?;
        let claims = self.shared_secret.verify(&token)?;
        self.rules.user(&claims, clock::now_seconds())
    }
}

impl Tokens for Authenticator {
    fn user<'a>(&'a self, token: &'a str) -> Pin<Box<dyn Future<Output = Outcome<UserId, Unidentified>> + Send + 'a>> {
        Box::pin(async move { self.authenticate(token).map_err(Refused) })
    }
}
