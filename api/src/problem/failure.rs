//! How a port fails.

use std::{convert::Infallible, error::Error, sync::Arc};

use super::{Internal, Overloaded, Problem, Unavailable};

/// What a port answers: its value, a refusal `R` that it foresaw, or a breakdown. A port that cannot
/// refuse says so by `Infallible`.
pub type Outcome<T, R = Infallible> = Result<T, Failure<R>>;

/// Why a port did not do what was asked.
#[derive(Debug)]
pub enum Failure<R = Infallible> {
    /// A foreseen no, which becomes its problem.
    Refused(R),
    /// Something gave way.
    Broken(Broken),
}

/// What gave way.
#[derive(Debug)]
pub enum Broken {
    /// A fault of ours: answered with an opaque 500 and logged once.
    Internal(Arc<dyn Error + Send + Sync>),
    /// The database is out of reach or saturated: answered with 503, worth another try.
    Unavailable(Arc<dyn Error + Send + Sync>),
    /// As many as may wait for somebody else wait already: answered with 503, worth another try.
    Overloaded,
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Internal(cause) => Internal(cause).into(),
            Broken::Unavailable(cause) => Unavailable(cause).into(),
            Broken::Overloaded => Overloaded.into(),
        }
    }
}
