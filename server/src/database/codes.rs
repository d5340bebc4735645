//! The codes of errors that mean something to us, by the names that the databases give them.

/// SQLite's primary result codes.
pub(crate) mod sqlite {
    /// Whatever a statement has against it; of a file, that its header cannot be followed.
    pub(crate) const ERROR: u32 = 1;
    pub(crate) const PERM: u32 = 3;
    pub(crate) const BUSY: u32 = 5;
    pub(crate) const LOCKED: u32 = 6;
    pub(crate) const READONLY: u32 = 8;
    pub(crate) const IOERR: u32 = 10;
    pub(crate) const CORRUPT: u32 = 11;
    pub(crate) const FULL: u32 = 13;
    pub(crate) const CANTOPEN: u32 = 14;
    pub(crate) const NOTADB: u32 = 26;

    /// An extended one, as the driver has it.
    pub(crate) const CONSTRAINT_NOTNULL: &str = "1299";
}

/// PostgreSQL's (its manual, appendix A).
pub(crate) mod postgres {
    /// A prepared statement answers with other columns than it did, since the table was altered.
    pub(crate) const FEATURE_NOT_SUPPORTED: &str = "0A000";
    pub(crate) const NOT_NULL_VIOLATION: &str = "23502";
    /// The primary is one no more.
    pub(crate) const READ_ONLY_SQL_TRANSACTION: &str = "25006";
    pub(crate) const INVALID_CATALOG_NAME: &str = "3D000";
    /// Also where there is no schema to create in.
    pub(crate) const INVALID_SCHEMA_NAME: &str = "3F000";
    /// Also what a policy answers.
    pub(crate) const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub(crate) const WRONG_OBJECT_TYPE: &str = "42809";
    pub(crate) const INVALID_FOREIGN_KEY: &str = "42830";
    pub(crate) const DUPLICATE_TABLE: &str = "42P07";
    pub(crate) const TOO_MANY_CONNECTIONS: &str = "53300";
    pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";

    // How the codes of a class begin.

    pub(crate) const CONNECTION_EXCEPTION: &str = "08";
    pub(crate) const INVALID_AUTHORIZATION: &str = "28";
    /// Deadlocks, say.
    pub(crate) const TRANSACTION_ROLLBACK: &str = "40";
    /// A full disk, say.
    pub(crate) const INSUFFICIENT_RESOURCES: &str = "53";
    pub(crate) const OPERATOR_INTERVENTION: &str = "57";
    /// Those of them that end the session too.
    pub(crate) const SHUTDOWN: &str = "57P";
    pub(crate) const SYSTEM_ERROR: &str = "58";
    pub(crate) const INTERNAL_ERROR: &str = "XX";
}
