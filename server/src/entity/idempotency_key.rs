//! The table of idempotency keys. All but the sweeping is bound to an owner.

#![expect(clippy::disallowed_methods, reason = "this is where the owner's condition is put")]

use sea_orm::{
    ActiveValue::Set,
    QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{ExprTrait, OnConflict},
};
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

/// The most keys that are deleted by one statement.
const SWEPT_AT_ONCE: u64 = 1000;

impl Entity {
    /// Keeps the answer to the request of that key, unless there is one from `kept_since` on, in microseconds
    /// since 1970. Says whether it did.
    pub(crate) async fn keep(
        owner: &UserId,
        key: &IdempotencyKey,
        answer: &str,
        kept_since: i64,
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
            .action_and_where(COLUMN.created_at.lt(kept_since))
            .to_owned();
        let kept = Self::insert(row).on_conflict(renewed).exec_without_returning(database).await?;
        Ok(kept > 0)
    }

    /// The answer that is kept, where it is from `kept_since` on, in microseconds since 1970.
    pub(crate) async fn answer(
        owner: &UserId,
        key: &IdempotencyKey,
        kept_since: i64,
        database: &impl ConnectionTrait,
    ) -> Result<Option<String>, DbErr> {
        let row = Self::find().filter(COLUMN.user_id.eq(owner.as_str())).filter(COLUMN.key.eq(key.as_str()));
        Ok(row.filter(COLUMN.created_at.gte(kept_since)).one(database).await?.map(|row| row.answer))
    }

    /// Deletes some of what is from before `kept_since`, in microseconds since 1970: only so much at a time that nobody
    /// waits long for it. Says whether there may be more.
    pub(crate) async fn sweep(kept_since: i64, database: &impl ConnectionTrait) -> Result<bool, DbErr> {
        let (columns, is_old) = ([Column::UserId, Column::Key], COLUMN.created_at.lt(kept_since));
        let some = Self::find().select_only().columns(columns).filter(is_old.clone()).limit(SWEPT_AT_ONCE);
        let key = Expr::tuple(columns.map(Expr::col));
        // `is_old` once more, outside of the subquery: PostgreSQL waits for whoever renews a row, and then checks this
        // condition alone again.
        let swept =
            Self::delete_many().filter(is_old).filter(key.in_subquery(some.into_query())).exec(database).await?;
        Ok(swept.rows_affected == SWEPT_AT_ONCE)
    }
}
