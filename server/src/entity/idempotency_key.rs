//! The table of idempotency keys. All but the sweeping is bound to an owner.

#![expect(clippy::disallowed_methods, reason = "this is where the owner's condition is put")]

use sea_orm::{ActiveValue::Set, entity::prelude::*, sea_query::OnConflict};
use todo_api::{IdempotencyKey, UserId};

use crate::clock;

#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) key: String,
    pub(crate) answer: String,
    /// Microseconds since 1970 in UTC.
    pub(crate) created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// Keeps the answer to the request of that key, unless there is one that was not `expired`, in
    /// microseconds since 1970. Says whether it did.
    pub(crate) async fn keep(
        owner: &UserId,
        key: &IdempotencyKey,
        answer: &str,
        expired: i64,
        database: &impl ConnectionTrait,
    ) -> Result<bool, DbErr> {
        let row = ActiveModel {
            user_id: Set(owner.as_str().to_owned()),
            key: Set(key.as_str().to_owned()),
            answer: Set(answer.to_owned()),
            created_at: Set(clock::now_micros()),
        };
        let renewed = OnConflict::columns([Column::UserId, Column::Key])
            .update_columns([Column::Answer, Column::CreatedAt])
            .action_and_where(COLUMN.created_at.lt(expired))
            .to_owned();
        let kept = Self::insert(row).on_conflict(renewed).exec_without_returning(database).await?;
        Ok(kept > 0)
    }

    /// The answer that was kept.
    pub(crate) async fn answer(
        owner: &UserId,
        key: &IdempotencyKey,
        database: &impl ConnectionTrait,
    ) -> Result<Option<String>, DbErr> {
        let row = Self::find().filter(COLUMN.user_id.eq(owner.as_str())).filter(COLUMN.key.eq(key.as_str()));
        Ok(row.one(database).await?.map(|row| row.answer))
    }

    /// Deletes what was kept before `expired`, in microseconds since 1970.
    pub(crate) async fn sweep(expired: i64, database: &impl ConnectionTrait) -> Result<(), DbErr> {
        Self::delete_many().filter(COLUMN.created_at.lt(expired)).exec(database).await.map(drop)
    }
}
