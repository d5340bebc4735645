//! Statements that write tasks. They return them, and the number of their transaction, for the
//! [`History`](super::history).

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Iterable, StatementBuilder,
    sea_query::{Expr, ExprTrait, Func, Query, ReturningClause},
};
use todo_api::UserId;

use super::{history::Writing, list::Edit, lists::Lists};
use crate::entity::task::{Column, Model};

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
        let is_numbered = database.get_database_backend() == DbBackend::Postgres;
        let number = is_numbered.then(|| Expr::from(Func::cust("pg_current_xact_id")).cast_as("text"));
        let columns = Column::iter().map(Expr::col).chain(number);
        let rows = database.query_all(&statement(Query::returning().exprs(columns))).await?;
        let tasks = Model::all(&rows)?;
        let number =
            rows.first().filter(|_| is_numbered).map(|row| row.try_get_by_index::<String>(Column::iter().count()));
        let transaction = number.transpose()?.and_then(|number| number.parse().ok());
        Ok(Self { tasks, transaction })
    }

    /// Tells the history, and the lists of the tasks' owners what it did to each, once it is there to stay.
    pub(super) fn stays(&self, write: Writing<'_>, lists: &Lists, edit: impl Fn(&Model) -> Option<Edit>) {
        let owners = self.tasks.iter().map(|task| task.user_id.as_str());
        for (task, mark) in self.tasks.iter().zip(write.done(self.transaction, owners)) {
            if let Some(owner) = UserId::parse(&task.user_id) {
                lists.follow(owner, write.number(), mark, || edit(task));
            }
        }
        // Now those may go on who have seen it already.
        drop(write);
    }
}
