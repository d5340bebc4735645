//! Pages of tasks: one statement each, from one range of an index, or from two (see [`open_and_completed`]).

use sea_orm::{
    DbBackend, QueryFilter, QueryTrait, Select,
    sea_query::{Asterisk, Expr, ExprTrait, Order, Query, UnionType},
};
use todo_api::{ListQuery, SortKey, UserId};

use super::{
    cursor::{Key, Position},
    search,
};
use crate::entity::task::{COLUMN, Column, Entity, Model};

/// A page that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) owner: UserId,
    pub(super) query: ListQuery,
    /// What the cursor of the query says.
    pub(super) after: Option<Position>,
}

impl Wanted {
    /// Whether all tasks of the owner have to be looked through.
    pub(super) fn is_search(&self) -> bool {
        !self.query.search.is_empty()
    }
}

/// The tasks of a page, and one more where another page follows, of those that `tasks` selects.
pub(super) fn select(tasks: Select<Entity>, wanted: &Wanted, backend: DbBackend) -> Select<Entity> {
    let Wanted { query, after, .. } = wanted;
    let tasks = tasks
        .apply_if(after.as_ref().map(|position| behind(position, query)), QueryFilter::filter)
        .apply_if(wanted.is_search().then(|| search::has(&query.search, backend)), QueryFilter::filter);
    match query.completed {
        Some(completed) => in_order(tasks.filter(COLUMN.completed.eq(completed)), query),
        None if query.sort.key != SortKey::Id => open_and_completed(&tasks, query),
        None => in_order(tasks, query),
    }
}

/// The page without a filter on `completed`: the first of each state, each from its own range of an index that
/// `completed` leads, then the first of both. So an order needs but one index, for lists with that filter and without.
/// Each half has its own LIMIT, lest PostgreSQL, which takes them for few, read and sort all of both.
fn open_and_completed(tasks: &Select<Entity>, query: &ListQuery) -> Select<Entity> {
    let [mut open, completed] = [false, true].map(|completed| {
        let half = in_order(tasks.clone().filter(COLUMN.completed.eq(completed)), query).into_query();
        Query::select().column(Asterisk).from_subquery(half, "half").take()
    });
    let mut both = tasks.clone();
    *QueryTrait::query(&mut both) = open.union(UnionType::All, completed).take();
    in_order(both, query)
}

/// The first of `tasks`.
fn in_order(mut tasks: Select<Entity>, query: &ListQuery) -> Select<Entity> {
    let order = if query.sort.descending { Order::Desc } else { Order::Asc };
    let statement = QueryTrait::query(&mut tasks);
    // Without their table, since those of a union have none.
    for column in column(query.sort.key).into_iter().chain([Column::Id]) {
        statement.order_by(column, order.clone());
    }
    statement.limit(u64::from(query.limit.get()) + 1);
    tasks
}

/// The column that the order compares before the id, if any.
pub(super) fn column(key: SortKey) -> Option<Column> {
    match key {
        SortKey::Id => None,
        SortKey::CreatedAt => Some(Column::CreatedAt),
        SortKey::UpdatedAt => Some(Column::UpdatedAt),
        SortKey::Title => Some(Column::Title),
    }
}

/// The condition that a task comes after `position`. Rows are compared as such, which an index answers with a range;
/// `a > x OR (a = x AND id > y)` says the same, and makes it read all before.
fn behind(position: &Position, query: &ListQuery) -> Expr {
    let id = Expr::val(position.id);
    let key = match &position.key {
        Key::Id => None,
        Key::Moment(micros) => Some(Expr::val(*micros)),
        Key::Title(title) => Some(Expr::val(title.as_str())),
    };
    let (here, there) = match (column(query.sort.key), key) {
        (Some(column), Some(key)) => (Expr::tuple([Expr::col(column), Expr::col(Column::Id)]), Expr::tuple([key, id])),
        _ => (Expr::col(Column::Id), id),
    };
    if query.sort.descending { here.lt(there) } else { here.gt(there) }
}

/// Where `task` stands in the order.
pub(super) fn position(task: &Model, query: &ListQuery) -> Position {
    let key = match query.sort.key {
        SortKey::Id => Key::Id,
        SortKey::CreatedAt => Key::Moment(task.created_at),
        SortKey::UpdatedAt => Key::Moment(task.updated_at),
        SortKey::Title => Key::Title(task.title.clone()),
    };
    Position { key, id: task.id }
}
