//! The statements that go in company, a [`lane`] for each kind: those on one task, and those that say whether what is
//! remembered holds. Each but a look carries its owner's condition for each task or page.

mod change;
mod create;
mod delete;
mod lane;
mod look;
mod manner;
mod read;
mod sizes;
mod version;

use std::sync::Arc;

use sea_orm::{DbErr, StatementBuilder, sea_query::ReturningClause};
use todo_api::UserId;

pub(super) use self::change::Change;
use self::{
    change::Apply,
    create::Create,
    delete::Delete,
    lane::Lane,
    look::Look,
    manner::{Manner, PATIENCE},
    read::Read,
    version::Version,
};
use super::{
    half_of_connections,
    memory::{Edit, Memory},
    quotas::Quotas,
    write::Written,
};
use crate::{DatabaseConfig, Databases, database::Connection, entity::task::Model, workers::Clients};

/// A lane for each kind of statement.
pub(super) struct Lanes {
    /// The task that is meant.
    pub(super) read: Lane<Read>,
    /// That the history has what the database shows now.
    pub(super) look: Lane<Look>,
    /// The version of a page.
    pub(super) version: Lane<Version>,
    /// The task as it was created.
    pub(super) create: Lane<Create>,
    /// The task after the change.
    pub(super) change: Lane<Apply>,
    /// Whether it was there to delete.
    pub(super) delete: Lane<Delete>,
}

impl Lanes {
    pub(super) fn new(
        databases: &Databases,
        config: &DatabaseConfig,
        clients: Option<Clients>,
        memory: &Arc<Memory>,
        quotas: &Quotas,
    ) -> Self {
        // Under row-level security, a statement is one caller's.
        let most = if config.row_security { 1 } else { config.batch_size };
        let is_embedded = config.url.is_embedded();
        // SQLite has one writer: a statement sent beside another would wait behind it, and alone instead of in the next
        // batch.
        let patience = if is_embedded { config.timeout } else { PATIENCE };
        let half = half_of_connections(config);
        let quota = Arc::clone(&quotas.writes);
        let writing = Manner { limit: config.timeout, most, turns: 2, patience, clients, half, quota };
        // It is no round trip away: reading in company gains less there than the waiting for it costs.
        let turns = if is_embedded { 0 } else { 2 };
        let quota = Arc::clone(&quotas.reads);
        let reading = Manner { turns, patience: PATIENCE, quota, ..writing.clone() };
        let reads = &databases.reads;
        let writes = Writes { database: databases.writes.clone(), memory: Arc::clone(memory) };
        Self {
            read: Lane::new(Read(reads.clone()), reading.clone()),
            look: Lane::new(
                Look::new(reads.clone(), Arc::clone(memory)),
                Manner { most: config.batch_size, ..reading.clone() },
            ),
            version: Lane::new(Version(reads.clone()), reading),
            create: Lane::new(Create(writes.clone()), writing.clone()),
            change: Lane::new(Apply(writes.clone()), writing.clone()),
            delete: Lane::new(Delete(writes), writing),
        }
    }

    /// Goes the same ways as `others` where something is written.
    pub(super) fn write_with(&mut self, others: &Self) {
        self.create = others.create.clone();
        self.change = others.change.clone();
        self.delete = others.delete.clone();
    }
}

/// The connection for a statement of `owners`. Under row-level security it is bound to a caller; nothing goes in
/// company then, so there is one owner.
fn connection_of<'a>(database: &Connection, mut owners: impl Iterator<Item = &'a UserId>) -> Connection {
    owners.next().map_or_else(|| database.clone(), |owner| database.for_caller(owner))
}

/// Writes, of which the memory is told.
#[derive(Clone)]
struct Writes {
    database: Connection,
    memory: Arc<Memory>,
}

impl Writes {
    /// The tasks of `owners` that a statement wrote, which did `edit` to each.
    async fn carry_out<'a, S: StatementBuilder>(
        &self,
        owners: impl Iterator<Item = &'a UserId>,
        statement: impl FnOnce(ReturningClause) -> S,
        edit: impl Fn(&Model) -> Option<Edit>,
    ) -> Result<Vec<Model>, DbErr> {
        let write = self.memory.history.write();
        let written = Written::by(statement, &connection_of(&self.database, owners)).await?;
        written.committed(write, &self.memory, edit);
        Ok(written.tasks)
    }
}
