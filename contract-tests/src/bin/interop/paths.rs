//! Where things lie. What is brought and made lies under `target/interop/`, never beside the sources.

use std::path::PathBuf;

use todo_contract_tests::workspace;

/// The peers' sources.
pub(crate) fn sources() -> PathBuf {
    workspace().join("contract-tests/interop")
}

/// What `bring.sh` brings (`node_modules`, `venv`), and below it what the runs leave.
pub(crate) fn target() -> PathBuf {
    workspace().join("target/interop")
}

/// Where peers run, side by side as their sources stand, so that what they share is found.
pub(crate) fn runs() -> PathBuf {
    target().join("run")
}

/// The programs that were brought, each before the machine's own of the same name.
pub(crate) fn programs() -> [PathBuf; 2] {
    [target().join("node_modules/.bin"), target().join("venv/bin")]
}
