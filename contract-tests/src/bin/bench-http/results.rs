//! What was measured, and what it says: medians, and medians of ratios paired within rounds. The machine's own
//! speed moves from round to round; within one, it moves for all.

use crate::{engine::Engine, goals, measure::Measure, work::Work};

/// Everything of one engine.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) engine: Engine,
    /// What the database is.
    pub(crate) database: String,
    /// The names of the servers; the first is measured against the others.
    pub(crate) servers: Vec<String>,
    pub(crate) cells: Vec<Cell>,
    /// Milliseconds to the first answer of the first, each time that it was started.
    pub(crate) starts: Vec<f64>,
}

/// One kind of work over so many connections.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    pub(crate) connections: usize,
    /// The rounds of each server.
    pub(crate) measures: Vec<Vec<Measure>>,
}

impl Cell {
    /// The median of something, of one server.
    pub(crate) fn median(&self, server: usize, of: impl Fn(&Measure) -> f64) -> f64 {
        median(self.measures[server].iter().map(of))
    }

    /// What the tables show of a server, medians all: requests a second; milliseconds at p50, p95 and p99;
    /// microseconds of processor time a request, of server, database and wrk; MiB of memory.
    pub(crate) fn figures(&self, place: usize) -> [f64; 8] {
        let figures: [fn(&Measure) -> f64; 8] = [
            Measure::throughput,
            |measure| measure.seen.p50,
            |measure| measure.seen.p95,
            |measure| measure.seen.p99,
            |measure| measure.each(measure.server),
            |measure| measure.each(measure.database),
            |measure| measure.each(measure.seen.processor_time),
            |measure| megabytes(measure.memory),
        ];
        figures.map(|figure| self.median(place, figure))
    }

    /// The strongest of the others, if there are any.
    pub(crate) fn strongest_peer(&self) -> Option<usize> {
        let throughput = |server: &usize| self.median(*server, Measure::throughput);
        (1..self.measures.len()).max_by(|one, other| throughput(one).total_cmp(&throughput(other)))
    }

    /// How many times that of `other` something of `server` is.
    pub(crate) fn ratio(&self, server: usize, other: usize, of: impl Fn(&Measure) -> f64) -> f64 {
        let pairs = self.measures[server].iter().zip(&self.measures[other]);
        median(pairs.map(|(one, other)| of(one) / of(other)))
    }

    /// Requests a second as a multiple of the strongest peer's, and what we want it to be.
    pub(crate) fn standing(&self, engine: Engine) -> Option<Standing> {
        let ratio = self.ratio(0, self.strongest_peer()?, Measure::throughput);
        Some(Standing { ratio, goal: goals::throughput(engine, self.work, self.connections) })
    }
}

/// Where we stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) ratio: f64,
    pub(crate) goal: Option<f64>,
}

impl std::fmt::Display for Standing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ratio = cut(self.ratio);
        match self.goal {
            Some(goal) if self.ratio >= goal => write!(formatter, "{ratio:.2} (goal {goal:.1})"),
            Some(goal) => write!(formatter, "{ratio:.2} (below the goal of {goal:.1})"),
            None => write!(formatter, "{ratio:.2}"),
        }
    }
}

/// To two decimals, cut off and not rounded: what is below a goal never reads as if it were the goal.
pub(crate) fn cut(ratio: f64) -> f64 {
    (ratio * 100.0).floor() / 100.0
}

impl Results {
    pub(crate) fn connections(&self) -> Vec<usize> {
        let mut connections: Vec<_> = self.cells.iter().map(|cell| cell.connections).collect();
        connections.sort_unstable();
        connections.dedup();
        connections
    }

    /// The number of connections that a chart shows: 100, or else the most.
    pub(crate) fn shown_connections(&self) -> usize {
        let connections = self.connections();
        connections.iter().copied().find(|&number| number == 100).or(connections.last().copied()).unwrap_or_default()
    }

    pub(crate) fn works(&self) -> Vec<Work> {
        let mut works: Vec<_> = self.cells.iter().map(|cell| cell.work).collect();
        works.sort_unstable();
        works.dedup();
        works
    }

    pub(crate) fn cell(&self, work: Work, connections: usize) -> Option<&Cell> {
        self.cells.iter().find(|cell| (cell.work, cell.connections) == (work, connections))
    }

    /// The most memory of the first over so many connections, in megabytes.
    pub(crate) fn memory(&self, connections: usize) -> Option<f64> {
        let cells = self.cells.iter().filter(|cell| cell.connections == connections);
        cells.filter_map(|cell| cell.measures[0].iter().map(|measure| measure.memory).max()).max().map(megabytes)
    }

    /// Milliseconds to the first answer.
    pub(crate) fn first_answer(&self) -> f64 {
        median(self.starts.iter().copied())
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => numbers[odd / 2],
        even => f64::midpoint(numbers[even / 2 - 1], numbers[even / 2]),
    }
}
