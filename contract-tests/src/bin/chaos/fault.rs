//! What befalls the server, its database, and the network between.

use std::time::{Duration, Instant};

use todo_contract_tests::{Engine, SmallDisk, Weather};
use tokio::{task::block_in_place, time::sleep};

use crate::{stage::Stage, tally::Tally};

/// For how long a fault waits for its moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many megabytes the disk has that is soon full.
const SMALL: u32 = 32;

/// How long it may take until a full disk shows.
const UNTIL_FULL: Duration = Duration::from_secs(20);

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    ServerKilled,
    KilledMidWrite,
    DatabaseKilled,
    SessionsCut,
    NetworkStalls,
    NetworkCuts,
    NetworkDrops,
    DiskFull,
}

impl Fault {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::ServerKilled,
        Self::KilledMidWrite,
        Self::DatabaseKilled,
        Self::SessionsCut,
        Self::NetworkStalls,
        Self::NetworkCuts,
        Self::NetworkDrops,
        Self::DiskFull,
    ];

    /// As the table has it, and the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ServerKilled => "server-killed",
            Self::KilledMidWrite => "killed-mid-write",
            Self::DatabaseKilled => "database-killed",
            Self::SessionsCut => "sessions-cut",
            Self::NetworkStalls => "network-stalls",
            Self::NetworkCuts => "network-cuts",
            Self::NetworkDrops => "network-drops",
            Self::DiskFull => "disk-full",
        }
    }

    /// The databases that it can befall.
    pub(crate) fn engines(self) -> &'static [Engine] {
        match self {
            Self::ServerKilled | Self::DiskFull => &[Engine::Sqlite, Engine::Postgres],
            // There the server's process is the database's too.
            Self::KilledMidWrite => &[Engine::Sqlite],
            _ => &[Engine::Postgres],
        }
    }

    /// What it is played on; why that cannot be had.
    pub(crate) async fn stage(self, engine: Engine) -> Result<Stage, String> {
        let disk = match self {
            Self::DiskFull => {
                Some(SmallDisk::mount(SMALL).map_err(|words| format!("no disk may be mounted here: {words}"))?)
            }
            _ => None,
        };
        let is_proxied = matches!(self, Self::NetworkStalls | Self::NetworkCuts | Self::NetworkDrops);
        Ok(Stage::set_up(engine, disk, is_proxied).await)
    }

    /// Causes it once, and mends it. Says whether it did in fact happen.
    pub(crate) async fn befall(self, stage: &Stage, tally: &Tally) -> bool {
        match self {
            Self::ServerKilled => {
                sleep(milliseconds(300..1500)).await;
                kill_server(stage).await
            }
            Self::KilledMidWrite => {
                sleep(milliseconds(100..400)).await;
                let deadline = Instant::now() + PATIENCE;
                while tally.writing() == 0 {
                    if Instant::now() > deadline {
                        return false;
                    }
                    tokio::task::yield_now().await;
                }
                // From the first of the work to the last of it.
                std::thread::sleep(Duration::from_micros(fastrand::u64(0..3000)));
                let (is_mid_write, is_killed) = (tally.writing() > 0, stage.kill_server());
                stage.start_server();
                is_killed && is_mid_write
            }
            Self::DatabaseKilled => {
                sleep(milliseconds(500..2000)).await;
                let Some(cluster) = &stage.cluster else { return false };
                // The postmaster, those that write for it, and those that serve sessions.
                let is_killed = block_in_place(|| cluster.kill()) > 3;
                sleep(milliseconds(0..1500)).await;
                block_in_place(|| cluster.resume());
                is_killed
            }
            Self::SessionsCut => {
                sleep(milliseconds(100..800)).await;
                stage.cut_sessions().await > 0
            }
            Self::NetworkStalls => under(stage, Weather::Stalled, 100..3000).await,
            Self::NetworkDrops => {
                let weather = if fastrand::bool() { Weather::Swallowing } else { Weather::SwallowingAnswers };
                under(stage, weather, 100..2000).await
            }
            Self::NetworkCuts => {
                sleep(milliseconds(100..800)).await;
                let Some(proxy) = &stage.proxy else { return false };
                let before = proxy.hit();
                proxy.cut();
                sleep(Duration::from_millis(50)).await;
                proxy.hit() > before
            }
            Self::DiskFull => {
                sleep(milliseconds(500..1500)).await;
                fill(stage, tally).await
            }
        }
    }
}

/// Kills the server, and starts it again soon. Whether it was there to be killed.
pub(crate) async fn kill_server(stage: &Stage) -> bool {
    let is_killed = stage.kill_server();
    sleep(milliseconds(0..500)).await;
    stage.start_server();
    is_killed
}

/// Has the network be like that for a while. Whether it kept something back.
async fn under(stage: &Stage, weather: Weather, while_: std::ops::Range<u64>) -> bool {
    sleep(milliseconds(300..1000)).await;
    let Some(proxy) = &stage.proxy else { return false };
    let before = proxy.hit();
    proxy.set(weather);
    sleep(milliseconds(while_)).await;
    proxy.set(Weather::Fair);
    proxy.hit() > before
}

/// Fills the disk until that shows, and a moment longer. Whether it did.
async fn fill(stage: &Stage, tally: &Tally) -> bool {
    let Some(disk) = &stage.disk else { return false };
    let (start, before) = (Instant::now(), tally.counts().unavailable);
    let mut taken = 0;
    while tally.counts().unavailable == before && start.elapsed() < UNTIL_FULL {
        // What was freed meanwhile too.
        taken = disk.fill();
        sleep(Duration::from_millis(20)).await;
    }
    sleep(Duration::from_secs(1)).await;
    disk.empty();
    taken > 0 && tally.counts().unavailable > before
}

fn milliseconds(range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(fastrand::u64(range))
}
