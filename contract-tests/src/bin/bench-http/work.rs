//! What is asked of the servers. The shares of each are in `load.lua`.

use std::{fmt, str::FromStr};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    One,
    List,
    Create,
    Update,
    Toggle,
    Mix,
}

impl Work {
    pub(crate) const ALL: [Self; 6] = [Self::One, Self::List, Self::Create, Self::Update, Self::Toggle, Self::Mix];

    /// Its short name, as issues and parameters have it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::One => "W1",
            Self::List => "W2",
            Self::Create => "W3",
            Self::Update => "W4",
            Self::Toggle => "W5",
            Self::Mix => "W6",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one task",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Toggle => "toggle",
            Self::Mix => "mix",
        }
    }

    /// Whether the data is another afterwards.
    pub(crate) fn writes(self) -> bool {
        !matches!(self, Self::One | Self::List)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code(), self.name())
    }
}

impl FromStr for Work {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|work| work.code() == text);
        named.ok_or_else(|| format!("there is no work {text:?}; there are W1 to W6"))
    }
}
