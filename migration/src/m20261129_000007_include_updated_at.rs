//! On PostgreSQL `updated_at` goes into the index by which the open tasks, or the completed ones, are listed in the
//! order of ids, as it is in the primary key: so the version of such a page is told from as much of one index as the
//! page has.
//!
//! Without, the planner took it from the index that has `updated_at` in it, which is in another order: it read, and
//! sorted, all open tasks of their owner, 37 milliseconds instead of half a one with 100,000. An update writes all
//! indexes anyhow; on SQLite it does not, and the plan is the right one.

use sea_orm_migration::{
    prelude::{DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, async_trait},
    sea_orm::DbBackend,
};

use crate::index::{TaskIndex, create_index, drop_index, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What it replaces.
const PLAIN: TaskIndex = ("ix_tasks_user_id_completed_id", &["user_id", "completed", "id"]);

const WITH_UPDATED_AT: &str = "ix_tasks_user_id_completed_id_updated_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let (old, columns) = PLAIN;
        manager.create_index(index((WITH_UPDATED_AT, columns)).include("updated_at").take()).await?;
        drop_index(manager, old).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        create_index(manager, PLAIN).await?;
        drop_index(manager, WITH_UPDATED_AT).await
    }
}
