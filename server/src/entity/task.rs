//! The table of tasks. Every statement on it starts from one of the first three here, each of which is bound
//! to an owner; clippy refuses any other (see `clippy.toml`).

#![expect(clippy::disallowed_methods, reason = "this is where the owner's condition is put")]

use sea_orm::{DeleteMany, QuerySelect, UpdateMany, entity::prelude::*};
use todo_api::{Nullable, Timestamp, UserId};

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

impl Entity {
    /// The tasks of `owner`: the only way to read any.
    pub(crate) fn owned_by(owner: &UserId) -> Select<Self> {
        Self::find().filter(COLUMN.user_id.eq(owner.as_str()))
    }

    /// A change of tasks of `owner`: the only way to change any.
    pub(crate) fn change_owned_by(owner: &UserId) -> UpdateMany<Self> {
        Self::update_many().filter(COLUMN.user_id.eq(owner.as_str()))
    }

    /// A deletion of tasks of `owner`: the only way to delete any.
    pub(crate) fn delete_owned_by(owner: &UserId) -> DeleteMany<Self> {
        Self::delete_many().filter(COLUMN.user_id.eq(owner.as_str()))
    }

    /// Whether tasks are seen that are not of `owner`, which row-level security forbids: for its self-test.
    pub(crate) async fn are_others_seen(owner: &UserId, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let others = Self::find().select_only().column(Column::Id).filter(COLUMN.user_id.ne(owner.as_str()));
        Ok(others.into_tuple::<i64>().one(database).await?.is_some())
    }
}

impl From<Model> for todo_api::Task {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id.into(),
            title: row.title.into(),
            description: Nullable(row.description.map(Into::into)),
            completed: row.completed,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}
