//! Keys that the issuer publishes (RFC 7517, 5): cached, and fetched anew when that may help.
//!
//! A fetch is due when the keys are old, when a token names an unknown key, or when a signature fails under a known
//! name, since a name may come back with another key. One fetch serves all requests that find so, and the next one
//! waits for the cooldown, or for a second after a failure: nobody can have us flood the issuer by inventing names.
//!
//! A fetch that fails changes nothing: the keys at hand go on serving. But those that grew too old while nobody asked
//! may have been withdrawn, so requests wait until a fetch has been tried. At most half of those under way may wait,
//! and the others are answered 503 at once: else whoever makes up names of keys would take every place while the issuer
//! is slow.
//!
//! Nothing is fetched while nobody asks. A timer would be simpler, but would keep a serverless database behind the
//! issuer awake.

mod published;
mod source;

use std::{fmt, sync::Arc, time::Duration};

use parking_lot::RwLock;
use todo_api::{
    Broken,
    Failure::{self, Refused},
    Outcome, Unidentified,
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, Semaphore},
    task::JoinHandle,
    time::{Instant, timeout},
};

pub use self::source::UnusableJwks;
use self::{
    published::Published,
    source::{Source, TIMEOUT},
};
use super::{
    key::{Key, OF_USE},
    token::{Token, short},
};
use crate::{
    JwksConfig,
    metrics::{self, Fetch},
};

/// How soon another fetch is tried after one that failed.
const RETRY: Duration = Duration::from_secs(1);

/// How long a request waits for an issuer that has just been silent. With the whole timeout, every request that needs a
/// key would keep a place that others want.
const PATIENCE: Duration = Duration::from_secs(1);

/// The keys of one issuer.
pub(super) struct Jwks {
    source: Source,
    max_age: Duration,
    cooldown: Duration,
    published: RwLock<Arc<Published>>,
    /// When the last fetch ended; locked while one is under way.
    last: Arc<Mutex<Option<Instant>>>,
    /// Room for those who wait for a fetch.
    waiters: Semaphore,
}

impl Jwks {
    /// As many as `waiters` requests may wait for a fetch at once.
    pub(super) fn new(config: &JwksConfig, waiters: usize) -> Result<Arc<Self>, UnusableJwks> {
        Ok(Arc::new(Self {
            source: Source::new(&config.url)?,
            max_age: config.max_age,
            cooldown: config.cooldown,
            published: RwLock::default(),
            last: Arc::default(),
            waiters: Semaphore::new(waiters),
        }))
    }

    /// The key that signed `token`, of those that are kept fresh.
    pub(super) async fn key(self: &Arc<Self>, token: &Token<'_>) -> Outcome<Arc<Key>, Unidentified> {
        // Dropped before the wait: what a key verified counts for as long as anybody holds the key.
        let fetched = {
            let known = self.published();
            if let Some(key) = known.key(token) {
                return Ok(key);
            }
            known.fetched
        };
        self.refetch().await?;
        let now = self.published();
        // A signature is worth a second look only under other keys.
        let key = if now.fetched == fetched { None } else { now.key(token) };
        key.ok_or_else(|| Refused(Unidentified::because(refusal(&now, token))))
    }

    /// Makes sure that the keys are not older than they may be. Only who `needs` one waits for that, but not while the
    /// issuer is failing. The first keys of all are left to [`Jwks::key`].
    pub(super) async fn keep_fresh<R>(self: &Arc<Self>, needs: impl FnOnce() -> bool) -> Outcome<(), R> {
        // Without the keys, which are not to be held during the wait here either.
        let (fetched, failed) = {
            let published = self.published.read();
            (published.fetched, published.failed)
        };
        let Some(age) = fetched.map(|fetched| fetched.elapsed()) else { return Ok(()) };
        let soon = self.max_age / 2;
        // A failure says how the issuer is for some seconds alone; once older than `soon`, only while the next try is
        // under way.
        let is_failing = failed
            .is_some_and(|failed| failed.is_recent() && (failed.at.elapsed() < soon || self.last.try_lock().is_err()));
        if age >= self.max_age && !is_failing && needs() {
            return self.refetch().await;
        }
        if age >= soon {
            self.refetch_aside();
        }
        Ok(())
    }

    /// The keys as they are known.
    fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.read())
    }

    /// Fetches the keys anew, or waits for the one who does, unless they were fetched just now. Fails where too many
    /// wait.
    async fn refetch<R>(self: &Arc<Self>) -> Outcome<(), R> {
        let Ok(_waiter) = self.waiters.try_acquire() else {
            metrics::shed();
            return Err(Failure::Broken(Broken::Overloaded));
        };
        let fetched = async {
            let last = Arc::clone(&self.last).lock_owned().await;
            if let Some(fetch) = self.fetch(last) {
                // Whether it went well shows in the keys.
                let _ = fetch.await;
            }
        };
        let was_silent = self.published().failed.is_some_and(|failed| failed.was_silent && failed.is_recent());
        let patience = if was_silent { PATIENCE } else { TIMEOUT };
        // The fetch goes on by itself.
        let _ = timeout(patience, fetched).await;
        Ok(())
    }

    /// Fetches the keys in the background, unless a fetch is under way or has just ended.
    fn refetch_aside(self: &Arc<Self>) {
        if let Ok(last) = Arc::clone(&self.last).try_lock_owned() {
            // The task goes on by itself.
            drop(self.fetch(last));
        }
    }

    /// A task of its own, so that it is finished even where the request that wanted it is given up.
    fn fetch(self: &Arc<Self>, mut last: OwnedMutexGuard<Option<Instant>>) -> Option<JoinHandle<()>> {
        let pause = if self.published().failed.is_some() { RETRY.min(self.cooldown) } else { self.cooldown };
        if last.is_some_and(|ended| ended.elapsed() < pause) {
            return None;
        }
        let this = Arc::clone(self);
        Some(tokio::spawn(async move {
            let old = this.published();
            let new = match this.source.fetch().await {
                Ok(jwks) => {
                    metrics::count(Fetch::Fetched);
                    Published::replacing(&old, jwks)
                }
                Err(error) => {
                    metrics::count(Fetch::Failed);
                    tracing::warn!(url = %this.source, %error, "the keys of the issuer could not be fetched");
                    old.failing(error.is_silence())
                }
            };
            *this.published.write() = Arc::new(new);
            *last = Some(Instant::now());
        }))
    }
}

/// Where the keys are published, for people.
impl fmt::Display for Jwks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(formatter)
    }
}

/// How many keys of use the issuer publishes, and how many of none; why there are none to be had, in words that name
/// `AUTH_JWKS_URL`.
pub(crate) async fn published_keys(config: &JwksConfig) -> Result<(usize, usize), String> {
    let source = Source::new(&config.url).map_err(|error| error.to_string())?;
    let set = source.fetch().await.map_err(|error| format!("AUTH_JWKS_URL has none: {error}"))?;
    let published = Published::replacing(&Published::default(), set);
    Ok((published.len(), published.useless))
}

/// Why no key verifies the token, for whoever sent it.
fn refusal(published: &Published, token: &Token<'_>) -> String {
    let algorithm = token.algorithm;
    if published.fetched.is_none() {
        return format!(
            "the token is signed with {algorithm:?}, but the keys of the issuer cannot be fetched; is AUTH_JWKS_URL \
             right, and does it answer?"
        );
    }
    let name = match &token.key_id {
        Some(id) => format!("the key {} ({algorithm:?})", short(id)),
        None => format!("{algorithm:?}"),
    };
    if published.has_fitting(token) {
        format!("the signature does not match: the token says that it is signed with {name}, and it is not")
    } else {
        format!(
            "the token is signed with {name}, which is not among the keys that the issuer publishes and that are of \
             use here; is it of another Better Auth server than the one at AUTH_JWKS_URL, or older than its keys? If \
             neither, {OF_USE}"
        )
    }
}
