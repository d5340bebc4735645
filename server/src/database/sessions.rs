//! Whether a connection has a session of its own, or a transaction pooler gives each of its transactions to another
//! one.
//!
//! It is asked of the database and not of the address: a pooler need not call itself one. What would tell at once, the
//! backend's process id in the handshake, the driver keeps to itself.

use std::time::Duration;

use sea_orm::{
    DbErr,
    sea_query::{Func, PostgresQueryBuilder, Query},
    sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions},
};

use super::{statement::runtime, tls};

/// Who owns the sessions that our connections lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    /// One each: what is prepared or set stays. So with PostgreSQL itself, and poolers in session mode.
    Own,
    /// A pooler lends one out for each transaction (PgBouncer's `pool_mode=transaction`; Neon's `-pooler` hosts).
    Lent,
}

/// How often the two connections are compared: a busy pooler may serve them apart once or twice.
const ROUNDS: u32 = 8;

impl Sessions {
    /// Finds out, with two connections that take turns: a session that serves both, or that changes, is lent. In doubt
    /// it is taken for lent, which is right in either case and merely slower. Refuses a pooler that has no transactions
    /// at all.
    pub(super) async fn of(options: &PgConnectOptions, patience: Duration) -> Result<Self, DbErr> {
        let mut one = PgConnection::connect_with(options).await.map_err(broken)?;
        let sessions = Self::compared(&mut one, options, patience).await.map_err(broken)?;
        match one.begin().await {
            Ok(transaction) => transaction.rollback().await.map_err(broken)?,
            Err(sqlx::Error::Database(error)) => {
                return Err(DbErr::Custom(format!(
                    "the pooler has no transactions ({error}); set pool_mode to transaction or session"
                )));
            }
            Err(error) => return Err(broken(error)),
        }
        one.close().await.map_err(broken)?;
        Ok(sessions)
    }

    async fn compared(
        one: &mut PgConnection,
        options: &PgConnectOptions,
        patience: Duration,
    ) -> Result<Self, sqlx::Error> {
        let first = backend(one).await?;
        // A pooler in session mode with a single session would have the other wait for ever.
        let compared = async {
            let mut other = PgConnection::connect_with(options).await?;
            for _ in 0..ROUNDS {
                let (this, that) = (backend(one).await?, backend(&mut other).await?);
                if this == that || this != first {
                    return Ok(Self::Lent);
                }
            }
            other.close().await?;
            Ok::<_, sqlx::Error>(Self::Own)
        };
        tokio::time::timeout(patience, compared).await.unwrap_or(Ok(Self::Lent))
    }
}

fn broken(error: sqlx::Error) -> DbErr {
    tls::refusal(&error).unwrap_or_else(|| DbErr::Conn(runtime(error)))
}

/// The process that serves a connection; asked without preparing anything, which is what may fail here.
async fn backend(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let question = Query::select().expr(Func::cust("pg_backend_pid")).to_string(PostgresQueryBuilder);
    sqlx::raw_sql(AssertSqlSafe(question)).fetch_one(connection).await?.try_get(0)
}
