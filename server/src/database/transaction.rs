//! Several statements that take effect together, or not at all.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    sqlx::{self, AssertSqlSafe, PgPool, Postgres},
};
use sea_query_sqlx::SqlxValues;
use tokio::sync::Mutex;

use super::statement::{no_connection, prepared, runtime};

/// A transaction, taken back where the value ends without [`Transaction::commit`].
#[derive(Debug)]
pub(crate) struct Transaction(Kind);

#[derive(Debug)]
enum Kind {
    /// SeaORM's, with statements that the session keeps prepared.
    Prepared(DatabaseTransaction),
    /// The driver's, with statements that leave nothing in the session: SeaORM has no way to ask for it.
    Nameless(Mutex<sqlx::Transaction<'static, Postgres>>),
}

impl Transaction {
    pub(super) fn prepared(transaction: DatabaseTransaction) -> Self {
        Self(Kind::Prepared(transaction))
    }

    /// Begins one with the statement `begin`.
    pub(super) async fn nameless(pool: &PgPool, begin: &str) -> Result<Self, DbErr> {
        let transaction = pool.begin_with(AssertSqlSafe(begin)).await.map_err(no_connection)?;
        Ok(Self(Kind::Nameless(Mutex::new(transaction))))
    }

    /// Makes it last.
    ///
    /// # Errors
    ///
    /// Where the database says no, or does not answer: then it is not known whether it lasts.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Prepared(transaction) => transaction.commit().await,
            Kind::Nameless(transaction) => {
                transaction.into_inner().commit().await.map_err(|error| DbErr::Exec(runtime(error)))
            }
        }
    }

    /// Takes it back.
    ///
    /// # Errors
    ///
    /// Where the database does not answer: then it takes it back by itself.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self.0 {
            Kind::Prepared(transaction) => transaction.rollback().await,
            Kind::Nameless(transaction) => {
                transaction.into_inner().rollback().await.map_err(|error| DbErr::Exec(runtime(error)))
            }
        }
    }
}

/// A statement that no session keeps: the driver parses it without a name.
fn nameless(statement: Statement) -> sqlx::query::Query<'static, Postgres, SqlxValues> {
    prepared(statement).persistent(false)
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Kind::Prepared(transaction) => transaction.get_database_backend(),
            Kind::Nameless(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Prepared(transaction) => transaction.execute_raw(statement).await,
            Kind::Nameless(transaction) => {
                let result = nameless(statement).execute(&mut **transaction.lock().await).await;
                result.map(ExecResult::from).map_err(|error| DbErr::Exec(runtime(error)))
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Kind::Prepared(transaction) => transaction.execute_unprepared(sql).await,
            Kind::Nameless(transaction) => {
                let sql = sqlx::raw_sql(AssertSqlSafe(sql));
                let result = sql.execute(&mut **transaction.lock().await).await;
                result.map(ExecResult::from).map_err(|error| DbErr::Exec(runtime(error)))
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Prepared(transaction) => transaction.query_one_raw(statement).await,
            Kind::Nameless(transaction) => {
                let row = nameless(statement).fetch_optional(&mut **transaction.lock().await).await;
                row.map(|row| row.map(QueryResult::from)).map_err(|error| DbErr::Query(runtime(error)))
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Kind::Prepared(transaction) => transaction.query_all_raw(statement).await,
            Kind::Nameless(transaction) => {
                let rows = nameless(statement).fetch_all(&mut **transaction.lock().await).await;
                let rows = rows.map_err(|error| DbErr::Query(runtime(error)))?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
        }
    }
}
