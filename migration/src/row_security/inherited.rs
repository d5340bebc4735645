//! What would hide every task from servers that run without row-level security.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Func, FunctionCall, Query},
};

use super::{of_callers, policies, quoted};
use crate::value::value;

/// The restrictions of callers bind a server's own role, which would see no row: no caller is set where it asks.
#[derive(Debug, thiserror::Error)]
#[error(
    "{login}, the role of DATABASE_URL, inherits the restrictions of {role}: \
     ALTER ROLE {0} NOINHERIT; (from PostgreSQL 16 on: GRANT {1} TO {0} WITH INHERIT FALSE;)",
    quoted(.login),
    quoted(.role)
)]
pub struct Inherited {
    /// The server's.
    pub login: String,
    /// That of callers.
    pub role: String,
}

impl Inherited {
    /// The refusal, where a policy for callers binds `login` too.
    ///
    /// # Errors
    ///
    /// Where the database does not answer.
    pub async fn by(login: &str, database: &impl ConnectionTrait) -> Result<Option<Self>, DbErr> {
        let owns = has_rights_of(login, Expr::col("relowner"));
        let binding = of_callers()
            .and_where(Expr::col("relrowsecurity"))
            .and_where(Expr::from(has_rights_of(login, Expr::col("rolname"))))
            .and_where(Expr::col("relforcerowsecurity").or(owns.not()))
            .and_where(is_above(login).not())
            .take();
        let role = policies(&binding, database).await?.into_iter().next().map(|(_table, role)| role);
        Ok(role.map(|role| Self { login: login.to_owned(), role }))
    }

    /// The same, of policies for `role` that are yet to be made on tables of `owner`.
    pub(super) async fn to_be(
        login: &str,
        role: &str,
        owner: &str,
        database: &impl ConnectionTrait,
    ) -> Result<Option<Self>, DbErr> {
        let owns = has_rights_of(login, owner);
        let is_bound = has_rights_of(login, role).and(owns.not()).and(is_above(login).not());
        let is_bound = value::<bool>(database, is_bound).await?;
        Ok(is_bound.then(|| Self { login: login.to_owned(), role: role.to_owned() }))
    }
}

/// Whether a role has the rights of another without taking it on.
fn has_rights_of(login: &str, role: impl Into<Expr>) -> FunctionCall {
    Func::cust("pg_has_role").arg(login).arg(role).arg("USAGE")
}

/// Whether no policy binds a role, whoever owns the table.
fn is_above(login: &str) -> Expr {
    let is_above = Query::select()
        .expr(Expr::val(1))
        .from("pg_roles")
        .and_where(Expr::col("rolname").eq(login))
        .and_where(Expr::col("rolsuper").or(Expr::col("rolbypassrls")))
        .take();
    Expr::exists(is_above)
}
