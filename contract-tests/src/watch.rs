//! Tidying up, however this process ends.

use std::{
    ffi::OsStr,
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

/// Has a shell run a script with arguments, which reads its input to the end before it tidies up: that comes with the
/// value's end, and with this process's at the latest. `shell` is `sh`, as whoever shall run it.
///
/// # Panics
///
/// Where there is no shell.
pub(crate) fn watch(mut shell: Command, script: &str, arguments: &[impl AsRef<OsStr>]) -> Child {
    shell.args(["-c", script, "watch"]).args(arguments).current_dir("/");
    // A group of its own, so that Ctrl-C reaches the tests and not the one who cleans up after them.
    let shell = shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    shell.expect("a shell")
}

/// Ends a process that this one has started, where this one ends first: killed, say, with no time to tidy up. Let go of
/// once the process has ended.
#[derive(Debug)]
pub struct Leash(Child);

impl Leash {
    /// On a process.
    ///
    /// # Panics
    ///
    /// Where there is no shell.
    #[must_use]
    pub fn on(process: u32) -> Self {
        Self::to(&process.to_string())
    }

    /// On all processes of a group.
    ///
    /// # Panics
    ///
    /// As [`Leash::on`].
    #[must_use]
    pub fn on_group(group: u32) -> Self {
        Self::to(&format!("-{group}"))
    }

    fn to(whom: &str) -> Self {
        // Nobody says a word where this process was killed.
        Self(watch(Command::new("sh"), r#"read -r _ || kill -s KILL -- "$1""#, &[whom]))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // The id may be somebody else's by now: the shell is told to end nobody.
        let _ = self.0.stdin.take().map(|mut input| input.write_all(b"\n"));
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn sleeping(seconds: &str) -> Child {
        Command::new("sleep").arg(seconds).process_group(0).spawn().expect("a process")
    }

    #[test]
    fn who_is_left_behind_is_ended() {
        for leash in [Leash::on, Leash::on_group] {
            let mut process = sleeping("60");
            let mut leash = leash(process.id());
            // As the end of this process would.
            drop(leash.0.stdin.take());
            assert_eq!(process.wait().expect("its end").signal(), Some(9));
        }
    }

    #[test]
    fn nobody_is_ended_who_may_be_somebody_else() {
        let mut process = sleeping("0.3");
        drop(Leash::on(process.id()));
        assert!(process.wait().expect("its end").success(), "it ends by itself");
    }
}
