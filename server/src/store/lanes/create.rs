//! Creating tasks.

use std::{cmp::Reverse, collections::HashMap, iter::zip};

use sea_orm::DbErr;
use todo_api::UserId;

use super::{Writes, lane::Kind, sizes};
use crate::{
    entity::task::{ActiveModel, Entity, Model},
    store::memory::Edit,
};

/// The task as it was created.
pub(in crate::store) struct Create(pub(super) Writes);

impl Kind for Create {
    type Question = (UserId, ActiveModel);
    type Answer = Option<Model>;

    const IS_READ: bool = false;

    fn owner((owner, _): &(UserId, ActiveModel)) -> Option<&UserId> {
        Some(owner)
    }

    async fn ask(&self, rows: &[(UserId, ActiveModel)]) -> Result<Vec<Option<Model>>, DbErr> {
        let owners = rows.iter().map(|(owner, _)| owner);
        let mut creation = Entity::create_each(sizes::filled_up(rows.iter().map(|(_, row)| row.row()).collect()));
        let tasks = self.0.carry_out(owners, |what| creation.returning(what).take(), Edit::put).await?;
        Ok(made_of_each(rows, tasks))
    }
}

/// The task that each row became. No database promises the order in which it returns them; equal ones are anybody's.
fn made_of_each(rows: &[(UserId, ActiveModel)], mut tasks: Vec<Model>) -> Vec<Option<Model>> {
    // Ids are given in the order of the rows: the first task is last, and taken first.
    tasks.sort_unstable_by_key(|task| Reverse(task.id));
    let mut made: Vec<_> = rows
        .iter()
        .map(|(_, row)| tasks.iter().rposition(|task| is_made_of(task, row)).map(|place| tasks.remove(place)))
        .collect();
    // What is left was altered by a trigger of the operator's, which may have left others out. Where it did both to one
    // owner's, it is not known which row became which task.
    let mut others: HashMap<String, Vec<Model>> = HashMap::new();
    for task in tasks {
        others.entry(task.user_id.clone()).or_default().push(task);
    }
    let missing =
        |owner: &str| zip(rows, &made).filter(|((of, _), task)| of.as_str() == owner && task.is_none()).count();
    others.retain(|owner, tasks| tasks.len() == missing(owner));
    for ((owner, _), task) in zip(rows, &mut made).filter(|(_, task)| task.is_none()) {
        *task = others.get_mut(owner.as_str()).and_then(Vec::pop);
    }
    made
}

fn is_made_of(task: &Model, row: &ActiveModel) -> bool {
    row.user_id.try_as_ref() == Some(&task.user_id)
        && row.title.try_as_ref() == Some(&task.title)
        && row.description.try_as_ref() == Some(&task.description)
        && row.completed.try_as_ref() == Some(&task.completed)
        && row.created_at.try_as_ref() == Some(&task.created_at)
}

#[cfg(test)]
mod tests {
    use sea_orm::ActiveValue::{NotSet, Set};

    use super::*;

    /// A new task, of the same moment as all others.
    fn row(owner: &str, title: &str) -> (UserId, ActiveModel) {
        let row = ActiveModel {
            id: NotSet,
            user_id: Set(owner.to_owned()),
            title: Set(title.to_owned()),
            description: Set(None),
            completed: Set(false),
            created_at: Set(1),
            updated_at: Set(1),
        };
        (UserId::stored(owner.to_owned()), row)
    }

    fn task(id: i64, owner: &str, title: &str) -> Model {
        Model {
            id,
            user_id: owner.to_owned(),
            title: title.to_owned(),
            description: None,
            completed: false,
            created_at: 1,
            updated_at: 1,
        }
    }

    /// The ids of the tasks that each row became.
    fn made(rows: &[(UserId, ActiveModel)], tasks: Vec<Model>) -> Vec<Option<i64>> {
        made_of_each(rows, tasks).into_iter().map(|task| task.map(|task| task.id)).collect()
    }

    #[test]
    fn nobody_is_answered_what_another_may_have_created() {
        let of_both = [row("ann", "a"), row("bob", "a")];
        assert_eq!(made(&of_both, vec![task(1, "bob", "a"), task(2, "ann", "a")]), [Some(2), Some(1)]);
        // A trigger has trimmed them, and left one of ann's out.
        let of_both = [row("ann", " a"), row("ann", " b"), row("bob", " a")];
        assert_eq!(made(&of_both, vec![task(1, "ann", "b"), task(2, "bob", "a")]), [None, None, Some(2)]);
    }
}
