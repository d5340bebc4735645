//! Changing tasks.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, QueryFilter, QueryTrait, Value,
    sea_query::{Expr, ExprTrait, Func},
};
use todo_api::UserId;

use super::{Writes, lane::Kind, sizes};
use crate::{
    entity::task::{Column, Entity, Model, Target, brought},
    store::memory::Edit,
};

// The columns of a row behind the three of its target, in the order of `Change::row`.
const TITLE: &str = "column4";
const DESCRIBES: &str = "column5";
const DESCRIPTION: &str = "column6";
const COMPLETED: &str = "column7";
const FLIPS: &str = "column8";

/// A change of one task. What it does not name stays.
#[derive(Debug, Clone)]
pub(in crate::store) struct Change {
    pub(in crate::store) target: Target,
    pub(in crate::store) title: Option<String>,
    /// Whether it is the description that changes, which may be to none.
    pub(in crate::store) describes: bool,
    pub(in crate::store) description: Option<String>,
    pub(in crate::store) completed: Option<bool>,
    /// Whether `completed` becomes what it was not.
    pub(in crate::store) flips: bool,
}

impl Change {
    /// What a statement brings along of it.
    fn row(&self) -> Option<Vec<Value>> {
        let mut row = self.target.row()?;
        row.extend([
            self.title.clone().into(),
            self.describes.into(),
            self.description.clone().into(),
            self.completed.into(),
            self.flips.into(),
        ]);
        Some(row)
    }
}

/// The task after a change, where it was there to change.
pub(in crate::store) struct Apply(pub(super) Writes);

impl Kind for Apply {
    type Question = Change;
    type Answer = Option<Model>;

    const IS_READ: bool = false;

    fn owner(change: &Change) -> Option<&UserId> {
        Some(&change.target.owner)
    }

    async fn ask(&self, changes: &[Change]) -> Result<Vec<Option<Model>>, DbErr> {
        let kept = |column: Column| Expr::col((Entity, column));
        let rows = sizes::filled_up(changes.iter().filter_map(Change::row).collect());
        // Who names no version at all means no task, and brings no row.
        if rows.is_empty() {
            return Ok(vec![None; changes.len()]);
        }
        let described = Expr::case(brought(DESCRIBES), brought(DESCRIPTION)).finally(kept(Column::Description));
        let completed = Func::coalesce([brought(COMPLETED), kept(Column::Completed).ne(brought(FLIPS))]);
        // Two statements that lock the same tasks in different orders would wait for one another.
        let is_to_be_ordered = rows.len() > 1 && self.0.database.get_database_backend() == DbBackend::Postgres;
        let (first, change) = if is_to_be_ordered {
            let (first, change) = Entity::change_in_order(rows);
            (Some(first), change)
        } else {
            (None, Entity::change_owned_by_each(rows))
        };
        let change = change
            .apply_if(changes.first().and_then(|change| change.target.versions()), QueryFilter::filter)
            .col_expr(Column::Title, Func::coalesce([brought(TITLE), kept(Column::Title)]).into())
            .col_expr(Column::Description, described.into())
            .col_expr(Column::Completed, completed.into());
        let owners = changes.iter().map(|change| &change.target.owner);
        let mut change = change.into_query();
        let mut change = |what| change.returning(what).take();
        let tasks = match first {
            Some(first) => self.0.carry_out(owners, |what| first.query(change(what)), Edit::put).await?,
            None => self.0.carry_out(owners, change, Edit::put).await?,
        };
        Ok(changes.iter().map(|change| tasks.iter().find(|task| change.target.is(task)).cloned()).collect())
    }

    fn goes_alone(change: &Change) -> bool {
        change.target.is_of_several_versions()
    }

    /// Two changes of a task are two, one after the other.
    fn go_together(one: &Change, other: &Change) -> bool {
        !one.target.is_same(&other.target)
    }
}
