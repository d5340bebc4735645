//! Why migrations do not go through, and what to do about it.

use sea_orm::DbErr;
use todo_migration::{OtherUsersTable, quoted};

use crate::{
    UnusableDatabase,
    database::{
        UNANSWERED,
        codes::postgres,
        trouble::{code_of, is_taken},
        words,
    },
};

/// A migration did not go through. Nothing of it is left: all pending ones are one transaction.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Pending migrations, and nobody allowed to run them.
    #[error(
        "migrations are pending ({0}) and MIGRATE_ON_START is false; \
         run `todo-server migrate up` with a role that may create tables; where that was done, on PostgreSQL, GRANT \
         the role of DATABASE_URL USAGE on the schema of the tables, and give both roles the same search_path"
    )]
    Pending(String),
    /// What a later release has run stands in the way.
    #[error(
        "a later release has run migrations that this one does not know ({}); run that one, or have it take them back \
         first, with their data: `todo-server migrate down`",
        .0.join(", ")
    )]
    Later(Vec<String>),
    /// Migrations have been run there, and none of them is ours; this is one.
    #[error(
        "the table seaql_migrations is another program's, which has run {0}; use a database, or a schema, of the \
         tasks' own"
    )]
    OtherProgram(String),
    /// The database said no, or a migration did.
    #[error("the migrations did not go through, and nothing was changed: {}{}", words(.0), remedy(.0))]
    Database(#[from] DbErr),
    /// The role of requests may not know.
    #[error(
        "it cannot be read which migrations have been run: {}; `todo-server doctor` names the rights that the role of \
         DATABASE_URL lacks, or, with DATABASE_RLS, what gives them",
        words(.0)
    )]
    Hidden(DbErr),
    /// The role of migrations may not know, so the tables are another's.
    #[error(
        "it cannot be read which migrations have been run: {}; set DATABASE_DIRECT_URL to the role that owns \
         the tables",
        words(.0)
    )]
    Unowned(DbErr),
    /// The address that they go to leads nowhere.
    #[error(transparent)]
    Unusable(UnusableDatabase),
    /// The address that they go to leads to another database than that of requests.
    #[error(
        "DATABASE_DIRECT_URL leads to another database than DATABASE_URL, and nothing was changed there; set it to the same \
         database, past the pooler, or leave it unset"
    )]
    OtherDatabase,
    /// It leads to another schema than that of the tables in use.
    #[error(
        "the role of DATABASE_URL finds the tables in schema {in_use}, and migrations would go to schema {other}, so \
         nothing was changed; give it and the role of DATABASE_DIRECT_URL the same search_path, which begins with a \
         schema that both may use"
    )]
    OtherSchema {
        /// That of the tables in use.
        in_use: String,
        /// The one that it leads to.
        other: String,
    },
    /// Nothing is pending, but of no use to the role of requests.
    #[error(
        "the tables are in schema {schema}, where the role of DATABASE_URL does not find them: GRANT USAGE ON SCHEMA {0} \
         TO {1}; and give it and the role of DATABASE_DIRECT_URL the same search_path",
        quoted(schema),
        quoted(role)
    )]
    Unfound {
        /// That of the tables.
        schema: String,
        /// That of requests.
        role: String,
    },
    /// The policies of row-level security cannot be made.
    #[error("DATABASE_RLS is true, but its role and policies cannot be made: {}{}", words(.0), of_policies(.0))]
    RowSecurity(DbErr),
    /// The table of users is another one than before.
    #[error(transparent)]
    OtherUsersTable(#[from] OtherUsersTable),
}

/// What to do about it where the database says no; a refusal of ours says so itself.
fn of_policies(error: &DbErr) -> &'static str {
    match error {
        DbErr::Migration(_) => "",
        _ => {
            "; set DATABASE_DIRECT_URL to a role that owns the tables and may create roles, or make the role yourself, as \
             docs/row-level-security.md shows"
        }
    }
}

/// What to do about it, where the error's words do not say so.
fn remedy(error: &DbErr) -> &'static str {
    match code_of(error).as_deref() {
        Some(postgres::INSUFFICIENT_PRIVILEGE) => {
            "; they need a role that may create tables, in DATABASE_DIRECT_URL, or in DATABASE_URL where that is not set"
        }
        Some(postgres::LOCK_NOT_AVAILABLE) => {
            "; end what has the table locked (pg_stat_activity; a dump, perhaps), or try again after it"
        }
        Some(postgres::READ_ONLY_SQL_TRANSACTION) => {
            "; give DATABASE_DIRECT_URL, or DATABASE_URL where that is not set, the address of one that takes writes"
        }
        Some(postgres::INVALID_SCHEMA_NAME) => {
            "; GRANT the role that migrates USAGE and CREATE on a schema (public, say) that its search_path leads to"
        }
        // No key, or no table at all.
        Some(postgres::INVALID_FOREIGN_KEY | postgres::WRONG_OBJECT_TYPE) => {
            "; have the system that owns the table of users make its id the primary key, or correct USERS_TABLE"
        }
        _ if matches!(error, DbErr::ConnectionAcquire(_)) => UNANSWERED,
        _ if is_taken(error) => "; another program has its tables there: use a database of the tasks' own",
        _ => "",
    }
}
