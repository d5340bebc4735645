//! How often one may ask.

use crate::{TooManyRequests, UserId};

/// The port that bounds how often one may ask. A keeper belongs to one request, and knows where it came
/// from; the server puts it into the request's data, as `Arc<dyn Allowance>`, where there is a limit at all.
pub trait Allowance: Send + Sync {
    /// Takes this request off what `user` may ask.
    ///
    /// # Errors
    ///
    /// Where nothing is left.
    fn spend(&self, user: &UserId) -> Result<(), TooManyRequests>;

    /// Takes a token that did not verify off what its sender may try.
    ///
    /// # Errors
    ///
    /// Where nothing is left.
    fn fail(&self) -> Result<(), TooManyRequests>;
}
