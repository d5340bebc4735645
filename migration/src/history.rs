//! The table that says which migrations have been run. It is the library's.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbBackend, DbErr,
    sea_query::{Expr, ExprTrait, Func, Query},
};

pub(crate) const TABLE: &str = "seaql_migrations";

/// Whether it is there. The library looks into the information schema, which hides a table from a role without rights
/// on it: to such a one, no migration would ever have been run.
pub(crate) async fn is_there(database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let mut table = Query::select().expr(Expr::val(1)).take();
    if database.get_database_backend() == DbBackend::Sqlite {
        table.from("sqlite_master").and_where(Expr::col("name").eq(TABLE));
    } else {
        table
            .from(("pg_catalog", "pg_tables"))
            .and_where(Expr::col("schemaname").eq(Func::cust("current_schema")))
            .and_where(Expr::col("tablename").eq(TABLE));
    }
    Ok(database.query_one(&table).await?.is_some())
}
