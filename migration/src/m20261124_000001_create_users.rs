//! The table of users, where it is ours. Only the key: another system may add its columns later.

use sea_orm_migration::{
    prelude::{ColumnDef, DbErr, DeriveMigrationName, Expr, MigrationTrait, Query, SchemaManager, Table, async_trait},
    sea_orm::ConnectionTrait as _,
};

use crate::UsersTable;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration {
    /// The table of another system, where there is one: not ours to make.
    pub(crate) foreign: Option<UsersTable>,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if self.foreign.is_some() {
            return Ok(());
        }
        // Not by the library, which does not find a table `Users` on SQLite, to which case is nothing.
        if !UsersTable::default().columns(manager).await?.is_empty() {
            return Err(DbErr::Migration(
                "there is a table users already, and it is not ours; set USERS_TABLE=users to have tasks reference it, \
                 or use another database"
                    .to_owned(),
            ));
        }
        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(ColumnDef::new("id").string_len(255).not_null().primary_key())
                    .col(
                        ColumnDef::new("created_at")
                            .timestamp_with_time_zone()
                            .not_null()
                            .default(Expr::current_timestamp()),
                    )
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if self.foreign.is_some() {
            return Ok(());
        }
        let columns = UsersTable::default().columns(manager).await?;
        let others = columns.iter().find(|(name, _)| !["id", "created_at"].contains(&name.as_str()));
        let row = Query::select().expr(Expr::val(1)).from("users").limit(1).take();
        if let Some((column, _)) = others
            && manager.get_connection().query_one(&row).await?.is_some()
        {
            return Err(DbErr::Migration(format!(
                "the table users has a column {column}, which is another system's, and its users would be dropped; set \
                 USERS_TABLE=users to have them stay"
            )));
        }
        manager.drop_table(Table::drop().table("users").take()).await
    }
}
