//! What a server does for nobody in particular, by the role that logs in.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr, sea_query::Func};

use super::quoted;
use crate::value::value;

/// A table, and what must be allowed on it.
pub type Right = (&'static str, &'static str);

/// What the server does for nobody in particular: it looks for migrations, settles its keys, and sweeps old ones, which
/// takes [`letting_find_keys`] too.
pub const RIGHTS_OF_SERVERS: [Right; 4] =
    [("seaql_migrations", "SELECT"), ("keys", "SELECT"), ("keys", "INSERT"), ("idempotency_keys", "DELETE")];

/// What sweeping reads of creations under a key: not their answers, which hold tasks.
const SWEPT_BY: [&str; 3] = ["user_id", "key", "created_at"];

/// The statement that lets `login` find the keys that are to be swept, and not read what was answered.
#[must_use]
pub fn letting_find_keys(login: &str) -> String {
    format!("GRANT SELECT ({}) ON idempotency_keys TO {}", SWEPT_BY.join(", "), quoted(login))
}

/// Whether the current role may do what a server does for nobody in particular.
pub(super) async fn serves(database: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let table = |name: &'static str| Func::cust("to_regclass").arg(name);
    let of_tables =
        RIGHTS_OF_SERVERS.map(|(name, right)| Func::cust("has_table_privilege").arg(table(name)).arg(right));
    let of_columns = SWEPT_BY
        .map(|column| Func::cust("has_column_privilege").arg(table("idempotency_keys")).arg(column).arg("SELECT"));
    for right in of_tables.into_iter().chain(of_columns) {
        // Nothing at all where there is no such table.
        if value::<Option<bool>>(database, right).await? != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}
