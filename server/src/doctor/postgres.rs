//! PostgreSQL: the way to it, the role in it, and its clock.

use std::{str::FromStr as _, time::Instant};

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait as _, Func, Query},
    sqlx::postgres::{PgConnectOptions, PgSslMode},
};
use todo_migration::value;

use super::{Checked, Finding, rights::rights, row_security::row_security};
use crate::{
    DatabaseConfig, Databases, Migrations, clock,
    database::{in_time, requirements::TAKES_NO_WRITES, tls, words},
    host::is_public,
};

/// What the address alone tells.
pub(super) fn before_connecting(config: &DatabaseConfig) -> Vec<Checked> {
    let urls = [("DATABASE_URL", Some(&config.url)), ("DATABASE_DIRECT_URL", config.direct_url.as_ref())];
    let addresses =
        urls.into_iter().filter_map(|(name, url)| Some((name, PgConnectOptions::from_str(url?.expose()).ok()?)));
    let taken = |address| if config.verify_tls { tls::verified(address) } else { address };
    addresses.map(|(name, address)| ("encryption", encryption(name, &taken(address)))).collect()
}

/// What the database tells, as far as it answers.
pub(super) async fn connected(databases: &Databases, config: &DatabaseConfig) -> Vec<Checked> {
    let database = &databases.writes;
    let asked = async {
        Ok([
            ("version", version(database).await),
            ("writes", writes(database).await),
            ("distance", round_trip(database).await),
            ("role", role(database, config).await),
            ("rights", rights(databases, config).await),
            ("clock", time(database).await),
        ])
    };
    let unanswered =
        |cause: DbErr| Finding::fail(format!("the database does not answer a question: {}", words(&cause)));
    let asked = match in_time(config, asked).await {
        Ok(asked) => asked,
        Err(cause) => return vec![("database", unanswered(cause))],
    };
    let asked = asked.into_iter().chain([("rls", row_security(databases, config).await)]);
    let told = asked.map(|(check, finding)| (check, finding.unwrap_or_else(unanswered)));
    let direct = direct(databases, config).await.map(|finding| ("direct", finding));
    told.chain([("pooler", pooler(databases, config))]).chain(direct).collect()
}

/// Whether somebody between us and a database elsewhere can read along, or pose as the database. `address` is that of
/// the variable `name`, with the certificate of a public host verified unless that is turned off.
fn encryption(name: &str, address: &PgConnectOptions) -> Finding {
    let remedy = format!("set sslmode=verify-full in {name}");
    let host = address.get_host();
    match address.get_ssl_mode() {
        PgSslMode::VerifyFull => Finding::pass("the database is made sure of, and nobody reads along"),
        _ if !is_public(host) => Finding::pass(format!("{host} is on this machine or in a private network")),
        PgSslMode::VerifyCa => Finding::warn(format!("any host of that authority may be {host}; {remedy}")),
        PgSslMode::Require => Finding::warn(format!("anybody with any certificate may be {host}; {remedy}")),
        _ => Finding::fail(format!("what goes to {host} may go unencrypted; {remedy}")),
    }
}

async fn version(database: &impl ConnectionTrait) -> Result<Finding, DbErr> {
    let version: String = value(database, Func::cust("current_setting").arg("server_version")).await?;
    Ok(Finding::pass(format!("PostgreSQL {version}")))
}

async fn writes(database: &impl ConnectionTrait) -> Result<Finding, DbErr> {
    let is_read_only: String = value(database, Func::cust("current_setting").arg("transaction_read_only")).await?;
    Ok(if is_read_only == "on" { Finding::fail(TAKES_NO_WRITES) } else { Finding::pass("the database takes them") })
}

/// Every operation waits for at least one.
async fn round_trip(database: &impl ConnectionTrait) -> Result<Finding, DbErr> {
    let start = Instant::now();
    let _: i32 = value(database, Expr::val(1)).await?;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    let said = format!("a round trip takes {milliseconds:.1} ms");
    Ok(if milliseconds < 50.0 {
        Finding::pass(said)
    } else {
        Finding::warn(format!("{said}, and every operation waits for it; put server and database together"))
    })
}

/// What somebody who got hold of our connection could do beyond our tables.
async fn role(database: &impl ConnectionTrait, config: &DatabaseConfig) -> Result<Finding, DbErr> {
    const POWERS: [(&str, &str); 4] = [
        ("rolsuper", "is a superuser"),
        ("rolbypassrls", "bypasses row-level security"),
        ("rolcreaterole", "creates roles"),
        ("rolcreatedb", "creates databases"),
    ];
    let query = Query::select()
        .column("rolname")
        .columns(POWERS.map(|(column, _)| column))
        .from("pg_roles")
        .and_where(Expr::col("rolname").eq(Expr::custom_keyword("current_user")))
        .take();
    let row = database.query_one(&query).await?.ok_or_else(|| DbErr::RecordNotFound("our own role".to_owned()))?;
    let name: String = row.try_get("", "rolname")?;
    let mut powers = Vec::new();
    for (column, words) in POWERS {
        if row.try_get("", column)? {
            powers.push(words);
        }
    }
    Ok(if powers.is_empty() {
        Finding::pass(format!("{name} has no rights over the database server"))
    } else {
        let powers = powers.join(", ");
        // Without row-level security, this may be the role that migrates. On PostgreSQL 15, NOINHERIT would keep it
        // from that, even as the owner of the database, whose rights come from a role (`pg_database_owner`).
        let how = if config.row_security { "LOGIN NOINHERIT" } else { "LOGIN" };
        let another = another(&name);
        Finding::warn(format!("{name} {powers}; give DATABASE_URL a role of its own: CREATE ROLE {another} {how}"))
    })
}

/// The name of a role to be made in place of `login`, which compose.yaml calls as we would.
pub(super) fn another(login: &str) -> &'static str {
    if login == "todo" { "todo_server" } else { "todo" }
}

/// Our clock, which tokens are held against, beside the database's, which is surely looked after.
async fn time(database: &impl ConnectionTrait) -> Result<Finding, DbErr> {
    let since_1970 = Func::cust("date_part").arg("epoch").arg(Func::cust("clock_timestamp"));
    let theirs: f64 = value(database, since_1970).await?;
    Ok(apart(clock::now_seconds(), theirs))
}

/// Both are in seconds since the same moment.
fn apart(ours: f64, theirs: f64) -> Finding {
    let seconds = (ours - theirs).abs();
    let said = format!("{seconds:.1} s apart from the database's");
    match seconds {
        ..2.0 => Finding::pass(said),
        ..30.0 => Finding::warn(format!("{said}; run a time service (chrony, systemd-timesyncd)")),
        _ => Finding::fail(format!("{said}, so tokens expire early or late; set the clock, run a time service")),
    }
}

fn pooler(databases: &Databases, config: &DatabaseConfig) -> Finding {
    if !databases.is_pooled() {
        return Finding::pass("none in transaction mode");
    }
    if config.direct_url.is_some() {
        return Finding::pass("in transaction mode; migrations go to DATABASE_DIRECT_URL");
    }
    let remedy = "set DATABASE_DIRECT_URL for migrations, or, with one server, DATABASE_URL without the pooler";
    Finding::warn(format!("in transaction mode, where each statement costs more; {remedy}"))
}

/// Whether migrations have a way of their own, and it leads where it should.
async fn direct(databases: &Databases, config: &DatabaseConfig) -> Option<Finding> {
    config.direct_url.as_ref()?;
    Some(match Migrations::of(databases, config).reach().await {
        Ok(()) => Finding::pass("DATABASE_DIRECT_URL answers, and leads to the same database"),
        Err(cause) => Finding::fail(cause.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_clock_that_is_wrong_is_seen() {
        let expected = [Verdict::Pass, Verdict::Pass, Verdict::Warn, Verdict::Warn, Verdict::Fail, Verdict::Fail];
        let by = [0.0, 1.9, 2.1, 29.0, 31.0, f64::INFINITY];
        assert_eq!(by.map(|seconds| apart(seconds, 0.0).verdict), expected, "it is ahead");
        assert_eq!(by.map(|seconds| apart(0.0, seconds).verdict), expected, "it is behind");
    }

    #[test]
    fn only_the_way_to_another_network_has_to_be_verified() {
        let verdict = |host: &str, mode: &str| {
            let address = PgConnectOptions::from_str(&format!("postgresql://u@{host}/d?sslmode={mode}"));
            encryption("DATABASE_URL", &address.expect("an address")).verdict
        };
        for host in ["localhost", "127.0.0.1", "database", "10.1.2.3"] {
            assert_eq!(verdict(host, "disable"), Verdict::Pass, "{host}");
        }
        for host in ["db.example.com", "203.0.113.1"] {
            let verdicts = ["disable", "prefer", "require", "verify-ca", "verify-full"].map(|mode| verdict(host, mode));
            let expected = [Verdict::Fail, Verdict::Fail, Verdict::Warn, Verdict::Warn, Verdict::Pass];
            assert_eq!(verdicts, expected, "{host}");
        }
    }
}
