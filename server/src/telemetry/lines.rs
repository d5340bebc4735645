//! Where the lines of the log go: to the standard output, at once; but a worker gathers its lines, and writes them
//! together before it waits for something to do. Under load that is one call of the system for many requests, and else
//! it is at once too. Warnings are not held back, lest the process end before they are told.

use std::{
    cell::RefCell,
    io::{self, Write, stdout},
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes wait at most.
const MOST: usize = 16 << 10;

thread_local! {
    static GATHERED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// From now on, this thread gathers its lines until [`write_gathered`].
pub(crate) fn gather() {
    GATHERED.set(Some(Vec::with_capacity(MOST)));
}

/// Writes what this thread has gathered.
pub(crate) fn write_gathered() {
    GATHERED.with_borrow_mut(|gathered| {
        if let Some(lines) = gathered.as_mut().filter(|lines| !lines.is_empty()) {
            // Who reads no log any more is not to end the server.
            let _ = stdout().write_all(lines);
            lines.clear();
        }
    });
}

/// The log.
pub(super) struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { may_wait: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        Line { may_wait: *event.level() > Level::WARN }
    }
}

/// One line of it.
pub(super) struct Line {
    may_wait: bool,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waits = GATHERED.with_borrow_mut(|gathered| {
            let lines = gathered.as_mut()?;
            lines.extend_from_slice(line);
            Some(self.may_wait && lines.len() < MOST)
        });
        match waits {
            None => return stdout().write(line),
            Some(true) => {}
            Some(false) => write_gathered(),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stdout().flush()
    }
}
