//! The table that tasks belong to, ours or another system's.

use std::{fmt, str::FromStr};

use sea_orm_migration::{
    SchemaManager,
    sea_orm::{
        ConnectionTrait, DbBackend, DbErr, QueryResult,
        sea_query::{Alias, Expr, ExprTrait, Func, IntoTableRef, JoinType, Query, SelectStatement, TableRef},
    },
};

use crate::value::value;

/// The name of the table of users: `users`, `user`, or with a schema, `neon_auth.user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersTable {
    schema: Option<String>,
    table: String,
}

/// The tasks belong to another table than the configured one.
#[derive(Debug, thiserror::Error)]
#[error(
    "the tasks belong to the table {actual}, but USERS_TABLE says {configured}: set it to {actual} (leave it unset, where \
     {actual} is a table of this server's), or, where the tasks may go, run `todo-server migrate down {migrations}` with it \
     as it was before"
)]
pub struct OtherUsersTable {
    /// The table that `tasks` references.
    pub actual: String,
    /// The table that is configured.
    pub configured: UsersTable,
    /// How many migrations there are to take back.
    pub migrations: usize,
}

impl Default for UsersTable {
    fn default() -> Self {
        Self { schema: None, table: "users".to_owned() }
    }
}

impl FromStr for UsersTable {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        // PostgreSQL keeps 63 bytes of a name and drops the rest in silence.
        let is_good =
            |part: &str| (1..=63).contains(&part.len()) && !part.contains(|c: char| c.is_control() || c == '.');
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, name),
        };
        if !is_good(table) || !schema.is_none_or(is_good) {
            return Err(
                "must be the name of a table, such as user, or of a schema and a table, such as neon_auth.user",
            );
        }
        Ok(Self { schema: schema.map(str::to_owned), table: table.to_owned() })
    }
}

impl fmt::Display for UsersTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(formatter, "{schema}.")?;
        }
        formatter.write_str(&self.table)
    }
}

impl UsersTable {
    /// The table, for statements.
    pub(crate) fn table_ref(&self) -> TableRef {
        let table = Alias::new(&self.table);
        match &self.schema {
            Some(schema) => (Alias::new(schema), table).into_table_ref(),
            None => table.into_table_ref(),
        }
    }

    /// Whether it has a row of that `id`.
    ///
    /// # Errors
    ///
    /// Where the database does not answer, or the role may not know.
    pub async fn has(&self, id: &str, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let row = Query::select().expr(Expr::val(1)).from(self.table_ref()).and_where(Expr::col("id").eq(id)).take();
        value(database, Expr::exists(row)).await
    }

    /// Makes sure that `tasks.user_id`, a text, can reference its `id`.
    pub(crate) async fn check(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let is_sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        if let Some(schema) = self.schema.as_ref().filter(|_| is_sqlite) {
            let table = &self.table;
            return Err(DbErr::Migration(format!("SQLite has no schema {schema}; write USERS_TABLE={table}")));
        }
        let columns = self.columns(manager).await?;
        let Some((_, kind)) = columns.iter().find(|(name, _)| name == "id") else {
            let rights = if is_sqlite {
                ""
            } else {
                " that our role may know of; GRANT it USAGE on the schema and REFERENCES on the table, if that is there"
            };
            return Err(DbErr::Migration(format!(
                "there is no table {self} with a column id{rights}; run the migrations of the system that owns it first \
                 (for Better Auth: npx auth@latest migrate), or correct USERS_TABLE"
            )));
        };
        let is_text = if is_sqlite {
            is_text_to_sqlite(kind)
        } else {
            ["text", "character varying", "character"].contains(&kind.as_str())
        };
        if !is_text {
            return Err(DbErr::Migration(format!(
                "{self}.id is of type {kind}, which tasks.user_id, a varchar(255), cannot reference; \
                 have that system make its ids text (Better Auth does so unless advanced.database.generateId is set)"
            )));
        }
        Ok(())
    }

    /// Makes sure that `tasks.user_id` references a key. PostgreSQL checks that when it makes the reference; SQLite
    /// only when it is asked to, and else at each write.
    pub(crate) async fn check_reference(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        let violations = Query::select()
            .expr(Expr::val(1))
            .from_function(Func::cust("pragma_foreign_key_check").arg("tasks"), "violations")
            .take();
        manager.get_connection().query_all(&violations).await.map(drop).map_err(|cause| {
            DbErr::Migration(format!(
                "{self}.id is no key that tasks.user_id could reference ({cause}); have the system that owns the table make it \
                 the primary key, or correct USERS_TABLE"
            ))
        })
    }

    /// The name of the table that `tasks.user_id` references, where that is another one than this.
    pub(crate) async fn other(&self, database: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
        let Some(row) = database.query_one(&referenced(database.get_database_backend())).await? else {
            return Ok(None);
        };
        let actual: String = row.try_get("", "name")?;
        let schema: Option<String> = row.try_get("", "schema")?;
        let is_found_without: bool = row.try_get("", "is_found_without")?;
        let is_there = if self.schema.is_some() { self.schema == schema } else { is_found_without };
        if actual == self.table && is_there {
            return Ok(None);
        }
        Ok(Some(match schema {
            Some(schema) if !is_found_without => format!("{schema}.{actual}"),
            _ => actual,
        }))
    }

    /// Its columns, each with its type; none where there is no such table.
    pub(crate) async fn columns(&self, manager: &SchemaManager<'_>) -> Result<Vec<(String, String)>, DbErr> {
        let columns = self.catalogue(manager.get_database_backend());
        let rows = manager.get_connection().query_all(&columns).await?;
        rows.iter().map(|column| Ok((column.try_get("", "column")?, type_of(column)?))).collect()
    }

    /// Asks the catalogue for the columns.
    fn catalogue(&self, backend: DbBackend) -> SelectStatement {
        if backend == DbBackend::Sqlite {
            return Query::select()
                .expr_as(Expr::col("name"), "column")
                .expr_as(Expr::col("type"), "kind")
                .from_function(Func::cust("pragma_table_info").arg(self.table.as_str()), "columns")
                .take();
        }
        let schema = match &self.schema {
            Some(schema) => Expr::val(schema.as_str()),
            None => Func::cust("current_schema").into(),
        };
        Query::select()
            .expr_as(Expr::col("column_name").cast_as("text"), "column")
            .expr_as(Expr::col("data_type").cast_as("text"), "kind")
            .from(("information_schema", "columns"))
            .and_where(Expr::col("table_schema").eq(schema))
            .and_where(Expr::col("table_name").eq(self.table.as_str()))
            .take()
    }
}

/// Asks the catalogue for the table that `tasks.user_id` references, and whether its name without a schema means it.
/// Not the information schema, which shows references to the owner of the table alone.
fn referenced(backend: DbBackend) -> SelectStatement {
    if backend == DbBackend::Sqlite {
        return Query::select()
            .expr_as(Expr::col("table"), "name")
            .expr_as(Expr::val(Option::<String>::None), "schema")
            .expr_as(Expr::val(true), "is_found_without")
            .from_function(Func::cust("pragma_foreign_key_list").arg("tasks"), "keys")
            .and_where(Expr::col("from").eq("user_id"))
            .take();
    }
    Query::select()
        .expr_as(Expr::col(("owner", "relname")).cast_as("text"), "name")
        .expr_as(Expr::col(("namespace", "nspname")).cast_as("text"), "schema")
        .expr_as(Func::cust("pg_table_is_visible").arg(Expr::col(("owner", "oid"))), "is_found_without")
        .from_as(("pg_catalog", "pg_constraint"), "key")
        .join_as(
            JoinType::InnerJoin,
            ("pg_catalog", "pg_class"),
            "owner",
            Expr::col(("owner", "oid")).equals(("key", "confrelid")),
        )
        .join_as(
            JoinType::InnerJoin,
            ("pg_catalog", "pg_namespace"),
            "namespace",
            Expr::col(("namespace", "oid")).equals(("owner", "relnamespace")),
        )
        .and_where(Expr::col(("key", "conname")).eq("fk_tasks_user_id"))
        .and_where(Expr::col(("key", "conrelid")).eq(Func::cust("to_regclass").arg("tasks")))
        .take()
}

/// Whether a column of that type keeps a text as it is, by SQLite's rules: a type is whatever its name has in it.
fn is_text_to_sqlite(kind: &str) -> bool {
    kind.is_empty() || (!kind.contains("int") && ["char", "clob", "text"].iter().any(|part| kind.contains(part)))
}

/// The type without its length, in small letters: SQLite keeps it as it was written.
fn type_of(column: &QueryResult) -> Result<String, DbErr> {
    let kind: String = column.try_get("", "kind")?;
    let name = kind.split_once('(').map_or(kind.as_str(), |(name, _length)| name);
    Ok(name.trim().to_ascii_lowercase())
}
