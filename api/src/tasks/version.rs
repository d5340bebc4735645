//! The version of a task: a strong validator that needs no column of its own.
//!
//! An id is never used again, and `updated_at` moves at every change, so the two name one version of one
//! task. Where a change is bound to a version, its keeper compares `updated_at` in the very statement
//! that changes the row.

use super::{Task, WrittenTask};
use crate::{
    PreconditionFailed, Timestamp,
    precondition::{ETag, IfMatch},
};

impl Task {
    pub(crate) fn etag(&self) -> ETag {
        etag(self.id, self.updated_at)
    }
}

impl WrittenTask {
    pub(crate) fn etag(&self) -> ETag {
        etag(self.id, self.updated_at)
    }
}

fn etag(id: i64, updated_at: Timestamp) -> ETag {
    let (mut of, mut micros) = (itoa::Buffer::new(), itoa::Buffer::new());
    ETag::of([of.format(id), ".", micros.format(updated_at.micros())].concat())
}

/// Which versions of a task a change is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whichever there is.
    Any,
    /// One that was last changed at one of these moments; none at all, where there are none.
    OneOf(Vec<Timestamp>),
}

impl IfMatch {
    /// The versions of task `id` that are named.
    pub(crate) fn expected(&self, id: i64) -> Expected {
        let Some(tags) = self.strong() else {
            return Expected::Any;
        };
        let moment = |tag: &str| {
            let (_, micros) = tag.split_once('.')?;
            let moment = Timestamp::from_micros(micros.parse().ok()?);
            // Only in the spelling that we send: tags are compared as they are.
            (tag == format!("{id}.{}", moment.micros())).then_some(moment)
        };
        let mut moments: Vec<_> = tags.filter_map(moment).collect();
        moments.sort_unstable();
        moments.dedup();
        Expected::OneOf(moments)
    }

    /// Lets all tasks be changed, unless versions are named: none is that of all.
    pub(crate) fn on_all(&self) -> Result<(), PreconditionFailed> {
        if self.strong().is_some() { Err(PreconditionFailed::OfMany) } else { Ok(()) }
    }
}

/// Why a change that was bound to a version was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// There is no such task.
    Missing,
    /// There is, in another version.
    Stale,
}
