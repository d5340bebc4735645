//! Where the database is, without ever showing its password.

mod parameters;

use std::{borrow::Cow, fmt, path::PathBuf, str::FromStr};

use sea_orm::sqlx::{postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use url::Url;

use super::{password, quotes};

/// The address of a PostgreSQL database or of an SQLite file.
///
/// `Debug` and `Display` mask the password and leave out the parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Url);

impl DatabaseUrl {
    /// The whole address, password included: for connecting, never for showing.
    pub(crate) fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the database is embedded, and no server.
    pub(crate) fn is_embedded(&self) -> bool {
        self.0.scheme() == "sqlite"
    }

    /// The file of an embedded database; `None` where the database is a server.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let options = SqliteConnectOptions::from_str(self.0.as_str()).ok()?;
        self.is_embedded().then(|| options.get_filename().to_owned())
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXAMPLES: &str = "write postgresql://user:password@host/database or sqlite://data/todo.db";
        const ELSEWHERE: &str = "would lead to another file than it says, since a .. is taken as in a web address; \
                                 write sqlite:../../todo.db, or an absolute path, as sqlite:///srv/todo.db";
        if quotes::are_around(text.trim()) {
            return Err(
                "has quotes around it, which are part of it here; take them off (docker's --env-file keeps them)"
                    .to_owned(),
            );
        }
        // The parser's words can quote the address, and so the password: they are not passed on.
        let mut url = Url::parse(text).map_err(|error| match password::cut_short(error) {
            Some(words) => words.to_owned(),
            None => format!("is no address ({error}); {EXAMPLES}"),
        })?;
        match url.scheme() {
            "postgres" | "postgresql" => {
                password::refuse_behind_host(&url)?;
                parameters::keep_known(&mut url)?;
                PgConnectOptions::from_str(url.as_str()).map_err(|_| parameters::fault(&url))?;
            }
            "sqlite" => {
                let read = |address: &str| {
                    SqliteConnectOptions::from_str(address)
                        .map_err(|_| format!("has a parameter or a value that cannot be; {EXAMPLES}"))
                };
                let options = read(url.as_str())?;
                let is_named = !options.get_filename().as_os_str().is_empty();
                if !is_named || text.contains(":memory:") || text.contains("mode=memory") {
                    return Err(format!("is a database in memory, which forgets everything at the stop; {EXAMPLES}"));
                }
                if let Some((harm, (name, value))) = url.query_pairs().find_map(|pair| Some((harm(&pair)?, pair))) {
                    return Err(format!("has {name}={value}, {harm}; take it out"));
                }
                // The parser takes the first folder behind // for a host, and drops any .. that leads out of it.
                let written = format!("sqlite{}", &text.trim()["sqlite".len()..]);
                if options.get_filename().is_relative() && read(&written)?.get_filename() != options.get_filename() {
                    return Err(ELSEWHERE.to_owned());
                }
            }
            other => return Err(format!("has the scheme {other}, which is not supported; {EXAMPLES}")),
        }
        Ok(Self(url))
    }
}

/// What a parameter of SQLite would do to the server, where that is no good.
fn harm((name, value): &(Cow<'_, str>, Cow<'_, str>)) -> Option<&'static str> {
    match (&**name, &**value) {
        ("mode", "ro") | ("immutable", "true" | "1") => Some("with which nothing can be written"),
        ("vfs", name) if name != "unix" => Some("with which files are not kept and locked as this server needs it"),
        _ => None,
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        if shown.password().is_some() && shown.set_password(Some("***")).is_err() {
            return formatter.write_str(shown.scheme());
        }
        formatter.write_str(shown.as_str())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
