//! Whether sessions may lead to a standby, which shows what the primary has committed a while later. Some do, beside
//! others to the primary, once the two have changed places behind one name.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How old a session may become before its pool closes it, which looks at that now and then.
pub(super) const LIFETIME: Duration = Duration::from_mins(30);

/// The column by which a session says, as it is opened, whether it leads to one. Behind a transaction pooler none is
/// asked.
pub(super) const IS_STANDBY: &str = "is_standby";

/// When a session to a standby was opened last.
#[derive(Debug, Default)]
pub(super) struct Standbys(Mutex<Option<Instant>>);

impl Standbys {
    /// Takes note of one.
    pub(super) fn opened(&self) {
        *self.0.lock() = Some(Instant::now());
    }

    /// Whether one may still be there.
    pub(super) fn may_be_there(&self) -> bool {
        self.0.lock().is_some_and(|opened| opened.elapsed() < LIFETIME * 2)
    }
}
