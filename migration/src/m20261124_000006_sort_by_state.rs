//! `completed` leads each order's index, so that a page of the open tasks, or of the completed ones, costs
//! what it has in every order. A page of both is merged from two ranges of the same index: that costs a few
//! rows of a page, where an index more would cost every write.

use sea_orm_migration::prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait};

use crate::index::{TaskIndex, create_index, drop_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const BY_STATE: [TaskIndex; 3] = [
    ("ix_tasks_user_id_completed_created_at_id", &["user_id", "completed", "created_at", "id"]),
    ("ix_tasks_user_id_completed_updated_at_id", &["user_id", "completed", "updated_at", "id"]),
    ("ix_tasks_user_id_completed_title_id", &["user_id", "completed", "title", "id"]),
];

/// What they replace.
const PLAIN: [TaskIndex; 3] = [
    ("ix_tasks_user_id_created_at_id", &["user_id", "created_at", "id"]),
    ("ix_tasks_user_id_updated_at_id", &["user_id", "updated_at", "id"]),
    ("ix_tasks_user_id_title_id", &["user_id", "title", "id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, &PLAIN, &BY_STATE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, &BY_STATE, &PLAIN).await
    }
}

async fn replace(manager: &SchemaManager<'_>, old: &[TaskIndex], new: &[TaskIndex]) -> Result<(), DbErr> {
    for index in new {
        create_index(manager, *index).await?;
    }
    for (name, _) in old {
        drop_index(manager, name).await?;
    }
    Ok(())
}
