//! The tables whose rows have owners: what requests do on them, and what keeps them to their own.

use super::{CALLER_SETTING, OWN, quoted};

/// The policy that lets in whom the grants let in.
const GRANTED: &str = "as_granted";

/// A table whose rows have owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    /// That of tasks.
    Tasks,
    /// That of creations under a key.
    IdempotencyKeys,
    /// That of users, where it is ours.
    Users,
}

impl Guarded {
    /// Its name.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::IdempotencyKeys => "idempotency_keys",
            Self::Users => "users",
        }
    }

    /// The column with the owner of each row.
    fn owner(self) -> &'static str {
        match self {
            Self::Tasks | Self::IdempotencyKeys => "user_id",
            Self::Users => "id",
        }
    }

    /// What requests do.
    pub(super) fn rights(self) -> &'static [&'static str] {
        match self {
            Self::Tasks => &["SELECT", "INSERT", "UPDATE", "DELETE"],
            Self::IdempotencyKeys => &["SELECT", "INSERT", "UPDATE"],
            Self::Users => &["SELECT", "INSERT"],
        }
    }

    /// What callers are restricted to.
    pub(super) fn condition(self) -> String {
        format!("{} = (SELECT current_setting('{CALLER_SETTING}', true))", self.owner())
    }

    /// The rights, and the policies, in place of any of their names. The caller is looked up once for each statement,
    /// as a part of its own, and not once for each row.
    pub(super) fn policies(self, role: &str) -> [String; 6] {
        let (table, role, rights) = (self.table(), quoted(role), self.rights().join(", "));
        [
            format!("GRANT {rights} ON {table} TO {role}"),
            format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
            format!("DROP POLICY IF EXISTS {GRANTED} ON {table}"),
            format!("CREATE POLICY {GRANTED} ON {table} AS PERMISSIVE FOR ALL TO PUBLIC USING (true)"),
            format!("DROP POLICY IF EXISTS {OWN} ON {table}"),
            format!("CREATE POLICY {OWN} ON {table} AS RESTRICTIVE FOR ALL TO {role} USING ({})", self.condition()),
        ]
    }
}
