//! The schemas of PostgreSQL that a role looks in: that of requests may look in others than the one that migrates.

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait as _, Func, JoinType, Query},
};
use todo_migration::value;

/// Where a role comes to, by its `search_path` and its rights.
pub(super) struct Schemas {
    /// Where it would make tables: the first schema that it may use.
    pub(super) first: Option<String>,
    /// Where it finds the table of tasks, if that is ours: beside it is what says which migrations have been run.
    pub(super) of_tasks: Option<String>,
}

impl Schemas {
    /// Those of the role of a connection.
    pub(super) async fn of(database: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let migrated = Query::select()
            .column("schemaname")
            .from(("pg_catalog", "pg_tables"))
            .and_where(Expr::col("tablename").eq("seaql_migrations"))
            .take();
        let of_tasks = Query::select()
            .expr(Expr::col(("pg_namespace", "nspname")).cast_as("text"))
            .from(("pg_catalog", "pg_class"))
            .join(
                JoinType::InnerJoin,
                ("pg_catalog", "pg_namespace"),
                Expr::col(("pg_namespace", "oid")).equals(("pg_class", "relnamespace")),
            )
            .and_where(Expr::col(("pg_class", "oid")).eq(Func::cust("to_regclass").arg("tasks")))
            .and_where(Expr::col(("pg_namespace", "nspname")).in_subquery(migrated))
            .take();
        Ok(Self {
            first: value(database, Func::cust("current_schema").cast_as("text")).await?,
            of_tasks: value(database, Expr::from(of_tasks)).await?,
        })
    }
}
