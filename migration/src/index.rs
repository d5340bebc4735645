//! Indexes of the table of tasks.

use sea_orm_migration::prelude::{DbErr, Index, SchemaManager};

/// An index of that name, on those columns.
pub(crate) type TaskIndex = (&'static str, &'static [&'static str]);

pub(crate) async fn create_index(manager: &SchemaManager<'_>, (name, columns): TaskIndex) -> Result<(), DbErr> {
    let mut index = Index::create().name(name).table("tasks").take();
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

pub(crate) async fn drop_index(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("tasks").to_owned()).await
}
