//! A set of keys at one moment.

use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use tokio::time::Instant;

use super::{RETRY, source::TIMEOUT};
use crate::auth::{key::Key, token::Token};

/// The most keys that a token is tried with: one that names no key fits many, and each try verifies a signature.
const MAX_TRIED: usize = 32;

/// What an issuer published, as far as it is of use, and when that was read.
#[derive(Default)]
pub(super) struct Published {
    keys: Vec<Arc<Key>>,
    /// How many others were passed over.
    pub(super) useless: usize,
    /// When they were read; never, while no fetch has gone well.
    pub(super) fetched: Option<Instant>,
    /// How the last fetch after that failed, if it did.
    pub(super) failed: Option<Failed>,
}

/// A fetch that failed.
#[derive(Clone, Copy)]
pub(super) struct Failed {
    pub(super) at: Instant,
    /// Whether nothing was said in time.
    pub(super) was_silent: bool,
}

impl Failed {
    /// Whether it still says how the issuer is: until the earliest possible retry has ended.
    pub(super) fn is_recent(self) -> bool {
        self.at.elapsed() < RETRY + TIMEOUT
    }
}

impl Published {
    /// The keys of a set that was read just now. One that cannot be read is passed over, as RFC 7517, 5 asks. Those
    /// that were known stay the very same, so that what they verified need not be verified again.
    pub(super) fn replacing(old: &Self, set: Vec<Value>) -> Self {
        let all = set.len();
        let known = |jwk: &Jwk| old.keys.iter().find(|key| key.is_of(jwk)).cloned();
        let readable = set.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<_> = readable.filter_map(|jwk| known(&jwk).or_else(|| Key::of_jwk(jwk).map(Arc::new))).collect();
        let useless = all - keys.len();
        let new = Self { keys, useless, fetched: Some(Instant::now()), failed: None };
        let ids = |keys: &[Arc<Key>]| keys.iter().filter_map(|key| key.id().map(str::to_owned)).collect::<Vec<_>>();
        if (ids(&old.keys), old.useless) != (ids(&new.keys), useless) {
            tracing::info!(keys = ?ids(&new.keys), useless, "the issuer publishes these keys");
        }
        new
    }

    /// The same keys after a fetch that failed just now.
    pub(super) fn failing(&self, was_silent: bool) -> Self {
        let failed = Some(Failed { at: Instant::now(), was_silent });
        Self { keys: self.keys.clone(), failed, ..*self }
    }

    /// How many keys of use there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key that signed `token`, of the first that fit it.
    pub(super) fn key(&self, token: &Token<'_>) -> Option<Arc<Key>> {
        self.keys.iter().filter(|key| key.fits(token)).take(MAX_TRIED).find(|key| key.verifies(token)).cloned()
    }

    /// Whether `token` could be signed with one of them, by what it says.
    pub(super) fn has_fitting(&self, token: &Token<'_>) -> bool {
        self.keys.iter().any(|key| key.fits(token))
    }
}
