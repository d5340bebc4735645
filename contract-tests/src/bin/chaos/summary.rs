//! What is told at the end.

use std::fmt::{self, Display};

use todo_contract_tests::Engine;

use crate::tally::Counts;

/// What came of one fault on one database.
#[derive(Debug)]
pub(crate) struct Report {
    fault: &'static str,
    engine: Engine,
    played: Result<Played, String>,
}

#[derive(Debug)]
struct Played {
    /// How often it happened.
    times: usize,
    counts: Counts,
}

impl Report {
    pub(crate) fn of(fault: &'static str, engine: Engine, times: usize, counts: Counts) -> Self {
        let mut report = Self { fault, engine, played: Ok(Played { times, counts }) };
        if let Ok(Played { counts, .. }) = &report.played
            && counts.acknowledged == 0
        {
            report.fault("no write was acknowledged, so nothing was shown".to_owned());
        }
        report
    }

    /// It cannot be played here, for that reason.
    pub(crate) fn not_played(fault: &'static str, engine: Engine, why: String) -> Self {
        Self { fault, engine, played: Err(why) }
    }

    /// Adds what makes the whole report worth nothing.
    pub(crate) fn fault(&mut self, words: String) {
        if let Ok(Played { counts, .. }) = &mut self.played {
            counts.amiss += 1;
            counts.faults.push(words);
        }
    }

    /// Tells what was wrong.
    pub(crate) fn tell(&self) {
        match &self.played {
            Err(why) => println!("   not played: {why}"),
            Ok(played) => {
                let verdict = if played.counts.is_clean() { "nothing lost" } else { "NOT AS IT MUST BE" };
                println!(
                    "   happened {} times; {} writes acknowledged; {verdict}",
                    played.times, played.counts.acknowledged
                );
                for fault in &played.counts.faults {
                    println!("   {fault}");
                }
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

    /// Whether something was shown, by all that there was to play, and nothing was wrong.
    pub(crate) fn is_clean(&self) -> bool {
        let is_clean = |report: &Report| report.played.as_ref().is_ok_and(|played| played.counts.is_clean());
        !self.0.is_empty() && self.0.iter().all(is_clean)
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<17} {:<9} {:>5} {:>10} {:>12} {:>8} {:>5} {:>11} {:>6} {:>15}",
            "fault",
            "database",
            "times",
            "operations",
            "acknowledged",
            "unknown",
            "lost",
            "duplicated",
            "amiss",
            "longest outage"
        )?;
        for Report { fault, engine, played } in &self.0 {
            let engine = engine.name();
            match played {
                Err(why) => writeln!(f, "{fault:<17} {engine:<9} not played: {why}")?,
                Ok(Played { times, counts }) => {
                    let outage = format!("{:.1} s", counts.outage.as_secs_f64());
                    let Counts { operations, acknowledged, unknown, lost, duplicated, amiss, .. } = counts;
                    writeln!(
                        f,
                        "{fault:<17} {engine:<9} {times:>5} {operations:>10} {acknowledged:>12} {unknown:>8} {lost:>5} \
                         {duplicated:>11} {amiss:>6} {outage:>15}"
                    )?;
                }
            }
        }
        Ok(())
    }
}
