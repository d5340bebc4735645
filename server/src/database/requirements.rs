//! What a PostgreSQL must be, so that the contract can be kept with it.

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Func, Query},
};

/// The first that has the aggregate `bit_xor`, of which the versions of lists are made.
const OLDEST: u32 = 140_000;

/// What is wrong with one that is for reading alone.
pub(crate) const TAKES_NO_WRITES: &str = "the database takes no writes, as a standby does, or one with \
     default_transaction_read_only; give DATABASE_URL the address of one that does";

/// Refuses one that is too old, and a database whose encoding lacks characters, or counts bytes for them; warns of one
/// that takes no writes.
pub(super) async fn check(database: &impl ConnectionTrait) -> Result<(), DbErr> {
    let setting = |name| Func::cust("current_setting").arg(name);
    let query = Query::select()
        .expr_as(setting("server_version_num"), "number")
        .expr_as(setting("server_version"), "version")
        .expr_as(setting("server_encoding"), "encoding")
        .expr_as(setting("transaction_read_only"), "read_only")
        .take();
    let row = database.query_one(&query).await?.ok_or_else(|| DbErr::RecordNotFound("settings".to_owned()))?;
    let (number, version): (String, String) = (row.try_get("", "number")?, row.try_get("", "version")?);
    // What has no such number is no PostgreSQL, and is judged by what it can do.
    if number.parse::<u32>().is_ok_and(|number| number < OLDEST) {
        return Err(DbErr::Custom(format!("it is PostgreSQL {version}; move to 14 or a later one")));
    }
    let encoding: String = row.try_get("", "encoding")?;
    if encoding != "UTF8" {
        return Err(DbErr::Custom(format!(
            "its encoding is {encoding}, which cannot keep every text; make it anew with CREATE DATABASE … TEMPLATE \
             template0 ENCODING 'UTF8'"
        )));
    }
    if row.try_get::<String>("", "read_only")? == "on" {
        tracing::warn!("{TAKES_NO_WRITES}; until then they are answered 503");
    }
    Ok(())
}
