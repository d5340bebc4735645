//! PostgreSQL: the way to it, the role in it, and its clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr as _,
    time::Instant,
};

use sea_orm::{
    ConnectionTrait, DbErr,
    sea_query::{Expr, ExprTrait as _, Func, Query},
    sqlx::postgres::{PgConnectOptions, PgSslMode},
};

use todo_migration::{Inherited, RIGHTS_OF_SERVERS, Right, current_role, letting_find_keys, quoted, value};

use super::{Checked, Finding};
use crate::{
    DatabaseConfig, Databases, Migrations, RowSecurityError, clock,
    database::{requirements::TAKES_NO_WRITES, tls},
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
    let asked = [
        ("version", version(database).await),
        ("writes", writes(database).await),
        ("distance", round_trip(database).await),
        ("role", role(database, config).await),
        ("rights", rights(databases, config).await),
        ("clock", time(database).await),
        ("rls", row_security(databases, config).await),
    ];
    let unanswered = |cause: DbErr| Finding::fail(format!("the database does not answer a question: {cause}"));
    let told = asked.into_iter().map(|(check, finding)| (check, finding.unwrap_or_else(unanswered)));
    let direct = direct(databases, config).await.map(|finding| ("direct", finding));
    told.chain([("pooler", pooler(databases, config))]).chain(direct).collect()
}

/// Whether somebody between us and a database elsewhere can read along, or be the database. `address` is that of the
/// variable `name`, as it is taken: with the certificate of a public host verified unless that is turned off.
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

/// What somebody could do beyond our tables who got hold of our connection.
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
        // Without row-level security, this may be the role that migrates. On PostgreSQL 15, one that does not inherit
        // could not, though it owned the database: that comes from a role (`pg_database_owner`).
        let how = if config.row_security { "LOGIN NOINHERIT" } else { "LOGIN" };
        Finding::warn(format!("{name} {powers}; give DATABASE_URL a role of its own: CREATE ROLE todo {how}"))
    })
}

/// Whether all can be carried out, by the roles that do; nothing is wrong with tables that are not there yet.
async fn rights(databases: &Databases, config: &DatabaseConfig) -> Result<Finding, DbErr> {
    let (database, migrator) = (&databases.writes, Migrations::of(databases, config).migrator);
    let login = current_role(database).await?;
    let callers = migrator.role_of_callers(database).await?.filter(|_| config.row_security);
    if config.row_security && callers.is_none() {
        // Granted to the login itself, they would stay with it: a way around the wall.
        return Ok(Finding::pass("whoever migrates gives the roles what they need; see rls"));
    }
    if !config.row_security && may(database, &login, ("tasks", "SELECT")).await?.is_none() {
        let grant = |schema: &String| format!("GRANT USAGE ON SCHEMA {} TO {};", quoted(schema), quoted(&login));
        let grants: Vec<_> = closed_schemas(database, &login).await?.iter().map(grant).collect();
        if !grants.is_empty() {
            let said = "the role does not find what is in a schema of its search_path";
            return Ok(Finding::fail(format!("{said}; {}", grants.join(" "))));
        }
    }
    let of_requests = migrator.rights_of_requests().map(|right| (callers.as_ref().unwrap_or(&login), right));
    let of_servers = RIGHTS_OF_SERVERS.map(|right| (&login, right));
    let mut lacking = BTreeMap::<_, BTreeSet<_>>::new();
    for (role, (table, right)) in of_requests.chain(of_servers) {
        if may(database, role, (table, right)).await? == Some(false) {
            lacking.entry((table, role)).or_default().insert(right);
        }
    }
    if lacking.is_empty() {
        return Ok(Finding::pass("the role may do on the tables what the server needs"));
    }
    let grant = |((table, role), rights): ((&str, &String), BTreeSet<_>)| {
        let rights = rights.into_iter().collect::<Vec<_>>().join(", ");
        format!("GRANT {rights} ON {table} TO {};", quoted(role))
    };
    let grants = lacking.into_iter().map(grant).collect::<Vec<_>>().join(" ");
    Ok(Finding::fail(format!("the role may not do on the tables what the server needs; {grants}")))
}

/// The schemas that the role may not use, before the first of its `search_path` that it may.
async fn closed_schemas(database: &impl ConnectionTrait, login: &str) -> Result<Vec<String>, DbErr> {
    let path: String = value(database, Func::cust("current_setting").arg("search_path")).await?;
    let first: Option<String> = value(database, Func::cust("current_schema").cast_as("text")).await?;
    let names = path.split(',').map(|name| match name.trim().trim_matches('"') {
        "$user" => login,
        name => name,
    });
    let closed = Query::select()
        .expr_as(Expr::col("nspname").cast_as("text"), "name")
        .from(("pg_catalog", "pg_namespace"))
        .and_where(Expr::col("nspname").is_in(names.take_while(|name| Some(*name) != first.as_deref())))
        .and_where(Func::cust("has_schema_privilege").arg(Expr::col("oid")).arg("USAGE").not())
        .take();
    database.query_all(&closed).await?.iter().map(|row| row.try_get("", "name")).collect()
}

/// Whether a role has a right on a table; `None` where there is no such table.
async fn may(database: &impl ConnectionTrait, role: &str, (table, right): Right) -> Result<Option<bool>, DbErr> {
    let table = Func::cust("to_regclass").arg(table);
    let right = Func::cust("has_table_privilege").arg(role).arg(table).arg(right);
    value(database, right).await
}

/// Whether a role may read a column; not where there is no such table.
async fn may_read(database: &impl ConnectionTrait, role: &str, (table, column): (&str, &str)) -> Result<bool, DbErr> {
    let table = Func::cust("to_regclass").arg(table);
    let right = Func::cust("has_column_privilege").arg(role).arg(table).arg(column).arg("SELECT");
    Ok(value::<Option<bool>>(database, right).await? == Some(true))
}

/// Whether the second wall stands, where there is to be one, and whether there is a way around it.
async fn row_security(databases: &Databases, config: &DatabaseConfig) -> Result<Finding, DbErr> {
    let login = current_role(&databases.writes).await?;
    if !config.row_security {
        return Ok(match Inherited::by(&login, &databases.writes).await? {
            Some(inherited) => Finding::fail(format!("off, but no task can be seen: {inherited}")),
            None => Finding::pass("off; DATABASE_RLS=true makes PostgreSQL itself keep users apart too"),
        });
    }
    let migrator = Migrations::of(databases, config).migrator;
    let refused = databases.role_of_callers(&migrator).await.err();
    // As the start asks: a role that is there, and lacks a right, is left as it is.
    let is_missing = matches!(refused, Some(RowSecurityError::Missing))
        && migrator.role_of_callers(&databases.writes).await?.is_none();
    if is_missing && config.migrate_on_start && may_migrate(databases, config).await? {
        return Ok(Finding::warn("its role and policies are made at the next start; have a backup first"));
    }
    if let Some(refused) = refused {
        return Ok(Finding::fail(refused.to_string()));
    }
    Ok(if may_read(&databases.writes, &login, ("tasks", "title")).await? {
        let remedy = "give DATABASE_URL a role that may not: CREATE ROLE todo LOGIN NOINHERIT";
        Finding::warn(format!("on, and it binds, but {login} may read tasks without it; {remedy}"))
    } else if may_read(&databases.writes, &login, ("idempotency_keys", "answer")).await? {
        let remedy =
            format!("REVOKE SELECT ON idempotency_keys FROM {}; {};", quoted(&login), letting_find_keys(&login));
        let read = "what creations under a key were answered";
        Finding::warn(format!("on, and it binds, but {login} may read without it {read}; {remedy}"))
    } else {
        Finding::pass(format!("on, and it binds; {login} cannot read tasks without it"))
    })
}

/// Whether a start can migrate: by the role of `DATABASE_DIRECT_URL`, or by a login that owns the tables, or may make
/// them where there are none.
async fn may_migrate(databases: &Databases, config: &DatabaseConfig) -> Result<bool, DbErr> {
    let owns = Query::select()
        .expr(Func::cust("pg_has_role").arg(Expr::col("relowner")).arg("USAGE"))
        .from("pg_class")
        .and_where(Expr::col("oid").eq(Func::cust("to_regclass").arg("tasks")))
        .take();
    let owns: Option<bool> = value(&databases.writes, Expr::from(owns)).await?;
    let schema = Func::cust("current_schema").cast_as("text");
    let makes = Func::cust("has_schema_privilege").arg(schema).arg("CREATE");
    let makes: Option<bool> = value(&databases.writes, makes).await?;
    Ok(config.direct_url.is_some() || owns.or(makes) == Some(true))
}

/// The one clock that tokens are held against, beside another that is surely looked after.
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
