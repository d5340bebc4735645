//! Looks at which transactions have ended.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbErr, Statement};
use todo_api::UserId;

use super::lane::Kind;
use crate::{
    database::Connection,
    store::memory::{Memory, Snapshot},
};

/// That the history has what the database shows now.
pub(in crate::store) struct Look {
    database: Connection,
    statement: Statement,
    memory: Arc<Memory>,
}

impl Look {
    pub(super) fn new(database: Connection, memory: Arc<Memory>) -> Self {
        let backend = database.get_database_backend();
        Self { statement: backend.build(&Snapshot::select(backend)), database, memory }
    }
}

impl Kind for Look {
    type Question = ();
    type Answer = ();

    const IS_READ: bool = true;

    fn owner((): &()) -> Option<&UserId> {
        None
    }

    async fn ask(&self, all: &[()]) -> Result<Vec<()>, DbErr> {
        let look = self.memory.history.look();
        let row = self.database.query_one_raw(self.statement.clone()).await?;
        let seen = row.as_ref().map(Snapshot::read).transpose()?;
        look.saw(seen.flatten()).await;
        Ok(all.to_vec())
    }
}
