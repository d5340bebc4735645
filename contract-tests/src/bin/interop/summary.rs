//! What is told at the end.

use std::{
    fmt::{self, Display},
    fs,
    path::PathBuf,
};

use todo_contract_tests::Engine;

use crate::{paths, peers::Peer};

/// How one peer got on, on one database.
#[derive(Debug)]
pub(crate) struct Report {
    peer: &'static str,
    engine: Engine,
    /// Where it ran; what it printed lies beside it, with the extensions `tap`, `log` and `server.log`.
    pub(crate) folder: PathBuf,
    pub(crate) version: String,
    pub(crate) passed: usize,
    /// All that was wrong, one entry a check or a fault of the run as a whole.
    pub(crate) faults: Vec<String>,
    pub(crate) seconds: u64,
}

impl Report {
    pub(crate) fn new(peer: &Peer, engine: Engine) -> Self {
        let folder = paths::runs().join(format!("{}-{}", peer.name, engine.name()));
        let version = "?".to_owned();
        Self { peer: peer.name, engine, folder, version, passed: 0, faults: Vec::new(), seconds: 0 }
    }

    /// Tells what was wrong, with what was printed.
    pub(crate) fn tell(&self) {
        let (engine, failed) = (self.engine.name(), self.faults.len());
        println!("   {engine}: {} passed, {failed} failed, {} s", self.passed, self.seconds);
        for fault in &self.faults {
            println!("   {fault}");
        }
        if self.faults.is_empty() {
            return;
        }
        for extension in ["log", "tap"] {
            let file = self.folder.with_extension(extension);
            println!("   --- from {}", file.display());
            let bytes = fs::read(&file).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<_> = text.lines().collect();
            // From the first check that did not pass, where there is one.
            let failed = lines.iter().position(|line| line.trim_start().starts_with("not ok"));
            for line in lines.iter().skip(failed.unwrap_or(lines.len().saturating_sub(40))).take(40) {
                println!("   {line}");
            }
        }
    }
}

/// The table of all.
#[derive(Debug, Default)]
pub(crate) struct Summary(Vec<Report>);

impl Summary {
    pub(crate) fn add(&mut self, report: Report) {
        self.0.push(report);
    }

    /// Whether something was checked, and all of it passed.
    pub(crate) fn is_clean(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|report| report.faults.is_empty())
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<28} {:<13} {:<10} {:>6} {:>6} {:>7}",
            "peer", "version", "database", "passed", "failed", "seconds"
        )?;
        for report in &self.0 {
            let Report { peer, version, engine, passed, faults, seconds, .. } = report;
            let (engine, failed) = (engine.name(), faults.len());
            writeln!(f, "{peer:<28} {version:<13} {engine:<10} {passed:>6} {failed:>6} {seconds:>7}")?;
        }
        let passed: usize = self.0.iter().map(|report| report.passed).sum();
        let failed: usize = self.0.iter().map(|report| report.faults.len()).sum();
        writeln!(f, "\n{passed} passed, {failed} failed")
    }
}
