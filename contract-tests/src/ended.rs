//! A command that has come to its end.

use std::process::Output;

/// How it ended, and what it told.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub printed: String,
    /// What it said on its standard error.
    pub said: String,
}

impl Ended {
    /// Whether it went well.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.code == Some(0)
    }

    /// What it printed, if it went well.
    ///
    /// # Panics
    ///
    /// Where it did not.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "often that it went well is all that a test asks for")]
    pub fn well(self) -> String {
        assert!(self.is_well(), "{}{}", self.printed, self.said);
        self.printed
    }

    /// All that it told, what it printed first.
    #[must_use]
    pub fn told(&self) -> String {
        self.printed.clone() + &self.said
    }
}

impl From<Output> for Ended {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let [printed, said] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
        Self { code: status.code(), printed, said }
    }
}
