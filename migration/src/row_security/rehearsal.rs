//! What row-level security takes, tried without a lock on a table: servers may be at work on them.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Func, Query},
};

use super::{Inherited, current_role, enrol};
use crate::value::value;

/// Whether the role that asks owns the tables, or may make them where there are none. Where it does, the role of
/// callers is made for `login`, as [`Migrator::guard`](crate::Migrator::guard) makes it: in a transaction that is to be
/// rolled back. So it is tried and not looked up, since each version of PostgreSQL has rules of its own for both.
///
/// # Errors
///
/// As [`Migrator::guard`](crate::Migrator::guard).
pub async fn rehearse(login: &str, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let owner = Query::select()
        .expr(Func::cust("pg_get_userbyid").arg(Expr::col("relowner")).cast_as("text"))
        .from("pg_class")
        .and_where(Expr::col("oid").eq(Func::cust("to_regclass").arg("tasks")))
        .take();
    let owner: Option<String> = value(database, Expr::from(owner)).await?;
    let schema = Func::cust("current_schema").cast_as("text");
    let may = match owner.as_deref() {
        Some(owner) => Func::cust("pg_has_role").arg(owner).arg("USAGE"),
        None => Func::cust("has_schema_privilege").arg(schema).arg("CREATE"),
    };
    if value::<Option<bool>>(database, may).await? != Some(true) {
        return Ok(false);
    }
    let role = enrol(login, database).await?;
    let owner = match owner {
        Some(owner) => owner,
        // Who makes the tables owns them.
        None => current_role(database).await?,
    };
    match Inherited::to_be(login, &role, &owner, database).await? {
        Some(inherited) => Err(DbErr::Migration(inherited.to_string())),
        None => Ok(true),
    }
}
