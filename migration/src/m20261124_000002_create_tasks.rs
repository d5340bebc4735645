//! The table of tasks.

use sea_orm_migration::{
    prelude::{
        ColumnDef, DbErr, DeriveMigrationName, Expr, ForeignKey, ForeignKeyAction, Func, Index, MigrationTrait,
        SchemaManager, Table, async_trait,
    },
    sea_orm::sea_query::{Check, ExprTrait},
};

use crate::UsersTable;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration {
    /// The table whose rows own tasks.
    pub(crate) users: UsersTable,
}

/// The largest whole number that JavaScript holds exactly.
const MAX_ID: i64 = (1 << 53) - 1;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.users.check(manager).await?;
        let mut owner = ForeignKey::create()
            .name("fk_tasks_user_id")
            .from("tasks", "user_id")
            .to(self.users.table_ref(), "id")
            .on_delete(ForeignKeyAction::Cascade)
            .take();
        manager
            .create_table(
                Table::create()
                    .table("tasks")
                    // Never used again after a delete: an identity column, and AUTOINCREMENT on SQLite.
                    .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new("user_id").string_len(255).not_null())
                    .col(ColumnDef::new("title").string_len(200).not_null())
                    .col(ColumnDef::new("description").string_len(1000))
                    .col(ColumnDef::new("completed").boolean().not_null())
                    // Microseconds since 1970 in UTC: the one way to keep a moment in which both databases
                    // compute and compare alike, and SQLite has no other that keeps microseconds.
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .check(Check::named("ck_tasks_id", Expr::col("id").lte(MAX_ID)))
                    .check(length("ck_tasks_title", "title", 1, 200))
                    .check(length("ck_tasks_description", "description", 0, 1000))
                    .check(Check::named("ck_tasks_updated_at", Expr::col("updated_at").gte(Expr::col("created_at"))))
                    .foreign_key(&mut owner)
                    .take(),
            )
            .await?;
        self.users.check_reference(manager).await?;
        // Serves the list of one owner, in its order, and one task of one owner.
        manager
            .create_index(Index::create().name("ix_tasks_user_id_id").table("tasks").col("user_id").col("id").take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tasks").take()).await
    }
}

/// The bounds of the contract in code points. SQLite keeps no length of a varchar, so it is said again.
fn length(name: &'static str, column: &'static str, least: i32, most: i32) -> Check {
    Check::named(name, Expr::expr(Func::char_length(Expr::col(column))).between(least, most))
}
