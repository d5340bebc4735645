//! What the role may do on the tables, and what it should.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait as _, Func, Query},
};
use todo_migration::{RIGHTS_OF_SERVERS, Right, current_role, quoted, value};

use super::Finding;
use crate::{DatabaseConfig, Databases, Migrations};

/// Whether the roles that carry out statements have the rights to; tables that are not there yet lack none.
pub(super) async fn rights(databases: &Databases, config: &DatabaseConfig) -> Result<Finding, DbErr> {
    let (database, migrator) = (&databases.writes, Migrations::of(databases, config).migrator);
    let login = current_role(database).await?;
    let callers = migrator.role_of_callers(database).await?.filter(|_| config.row_security);
    if config.row_security && callers.is_none() {
        // Granted to the login itself, the rights would stay with it: a way around row-level security.
        return Ok(Finding::pass("whoever migrates gives the roles what they need; see rls"));
    }
    if !config.row_security && may(database, &login, ("tasks", "SELECT")).await?.is_none() {
        let grant = |schema: &String| format!("GRANT USAGE ON SCHEMA {} TO {};", quoted(schema), quoted(&login));
        let grants: Vec<_> = closed_schemas(database, &login).await?.iter().map(grant).collect();
        if !grants.is_empty() {
            let said = "the role does not find what is in a schema of its search_path";
            return Ok(Finding::fail(format!("{said}; {}", grants.join(" "))));
        }
    }
    let of_requests = migrator.rights_of_requests().map(|right| (callers.as_ref().unwrap_or(&login), right));
    let of_servers = RIGHTS_OF_SERVERS.map(|right| (&login, right));
    let mut lacking = BTreeMap::<_, BTreeSet<_>>::new();
    for (role, (table, right)) in of_requests.chain(of_servers) {
        if may(database, role, (table, right)).await? == Some(false) {
            lacking.entry((table, role)).or_default().insert(right);
        }
    }
    if lacking.is_empty() {
        return Ok(Finding::pass("the role may do on the tables what the server needs"));
    }
    let grant = |((table, role), rights): ((&str, &String), BTreeSet<_>)| {
        let rights = rights.into_iter().collect::<Vec<_>>().join(", ");
        format!("GRANT {rights} ON {table} TO {};", quoted(role))
    };
    let grants = lacking.into_iter().map(grant).collect::<Vec<_>>().join(" ");
    Ok(Finding::fail(format!("the role may not do on the tables what the server needs; {grants}")))
}

/// The schemas that the role may not use, before the first of its `search_path` that it may.
async fn closed_schemas(database: &impl ConnectionTrait, login: &str) -> Result<Vec<String>, DbErr> {
    let path: String = value(database, Func::cust("current_setting").arg("search_path")).await?;
    let first: Option<String> = value(database, Func::cust("current_schema").cast_as("text")).await?;
    let names = path.split(',').map(|name| match name.trim().trim_matches('"') {
        "$user" => login,
        name => name,
    });
    let closed = Query::select()
        .expr_as(Expr::col("nspname").cast_as("text"), "name")
        .from(("pg_catalog", "pg_namespace"))
        .and_where(Expr::col("nspname").is_in(names.take_while(|name| Some(*name) != first.as_deref())))
        .and_where(Func::cust("has_schema_privilege").arg(Expr::col("oid")).arg("USAGE").not())
        .take();
    database.query_all(&closed).await?.iter().map(|row| row.try_get("", "name")).collect()
}

/// Whether a role has a right on a table; `None` where there is no such table.
async fn may(database: &impl ConnectionTrait, role: &str, (table, right): Right) -> Result<Option<bool>, DbErr> {
    let table = Func::cust("to_regclass").arg(table);
    let right = Func::cust("has_table_privilege").arg(role).arg(table).arg(right);
    value(database, right).await
}
