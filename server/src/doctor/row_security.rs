//! The second wall between users: whether it stands, where there is to be one, and whether there is a way around it.

use sea_orm::{ConnectionTrait, DbErr, sea_query::Func};
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
    let migrations = Migrations::of(databases, config);
    // As at the start: a role that is there, but lacks a right, is left as it is.
    let is_ready = migrations.migrator.role_of_callers(&databases.writes).await?.is_some();
    if !is_ready && config.migrate_on_start {
        let made = "its role and policies are made at the next start; have a backup first";
        match migrations.rehearse().await {
            Ok(true) => return Ok(Finding::warn(made)),
            // Who has to migrate instead, is told below.
            Ok(false) => {}
            Err(refused) => return Ok(Finding::fail(refused.to_string())),
        }
    }
    if let Err(refused) = databases.role_of_callers(&migrations.migrator).await {
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

/// Whether a role may read a column; not where there is no such table.
async fn may_read(database: &impl ConnectionTrait, role: &str, (table, column): (&str, &str)) -> Result<bool, DbErr> {
    let table = Func::cust("to_regclass").arg(table);
    let right = Func::cust("has_column_privilege").arg(role).arg(table).arg(column).arg("SELECT");
    Ok(value::<Option<bool>>(database, right).await? == Some(true))
}
