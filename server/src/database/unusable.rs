//! Why a database cannot be used, and what to do about it.

use sea_orm::DbErr;

use crate::{DatabaseUrl, store};

/// The database does not answer, refuses us, or is none.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {url} cannot be used: {}; {}", self.words(), self.remedy())]
pub struct UnusableDatabase {
    /// Where its address is set.
    variable: &'static str,
    /// Which one; shown with its password masked.
    url: Box<DatabaseUrl>,
    /// Its last word.
    cause: DbErr,
}

impl UnusableDatabase {
    pub(crate) fn new(url: &DatabaseUrl, cause: DbErr) -> Self {
        Self { variable: "DATABASE_URL", url: Box::new(url.clone()), cause }
    }

    /// The same of the address that migrations go to.
    pub(crate) fn direct(url: &DatabaseUrl, cause: DbErr) -> Self {
        Self { variable: "DATABASE_DIRECT_URL", ..Self::new(url, cause) }
    }

    fn words(&self) -> String {
        match &self.cause {
            DbErr::Custom(words) => words.clone(),
            cause => cause.to_string(),
        }
    }

    fn remedy(&self) -> &'static str {
        if self.url.sqlite_file().is_none() {
            return "is the server up, and are name and password right?";
        }
        // Primary result codes of SQLite.
        match store::sqlite_code(&self.cause) {
            // READONLY, PERM, CANTOPEN
            Some(8 | 3 | 14) => "give the server's user the right to write the file and its folder, without mode=ro",
            // CORRUPT, NOTADB, and ERROR for a header that it cannot follow
            Some(11 | 26 | 1) => {
                "put a backup of the file in its place, without its -wal and -shm; \
                 or move it away, and the start makes an empty one"
            }
            // FULL, IOERR
            Some(13 | 10) => "make room on its disk, or mend it",
            // BUSY, LOCKED
            Some(5 | 6) => "end the other program that has it locked",
            _ => "name a file of SQLite that the server's user may write, such as sqlite://data/todo.db",
        }
    }
}
