//! How often a user may ask.

use std::{num::NonZeroU32, str::FromStr};

/// A token bucket: a user may ask `burst` times at once, and `per_second` times a second for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (per_second, burst) = text.split_once(':')?;
            Some(Self { per_second: per_second.parse().ok()?, burst: burst.parse().ok()? })
        };
        read().ok_or_else(|| {
            format!("is {text:?}, but must be off, or requests a second and at once, each at least 1, such as 20:200")
        })
    }
}
