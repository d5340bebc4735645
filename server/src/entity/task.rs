//! The table of tasks. Every statement that reads, changes or deletes tasks starts from one of those here, which binds
//! all of its tasks to one owner, or each to its own; clippy refuses any other (see `clippy.toml`).

#![expect(clippy::disallowed_methods, reason = "this is where the owner's condition is put")]

use sea_orm::{
    Condition, DbBackend, DeleteMany, QueryOrder, QueryResult, QuerySelect, QueryTrait, UpdateMany,
    entity::prelude::*,
    sea_query::{
        Asterisk, CommonTableExpression, ExprTrait, Func, InsertStatement, IntoIden, IntoTableRef, LockType, Order,
        Query, TableRef, ValueTuple, WithClause, extension::postgres::PgFunc,
    },
    sqlx::{self, ColumnIndex, Decode, Row},
};
use todo_api::{Description, Nullable, Timestamp, Title, UserId};

use crate::{clock, database::runtime};

#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: String,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) completed: bool,
    /// Microseconds since 1970 in UTC.
    pub(crate) created_at: i64,
    /// Microseconds since 1970 in UTC.
    pub(crate) updated_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The columns of a new task. Its id is the database's.
const NEW: [(Column, &str); 6] = [
    (Column::UserId, "column1"),
    (Column::Title, "column2"),
    (Column::Description, "column3"),
    (Column::Completed, "column4"),
    (Column::CreatedAt, "column5"),
    (Column::UpdatedAt, "column6"),
];

impl ActiveModel {
    /// The row that a statement brings along for a new task.
    pub(crate) fn row(&self) -> Vec<Value> {
        NEW.iter().filter_map(|(column, _)| self.get(*column).into_value()).collect()
    }
}

impl Model {
    /// The tasks of rows that have all columns, in their order.
    pub(crate) fn all(rows: &[QueryResult]) -> Result<Vec<Self>, DbErr> {
        rows.iter().map(Self::read).collect()
    }

    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        let read = match (row.try_as_pg_row(), row.try_as_sqlite_row()) {
            (Some(row), _) => columns(row),
            (_, Some(row)) => columns(row),
            _ => return Err(DbErr::Type("a row is of neither database".to_owned())),
        };
        read.map_err(|error| DbErr::Query(runtime(error)))
    }
}

/// By position, with no check of types: looking a column up by its name, and asking for its type, takes longer than
/// reading it.
fn columns<R: Row>(row: &R) -> Result<Model, sqlx::Error>
where
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database>,
    for<'r> bool: Decode<'r, R::Database>,
    for<'r> String: Decode<'r, R::Database>,
    for<'r> Option<String>: Decode<'r, R::Database>,
{
    Ok(Model {
        id: row.try_get_unchecked(0)?,
        user_id: row.try_get_unchecked(1)?,
        title: row.try_get_unchecked(2)?,
        description: row.try_get_unchecked(3)?,
        completed: row.try_get_unchecked(4)?,
        created_at: row.try_get_unchecked(5)?,
        updated_at: row.try_get_unchecked(6)?,
    })
}

/// A task of an owner: in any version, or in one of some.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) owner: UserId,
    pub(crate) id: i64,
    /// The moments of the versions, where not any will do.
    pub(crate) moments: Option<Vec<i64>>,
}

impl Target {
    /// Whether `task` is meant, in whichever version it is.
    pub(crate) fn is(&self, task: &Model) -> bool {
        self.id == task.id && self.owner.as_str() == task.user_id
    }

    /// Whether both mean the same task. With another owner than the task's, a target means none.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.owner == other.owner
    }

    /// Whether `task` is meant, in the version that it is in.
    pub(crate) fn is_now(&self, task: &Model) -> bool {
        self.is(task) && self.moments.as_ref().is_none_or(|moments| moments.contains(&task.updated_at))
    }

    /// Whether more than one version is meant, of which a caller may name as many as a request has room for.
    pub(crate) fn is_of_several_versions(&self) -> bool {
        self.moments.as_ref().is_some_and(|moments| moments.len() > 1)
    }

    /// The row that a statement brings along for it; none where no version is meant.
    pub(crate) fn row(&self) -> Option<Vec<Value>> {
        let moment = match self.moments.as_deref() {
            Some([]) => return None,
            Some([moment]) => Some(*moment),
            // Of any, or of several: see `versions`.
            _ => None,
        };
        Some(vec![self.owner.as_str().into(), self.id.into(), moment.into()])
    }

    /// The condition that the version is one of several, which has no place in a row: a target that has it goes alone.
    pub(crate) fn versions(&self) -> Option<Expr> {
        let moments = self.moments.as_ref().filter(|_| self.is_of_several_versions());
        moments.map(|moments| COLUMN.updated_at.is_in(moments.iter().copied()))
    }

    fn condition(&self) -> Condition {
        let moments = self.moments.clone().map(|moments| COLUMN.updated_at.is_in(moments));
        Condition::all().add(COLUMN.user_id.eq(self.owner.as_str())).add(COLUMN.id.eq(self.id)).add_option(moments)
    }
}

/// The name of the rows that a statement brings along (`VALUES`). The first column of each is an owner.
pub(crate) const BROUGHT: &str = "brought";

impl Entity {
    /// The tasks of `owner`.
    pub(crate) fn owned_by(owner: &UserId) -> Select<Self> {
        Self::find().filter(COLUMN.user_id.eq(owner.as_str()))
    }

    /// The tasks of the owner of a [`BROUGHT`] row.
    pub(crate) fn owned_by_brought() -> Select<Self> {
        Self::find().filter(Expr::col((Entity, Column::UserId)).eq(brought("column1")))
    }

    /// The tasks that [`BROUGHT`] rows are about, each only if it is its owner's.
    pub(crate) fn owned_by_each(rows: Vec<ValueTuple>) -> Select<Self> {
        let mut tasks = Self::find().filter(is_brought());
        QueryTrait::query(&mut tasks).from_values(rows, BROUGHT);
        tasks
    }

    /// A creation of the tasks of [`BROUGHT`] rows, each for its owner; none for a row without an owner.
    pub(crate) fn create_each(rows: Vec<ValueTuple>) -> InsertStatement {
        let mut tasks = Query::select();
        tasks.exprs(NEW.map(|(_, column)| brought(column))).from_values(rows, BROUGHT);
        tasks.and_where(brought("column1").is_not_null());
        let mut creation = Query::insert();
        creation.into_table(Self).columns(NEW.map(|(column, _)| column));
        creation.select_from(tasks).expect("each column has its own");
        creation
    }

    /// A change of all tasks of `owner` that are completed, or of all that are not.
    pub(crate) fn change_all_of(owner: &UserId, completed: bool, backend: DbBackend) -> UpdateMany<Self> {
        moved().filter(all_of(owner, completed, backend))
    }

    /// A change of tasks that [`BROUGHT`] rows are about, each only if it is its owner's.
    pub(crate) fn change_owned_by_each(rows: Vec<ValueTuple>) -> UpdateMany<Self> {
        change_by(TableRef::ValuesList(rows, BROUGHT.into_iden()))
    }

    /// The same, once all of these tasks are locked in the order of their ids ([`is_locked_in_order`] says why): what
    /// comes first, and the change. For PostgreSQL, where others write meanwhile.
    pub(crate) fn change_in_order(rows: Vec<ValueTuple>) -> (WithClause, UpdateMany<Self>) {
        let mut tasks = Query::select();
        tasks.column((BROUGHT, Asterisk)).from_values(rows, BROUGHT).from(Self).cond_where(is_brought());
        tasks.order_by((Self, Column::Id), Order::Asc).lock_with_tables(LockType::NoKeyUpdate, [Self]);
        let locked = CommonTableExpression::new().table_name(BROUGHT).query(tasks).to_owned();
        (Query::with().cte(locked).to_owned(), change_by(BROUGHT.into_table_ref()))
    }

    /// A deletion of all tasks of `owner` that are completed.
    pub(crate) fn delete_completed_of(owner: &UserId, backend: DbBackend) -> DeleteMany<Self> {
        Self::delete_many().filter(all_of(owner, true, backend))
    }

    /// A deletion of the tasks that are meant by `targets`, each only if it is its owner's. Into a deletion, SQLite
    /// brings no rows along.
    pub(crate) fn delete_owned_by_each(targets: &[&Target], backend: DbBackend) -> DeleteMany<Self> {
        let any = targets.iter().fold(Condition::any(), |any, target| any.add(target.condition()));
        let locks = targets.len() > 1 && backend == DbBackend::Postgres;
        let locked = locks.then(|| is_locked_in_order(any.clone()));
        Self::delete_many().filter(Condition::all().add(any).add_option(locked))
    }

    /// Whether tasks are seen that are not of `owner`, which row-level security forbids: for its self-test.
    pub(crate) async fn are_others_seen(owner: &UserId, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let others = Self::find().select_only().column(Column::Id).filter(COLUMN.user_id.ne(owner.as_str()));
        Ok(others.into_tuple::<i64>().one(database).await?.is_some())
    }
}

/// A change of tasks that the [`BROUGHT`] rows of `source` are about.
fn change_by(source: TableRef) -> UpdateMany<Entity> {
    let mut change = moved();
    QueryTrait::query(&mut change).from(source);
    change.filter(is_brought())
}

/// A change that moves `updated_at`: to now, and by a microsecond at least, so that it never stands still or goes back
/// where clocks do.
fn moved() -> UpdateMany<Entity> {
    let kept = Expr::col((Entity, Column::UpdatedAt));
    let moment = Func::greatest([Expr::val(clock::now_micros()), kept.add(1_i64)]);
    Entity::update_many().col_expr(Column::UpdatedAt, moment.into())
}

/// That a task is what a [`BROUGHT`] row is about: its owner's, of that id, and in that version if not in any.
fn is_brought() -> Condition {
    let kept = |column: Column| Expr::col((Entity, column));
    Condition::all()
        .add(kept(Column::UserId).eq(brought("column1")))
        .add(kept(Column::Id).eq(brought("column2")))
        .add(brought("column3").is_null().or(brought("column3").eq(kept(Column::UpdatedAt))))
}

/// All tasks of `owner` that are completed, or all that are not.
fn all_of(owner: &UserId, completed: bool, backend: DbBackend) -> Condition {
    let theirs = Condition::all().add(COLUMN.user_id.eq(owner.as_str()));
    let all = theirs.clone().add(COLUMN.completed.eq(completed));
    if backend != DbBackend::Postgres {
        return all;
    }
    // `completed` is compared where they are locked, and not here again: where PostgreSQL expects few tasks of a state,
    // it would find them by the state, and search the whole list of ids for each.
    theirs.add(is_locked_in_order(all))
}

/// That a task is one of those that `condition` means, which PostgreSQL locks first in the order of their ids: two who
/// lock the same tasks as an index or the table has them may each wait for the other. (SQLite has one writer.)
fn is_locked_in_order(condition: Condition) -> Expr {
    let tasks = Entity::find().filter(condition).order_by_asc(Column::Id).lock_exclusive();
    let locked = tasks.select_only().column(Column::Id).into_query();
    // As an array, which is made once: with few statistics of the table, PostgreSQL would run a subquery anew for each
    // task.
    Expr::col(Column::Id).eq(PgFunc::any(Func::cust("ARRAY").arg(Expr::from(locked))))
}

/// A column of the rows that a statement brings along: `column1` and so on, as both databases name them.
pub(crate) fn brought(column: &'static str) -> Expr {
    Expr::col((BROUGHT, column))
}

impl From<Model> for todo_api::Task {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user_id: UserId::stored(row.user_id),
            title: Title::stored(row.title),
            description: Nullable(row.description.map(Description::stored)),
            completed: row.completed,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}
