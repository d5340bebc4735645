//! Whose request it is. Verified tokens are remembered by each thread, so that there is no lock, and HS256
//! and the JSON of the claims are paid for once a token.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use crate::{Moment, variable};

/// More than this, and a thread begins to remember anew.
const REMEMBERED: usize = 10_000;

/// The user, and the second from which the token counts no longer.
type Verified = (Arc<str>, i64);

thread_local! {
    static VERIFIED: RefCell<HashMap<Box<str>, Verified>> = RefCell::default();
}

pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

#[derive(Deserialize)]
struct Claims {
    sub: Arc<str>,
    exp: i64,
}

impl Tokens {
    pub fn from_environment() -> Self {
        let secret = variable("BETTER_AUTH_SECRET");
        Self { key: DecodingKey::from_secret(secret.as_bytes()), validation: Validation::new(Algorithm::HS256) }
    }

    /// The user that the header's token stands for, if it counts.
    pub fn user(&self, authorization: Option<&[u8]>) -> Option<Arc<str>> {
        let token = str::from_utf8(authorization?.strip_prefix(b"Bearer ")?).ok()?;
        let now = Moment::now().0 / 1_000_000;
        VERIFIED.with_borrow_mut(|verified| {
            if let Some((user, expiry)) = verified.get(token)
                && *expiry > now
            {
                return Some(Arc::clone(user));
            }
            let claims = decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
            if verified.len() >= REMEMBERED {
                verified.clear();
            }
            verified.insert(token.into(), (Arc::clone(&claims.sub), claims.exp));
            Some(claims.sub)
        })
    }
}
