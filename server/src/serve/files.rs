//! The files that the process may have open, of which every connection is one.

/// Files for everything but clients: the database's, the log, the libraries' own.
const OTHERS: u64 = 64;

/// As many of the `wanted` connections as there are files for, beside `database` connections; asks the system for more
/// where it gives more. It asks for half more than are needed: an alert tells of a process that has most of its files
/// open, which is no trouble where all connections are taken.
pub(crate) fn allowed_connections(wanted: usize, database: u32) -> usize {
    let others = OTHERS + u64::from(database);
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(others);
    match rlimit::increase_nofile_limit(needed.saturating_add(needed / 2)) {
        Ok(files) if files < needed => {
            let connections = files.saturating_sub(others).max(1);
            tracing::warn!(
                MAX_CONNECTIONS = wanted,
                connections,
                "the process may open only {files} files; raise the limit (ulimit -n, LimitNOFILE) or lower \
                 MAX_CONNECTIONS"
            );
            usize::try_from(connections).unwrap_or(wanted)
        }
        Ok(_) => wanted,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be asked for");
            wanted
        }
    }
}
