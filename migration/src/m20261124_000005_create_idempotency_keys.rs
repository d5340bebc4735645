//! The table of idempotency keys: what was answered to a creation that may be sent again.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, ForeignKey, ForeignKeyAction, Index, MigrationTrait, SchemaManager, Table,
    async_trait,
};

use crate::UsersTable;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration {
    /// The table whose rows own tasks.
    pub(crate) users: UsersTable,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut owner = ForeignKey::create()
            .name("fk_idempotency_keys_user_id")
            .from("idempotency_keys", "user_id")
            .to(self.users.table_ref(), "id")
            .on_delete(ForeignKeyAction::Cascade)
            .take();
        manager
            .create_table(
                Table::create()
                    .table("idempotency_keys")
                    .col(ColumnDef::new("user_id").string_len(255).not_null())
                    .col(ColumnDef::new("key").string_len(255).not_null())
                    // The task as it was answered, in JSON. The task itself may have changed since, or be gone.
                    .col(ColumnDef::new("answer").text().not_null())
                    // Microseconds since 1970 in UTC, as those of tasks.
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .primary_key(Index::create().col("user_id").col("key"))
                    .foreign_key(&mut owner)
                    .take(),
            )
            .await?;
        // Serves the sweeping of old ones.
        let by_age =
            Index::create().name("ix_idempotency_keys_created_at").table("idempotency_keys").col("created_at").take();
        manager.create_index(by_age).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("idempotency_keys").take()).await
    }
}
