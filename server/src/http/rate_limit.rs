//! How often a user may ask, and how often an address may send tokens that do not verify: token buckets.
//!
//! Tokens that do verify are served from every address: an office, or a proxy that nobody told us about,
//! must not be locked out by one in it who guesses.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};
use poem::{
    Request, Response,
    http::{HeaderName, HeaderValue},
};
use todo_api::{Allowance, TooManyRequests, UserId};

use super::proxies::Proxies;
use crate::{
    HttpConfig, RateLimit,
    metrics::{self, Bucket},
};

/// The most buckets of each kind. It takes as many who ask within the seconds that a bucket needs to fill.
const MAX_BUCKETS: usize = 100_000;

/// The buckets that all share past that, those who had one of their own too.
const SHARED_BUCKETS: u64 = 1024;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Counts what users and addresses ask.
pub(super) struct RateLimits(Option<Arc<Limits>>);

struct Limits {
    limit: RateLimit,
    /// What every answer says of it.
    policy: Option<HeaderValue>,
    users: Buckets,
    failures: Buckets,
}

impl RateLimits {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self(config.rate_limit.map(|limit| {
            let policy = format!(r#""user";q={};w={}"#, limit.burst, seconds_for(limit, limit.burst.get()));
            let (users, failures) = (Buckets::new(limit), Buckets::new(limit));
            Arc::new(Limits { limit, policy: policy.try_into().ok(), users, failures })
        }))
    }

    /// What `request`, which came by `proxies`, may take, where there are limits. The request carries it along.
    pub(super) fn allow(&self, request: &mut Request, proxies: &Proxies) -> Option<Arc<Allowed>> {
        let limits = Arc::clone(self.0.as_ref()?);
        let address = proxies.client_of(request);
        let allowed = Arc::new(Allowed { limits, address, left: OnceLock::new() });
        request.set_data(Arc::clone(&allowed) as Arc<dyn Allowance>);
        Some(allowed)
    }
}

/// How long a bucket takes to get so many.
fn seconds_for(limit: RateLimit, requests: u32) -> u32 {
    requests.div_ceil(limit.per_second.get())
}

/// What one request may take.
pub(super) struct Allowed {
    limits: Arc<Limits>,
    address: Option<IpAddr>,
    /// What the user has left after it.
    left: OnceLock<u32>,
}

impl Allowed {
    /// Says what the user has left, where a user asked (draft-ietf-httpapi-ratelimit-headers).
    pub(super) fn tell(&self, response: &mut Response) {
        let Some(left) = self.left.get() else {
            return;
        };
        let Limits { limit, policy, .. } = &*self.limits;
        let wait = seconds_for(*limit, limit.burst.get().saturating_sub(*left));
        let state = HeaderValue::try_from(format!(r#""user";r={left};t={wait}"#)).ok();
        for (name, value) in [(POLICY, policy.clone()), (STATE, state)] {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

impl Allowance for Allowed {
    fn spend(&self, user: &UserId) -> Result<(), TooManyRequests> {
        let taken = self.limits.users.take(user);
        self.left.get_or_init(|| taken.as_ref().map_or(0, |left| *left));
        taken.map(|_| ()).inspect_err(|_| metrics::count(Bucket::User))
    }

    fn fail(&self) -> Result<(), TooManyRequests> {
        let Some(address) = self.address else {
            return Ok(());
        };
        let taken = self.limits.failures.take(&household(address));
        taken.map(|_| ()).inspect_err(|_| metrics::count(Bucket::Address))
    }
}

/// The network that one customer gets: of IPv6 a /64, whose addresses are all theirs to choose from.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// One bucket for each who asks, by the hash of the name: names may be long, and many.
struct Buckets {
    limiter: RateLimiter<u64, HashMapStateStore<u64>, MonotonicClock, StateInformationMiddleware>,
    hasher: RandomState,
    taken: AtomicUsize,
}

impl Buckets {
    fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock);
        Self { limiter, hasher: RandomState::new(), taken: AtomicUsize::new(0) }
    }

    /// Takes one, and says how many are left.
    fn take(&self, name: &impl Hash) -> Result<u32, TooManyRequests> {
        // A full bucket is as good as none.
        if self.taken.fetch_add(1, Ordering::Relaxed).is_multiple_of(MAX_BUCKETS / 2) {
            self.limiter.retain_recent();
        }
        let mut bucket = self.hasher.hash_one(name);
        if self.limiter.len() >= MAX_BUCKETS {
            bucket %= SHARED_BUCKETS;
        }
        let taken = self.limiter.check_key(&bucket);
        taken.map(|state| state.remaining_burst_capacity()).map_err(|refusal| {
            let wait = refusal.wait_time_from(self.limiter.clock().now());
            TooManyRequests { wait: wait.max(Duration::from_millis(1)) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn however_many_ask_the_memory_is_bounded() {
        let slow = RateLimit { per_second: NonZeroU32::MIN, burst: NonZeroU32::new(1000).expect("it is not zero") };
        let buckets = Buckets::new(slow);
        let most = MAX_BUCKETS + usize::try_from(SHARED_BUCKETS).expect("it is small");
        for name in 0..3 * MAX_BUCKETS {
            // Refusals are for those who share.
            let _ = buckets.take(&name);
            assert!(buckets.limiter.len() <= most);
        }
        assert!(buckets.limiter.len() > MAX_BUCKETS / 2, "they were kept");
    }

    #[test]
    fn who_came_long_ago_leaves_room_for_others() {
        let fast =
            RateLimit { per_second: NonZeroU32::new(1_000_000).expect("it is not zero"), burst: NonZeroU32::MIN };
        let buckets = Buckets::new(fast);
        for name in 0..2 * MAX_BUCKETS {
            let _ = buckets.take(&name);
        }
        assert!(buckets.limiter.len() < MAX_BUCKETS, "each has a bucket of their own");
    }
}
