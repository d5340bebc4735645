//! The values that labels have. Few each, and all known before they happen.

/// A label whose values are the variants of one type.
pub(super) trait Label: Copy + Sized + 'static {
    const NAME: &'static str;
    const ALL: &'static [Self];

    fn text(self) -> &'static str;
}

macro_rules! label {
    ($(#[$about:meta])* $type:ident as $name:literal { $($(#[$meaning:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub(crate) enum $type {
            $($(#[$meaning])* $value),+
        }

        impl Label for $type {
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
    Authentication as "result" {
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
    Fetch as "result" {
        Fetched = "fetched",
        Failed = "failed",
    }
}

label! {
    /// Whose bucket was empty.
    Bucket as "bucket" {
        User = "user",
        Address = "address",
    }
}

label! {
    /// What the database was asked for, for a list.
    ForList as "asked" {
        /// What has changed since.
        Look = "look",
        /// The version of the list.
        Version = "version",
        Tasks = "tasks",
    }
}

label! {
    /// What the database was asked for, for a single task.
    ForTask as "asked" {
        /// What has changed since.
        Look = "look",
        Task = "task",
    }
}

label! {
    /// How an operation of the database failed.
    Failing as "kind" {
        /// The database is out of reach, or has too much to do: another try may go through.
        Away = "away",
        Fault = "fault",
    }
}
