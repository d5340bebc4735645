//! What would hide every task from servers that run without row-level security.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait, Func, Query},
};

use super::{of_callers, policies, quoted};

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
        let is_above = Query::select()
            .expr(Expr::val(1))
            .from("pg_roles")
            .and_where(Expr::col("rolname").eq(login))
            .and_where(Expr::col("rolsuper").or(Expr::col("rolbypassrls")))
            .take();
        let has_rights_of = |role: &'static str| Func::cust("pg_has_role").arg(login).arg(Expr::col(role)).arg("USAGE");
        let binding = of_callers()
            .and_where(Expr::col("relrowsecurity"))
            .and_where(Expr::from(has_rights_of("rolname")))
            .and_where(Expr::col("relforcerowsecurity").or(has_rights_of("relowner").not()))
            .and_where(Expr::exists(is_above).not())
            .take();
        let role = policies(&binding, database).await?.into_iter().next().map(|(_table, role)| role);
        Ok(role.map(|role| Self { login: login.to_owned(), role }))
    }
}
