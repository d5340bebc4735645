//! The keeper of tasks. Lists and single tasks may be answered from memory ([`super::listing`], [`super::single`]); all
//! else is a scoped statement, mostly in company with others ([`super::lanes`]), and a mapping.
//!
//! Every write (but a user's first, see [`super::owner`], and one under an idempotency key, see [`super::once`]) is one
//! statement that names its owner and returns what it wrote, or how many; no operation reads a row and then writes it.
//! All rows are read to the end of the statement: a row that is merely returned may yet fail to be committed.

use std::sync::Arc;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DbErr, QueryTrait, StatementBuilder,
    sea_query::{ReturningClause, SubQueryStatement},
};
use todo_api::{
    Creation, Expected, Failure::Refused, IdempotencyKey, InvalidCursor, ListQuery, NewTask, NoSuchTask, NotCreated,
    Outcome, Page, PageVersion, Task, TaskPatch, Tasks, Timestamp, Unidentified, Unmatched, UserId, WrittenTask,
};

use super::{Store, lanes::Change, write::write_all};
use crate::{
    clock,
    database::Connection,
    entity::task::{ActiveModel, Column, Entity, Target},
};

impl Tasks for Store {
    async fn list(&self, owner: &UserId, query: &ListQuery) -> Outcome<Page<Task>, InvalidCursor> {
        let page = self.find_page(&self.wanted(owner, query)?).await?;
        Ok(Page { version: self.seal.version(page.version), ..page })
    }

    async fn version(&self, owner: &UserId, query: &ListQuery) -> Outcome<PageVersion, InvalidCursor> {
        self.version_of(&self.wanted(owner, query)?).await.map(|version| self.seal.version(version))
    }

    async fn create(&self, owner: &UserId, task: NewTask) -> Outcome<Task, Unidentified> {
        let row = row(owner, task);
        let create = async || {
            let created = self.lanes.create.ask((owner.clone(), row.clone())).await?;
            created.ok_or_else(|| Arc::new(DbErr::RecordNotInserted))
        };
        let created = self.for_owner(owner, create).await.map(Task::from)?;
        self.sweep();
        Ok(created)
    }

    async fn create_once(&self, owner: &UserId, key: &IdempotencyKey, task: NewTask) -> Outcome<Creation, NotCreated> {
        Box::pin(self.once(owner, key, task)).await
    }

    async fn complete_all(&self, owner: &UserId, completed: bool) -> Outcome<u64> {
        let database = self.writes(owner);
        let change = Entity::change_all_of(owner, !completed, database.get_database_backend());
        let mut change = change.col_expr(Column::Completed, completed.into()).into_query();
        self.write_many(owner, database, move |what| change.returning(what).take()).await
    }

    async fn delete_completed(&self, owner: &UserId) -> Outcome<u64> {
        let database = self.writes(owner);
        let mut deletion = Entity::delete_completed_of(owner, database.get_database_backend()).into_query();
        self.write_many(owner, database, move |what| deletion.returning(what).take()).await
    }

    async fn get(&self, owner: &UserId, id: i64) -> Outcome<WrittenTask, NoSuchTask> {
        self.find_task(owner, id).await
    }

    async fn update(&self, owner: &UserId, id: i64, patch: TaskPatch, expected: Expected) -> Outcome<Task, Unmatched> {
        let target = target(owner, id, &expected);
        if patch.is_empty() {
            let task = self.attempt(self.lanes.read.ask(target)).await?;
            return self.matched(task.map(Task::from), owner, id, &expected).await;
        }
        let change = Change {
            target,
            title: patch.title.map(String::from),
            describes: !patch.description.is_undefined(),
            description: patch.description.take().map(String::from),
            completed: patch.completed,
            flips: false,
        };
        self.apply(owner, change, &expected).await
    }

    async fn toggle(&self, owner: &UserId, id: i64, expected: Expected) -> Outcome<Task, Unmatched> {
        let target = target(owner, id, &expected);
        let change = Change { target, title: None, describes: false, description: None, completed: None, flips: true };
        self.apply(owner, change, &expected).await
    }

    async fn delete(&self, owner: &UserId, id: i64, expected: Expected) -> Outcome<(), Unmatched> {
        let target = target(owner, id, &expected);
        let delete = async {
            self.bulk.ended(owner).await;
            self.lanes.delete.ask(target).await
        };
        let is_deleted = self.attempt(delete).await?;
        self.matched(is_deleted.then_some(()), owner, id, &expected).await
    }
}

impl Store {
    /// Changes a task.
    async fn apply(&self, owner: &UserId, change: Change, expected: &Expected) -> Outcome<Task, Unmatched> {
        let id = change.target.id;
        let change = async {
            self.bulk.ended(owner).await;
            self.lanes.change.ask(change).await
        };
        let task = self.attempt(change).await?;
        self.matched(task.map(Task::from), owner, id, expected).await
    }

    /// Writes any number of the owner's tasks, in a turn of theirs: those who want the same tasks, each with a
    /// connection of its own, would leave none for others.
    async fn write_many<S>(
        &self,
        owner: &UserId,
        database: Connection,
        statement: impl FnOnce(ReturningClause) -> S + Send + 'static,
    ) -> Outcome<u64>
    where
        S: StatementBuilder + Into<SubQueryStatement> + Send + 'static,
    {
        // First, so that those who rest are counted, too.
        let admitted = self.turns.admit(owner)?;
        // Not within the limit of an operation: it is not the database that is waited for. (Who comes while one is
        // under way waits in turn, and there within the limit.)
        self.bulk.rest(owner).await;
        let (whose, memory) = (owner.clone(), Arc::clone(&self.memory));
        let written = async move { write_all(&whose, statement, &database, &memory).await };
        let begin = || Arc::clone(&self.bulk).begin(owner);
        Box::pin(self.attempt(self.turns.take(admitted, &self.turns.writes, begin, written))).await
    }

    /// What a statement found, or why it found nothing. The statement has decided; the task is read afterwards only to
    /// tell the two reasons apart.
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
            (None, Expected::OneOf(_)) => Err(Refused(match self.read_task(owner, id).await? {
                Some(_) => Unmatched::Stale,
                None => Unmatched::Missing,
            })),
        }
    }
}

/// The task of `owner`, in an expected version.
pub(super) fn target(owner: &UserId, id: i64, expected: &Expected) -> Target {
    let moments = match expected {
        Expected::Any => None,
        Expected::OneOf(moments) => Some(padded(moments.iter().map(Timestamp::micros).collect())),
    };
    Target { owner: owner.clone(), id, moments }
}

/// The same moments in one of few lengths, so that the statements are few, and the database keeps them prepared.
fn padded(mut moments: Vec<i64>) -> Vec<i64> {
    if let Some(last) = moments.last().copied() {
        moments.resize(moments.len().next_power_of_two(), last);
    }
    moments
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
