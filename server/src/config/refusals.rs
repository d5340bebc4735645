//! What is wrong with a configuration, all of it at once.

use std::fmt::{self, Display};

/// Everything that is wrong with a configuration, a line each: the variable, its fault, the remedy.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Refusals(pub(super) Vec<String>);

impl Refusals {
    pub(super) fn one(refusal: String) -> Self {
        Self(vec![refusal])
    }

    /// Each, a line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Refusals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Refusals {}
