//! The second wall between users: whether it stands, where there is to be one, and whether there is a way around it.

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait as _, Func, Query},
};
use todo_migration::{Inherited, Migrator, current_role, letting_find_keys, quoted, value};

use super::{Finding, postgres::another};
use crate::{DatabaseConfig, Databases, Migrations, database::in_time};

/// Whether the second wall stands, where there is to be one, and whether there is a way around it.
pub(super) async fn row_security(databases: &Databases, config: &DatabaseConfig) -> Result<Finding, DbErr> {
    if !config.row_security {
        return in_time(config, without(databases)).await;
    }
    let migrations = Migrations::of(databases, config);
    // As at the start: a role that is there, but lacks a right, is left as it is.
    let is_ready = in_time(config, migrations.migrator.role_of_callers(&databases.writes)).await?.is_some();
    if !is_ready && config.migrate_on_start {
        let made = "its role and policies are made at the next start; have a backup first";
        match migrations.rehearse().await {
            Ok(true) => return Ok(Finding::warn(made)),
            // Who has to migrate instead, is told below.
            Ok(false) => {}
            Err(refused) => return Ok(Finding::fail(refused.to_string())),
        }
    }
    in_time(config, with(databases, config, &migrations.migrator)).await
}

/// The same, where there is to be none.
async fn without(databases: &Databases) -> Result<Finding, DbErr> {
    let login = current_role(&databases.writes).await?;
    Ok(match Inherited::by(&login, &databases.writes).await? {
        Some(inherited) => Finding::fail(format!("off, but no task can be seen: {inherited}")),
        None => Finding::pass("off; DATABASE_RLS=true makes PostgreSQL itself keep users apart too"),
    })
}

/// The same, where there is to be one, and the next start makes nothing for it.
async fn with(databases: &Databases, config: &DatabaseConfig, migrator: &Migrator) -> Result<Finding, DbErr> {
    if let Err(refused) = databases.role_of_callers(migrator).await {
        return Ok(Finding::fail(refused.to_string()));
    }
    let login = current_role(&databases.writes).await?;
    Ok(if may_read(&databases.writes, &login, ("tasks", "title")).await? {
        let remedy = if was_granted(&databases.writes, &login).await? {
            let tables = if config.users_table.is_none() { "tasks, users" } else { "tasks" };
            format!("REVOKE ALL ON {tables} FROM {};", quoted(&login))
        } else {
            format!("give DATABASE_URL a role that may not: CREATE ROLE {} LOGIN NOINHERIT", another(&login))
        };
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

/// Whether a role may read a column; not where there is no such table.
async fn may_read(database: &impl ConnectionTrait, role: &str, (table, column): (&str, &str)) -> Result<bool, DbErr> {
    let table = Func::cust("to_regclass").arg(table);
    let right = Func::cust("has_column_privilege").arg(role).arg(table).arg(column).arg("SELECT");
    Ok(value::<Option<bool>>(database, right).await? == Some(true))
}

/// Whether a role may read tasks because that was granted to it, and so can be revoked: not where it has the rights of
/// who grants, as their owner has, and a superuser.
async fn was_granted(database: &impl ConnectionTrait, role: &str) -> Result<bool, DbErr> {
    let granted = Query::select()
        .expr(Expr::val(1))
        .from(("information_schema", "column_privileges"))
        .and_where(Expr::col("table_schema").eq(Func::cust("current_schema")))
        .and_where(Expr::col("table_name").eq("tasks"))
        .and_where(Expr::col("column_name").eq("title"))
        .and_where(Expr::col("privilege_type").eq("SELECT"))
        .and_where(Expr::col("grantee").eq(role))
        .and_where(Func::cust("pg_has_role").arg(Expr::col("grantor")).arg("USAGE").not())
        .take();
    value(database, Expr::exists(granted)).await
}
