//! The sessions that others have in the database of a connection, as PostgreSQL knows of them.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, QueryResult,
    sea_query::{Expr, ExprTrait as _, Func, Query, SimpleExpr},
};

/// Asks for something of each session, or of those `which` are so.
async fn others(beside: &DatabaseConnection, what: SimpleExpr, which: Option<SimpleExpr>) -> Vec<QueryResult> {
    let mut question = Query::select();
    question
        .expr_as(what, "what")
        .from("pg_stat_activity")
        .and_where(Expr::col("backend_type").eq("client backend"))
        .and_where(Expr::col("datname").eq(Func::cust("current_database")))
        .and_where(Expr::col("pid").ne(Func::cust("pg_backend_pid")));
    if let Some(which) = which {
        question.and_where(which);
    }
    beside.query_all(&question).await.expect("an answer")
}

/// Those of a role, by the numbers of their processes.
///
/// # Panics
///
/// Where the database does not answer.
pub async fn processes_of(beside: &DatabaseConnection, role: &str) -> BTreeSet<i32> {
    let of_role = others(beside, Expr::col("pid"), Some(Expr::col("usename").eq(role))).await;
    of_role.iter().map(|session| session.try_get("", "what").expect("a number")).collect()
}

/// How many there are.
pub async fn connections(beside: &DatabaseConnection) -> usize {
    others(beside, Expr::col("pid"), None).await.len()
}

/// How many wait for somebody's lock.
pub async fn waiting(beside: &DatabaseConnection) -> usize {
    others(beside, Expr::col("pid"), Some(Expr::col("wait_event_type").eq("Lock"))).await.len()
}

/// How many are in that state, such as `active`.
pub async fn in_state(beside: &DatabaseConnection, state: &str) -> usize {
    others(beside, Expr::col("pid"), Some(Expr::col("state").eq(state))).await.len()
}

/// Ends them all, as an administrator may, and a serverless database does before it sleeps. Says how many they were.
pub async fn cut(beside: &DatabaseConnection) -> usize {
    others(beside, Func::cust("pg_terminate_backend").arg(Expr::col("pid")).into(), None).await.len()
}
