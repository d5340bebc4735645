//! Folders that do not stay behind, however this process ends.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command},
    sync::LazyLock,
};

use tempfile::TempDir;

use crate::watch::watch;

/// Servers that still write there are ended meanwhile.
const WATCH: &str = r#"cat >/dev/null; rm -rf "$1" || { sleep 1; rm -rf "$1"; }"#;

/// An empty folder, which goes with the value, and with this process at the latest: a `Drop` comes neither after Ctrl-C
/// nor after a kill.
///
/// # Panics
///
/// Where there is no shell or no temporary folder.
#[must_use]
pub fn temporary_folder() -> TempDir {
    static ALL: LazyLock<(PathBuf, Child)> = LazyLock::new(|| {
        let all = tempfile::Builder::new().prefix("todo-tests-").tempdir().expect("a temporary folder").keep();
        // Who runs a server as somebody else gives away the folder in it, and that one has to be reached.
        fs::set_permissions(&all, fs::Permissions::from_mode(0o711)).expect("it can be opened");
        let watched = watch(Command::new("sh"), WATCH, &[&all]);
        (all, watched)
    });
    tempfile::tempdir_in(&ALL.0).expect("a temporary folder")
}
