//! Tokens that were verified before: a signature costs more than all the rest of a request.
//!
//! A token counts here for as long as it would count anew: until it expires, and while the key that
//! verified it is in use. Only what verified is remembered, so nobody can fill the memory with forgeries.

use std::sync::{Arc, Weak};

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use todo_api::UserId;

use super::key::Key;

/// A token by its digest: of a fixed size, and no secret.
type Digest = [u8; 32];

/// The users of verified tokens.
pub(super) struct Verified(Option<Cache<Digest, Entry>>);

#[derive(Clone)]
struct Entry {
    user: UserId,
    /// Gone once the key is no longer published.
    key: Weak<Key>,
    /// In seconds since 1970.
    expires: f64,
}

impl Verified {
    /// Remembers at most `capacity` tokens; with 0, each is verified every time.
    pub(super) fn new(capacity: usize) -> Self {
        Self((capacity > 0).then(|| Cache::new(capacity)))
    }

    /// The user of `token`, if it was verified and still counts at `now`.
    pub(super) fn user(&self, token: &str, now: f64) -> Option<UserId> {
        let entry = self.0.as_ref()?.get(&fingerprint(token)?)?;
        (now < entry.expires && entry.key.strong_count() > 0).then_some(entry.user)
    }

    /// Remembers a token that `key` verified, until it `expires`.
    pub(super) fn remember(&self, token: &str, user: &UserId, key: &Arc<Key>, expires: f64) {
        if let (Some(cache), Some(digest)) = (&self.0, fingerprint(token)) {
            cache.insert(digest, Entry { user: user.clone(), key: Arc::downgrade(key), expires });
        }
    }
}

fn fingerprint(token: &str) -> Option<Digest> {
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}
