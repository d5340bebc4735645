//! A question with one value for an answer.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbErr, TryGetable,
    sea_query::{Expr, Query},
};

/// What `question` is for the database.
///
/// # Errors
///
/// Where the database does not answer.
pub async fn value<T: TryGetable>(database: &impl ConnectionTrait, question: impl Into<Expr>) -> Result<T, DbErr> {
    let row = database.query_one(&Query::select().expr_as(question.into(), "value").take()).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("an answer".to_owned()))?.try_get("", "value")
}
