//! The keeper of tasks: these are the handlers. Each is a scoped statement, its execution, and a mapping.
//!
//! Every write (but one under an idempotency key, see [`super::once`]) is one statement that carries the
//! owner in its condition and returns what it wrote; no
//! operation reads a row and then writes it. All rows are read to the end of the statement: a row that
//! is merely returned may yet fail to be committed.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryTrait, Select, UpdateMany,
    sea_query::{Expr, ExprTrait, Func},
};
use todo_api::{
    Broken, Creation, Expected,
    Failure::{self, Refused},
    IdempotencyKey, InvalidCursor, ListQuery, NewTask, NoSuchTask, NotCreated, Outcome, Page, PageVersion, Task,
    TaskPatch, Tasks, Timestamp, Unidentified, Unmatched, UserId,
};

use super::{Store, page};
use crate::{
    clock,
    entity::task::{ActiveModel, COLUMN, Column, Entity},
};

impl Tasks for Store {
    async fn list(&self, owner: &UserId, query: &ListQuery) -> Outcome<Page<Task>, InvalidCursor> {
        let mut rows = self.attempt(self.page(owner, query)?.all(&self.reads(owner))).await?;
        let has_next = rows.len() > query.limit.get().into();
        rows.truncate(query.limit.get().into());
        let version = page::version(rows.iter().map(|row| (row.id, row.updated_at)), has_next);
        let last = rows.last().filter(|_| has_next).map(|row| page::position(row, query));
        let next = last.map(|position| self.seal.seal(owner, query, &position)).transpose();
        let next = next.map_err(|error| Failure::Broken(Broken::Fault(std::sync::Arc::new(error))))?;
        Ok(Page { items: rows.into_iter().map(Task::from).collect(), next, version })
    }

    async fn version(&self, owner: &UserId, query: &ListQuery) -> Outcome<PageVersion, InvalidCursor> {
        let versions = page::select_versions(self.page(owner, query)?).into_tuple::<(i64, i64)>();
        let versions = self.attempt(versions.all(&self.reads(owner))).await?;
        let limit = query.limit.get().into();
        Ok(page::version(versions.iter().copied().take(limit), versions.len() > limit))
    }

    async fn create(&self, owner: &UserId, task: NewTask) -> Outcome<Task, Unidentified> {
        let row = row(owner, task);
        let writes = self.writes(owner);
        self.for_owner(owner, || insert(row.clone(), &writes)).await
    }

    async fn create_once(&self, owner: &UserId, key: &IdempotencyKey, task: NewTask) -> Outcome<Creation, NotCreated> {
        self.once(owner, key, task).await
    }

    async fn complete_all(&self, owner: &UserId, completed: bool) -> Outcome<u64> {
        let change =
            change(owner).filter(COLUMN.completed.eq(!completed)).col_expr(Column::Completed, completed.into());
        Ok(self.attempt(change.exec(&self.writes(owner))).await?.rows_affected)
    }

    async fn delete_completed(&self, owner: &UserId) -> Outcome<u64> {
        let deletion = Entity::delete_owned_by(owner).filter(COLUMN.completed.eq(true));
        Ok(self.attempt(deletion.exec(&self.writes(owner))).await?.rows_affected)
    }

    async fn get(&self, owner: &UserId, id: i64) -> Outcome<Task, NoSuchTask> {
        let task = self.attempt(one(owner, id).one(&self.reads(owner))).await?;
        task.map(Task::from).ok_or(Refused(NoSuchTask))
    }

    async fn update(&self, owner: &UserId, id: i64, patch: TaskPatch, expected: Expected) -> Outcome<Task, Unmatched> {
        if patch.is_empty() {
            let unchanged = one(owner, id).apply_if(moments(&expected), is_of);
            let unchanged = self.attempt(unchanged.one(&self.reads(owner))).await?;
            return self.matched(unchanged.map(Task::from), owner, id, &expected).await;
        }
        let mut change = change(owner);
        if let Some(title) = patch.title {
            change = change.col_expr(Column::Title, Expr::val(String::from(title)));
        }
        if !patch.description.is_undefined() {
            let description = patch.description.take().map(String::from);
            change = change.col_expr(Column::Description, Expr::val(description));
        }
        if let Some(completed) = patch.completed {
            change = change.col_expr(Column::Completed, Expr::val(completed));
        }
        self.changed(change, owner, id, &expected).await
    }

    async fn toggle(&self, owner: &UserId, id: i64, expected: Expected) -> Outcome<Task, Unmatched> {
        let change = change(owner).col_expr(Column::Completed, Expr::col(Column::Completed).not());
        self.changed(change, owner, id, &expected).await
    }

    async fn delete(&self, owner: &UserId, id: i64, expected: Expected) -> Outcome<(), Unmatched> {
        let deletion = Entity::delete_owned_by(owner).filter(COLUMN.id.eq(id)).apply_if(moments(&expected), is_of);
        let deleted = self.attempt(deletion.exec(&self.writes(owner))).await?.rows_affected > 0;
        self.matched(deleted.then_some(()), owner, id, &expected).await
    }
}

impl Store {
    /// The statement of a page. Refuses a cursor that was not sealed for it.
    fn page<R: From<InvalidCursor>>(&self, owner: &UserId, query: &ListQuery) -> Outcome<Select<Entity>, R> {
        let after = match &query.cursor {
            Some(cursor) => Some(self.seal.open(owner, query, cursor).ok_or(Refused(InvalidCursor.into()))?),
            None => None,
        };
        Ok(page::select(owner, query, after, self.databases.reads.get_database_backend()))
    }

    async fn changed(
        &self,
        change: UpdateMany<Entity>,
        owner: &UserId,
        id: i64,
        expected: &Expected,
    ) -> Outcome<Task, Unmatched> {
        let change = change.filter(COLUMN.id.eq(id)).apply_if(moments(expected), is_of);
        let rows = self.attempt(change.exec_with_returning(&self.writes(owner))).await?;
        self.matched(rows.into_iter().next().map(Task::from), owner, id, expected).await
    }

    /// What a statement found, or why it found nothing. Only to tell the two reasons apart is the task
    /// read, and afterwards: the statement has decided.
    async fn matched<T>(
        &self,
        found: Option<T>,
        owner: &UserId,
        id: i64,
        expected: &Expected,
    ) -> Outcome<T, Unmatched> {
        match (found, expected) {
            (Some(found), _) => Ok(found),
            (None, Expected::Any) => Err(Refused(Unmatched::Missing)),
            (None, Expected::OneOf(_)) => Err(match self.get(owner, id).await {
                Ok(_) => Refused(Unmatched::Stale),
                Err(Refused(NoSuchTask)) => Refused(Unmatched::Missing),
                Err(Failure::Broken(broken)) => Failure::Broken(broken),
            }),
        }
    }
}

/// One task of `owner`.
fn one(owner: &UserId, id: i64) -> Select<Entity> {
    Entity::owned_by(owner).filter(COLUMN.id.eq(id))
}

/// When the expected versions were made, where not any will do.
fn moments(expected: &Expected) -> Option<Vec<i64>> {
    match expected {
        Expected::Any => None,
        Expected::OneOf(moments) => Some(moments.iter().map(Timestamp::micros).collect()),
    }
}

/// Bound to the versions that were made at one of those moments.
fn is_of<S: QueryFilter>(statement: S, moments: Vec<i64>) -> S {
    statement.filter(COLUMN.updated_at.is_in(moments))
}

/// A change that moves `updated_at`: to now, and by a microsecond at least, so that it never stands still
/// or goes back where clocks do.
fn change(owner: &UserId) -> UpdateMany<Entity> {
    let moved = Func::greatest([Expr::val(clock::now_micros()), Expr::col(Column::UpdatedAt).add(1_i64)]);
    Entity::change_owned_by(owner).col_expr(Column::UpdatedAt, moved.into())
}

pub(super) fn row(owner: &UserId, task: NewTask) -> ActiveModel {
    let now = clock::now_micros();
    ActiveModel {
        id: NotSet,
        user_id: Set(owner.as_str().to_owned()),
        title: Set(task.title.into()),
        description: Set(task.description.map(Into::into)),
        completed: Set(task.completed.unwrap_or_default()),
        created_at: Set(now),
        updated_at: Set(now),
    }
}

pub(super) async fn insert(row: ActiveModel, database: &impl ConnectionTrait) -> Result<Task, DbErr> {
    let rows = Entity::insert_many([row]).exec_with_returning(database).await?;
    rows.into_iter().next().map(Task::from).ok_or(DbErr::RecordNotInserted)
}
