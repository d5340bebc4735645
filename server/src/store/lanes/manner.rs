//! How the statements of a lane go.

use std::{sync::Arc, time::Duration};

use crate::{store::quotas::Quota, workers::Clients};

/// How long a statement may take before the next of its kind goes beside it, where there are several connections.
pub(super) const PATIENCE: Duration = Duration::from_millis(25);

/// How statements go.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// How long one may take.
    pub(super) limit: Duration,
    /// How many questions go together at most.
    pub(super) most: usize,
    /// How often it yields before a batch is taken. With two, requests that have arrived are read by then, and go
    /// along.
    pub(super) turns: usize,
    /// How long one may take before the next goes beside it.
    pub(super) patience: Duration,
    /// Who asks. While that is one client alone, each question goes by itself, as it comes; unknown, it may be many.
    pub(super) clients: Option<Clients>,
    /// Half of the connections.
    pub(super) half: usize,
    /// How many statements of one user go alone at once.
    pub(super) quota: Arc<Quota>,
}

impl Manner {
    /// Whether no question has company: none may have any, or one client alone asks.
    pub(super) fn is_apart(&self) -> bool {
        self.most == 1 || self.clients.as_ref().is_some_and(Clients::is_one)
    }
}
