//! Migrations, under a lock: several servers may start at once, and one of them migrates.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions,
    sea_query::{Func, Query},
};
use todo_migration::{Migration, MigrationStatus, Migrator, MigratorTraitSelf as _, OtherUsersTable};

use crate::{DatabaseConfig, DatabaseUrl, Databases, UnusableDatabase};

/// The key of the lock in PostgreSQL: any number that nobody else uses, here the letters `todo`.
const LOCK: i64 = 0x746f_646f;

/// The migrations of one database.
#[derive(Debug)]
pub struct Migrations<'a> {
    databases: &'a Databases,
    /// The address that they go to, where it is not that of requests.
    direct_url: Option<&'a DatabaseUrl>,
    migrator: Migrator,
    row_security: bool,
}

/// A migration did not go through. Nothing of it is left: all pending ones are one transaction.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Pending migrations, and nobody allowed to run them.
    #[error(
        "migrations are pending ({0}) and MIGRATE_ON_START is false; \
         run `todo-server migrate up` with a role that may create tables"
    )]
    Pending(String),
    /// The database said no, or a migration did.
    #[error(
        "the migrations did not go through: {0}; they need a role that may create tables, in DATABASE_DIRECT_URL, or in \
         DATABASE_URL where that is not set"
    )]
    Database(#[from] DbErr),
    /// The address that they go to leads nowhere.
    #[error(transparent)]
    Unusable(UnusableDatabase),
    /// The address that they go to leads to another database than that of requests.
    #[error(
        "DATABASE_DIRECT_URL leads to another database than DATABASE_URL, and nothing was changed there; set it to the same \
         database, past the pooler, or leave it unset"
    )]
    OtherDatabase,
    /// The policies of row-level security cannot be made.
    #[error(
        "DATABASE_RLS is true, but its role and policies cannot be made: {0}; set DATABASE_DIRECT_URL to a role that owns \
         the tables and may create roles, or make the role yourself, as docs/row-level-security.md shows"
    )]
    RowSecurity(DbErr),
    /// The table of users is another one than before.
    #[error(transparent)]
    OtherUsersTable(#[from] OtherUsersTable),
}

impl<'a> Migrations<'a> {
    /// The migrations of one database, as configured.
    #[must_use]
    pub fn of(databases: &'a Databases, config: &'a DatabaseConfig) -> Self {
        let migrator = Migrator::new(config.users_table.clone());
        Self { databases, direct_url: config.direct_url.as_ref(), migrator, row_security: config.row_security }
    }

    /// Makes sure that nothing is pending, by migrating where that is allowed, and that the tasks belong to
    /// the configured table of users; and, where that is allowed, that row-level security has what it needs.
    ///
    /// # Errors
    ///
    /// Where something stays pending, or they belong to another table.
    pub async fn settle(&self, allowed: bool) -> Result<(), MigrateError> {
        if allowed && self.row_security && self.role_of_callers().await?.is_none() {
            self.up().await?;
        }
        let pending = self.pending().await?;
        match pending.as_slice() {
            [] => {}
            _ if allowed => self.up().await?,
            _ => return Err(MigrateError::Pending(pending.join(", "))),
        }
        match self.migrator.other_users_table(&self.databases.writes).await? {
            Some(other) => Err(other.into()),
            None => Ok(()),
        }
    }

    /// Runs what is pending, and makes the policies of row-level security, where it is on, or makes them good.
    ///
    /// # Errors
    ///
    /// Where the database or a migration says no; then nothing has changed.
    pub async fn up(&self) -> Result<(), MigrateError> {
        let transaction = self.lock().await?;
        self.migrator.up(&transaction, None).await?;
        if self.row_security {
            let login = todo_migration::current_role(&self.databases.writes).await?;
            self.migrator.guard(&login, &transaction).await.map_err(MigrateError::RowSecurity)?;
        }
        Ok(transaction.commit().await?)
    }

    /// Takes the last `steps` migrations back, and their data with them.
    ///
    /// # Errors
    ///
    /// As [`Migrations::up`].
    pub async fn down(&self, steps: u32) -> Result<(), MigrateError> {
        let transaction = self.lock().await?;
        self.migrator.down(&transaction, Some(steps)).await?;
        Ok(transaction.commit().await?)
    }

    /// Each migration by name, and whether it has been run. Changes nothing, so any role may ask.
    ///
    /// # Errors
    ///
    /// Where the database does not answer, or has migrations that this server does not know.
    pub async fn status(&self) -> Result<Vec<(String, bool)>, MigrateError> {
        let migrations = self.migrator.get_migration_with_status_read_only(&self.databases.writes).await?;
        let told =
            |migration: &Migration| (migration.name().to_owned(), migration.status() == MigrationStatus::Applied);
        Ok(migrations.iter().map(told).collect())
    }

    /// The role of callers, where row-level security has all that it needs; `None` where something is missing.
    pub(crate) async fn role_of_callers(&self) -> Result<Option<String>, DbErr> {
        self.migrator.role_of_callers(&self.databases.writes).await
    }

    /// The tables that row-level security guards.
    pub(crate) fn guarded_tables(&self) -> impl Iterator<Item = &'static str> {
        self.migrator.guarded_tables()
    }

    async fn pending(&self) -> Result<Vec<String>, DbErr> {
        let pending = self.migrator.get_pending_migrations_read_only(&self.databases.writes).await?;
        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
    }

    /// A transaction that is alone in migrating. The lock ends with it, so it works through a
    /// transaction pooler, and no crash can leave it behind.
    async fn lock(&self) -> Result<DatabaseTransaction, MigrateError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.databases.begin_migrating(options).await.map_err(|cause| match self.direct_url {
            Some(url) => MigrateError::Unusable(UnusableDatabase::direct(url, cause)),
            None => MigrateError::Database(cause),
        })?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            let lock = Query::select().expr(Func::cust("pg_advisory_xact_lock").arg(LOCK)).take();
            transaction.query_all(&lock).await?;
            if self.direct_url.is_some() && self.is_lock_free().await? {
                return Err(MigrateError::OtherDatabase);
            }
        }
        Ok(transaction)
    }

    /// Whether requests could have the lock while it is held for migrating. A lock is one database's, so they lead to
    /// another then. The names in the addresses would not tell: a pooler may have its own for a database (at Aiven, say).
    async fn is_lock_free(&self) -> Result<bool, DbErr> {
        let lock = Query::select().expr_as(Func::cust("pg_try_advisory_xact_lock").arg(LOCK), "free").take();
        let row = self.databases.writes.query_one(&lock).await?;
        row.ok_or_else(|| DbErr::RecordNotFound("an answer".to_owned()))?.try_get("", "free")
    }
}
