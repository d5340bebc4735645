//! Indexes of the table of tasks.

use sea_orm_migration::prelude::{DbErr, Index, IndexCreateStatement, SchemaManager};

/// An index of that name, on those columns.
pub(crate) type TaskIndex = (&'static str, &'static [&'static str]);

/// The statement that makes one.
pub(crate) fn index((name, columns): TaskIndex) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table("tasks").take();
    for column in columns {
        index.col(*column);
    }
    index
}

pub(crate) async fn create_index(manager: &SchemaManager<'_>, wanted: TaskIndex) -> Result<(), DbErr> {
    manager.create_index(index(wanted)).await
}

pub(crate) async fn drop_index(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    manager.drop_index(Index::drop().name(name).table("tasks").to_owned()).await
}
