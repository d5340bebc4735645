//! Reading tasks.

use sea_orm::{ConnectionTrait, DbErr, QueryFilter, QueryTrait};
use todo_api::UserId;

use super::{connection_of, lane::Kind, sizes};
use crate::{
    database::Connection,
    entity::task::{Entity, Model, Target},
};

/// The task that is meant, if it is there.
pub(in crate::store) struct Read(pub(super) Connection);

impl Kind for Read {
    type Question = Target;
    type Answer = Option<Model>;

    const IS_READ: bool = true;

    fn owner(target: &Target) -> Option<&UserId> {
        Some(&target.owner)
    }

    async fn ask(&self, targets: &[Target]) -> Result<Vec<Option<Model>>, DbErr> {
        let database = connection_of(&self.0, targets.iter().map(|target| &target.owner));
        let rows = sizes::filled_up(targets.iter().filter_map(Target::row).collect());
        // Who names no version at all means no task, and brings no row.
        if rows.is_empty() {
            return Ok(vec![None; targets.len()]);
        }
        let tasks =
            Entity::owned_by_each(rows).apply_if(targets.first().and_then(Target::versions), QueryFilter::filter);
        let tasks = Model::all(&database.query_all(&tasks.into_query()).await?)?;
        Ok(targets.iter().map(|target| tasks.iter().find(|task| target.is_now(task)).cloned()).collect())
    }

    fn goes_alone(target: &Target) -> bool {
        target.is_of_several_versions()
    }
}
