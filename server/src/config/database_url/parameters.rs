//! The parameters of an address of PostgreSQL.

use std::str::FromStr as _;

use sea_orm::sqlx::postgres::PgConnectOptions;
use url::Url;

/// Those that the driver knows, beside `options[…]` (sqlx-postgres 0.9, `options/parse.rs`).
const KNOWN: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Those that providers write into their addresses for other drivers: on channel binding, which this one does not know
/// (Neon), and on pools and waiting, for which there are variables here (Supabase, Prisma, Vercel). And one of this
/// driver's own, the capacity of its cache, which is often set to 0 for poolers. Those are detected here; and without
/// the cache, each prepared statement would stay in the database's memory (sqlx-postgres 0.9).
const OF_OTHERS: &[&str] = &[
    "channel_binding",
    "connect_timeout",
    "connection_limit",
    "pgbouncer",
    "pool_timeout",
    "statement-cache-capacity",
    "supa",
];

/// Leaves out what is for other drivers, and refuses what is for none, by its name alone. The driver would ignore it,
/// and warn at every connection with the value, which may be a secret (`sslpassword`).
pub(super) fn keep_known(url: &mut Url) -> Result<(), String> {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in url.query_pairs() {
        if is_known(&name) {
            kept.push((name.into(), value.into()));
        } else if !is_of_others(&name, &value) {
            return Err(format!(
                "has {}, which the driver does not know; take it out, or write the ? or & of a password as %3F or %26",
                shown(&name, &value)
            ));
        }
    }
    if kept.is_empty() {
        url.set_query(None);
    } else {
        url.query_pairs_mut().clear().extend_pairs(kept);
    }
    Ok(())
}

/// What is wrong with an address that the driver does not take: the parameter whose value it is, where it is one.
pub(super) fn fault(url: &Url) -> String {
    let mut alone = url.clone();
    let mut is_at_fault = |name: &str, value: &str| {
        alone.query_pairs_mut().clear().append_pair(name, value);
        PgConnectOptions::from_str(alone.as_str()).is_err()
    };
    match url.query_pairs().find(|(name, value)| is_at_fault(name, value)) {
        Some((name, _)) => format!("has a value of {name} that cannot be; correct it, as in ?sslmode=verify-full"),
        None => "is no address that the driver takes; write postgresql://user:password@host/database".to_owned(),
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || name.starts_with("options[")
}

fn is_of_others(name: &str, value: &str) -> bool {
    // Prisma's addresses name the schema that is meant anyhow.
    OF_OTHERS.contains(&name) || (name, value) == ("schema", "public")
}

/// The name, unless it looks like the rest of a password that has a `?` or `&` in it.
fn shown(name: &str, value: &str) -> String {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_name && !value.is_empty() { format!("the parameter {name}") } else { "a parameter".to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::DatabaseUrl;

    fn taken(parameters: &str) -> Result<String, String> {
        let url: DatabaseUrl = format!("postgresql://ann@db/todo?{parameters}").parse()?;
        Ok(url.expose().trim_start_matches("postgresql://ann@db/todo").to_owned())
    }

    #[test]
    fn what_is_for_other_drivers_is_left_out() {
        for given in [
            "channel_binding=require",
            "pgbouncer=true&connection_limit=1",
            "schema=public&supa=base-pooler.x",
            "statement-cache-capacity=0",
        ] {
            assert_eq!(taken(given), Ok(String::new()), "{given}");
        }
    }

    #[test]
    fn what_the_driver_knows_is_kept() {
        let given = "sslmode=require&pgbouncer=true&options=-c+jit%3Doff&options%5Bsearch_path%5D=todo";
        assert_eq!(taken(given), Ok(format!("?{}", given.replace("pgbouncer=true&", ""))));
    }

    #[test]
    fn what_nobody_knows_is_named_without_its_value() {
        for (given, words) in [
            ("sslpassword=hunter2", "the parameter sslpassword"),
            ("schema=hunter2", "the parameter schema"),
            ("sslmode=require&hunter2", "a parameter"),
            ("password=a&hunter2@db/todo", "a parameter"),
        ] {
            let refused = taken(given).expect_err("it is refused");
            assert!(refused.starts_with(&format!("has {words}, which")) && !refused.contains("hunter2"), "{refused}");
        }
    }
}
