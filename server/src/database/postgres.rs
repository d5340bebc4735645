//! PostgreSQL: by itself or through a pooler, awake or asleep.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, Database, DbErr,
    sqlx::{
        self, AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Row as _, pool::PoolOptions,
        postgres::PgConnectOptions,
    },
};

use super::{
    Connection, Databases, Sessions, limits, requirements,
    setting::Scope,
    standbys::{IS_STANDBY, LIFETIME, Standbys},
    tls, trouble,
};
use crate::DatabaseConfig;

/// How long a connection may have idled to be used unseen. The database may have cut it meanwhile, as a serverless one
/// does before it sleeps; who comes after a pause pays a round trip to find out.
const TRUSTED_FOR: Duration = Duration::from_millis(500);

/// How long a connection may take to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Prepares the connections, for the kind of sessions that they lead to.
pub(super) async fn connect(config: &DatabaseConfig) -> Result<Databases, DbErr> {
    let unreadable = |error: sqlx::Error| DbErr::Custom(error.to_string());
    let address = adjustment(config)(config.url.expose().parse().map_err(unreadable)?);
    if let Some(lost) = tls::lost_file(&address, &config.url) {
        return Err(lost);
    }
    let sessions =
        super::wait(config, trouble::may_come, async || Sessions::of(&address, config.timeout).await).await?;
    if sessions == Sessions::Lent {
        tracing::info!("a transaction pooler stands before the database: each statement goes in its own transaction");
    }
    let databases = lead(config, sessions).await?;
    super::in_time(config, requirements::check(&databases.writes)).await?;
    Ok(databases)
}

/// Prepares connections that lead to such sessions.
pub(super) async fn lead(config: &DatabaseConfig, sessions: Sessions) -> Result<Databases, DbErr> {
    let adjust = adjustment(config);
    let (patience, mut options) = (config.timeout, super::options(&config.url, config));
    let standbys: Arc<Standbys> = Arc::default();
    let of_pool = Arc::clone(&standbys);
    options.max_lifetime(LIFETIME).map_sqlx_postgres_opts(adjust).map_sqlx_postgres_pool_opts(move |pool| {
        let pool = watched(pool, patience);
        if sessions == Sessions::Own { limited(pool, patience, Arc::clone(&of_pool)) } else { pool }
    });
    let both = Connection::served(Database::connect(options).await?, sessions, config.timeout, standbys);

    let migrations = super::options(config.direct_url.as_ref().unwrap_or(&config.url), config)
        .max_connections(1)
        .min_connections(0)
        .map_sqlx_postgres_opts(adjust)
        .to_owned();
    let forgets_names = sessions == Sessions::Lent && config.direct_url.is_none();
    Ok(Databases { reads: both.clone(), writes: both, migrations, forgets_names })
}

/// What is changed in every address: certificates are verified where they must be, and a parameter is left out that the
/// driver would send at connecting and PgBouncer refuses; it is about numbers that we have none of.
fn adjustment(config: &DatabaseConfig) -> impl Fn(PgConnectOptions) -> PgConnectOptions + Send + Sync + Copy + 'static {
    let verify_tls = config.verify_tls;
    move |address| {
        let address = address.extra_float_digits(None);
        if verify_tls { tls::verified(address) } else { address }
    }
}

/// Gives each new session the limits of a request, and takes note of those that lead to a standby. Not as parameters at
/// connecting, which a pooler refuses. (In a session that is lent, each transaction begins with them.)
fn limited(pool: PoolOptions<Postgres>, limit: Duration, standbys: Arc<Standbys>) -> PoolOptions<Postgres> {
    pool.after_connect(move |connection, _| {
        let standbys = Arc::clone(&standbys);
        Box::pin(async move {
            let set = connection.fetch_one(AssertSqlSafe(limits::set(limit, Scope::Session))).await?;
            if set.try_get(IS_STANDBY)? {
                standbys.opened();
            }
            Ok(())
        })
    })
}

/// Looks at connections where they may be dead, and never for ever: the driver would wait without end for one that fell
/// silent, and the pool lose its place.
fn watched(pool: PoolOptions<Postgres>, patience: Duration) -> PoolOptions<Postgres> {
    let pool = pool.before_acquire(|connection, seen| {
        Box::pin(async move {
            if seen.idle_for >= TRUSTED_FOR {
                alive(connection, SIGN_OF_LIFE).await?;
            }
            Ok(true)
        })
    });
    // A statement that nobody waits for may go on until its limit.
    pool.after_release(move |connection, _| {
        Box::pin(async move {
            alive(connection, patience + SIGN_OF_LIFE).await?;
            Ok(true)
        })
    })
}

async fn alive(connection: &mut PgConnection, patience: Duration) -> Result<(), sqlx::Error> {
    tokio::time::timeout(patience, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Clears a lent session of the statements that earlier migrations left in it under the names that these ones will use.
/// The builder of statements has no `DEALLOCATE`.
pub(super) async fn forget_names(transaction: &impl ConnectionTrait) -> Result<(), DbErr> {
    transaction.execute_unprepared("DEALLOCATE ALL").await.map(drop)
}
