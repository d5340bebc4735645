//! Tidying up, however this process ends.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{ChildStdin, Command, Stdio},
};

/// Has a shell run a script with arguments, which reads its input to the end before it tidies up: that comes with the value's
/// end, and with this process's at the latest. `shell` is `sh`, as whoever shall run it.
///
/// # Panics
///
/// Where there is no shell.
pub(crate) fn watch(mut shell: Command, script: &str, arguments: &[&Path]) -> ChildStdin {
    shell.args(["-c", script, "watch"]).args(arguments).current_dir("/");
    // A group of its own, so that Ctrl-C reaches the tests and not the one who cleans up after them.
    let shell = shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    shell.expect("a shell").stdin.expect("its input is a pipe")
}
