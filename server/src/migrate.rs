//! Migrations, under a lock: several servers may start at once, and one of them migrates.

mod error;
mod schema;

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions,
    sea_query::{Func, Query},
};
use todo_migration::{Migrator, MigratorTraitSelf as _, current_role, rehearse, value};

pub use self::error::MigrateError;
use self::schema::Schemas;
use crate::{
    DatabaseConfig, Databases, UnusableDatabase,
    database::{codes::postgres, in_time, limits, setting::Scope, trouble::code_of},
};

/// The key of the lock in PostgreSQL: any number that nobody else uses, here the letters `todo`.
const LOCK: i64 = 0x746f_646f;

/// The migrations of one database. One that falls silent is given up, but not while it migrates, for us or for another
/// server: with many tasks, that takes long, and of a commit that was given up nobody knows whether it was made.
#[derive(Debug)]
pub struct Migrations<'a> {
    databases: &'a Databases,
    config: &'a DatabaseConfig,
    /// What they are, and what row-level security has to be.
    pub(crate) migrator: Migrator,
}

/// Where a database stands: which migrations of ours it lacks, and which it has of a later release.
struct Standing {
    pending: Vec<String>,
    later: BTreeSet<String>,
}

impl Standing {
    /// Refuses to run or take back migrations that those of a later release may build on.
    fn refuse_later(self) -> Result<(), MigrateError> {
        if self.later.is_empty() { Ok(()) } else { Err(MigrateError::Later(self.later.into_iter().collect())) }
    }
}

impl<'a> Migrations<'a> {
    /// The migrations of one database, as configured.
    #[must_use]
    pub fn of(databases: &'a Databases, config: &'a DatabaseConfig) -> Self {
        Self { databases, config, migrator: Migrator::new(config.users_table.clone()) }
    }

    /// Makes sure that nothing is pending, by migrating where that is allowed, and that the tasks belong to
    /// the configured table of users; and, where that is allowed, that row-level security has what it needs.
    ///
    /// # Errors
    ///
    /// Where something stays pending, they belong to another table, or the role of requests does not find them.
    pub async fn settle(&self, allowed: bool) -> Result<(), MigrateError> {
        let database = &self.databases.writes;
        if allowed
            && self.config.row_security
            && in_time(self.config, self.migrator.role_of_callers(database)).await?.is_none()
        {
            self.up().await?;
        }
        let standing = self.standing(database).await?;
        if standing.pending.is_empty() {
            if !standing.later.is_empty() {
                // They only ever add, so that this one can work with what they made.
                let later = &standing.later;
                tracing::warn!(migrations = ?later, "a later release has migrated; this one does not use what is new");
            }
        } else {
            let pending = standing.pending.join(", ");
            standing.refuse_later()?;
            if !allowed {
                return Err(MigrateError::Pending(pending));
            }
            self.up().await?;
        }
        self.refuse_other_users(database).await
    }

    /// Runs what is pending, and makes the policies of row-level security, where it is on, or makes them good.
    ///
    /// # Errors
    ///
    /// Where the database or a migration says no; then nothing has changed. And where all is done, but the role of
    /// requests does not find it.
    pub async fn up(&self) -> Result<(), MigrateError> {
        let transaction = self.lock().await?;
        self.refuse_other_users(&transaction).await?;
        let schema = self.schema(&transaction).await?;
        let standing = self.standing_within(&transaction).await?;
        if !standing.pending.is_empty() {
            standing.refuse_later()?;
            self.migrator.up(&transaction, None).await?;
        }
        if self.config.row_security {
            let login = in_time(self.config, current_role(&self.databases.writes)).await?;
            self.migrator.guard(&login, &transaction).await.map_err(MigrateError::RowSecurity)?;
        }
        transaction.commit().await?;
        self.refuse_unfound(schema).await
    }

    /// Takes the last `steps` migrations back, and their data with them.
    ///
    /// # Errors
    ///
    /// As [`Migrations::up`].
    pub async fn down(&self, steps: u32) -> Result<(), MigrateError> {
        let transaction = self.lock().await?;
        self.refuse_other_users(&transaction).await?;
        self.standing_within(&transaction).await?.refuse_later()?;
        self.migrator.down(&transaction, Some(steps)).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes sure that the address of migrations answers, and leads to the database of requests and to the schema of
    /// their tables. Changes nothing.
    pub(crate) async fn reach(&self) -> Result<(), MigrateError> {
        let transaction = self.lock().await?;
        let schema = self.schema(&transaction).await?;
        let is_done = self.standing_within(&transaction).await?.pending.is_empty();
        in_time(self.config, transaction.rollback()).await?;
        // With row-level security, whoever migrates lets the role of requests in.
        if is_done && !self.config.row_security { self.refuse_unfound(schema).await } else { Ok(()) }
    }

    /// Whether who migrates owns the tables, or may make them. Where it does, tries what row-level security takes
    /// beside; nothing of it is kept.
    pub(crate) async fn rehearse(&self) -> Result<bool, MigrateError> {
        let transaction = self.lock().await?;
        in_time(self.config, async {
            let login = current_role(&self.databases.writes).await?;
            let may = rehearse(&login, &transaction).await.map_err(MigrateError::RowSecurity)?;
            transaction.rollback().await?;
            Ok(may)
        })
        .await
    }

    /// Each migration by name, and whether it has been run; then those that a later release has run. Changes nothing.
    ///
    /// # Errors
    ///
    /// Where the database does not answer, or the role may not know.
    pub async fn status(&self) -> Result<Vec<(String, bool)>, MigrateError> {
        let Standing { pending, later } = self.standing(&self.databases.writes).await?;
        let ours = self.migrator.names().map(|name| {
            let is_applied = !pending.contains(&name);
            (name, is_applied)
        });
        Ok(ours.chain(later.into_iter().map(|name| (name, true))).collect())
    }

    /// Refuses to go on where the tasks belong to another table of users than the configured one.
    pub(crate) async fn refuse_other_users(&self, database: &impl ConnectionTrait) -> Result<(), MigrateError> {
        match in_time(self.config, self.migrator.other_users_table(database)).await? {
            Some(other) => Err(other.into()),
            None => Ok(()),
        }
    }

    async fn standing(&self, database: &impl ConnectionTrait) -> Result<Standing, MigrateError> {
        let applied = in_time(self.config, self.migrator.applied(database)).await;
        let mut later = applied.map_err(|cause| match code_of(&cause).as_deref() {
            Some(postgres::INSUFFICIENT_PRIVILEGE) => MigrateError::Hidden(cause),
            _ => cause.into(),
        })?;
        let pending: Vec<_> = self.migrator.names().filter(|name| !later.remove(name)).collect();
        // A later release has the first of ours too.
        if pending.len() == self.migrator.names().count()
            && let Some(theirs) = later.pop_first()
        {
            return Err(MigrateError::OtherProgram(theirs));
        }
        Ok(Standing { pending, later })
    }

    /// The same, where it is the role of migrations that asks.
    async fn standing_within(&self, transaction: &DatabaseTransaction) -> Result<Standing, MigrateError> {
        self.standing(transaction).await.map_err(|error| match error {
            MigrateError::Hidden(cause) if self.config.direct_url.is_some() => MigrateError::Unowned(cause),
            error => error,
        })
    }

    /// The schema that migrations go to, where that need not be the one of requests. Refuses to make all tables a
    /// second time where requests would go on with those in use.
    async fn schema(&self, transaction: &impl ConnectionTrait) -> Result<Option<String>, MigrateError> {
        if self.config.direct_url.is_none() {
            return Ok(None);
        }
        let first = in_time(self.config, Schemas::of(transaction)).await?.first;
        let of_requests = in_time(self.config, Schemas::of(&self.databases.writes)).await?;
        match (first, of_requests.of_tasks) {
            // Where both look there first, requests find what is made, whatever they found before.
            (Some(other), Some(in_use)) if in_use != other && of_requests.first.as_ref() != Some(&other) => {
                Err(MigrateError::OtherSchema { in_use, other })
            }
            (first, _) => Ok(first),
        }
    }

    /// Refuses tables, all of which are in `schema`, that the role of requests does not find.
    async fn refuse_unfound(&self, schema: Option<String>) -> Result<(), MigrateError> {
        let database = &self.databases.writes;
        if let Some(schema) = schema
            && in_time(self.config, Schemas::of(database)).await?.of_tasks.is_none()
        {
            return Err(MigrateError::Unfound { schema, role: in_time(self.config, current_role(database)).await? });
        }
        Ok(())
    }

    /// A transaction that is alone in migrating. The lock ends with it, so it works through a
    /// transaction pooler, and no crash can leave it behind.
    async fn lock(&self) -> Result<DatabaseTransaction, MigrateError> {
        let is_postgres = self.databases.writes.get_database_backend() == DbBackend::Postgres;
        let options = TransactionOptions {
            // At any other level, whoever waited for the lock would not see what was migrated meanwhile.
            isolation_level: is_postgres.then_some(IsolationLevel::ReadCommitted),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let begun = in_time(self.config, self.databases.begin_migrating(options)).await;
        let transaction = begun.map_err(|cause| match &self.config.direct_url {
            Some(url) => MigrateError::Unusable(UnusableDatabase::direct(url, cause)),
            None => MigrateError::Database(cause),
        })?;
        if is_postgres {
            if !in_time(self.config, try_lock(&transaction)).await? {
                tracing::info!("another server migrates; waiting for it");
                let lock = Query::select().expr(Func::cust("pg_advisory_xact_lock").arg(LOCK)).take();
                transaction.query_all(&lock).await?;
            }
            // A lock is one database's, so where requests could have it too, they lead to another. The names in the
            // addresses would not tell: a pooler may have its own for a database (at Aiven, say).
            if self.config.direct_url.is_some() && in_time(self.config, try_lock(&self.databases.writes)).await? {
                return Err(MigrateError::OtherDatabase);
            }
            // Others queue behind whoever waits to lock a whole table, so no lock is waited for longer than by
            // requests.
            let limit = Query::select().expr(limits::set_lock_timeout(self.config.timeout, Scope::Transaction)).take();
            in_time(self.config, transaction.query_all(&limit)).await?;
        }
        Ok(transaction)
    }
}

/// Takes the lock unless somebody else has it; whether it did. The lock ends with the transaction, and outside of one
/// with the statement.
async fn try_lock(database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    value(database, Func::cust("pg_try_advisory_xact_lock").arg(LOCK)).await
}
