//! A worker's connections. Statements are prepared once on each, and sent without waiting for the answers to
//! others (pipelining): what many requests ask for travels in few packets.
//!
//! Reads and writes go different ways. PostgreSQL answers one connection's statements one after another, so a
//! commit holds up what comes behind it until it is on disk: there are more connections for writes, which
//! then share the disk's syncs, and few for reads, which then share packets and wake-ups.

use std::cell::Cell;

use tokio_postgres::{Client, Error, NoTls, Row, Statement, types::ToSql};

use shared::{sql, variable};

/// Connections of a worker, unless the environment says otherwise.
const READERS: (&str, usize) = ("READERS", 1);
const WRITERS: (&str, usize) = ("WRITERS", 8);

/// The connections of one worker, which one thread uses.
pub struct Database {
    readers: Vec<Connection>,
    writers: Vec<Connection>,
    next: Cell<usize>,
}

pub struct Connection {
    client: Client,
    pub get: Statement,
    pub list: Statement,
    pub create: Statement,
    pub update: Statement,
    pub toggle: Statement,
    pub delete: Statement,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Database {
    pub async fn connect() -> Result<Self, Error> {
        Ok(Self { readers: several(READERS).await?, writers: several(WRITERS).await?, next: Cell::new(0) })
    }

    pub fn reader(&self) -> &Connection {
        self.turn(&self.readers)
    }

    pub fn writer(&self) -> &Connection {
        self.turn(&self.writers)
    }

    fn turn<'a>(&self, connections: &'a [Connection]) -> &'a Connection {
        let turn = self.next.get().wrapping_add(1);
        self.next.set(turn);
        &connections[turn % connections.len()]
    }
}

impl Connection {
    async fn open() -> Result<Self, Error> {
        let (client, connection) = tokio_postgres::connect(&variable("DATABASE_URL"), NoTls).await?;
        actix_web::rt::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("{error}");
            }
        });
        Ok(Self {
            get: client.prepare(sql::GET).await?,
            list: client.prepare(sql::LIST).await?,
            create: client.prepare(sql::CREATE).await?,
            update: client.prepare(sql::UPDATE).await?,
            toggle: client.prepare(sql::TOGGLE).await?,
            delete: client.prepare(sql::DELETE).await?,
            client,
        })
    }

    pub async fn all(&self, statement: &Statement, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
        self.client.query(statement, parameters).await
    }

    pub async fn one(&self, statement: &Statement, parameters: Parameters<'_>) -> Result<Option<Row>, Error> {
        self.client.query_opt(statement, parameters).await
    }

    pub async fn execute(&self, statement: &Statement, parameters: Parameters<'_>) -> Result<u64, Error> {
        self.client.execute(statement, parameters).await
    }
}

async fn several((name, count): (&str, usize)) -> Result<Vec<Connection>, Error> {
    let count = std::env::var(name).map_or(count, |count| count.parse().expect("a number"));
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open().await?);
    }
    Ok(connections)
}
