//! The log of writes, a file beside the database's own (`todo.db-wal`).
//!
//! Who commits brings it into the file where it is long, as far as nobody reads what was there before, and it begins
//! anew once nobody reads it at all. Where reads overlap, somebody does at every moment, and it would grow until the
//! disk is full. So where it has become too long, the connection that writes cuts it short once it is given back: who
//! begins to read then reads the file itself, and only those are waited for who are at it.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::fs::statvfs;
use sea_orm::sqlx::{
    self, AssertSqlSafe, Executor as _,
    sqlite::{SqliteConnection, SqlitePoolOptions},
};

/// How many pages of 4 KiB it grows to before they are brought into the file. Writes to many indexes come back to the
/// same pages time and again, and what soon changes again is better not brought in.
const PAGES: RangeInclusive<u64> = 4_000..=32_000;

/// It may take one part in so many of the room: a small disk would be full of it alone.
const PARTS_OF_ROOM: u64 = 16;

/// For how long it is left as it is after that failed, on a full disk, say, or readers have taken too long, as a backup
/// does: writes wait meanwhile.
const PAUSE: Duration = Duration::from_secs(10);

/// To how many pages it may grow, by the room that there is beside `file` now.
pub(super) fn pages(file: Option<&Path>) -> u64 {
    let disk = file.and_then(|file| statvfs(file).ok());
    let room = disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    (room / PARTS_OF_ROOM / 4_096).clamp(*PAGES.start(), *PAGES.end())
}

/// Has the connections of a pool, which wait for others for as long as `patience`, cut the log of `file` short where it
/// has grown to twice its pages.
pub(super) fn cut(
    file: PathBuf,
    patience: Duration,
) -> impl Fn(SqlitePoolOptions) -> SqlitePoolOptions + Send + Sync + 'static {
    let most = 2 * 4_096 * pages(Some(&file));
    let mut name = file.into_os_string();
    name.push("-wal");
    let is_long = move || fs::metadata(&name).is_ok_and(|log| log.len() > most);
    let log = Arc::new((is_long, Mutex::new(None::<Instant>)));
    move |pool| {
        let log = Arc::clone(&log);
        pool.after_release(move |connection, _| {
            let log = Arc::clone(&log);
            Box::pin(async move {
                let (is_long, gave_up) = &*log;
                let is_left = gave_up.lock().is_some_and(|since| since.elapsed() < PAUSE);
                if is_long() && !is_left {
                    let brought = bring_in(connection, patience).await;
                    *gave_up.lock() = (brought.is_err() || is_long()).then(Instant::now);
                    brought?;
                }
                Ok(true)
            })
        })
    }
}

/// Brings all into the file, and leaves the log empty, unless somebody reads it for a third of `patience`. There is no
/// builder for it.
async fn bring_in(connection: &mut SqliteConnection, patience: Duration) -> Result<(), sqlx::Error> {
    let (short, usual) = ((patience / 3).as_millis(), patience.as_millis());
    let words =
        format!("PRAGMA busy_timeout = {short}; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = {usual}");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(words))).await.map(drop)
}
