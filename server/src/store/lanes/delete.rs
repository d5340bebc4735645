//! Deleting tasks.

use sea_orm::{ConnectionTrait, DbErr, QueryTrait};
use todo_api::UserId;

use super::{Writes, lane::Kind, sizes};
use crate::{
    entity::task::{Entity, Target},
    store::memory::Edit,
};

/// Whether the task was there to delete.
pub(in crate::store) struct Delete(pub(super) Writes);

impl Kind for Delete {
    type Question = Target;
    type Answer = bool;

    const IS_READ: bool = false;

    fn owner(target: &Target) -> Option<&UserId> {
        Some(&target.owner)
    }

    async fn ask(&self, targets: &[Target]) -> Result<Vec<bool>, DbErr> {
        let owners = targets.iter().map(|target| &target.owner);
        // A deletion brings no rows, so it is filled up by naming tasks twice.
        let mut named: Vec<_> = targets.iter().cycle().take(sizes::with_room_for(targets.len())).collect();
        // Those with a version come last: texts of one size then differ only in how many those are.
        named.sort_by_key(|target| target.moments.is_some());
        let mut deletion = Entity::delete_owned_by_each(&named, self.0.database.get_database_backend()).into_query();
        let tasks = self
            .0
            .carry_out(owners, |what| deletion.returning(what).take(), |task| Some(Edit::Remove(task.id)))
            .await?;
        Ok(targets.iter().map(|target| tasks.iter().any(|task| target.is(task))).collect())
    }

    fn goes_alone(target: &Target) -> bool {
        target.is_of_several_versions()
    }

    /// Of two who delete the same task, one comes too late.
    fn go_together(one: &Target, other: &Target) -> bool {
        !one.is_same(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_behind_others_who_ask_for_the_same_task() {
        let of = |owner| Target { owner: UserId::parse(owner).expect("it is good"), id: 1, moments: None };
        assert!(Delete::go_together(&of("ann"), &of("eve")));
        assert!(!Delete::go_together(&of("ann"), &of("ann")));
    }
}
