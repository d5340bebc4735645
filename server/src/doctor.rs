//! The checklist before production: what of it can be checked, and the remedy for what is not well.
//!
//! A check is a small function of the part of the configuration that it judges, or of the open database, and gives one
//! [`Finding`]. No data is changed, and nothing is made: a doctor may look at a server that runs.

mod auth;
mod database;
mod http;
mod local;
mod postgres;
mod rights;
mod row_security;

use std::fmt;

use crate::{Config, Refusals};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is well.
    Pass,
    /// It may be well, and somebody should decide that it is.
    Warn,
    /// It is not fit for people's data.
    Fail,
}

/// What one check found.
#[derive(Debug, Clone)]
struct Finding {
    verdict: Verdict,
    said: String,
}

/// A check by its name, and what it found.
type Checked = (&'static str, Finding);

impl Finding {
    fn pass(said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, said: said.into() }
    }

    /// `said` names what was found, and the remedy.
    fn warn(said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, said: said.into() }
    }

    /// As [`Finding::warn`].
    fn fail(said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, said: said.into() }
    }
}

/// All findings, in the order of the checklist; a line each, and a last one with their numbers.
#[derive(Debug)]
pub struct Report(Vec<Checked>);

impl Report {
    /// Examines what is configured, and the database.
    pub async fn of(config: &Result<Config, Refusals>) -> Self {
        let mut findings = local::findings();
        match config {
            Err(refusals) => findings.extend(refusals.lines().map(|line| ("configuration", Finding::fail(line)))),
            Ok(config) => {
                findings.extend(auth::findings(&config.auth).await);
                findings.extend(http::findings(&config.http));
                findings.push(("log", local::log(&config.log)));
                findings.extend(database::findings(&config.database).await);
            }
        }
        Self(findings)
    }

    /// The worst that was found.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.iter().map(|(_, finding)| finding.verdict).max().unwrap_or(Verdict::Pass)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (check, Finding { verdict, said }) in &self.0 {
            writeln!(formatter, "{verdict}  {check:<13}  {said}")?;
        }
        let count = |verdict| self.0.iter().filter(|(_, finding)| finding.verdict == verdict).count();
        let [pass, warn, fail] = [Verdict::Pass, Verdict::Warn, Verdict::Fail].map(count);
        write!(formatter, "{pass} pass, {warn} warn, {fail} fail")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}
