//! The table that tasks belong to, ours or another system's.

use std::{fmt, str::FromStr};

use sea_orm_migration::{
    SchemaManager,
    sea_orm::{
        ConnectionTrait, DbBackend, DbErr, QueryResult,
        sea_query::{Alias, Expr, ExprTrait, Func, IntoTableRef, Query, SelectStatement, TableRef},
    },
};

/// The name of the table of users: `users`, `user`, or with a schema, `neon_auth.user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersTable {
    schema: Option<String>,
    table: String,
}

/// The name cannot be one of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a table, such as user, or of a schema and a table, such as neon_auth.user")]
pub struct InvalidUsersTable;

impl Default for UsersTable {
    fn default() -> Self {
        Self { schema: None, table: "users".to_owned() }
    }
}

impl FromStr for UsersTable {
    type Err = InvalidUsersTable;

    fn from_str(name: &str) -> Result<Self, InvalidUsersTable> {
        // PostgreSQL keeps 63 bytes of a name and drops the rest in silence.
        let is_good =
            |part: &str| (1..=63).contains(&part.len()) && !part.contains(|c: char| c.is_control() || c == '.');
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, name),
        };
        if !is_good(table) || !schema.is_none_or(is_good) {
            return Err(InvalidUsersTable);
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

    /// Makes sure that `tasks.user_id`, a text, can reference its `id`.
    pub(crate) async fn check(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let Some(column) = manager.get_connection().query_one(&self.id_column(manager.get_database_backend())).await?
        else {
            return Err(DbErr::Migration(format!(
                "there is no table {self} with a column id; run the migrations of the system that owns it first \
                 (for Better Auth: npx @better-auth/cli migrate), or correct USERS_TABLE"
            )));
        };
        let kind = type_of(&column)?;
        if !["text", "character varying", "varchar", "character"].contains(&kind.as_str()) {
            return Err(DbErr::Migration(format!(
                "{self}.id is of type {kind}, which tasks.user_id, a varchar(255), cannot reference; \
                 have that system make its ids text (Better Auth does so unless advanced.database.generateId is set)"
            )));
        }
        Ok(())
    }

    /// Asks the catalogue for the type of `id`.
    fn id_column(&self, backend: DbBackend) -> SelectStatement {
        if backend == DbBackend::Sqlite {
            return Query::select()
                .expr_as(Expr::col("type"), "kind")
                .from_function(Func::cust("pragma_table_info").arg(self.table.as_str()), "columns")
                .and_where(Expr::col("name").eq("id"))
                .take();
        }
        let schema = match &self.schema {
            Some(schema) => Expr::val(schema.as_str()),
            None => Func::cust("current_schema").into(),
        };
        Query::select()
            .expr_as(Expr::col("data_type").cast_as("text"), "kind")
            .from(("information_schema", "columns"))
            .and_where(Expr::col("table_schema").eq(schema))
            .and_where(Expr::col("table_name").eq(self.table.as_str()))
            .and_where(Expr::col("column_name").eq("id"))
            .take()
    }
}

/// The type without its length, in small letters: SQLite keeps it as it was written.
fn type_of(column: &QueryResult) -> Result<String, DbErr> {
    let kind: String = column.try_get("", "kind")?;
    let name = kind.split_once('(').map_or(kind.as_str(), |(name, _length)| name);
    Ok(name.trim().to_ascii_lowercase())
}
