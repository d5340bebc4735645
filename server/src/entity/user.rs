//! The table of users, where it is ours.

#![expect(clippy::disallowed_methods, reason = "the derived model brings finders, which nobody calls")]

use sea_orm::{ActiveValue::Set, entity::prelude::*};
use todo_api::UserId;

#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// Writes `user` down, unless that was done before.
    pub(crate) async fn keep(user: &UserId, database: &impl ConnectionTrait) -> Result<(), DbErr> {
        let row = ActiveModel { id: Set(user.as_str().to_owned()) };
        Self::insert(row).on_conflict_do_nothing().exec_without_returning(database).await?;
        Ok(())
    }
}
