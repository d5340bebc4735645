//! How often a user may ask.

use std::num::NonZeroU32;

/// A token bucket: a user may ask `burst` times at once, and `per_second` times a second for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// Takes `20:200`, say; `None` where it is not written so.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (per_second, burst) = text.split_once(':')?;
        Some(Self { per_second: per_second.parse().ok()?, burst: burst.parse().ok()? })
    }
}
