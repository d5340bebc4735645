//! The history of the tables, append-only once released.
//!
//! Each migration names its tables and columns literally and knows no entity: history must not change
//! when the code does. Constraints live here first, so that the data is sound whoever writes it.

mod history;
mod index;
mod m20261124_000001_create_users;
mod m20261124_000002_create_tasks;
mod m20261124_000003_sort_tasks;
mod m20261124_000004_create_keys;
mod m20261124_000005_create_idempotency_keys;
mod m20261124_000006_sort_by_state;
mod m20261129_000007_include_updated_at;
mod row_security;
mod users_table;
mod value;

use std::collections::BTreeSet;

use sea_orm_migration::{
    MigrationTrait,
    async_trait::async_trait,
    sea_orm::{ConnectionTrait, DbErr, sea_query::Query},
};

pub use sea_orm_migration::MigratorTraitSelf;

pub use self::{
    row_security::{
        CALLER_SETTING, Guarded, Inherited, RIGHTS_OF_SERVERS, Right, current_role, letting_find_keys, quoted, rehearse,
    },
    users_table::{OtherUsersTable, UsersTable},
    value::value,
};

/// All migrations, in their order.
#[derive(Debug, Clone, Default)]
pub struct Migrator {
    users: Option<UsersTable>,
}

impl Migrator {
    /// The migrations where `users` belongs to another system, which creates and fills it; or, with
    /// `None`, where the table `users` is ours.
    #[must_use]
    pub fn new(users: Option<UsersTable>) -> Self {
        Self { users }
    }

    /// The names of all migrations, in their order.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.migrations().into_iter().map(|migration| migration.name().to_owned())
    }

    /// The names of those that have been run, by this release or a later one. Changes nothing.
    ///
    /// # Errors
    ///
    /// Where the database does not answer, or the role may not know.
    pub async fn applied(&self, database: &impl ConnectionTrait) -> Result<BTreeSet<String>, DbErr> {
        if !history::is_there(database).await? {
            return Ok(BTreeSet::new());
        }
        let applied = Query::select().column("version").from(history::TABLE).take();
        database.query_all(&applied).await?.iter().map(|row| row.try_get("", "version")).collect()
    }

    /// The refusal, where the tasks belong to another table of users than the one given here: it is chosen
    /// once, when the table of tasks is made.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub async fn other_users_table(&self, database: &impl ConnectionTrait) -> Result<Option<OtherUsersTable>, DbErr> {
        let configured = self.users.clone().unwrap_or_default();
        let migrations = self.migrations().len();
        let other = configured.other(database).await?;
        Ok(other.map(|actual| OtherUsersTable { actual, configured, migrations }))
    }
}

#[async_trait]
impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let users = self.users.clone().unwrap_or_default();
        vec![
            Box::new(m20261124_000001_create_users::Migration { foreign: self.users.clone() }),
            Box::new(m20261124_000002_create_tasks::Migration { users: users.clone() }),
            Box::new(m20261124_000003_sort_tasks::Migration),
            Box::new(m20261124_000004_create_keys::Migration),
            Box::new(m20261124_000005_create_idempotency_keys::Migration { users }),
            Box::new(m20261124_000006_sort_by_state::Migration),
            Box::new(m20261129_000007_include_updated_at::Migration),
        ]
    }
}
