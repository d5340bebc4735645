//! The table of keys that all servers of one database share.

#![expect(clippy::disallowed_methods, reason = "keys have no owner")]

use sea_orm::{ActiveValue::Set, entity::prelude::*};

#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "keys")]
pub(crate) struct Model {
    /// What the key is for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Entity {
    /// The key of that name. Where there is none yet, `fresh` becomes it, unless another server is first.
    pub(crate) async fn settle(name: &str, fresh: &[u8], database: &impl ConnectionTrait) -> Result<Vec<u8>, DbErr> {
        if let Some(key) = Self::find_by_id(name).one(database).await? {
            return Ok(key.bytes);
        }
        let row = ActiveModel { name: Set(name.to_owned()), bytes: Set(fresh.to_vec()) };
        Self::insert(row).on_conflict_do_nothing().exec_without_returning(database).await?;
        let key = Self::find_by_id(name).one(database).await?;
        key.map(|key| key.bytes).ok_or_else(|| DbErr::RecordNotFound(format!("the key {name} is gone")))
    }
}
