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

#[cfg(test)]
mod tests {
    use super::*;

    fn ann_and_a_key() -> (UserId, Arc<Key>) {
        (UserId::stored("ann".to_owned()), Arc::new(Key::of_secret(b"a secret")))
    }

    #[test]
    fn a_token_is_known_until_it_expires_or_its_key_goes() {
        let (verified, (ann, key)) = (Verified::new(100), ann_and_a_key());
        verified.remember("a.b.c", &ann, &key, 10.0);
        assert_eq!(verified.user("a.b.c", 9.0), Some(ann));
        assert_eq!(verified.user("a.b.d", 9.0), None, "it is another one");
        assert_eq!(verified.user("a.b.c", 10.0), None, "it has expired");
        drop(key);
        assert_eq!(verified.user("a.b.c", 9.0), None, "its key is no longer published");
    }

    #[test]
    fn no_more_tokens_are_known_than_there_is_room_for() {
        let (ann, key) = ann_and_a_key();
        let tokens: Vec<_> = (0..1000).map(|number| format!("a.b.{number}")).collect();
        let known = |capacity| {
            let verified = Verified::new(capacity);
            for token in &tokens {
                verified.remember(token, &ann, &key, 10.0);
            }
            tokens.iter().filter(|token| verified.user(token, 9.0).is_some()).count()
        };
        assert!((1..=100).contains(&known(100)));
        assert_eq!(known(0), 0, "each is verified every time");
    }
}
