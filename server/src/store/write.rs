//! Statements that write tasks. They return them, or count them where they are many, and the number of their
//! transaction, for what is [remembered](super::memory).

use std::iter;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Iterable, QueryResult, StatementBuilder,
    sea_query::{
        Asterisk, CommonTableExpression, Expr, ExprTrait, Func, Query, ReturningClause, SubQueryStatement, WithQuery,
    },
};
use todo_api::UserId;

use super::memory::{Edit, Memory, Writing};
use crate::entity::task::{Column, Model};

/// The name of what a statement wrote, where it is counted.
const WRITTEN: &str = "written";

/// What a statement wrote.
pub(super) struct Written {
    pub(super) tasks: Vec<Model>,
    /// By which transaction; none where it has no number.
    transaction: Option<u64>,
}

impl Written {
    /// Carries out the statement that is made of what it has to return.
    pub(super) async fn by<S: StatementBuilder>(
        statement: impl FnOnce(ReturningClause) -> S,
        database: &impl ConnectionTrait,
    ) -> Result<Self, DbErr> {
        let is_numbered = is_numbered(database);
        let columns = Column::iter().map(Expr::col).chain(is_numbered.then(number));
        let rows = database.query_all(&statement(Query::returning().exprs(columns))).await?;
        let tasks = Model::all(&rows)?;
        let first = rows.first().filter(|_| is_numbered);
        let transaction = first.map(|row| read_number(row, Column::iter().count())).transpose()?.flatten();
        Ok(Self { tasks, transaction })
    }

    /// Tells the memory what it did to each task, once it is there to stay.
    pub(super) fn committed(&self, write: Writing<'_>, memory: &Memory, edit: impl Fn(&Model) -> Option<Edit>) {
        let owners = self.tasks.iter().map(|task| task.user_id.as_str());
        for (task, mark) in self.tasks.iter().zip(write.done(self.transaction, owners)) {
            memory.lists.follow(UserId::stored(task.user_id.clone()), write.number(), mark, || edit(task));
        }
        // Now those may go on who have seen it already.
        drop(write);
    }

    /// Tells the memory that it was taken back: the database shows that its transaction has ended, as of any other.
    pub(super) fn rolled_back(self, write: Writing<'_>) {
        write.done(self.transaction, iter::empty());
        drop(write);
    }
}

/// Carries out a statement on any number of tasks of `owner`: how many it wrote, which may be too many to return over a
/// network.
pub(super) async fn write_all<S: StatementBuilder + Into<SubQueryStatement>>(
    owner: &UserId,
    statement: impl FnOnce(ReturningClause) -> S,
    database: &impl ConnectionTrait,
    memory: &Memory,
) -> Result<u64, DbErr> {
    let write = memory.history.write();
    let statement = statement(Query::returning().column(Column::Id));
    let (count, transaction) = if is_numbered(database) {
        let row = database.query_one(&counted(statement)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("a count".to_owned()))?;
        (row.try_get_by_index::<i64>(0)?.cast_unsigned(), read_number(&row, 1)?)
    } else {
        (database.execute(&statement).await?.rows_affected(), None)
    };
    let changed = (count > 0).then_some(owner.as_str());
    for mark in write.done(transaction, changed.into_iter()) {
        memory.lists.follow(owner.clone(), write.number(), mark, || None);
    }
    Ok(count)
}

/// How many rows the statement returns, and the number of its transaction.
fn counted(statement: impl Into<SubQueryStatement>) -> WithQuery {
    let count = Query::select().expr(Func::count(Expr::col(Asterisk))).expr(number()).from(WRITTEN).take();
    let written = CommonTableExpression::new().table_name(WRITTEN).query(statement).to_owned();
    Query::with().cte(written).to_owned().query(count)
}

/// Whether transactions have numbers.
fn is_numbered(database: &impl ConnectionTrait) -> bool {
    database.get_database_backend() == DbBackend::Postgres
}

/// The number of the transaction, which has one as soon as it writes.
fn number() -> Expr {
    Expr::from(Func::cust("pg_current_xact_id_if_assigned")).cast_as("text")
}

/// The [`number`] that a row has at that place.
fn read_number(row: &QueryResult, place: usize) -> Result<Option<u64>, DbErr> {
    Ok(row.try_get_by_index::<Option<String>>(place)?.and_then(|number| number.parse().ok()))
}
