//! The second wall between users: whether it stands, where there is to be one, and whether there is a way around it.

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait as _, Func, Query},
};
use todo_migration::{Inherited, current_role, letting_find_keys, quoted, value};

use super::Finding;
use crate::{DatabaseConfig, Databases, Migrations};

/// Whether the second wall stands, where there is to be one, and whether there is a way around it.
pub(super) async fn row_security(databases: &Databases, config: &DatabaseConfig) -> Result<Finding, DbErr> {
    let login = current_role(&databases.writes).await?;
    if !config.row_security {
        return Ok(match Inherited::by(&login, &databases.writes).await? {
            Some(inherited) => Finding::fail(format!("off, but no task can be seen: {inherited}")),
            None => Finding::pass("off; DATABASE_RLS=true makes PostgreSQL itself keep users apart too"),
        });
    }
    let migrator = Migrations::of(databases, config).migrator;
    // As at the start: a role that is there, but lacks a right, is left as it is.
    let is_ready = migrator.role_of_callers(&databases.writes).await?.is_some();
    if !is_ready && config.migrate_on_start && may_migrate(databases, config).await? {
        return Ok(Finding::warn("its role and policies are made at the next start; have a backup first"));
    }
    if let Err(refused) = databases.role_of_callers(&migrator).await {
        return Ok(Finding::fail(refused.to_string()));
    }
    Ok(if may_read(&databases.writes, &login, ("tasks", "title")).await? {
        let remedy = "give DATABASE_URL a role that may not: CREATE ROLE todo LOGIN NOINHERIT";
        Finding::warn(format!("on, and it binds, but {login} may read tasks without it; {remedy}"))
    } else if may_read(&databases.writes, &login, ("idempotency_keys", "answer")).await? {
        let remedy =
            format!("REVOKE SELECT ON idempotency_keys FROM {}; {};", quoted(&login), letting_find_keys(&login));
        let read = "what creations under a key were answered";
        Finding::warn(format!("on, and it binds, but {login} may read without it {read}; {remedy}"))
    } else {
        Finding::pass(format!("on, and it binds; {login} cannot read tasks without it"))
    })
}

/// Whether a start can migrate: by the role of `DATABASE_DIRECT_URL`, or by a login that owns the tables, or may make
/// them where there are none.
async fn may_migrate(databases: &Databases, config: &DatabaseConfig) -> Result<bool, DbErr> {
    if config.direct_url.is_some() {
        return Ok(true);
    }
    let owns = Query::select()
        .expr(Func::cust("pg_has_role").arg(Expr::col("relowner")).arg("USAGE"))
        .from("pg_class")
        .and_where(Expr::col("oid").eq(Func::cust("to_regclass").arg("tasks")))
        .take();
    let owns = value::<Option<bool>>(&databases.writes, Expr::from(owns)).await?;
    let schema = Func::cust("current_schema").cast_as("text");
    let makes = Func::cust("has_schema_privilege").arg(schema).arg("CREATE");
    Ok(owns.or(value(&databases.writes, makes).await?) == Some(true))
}

/// Whether a role may read a column; not where there is no such table.
async fn may_read(database: &impl ConnectionTrait, role: &str, (table, column): (&str, &str)) -> Result<bool, DbErr> {
    let table = Func::cust("to_regclass").arg(table);
    let right = Func::cust("has_column_privilege").arg(role).arg(table).arg(column).arg("SELECT");
    Ok(value::<Option<bool>>(database, right).await? == Some(true))
}
