//! The keeper of tasks: these are the handlers. Each is a scoped statement, its execution, and a mapping.
//!
//! Every write is one statement that carries the owner in its condition and returns what it wrote; no
//! operation reads a row and then writes it. All rows are read to the end of the statement: a row that
//! is merely returned may yet fail to be committed.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, SqlErr,
    sea_query::{Expr, ExprTrait, Func},
};
use todo_api::{Failure::Refused, NewTask, NoSuchTask, Outcome, Task, TaskPatch, Tasks, Unidentified, UserId};

use super::{Store, trouble};
use crate::{
    clock,
    entity::{
        task::{ActiveModel, COLUMN, Column, Entity},
        user,
    },
};

impl Tasks for Store {
    async fn list(&self, owner: &UserId) -> Outcome<Vec<Task>> {
        let tasks = Entity::owned_by(owner).order_by_asc(Column::Id).all(&self.databases.reads);
        Ok(self.attempt(tasks).await?.into_iter().map(Task::from).collect())
    }

    async fn create(&self, owner: &UserId, task: NewTask) -> Outcome<Task, Unidentified> {
        let (row, database) = (row(owner, task), &self.databases.writes);
        // Boxed: three statements in one make a large future.
        let created = self.attempt(Box::pin(async {
            let created = match insert(row.clone(), database).await {
                // The owner's first task: only now is there anything to write about the owner.
                Err(error) if is_missing_owner(&error) && self.owns_users => {
                    match user::Entity::keep(owner, database).await {
                        Ok(()) => insert(row, database).await,
                        Err(error) => Err(error),
                    }
                }
                result => result,
            };
            match created {
                // Of a table of users that another system has taken over, we do not know all that it requires.
                Err(error) if is_missing_owner(&error) || trouble::is_missing_value(&error) => Ok(None),
                result => result.map(Some),
            }
        }));
        created.await?.ok_or_else(|| {
            Refused(Unidentified::because("the user that this token stands for does not exist (any more)"))
        })
    }

    async fn get(&self, owner: &UserId, id: i64) -> Outcome<Task, NoSuchTask> {
        let task = Entity::owned_by(owner).filter(COLUMN.id.eq(id)).one(&self.databases.reads);
        self.attempt(task).await?.map(Task::from).ok_or(Refused(NoSuchTask))
    }

    async fn update(&self, owner: &UserId, id: i64, patch: TaskPatch) -> Outcome<Task, NoSuchTask> {
        if patch.is_empty() {
            return self.get(owner, id).await;
        }
        let mut change = change(owner, id);
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
        self.changed(change).await
    }

    async fn toggle(&self, owner: &UserId, id: i64) -> Outcome<Task, NoSuchTask> {
        self.changed(change(owner, id).col_expr(Column::Completed, Expr::col(Column::Completed).not())).await
    }

    async fn delete(&self, owner: &UserId, id: i64) -> Outcome<(), NoSuchTask> {
        let deletion = Entity::delete_owned_by(owner).filter(COLUMN.id.eq(id)).exec(&self.databases.writes);
        match self.attempt(deletion).await?.rows_affected {
            0 => Err(Refused(NoSuchTask)),
            _ => Ok(()),
        }
    }
}

impl Store {
    async fn changed(&self, change: sea_orm::UpdateMany<Entity>) -> Outcome<Task, NoSuchTask> {
        let rows = self.attempt(change.exec_with_returning(&self.databases.writes)).await?;
        rows.into_iter().next().map(Task::from).ok_or(Refused(NoSuchTask))
    }
}

/// A change of one task that moves `updated_at`: to now, and by a microsecond at least, so that it never
/// stands still or goes back where clocks do.
fn change(owner: &UserId, id: i64) -> sea_orm::UpdateMany<Entity> {
    let moved = Func::greatest([Expr::val(clock::now_micros()), Expr::col(Column::UpdatedAt).add(1_i64)]);
    Entity::change_owned_by(owner).filter(COLUMN.id.eq(id)).col_expr(Column::UpdatedAt, moved.into())
}

fn row(owner: &UserId, task: NewTask) -> ActiveModel {
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

async fn insert(row: ActiveModel, database: &impl ConnectionTrait) -> Result<Task, DbErr> {
    let rows = Entity::insert_many([row]).exec_with_returning(database).await?;
    rows.into_iter().next().map(Task::from).ok_or(DbErr::RecordNotInserted)
}

/// Tasks have one foreign key: to their owner.
fn is_missing_owner(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
}
