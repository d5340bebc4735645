//! The values that labels have. Few each, and all known before they happen.

use super::{AUTHENTICATIONS, DATABASE_ERRORS, GETS, JWKS_FETCHES, LISTS, RATE_LIMITED};

/// A label of one counter, whose values are the variants of one type.
pub(crate) trait Label: Copy + Sized + 'static {
    const COUNTER: &'static str;
    const NAME: &'static str;
    const ALL: &'static [Self];

    fn text(self) -> &'static str;
}

macro_rules! label {
    ($(#[$about:meta])* $type:ident as $name:literal of $counter:ident {
        $($(#[$meaning:meta])* $value:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub(crate) enum $type {
            $($(#[$meaning])* $value),+
        }

        impl Label for $type {
            const COUNTER: &'static str = $counter;
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn text(self) -> &'static str {
                match self {
                    $(Self::$value => $text),+
                }
            }
        }
    };
}

label! {
    /// What came of a token.
    Authentication as "result" of AUTHENTICATIONS {
        Accepted = "accepted",
        /// There was none.
        NoToken = "no_token",
        /// It is none, or one that cannot be read.
        Malformed = "malformed",
        /// No key of ours signed it.
        Unverified = "unverified",
        /// What it says does not count: it has expired, say, or is for others.
        Claims = "claims",
    }
}

label! {
    /// What came of a fetch of the issuer's keys.
    Fetch as "result" of JWKS_FETCHES {
        Fetched = "fetched",
        Failed = "failed",
    }
}

label! {
    /// Whose bucket was empty.
    Bucket as "bucket" of RATE_LIMITED {
        User = "user",
        Address = "address",
    }
}

label! {
    /// What the database was asked for, for a list.
    ForList as "asked" of LISTS {
        /// What has changed since.
        Look = "look",
        /// The version of the list.
        Version = "version",
        Tasks = "tasks",
    }
}

label! {
    /// What the database was asked for, for a single task.
    ForTask as "asked" of GETS {
        /// What has changed since.
        Look = "look",
        Task = "task",
    }
}

label! {
    /// How an operation of the database failed.
    Failing as "kind" of DATABASE_ERRORS {
        /// The database is out of reach, or has too much to do: another try may go through.
        Away = "away",
        Fault = "fault",
    }
}
