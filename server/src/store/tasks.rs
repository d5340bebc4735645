//! The keeper of tasks: these are the handlers. Each is a scoped statement, its execution, and a mapping.
//!
//! Every write (but one under an idempotency key, see [`super::once`]) is one statement that carries the
//! owner in its condition and returns what it wrote; no
//! operation reads a row and then writes it. All rows are read to the end of the statement: a row that
//! is merely returned may yet fail to be committed.

use std::{error::Error, sync::Arc};

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DbErr, EntityTrait, QueryFilter,
};
use todo_api::{
    Broken, Creation, Expected,
    Failure::{self, Refused},
    IdempotencyKey, InvalidCursor, ListQuery, NewTask, NoSuchTask, NotCreated, Outcome, Page, PageVersion, Task,
    TaskPatch, Tasks, Timestamp, Unidentified, Unmatched, UserId,
};

use super::{
    Store,
    lanes::{Change, Wanted},
    list::{List, Listed},
    page,
    version::version,
};
use crate::{
    clock,
    entity::task::{ActiveModel, COLUMN, Column, Entity, Target},
};

impl Tasks for Store {
    async fn list(&self, owner: &UserId, query: &ListQuery) -> Outcome<Page<Task>, InvalidCursor> {
        let wanted = self.wanted(owner, query)?;
        if self.lists.has(owner, query) {
            let version = self.attempt(self.lanes.version.ask(wanted.clone())).await?;
            if let Some(page) = self.lists.find(owner, query, version) {
                if cfg!(debug_assertions) {
                    Box::pin(self.check(&page, wanted)).await?;
                }
                return Ok(page);
            }
        }
        let list = Box::pin(self.read(wanted)).await?;
        let page = list.page.clone();
        self.lists.keep(owner, query, list);
        Ok(page)
    }

    async fn version(&self, owner: &UserId, query: &ListQuery) -> Outcome<PageVersion, InvalidCursor> {
        self.attempt(self.lanes.version.ask(self.wanted(owner, query)?)).await
    }

    async fn create(&self, owner: &UserId, task: NewTask) -> Outcome<Task, Unidentified> {
        let row = row(owner, task);
        let created = self
            .for_owner(owner, || async { self.lanes.create.ask((owner.clone(), row.clone())).await.map(Task::from) });
        created.await.inspect(|task| self.lists.put(owner, task))
    }

    async fn create_once(&self, owner: &UserId, key: &IdempotencyKey, task: NewTask) -> Outcome<Creation, NotCreated> {
        let created = Box::pin(self.once(owner, key, task)).await;
        created.inspect(|creation| {
            if !creation.is_replayed {
                self.lists.put(owner, &creation.task);
            }
        })
    }

    async fn complete_all(&self, owner: &UserId, completed: bool) -> Outcome<u64> {
        let change = Entity::change_owned_by(owner)
            .filter(COLUMN.completed.eq(!completed))
            .col_expr(Column::Completed, completed.into());
        Ok(self.attempt(change.exec(&self.writes(owner))).await?.rows_affected)
    }

    async fn delete_completed(&self, owner: &UserId) -> Outcome<u64> {
        let deletion = Entity::delete_owned_by(owner).filter(COLUMN.completed.eq(true));
        Ok(self.attempt(deletion.exec(&self.writes(owner))).await?.rows_affected)
    }

    async fn get(&self, owner: &UserId, id: i64) -> Outcome<Task, NoSuchTask> {
        let task = self.lanes.read.ask(target(owner, id, &Expected::Any));
        self.attempt(task).await?.map(Task::from).ok_or(Refused(NoSuchTask))
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
        self.apply(change, &expected).await
    }

    async fn toggle(&self, owner: &UserId, id: i64, expected: Expected) -> Outcome<Task, Unmatched> {
        let target = target(owner, id, &expected);
        let change = Change { target, title: None, describes: false, description: None, completed: None, flips: true };
        self.apply(change, &expected).await
    }

    async fn delete(&self, owner: &UserId, id: i64, expected: Expected) -> Outcome<(), Unmatched> {
        let is_deleted = self.attempt(self.lanes.delete.ask(target(owner, id, &expected))).await?;
        if is_deleted {
            self.lists.remove(owner, id);
        }
        self.matched(is_deleted.then_some(()), owner, id, &expected).await
    }
}

impl Store {
    /// Refuses a cursor that was not sealed for this owner and query.
    fn wanted(&self, owner: &UserId, query: &ListQuery) -> Outcome<Wanted, InvalidCursor> {
        let after = match &query.cursor {
            Some(cursor) => Some(self.seal.open(owner, query, cursor).ok_or(Refused(InvalidCursor))?),
            None => None,
        };
        Ok(Wanted { owner: owner.clone(), query: query.clone(), after })
    }

    /// Where the code is tested, each kept page is held against the one in the database.
    async fn check(&self, kept: &Page<Task>, wanted: Wanted) -> Outcome<(), InvalidCursor> {
        let List { page, .. } = self.read(wanted).await?;
        let is_same = kept.items.as_bytes() == page.items.as_bytes() && kept.next == page.next;
        assert!(kept.version != page.version || is_same, "pages of the same version are the same");
        Ok(())
    }

    async fn read(&self, Wanted { owner, query, after }: Wanted) -> Outcome<List, InvalidCursor> {
        let reads = &self.reads(&owner);
        let select = page::select(Entity::owned_by(&owner), &query, after.as_ref(), reads.get_database_backend());
        let mut rows = self.attempt(select.all(reads)).await?;
        let version = version(rows.iter().map(|row| (row.id, row.updated_at)), query.limit);
        let limit = query.limit.get().into();
        let next = (rows.len() > limit).then(|| page::position(&rows[limit - 1], &query));
        rows.truncate(limit);
        let broken = |fault: Arc<dyn Error + Send + Sync>| Failure::Broken(Broken::Fault(fault));
        let next = next.map(|position| self.seal.seal(&owner, &query, &position)).transpose();
        let next = next.map_err(|error| broken(Arc::new(error)))?;
        let tasks = rows.into_iter().map(|row| Listed::new(&row.into())).collect::<Result<_, _>>();
        Ok(List::new(tasks.map_err(|error| broken(Arc::new(error)))?, next, version))
    }

    /// Changes a task.
    async fn apply(&self, change: Change, expected: &Expected) -> Outcome<Task, Unmatched> {
        let Target { owner, id, .. } = &change.target.clone();
        let task = self.attempt(self.lanes.change.ask(change)).await?.map(Task::from);
        if let Some(task) = &task {
            self.lists.put(owner, task);
        }
        self.matched(task, owner, *id, expected).await
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

/// The task of `owner`, in an expected version.
fn target(owner: &UserId, id: i64, expected: &Expected) -> Target {
    let moments = match expected {
        Expected::Any => None,
        Expected::OneOf(moments) => Some(moments.iter().map(Timestamp::micros).collect()),
    };
    Target { owner: owner.clone(), id, moments }
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
