//! How many requests of one user may be under way.

use crate::{Overloaded, UserId};

/// The port that bounds how many requests of one user are under way. A keeper belongs to one request; the server puts
/// it into the request's data, as `Arc<dyn Share>`.
pub trait Share: Send + Sync {
    /// Counts this request as one of `user`'s, for as long as it is under way.
    ///
    /// # Errors
    ///
    /// Where as many of theirs are under way as may be.
    fn claim(&self, user: &UserId) -> Result<(), Overloaded>;
}
