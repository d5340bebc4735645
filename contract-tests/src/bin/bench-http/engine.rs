//! The databases that are measured.

use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Postgres,
    Sqlite,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = [Self::Postgres, Self::Sqlite].into_iter().find(|engine| engine.name() == text);
        named.ok_or_else(|| format!("there is no database {text:?}; there are postgres and sqlite"))
    }
}
