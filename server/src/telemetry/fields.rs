//! The fields of a log line, as `name=value`.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, format::Writer},
};

/// Writes fields as the library does, but without its colours, which take longer than all the rest of a line even where
/// there are none.
pub(super) struct Plain;

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line { writer, is_begun: false, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    is_begun: bool,
    result: fmt::Result,
}

impl Line<'_> {
    /// Writes the name of a field, unless it is the message's.
    fn name(&mut self, field: &Field) -> fmt::Result {
        if std::mem::replace(&mut self.is_begun, true) {
            self.writer.write_char(' ')?;
        }
        if field.name() == "message" {
            return Ok(());
        }
        self.writer.write_str(field.name())?;
        self.writer.write_char('=')
    }

    fn field(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        // What a bridged line of the crate `log` says of itself is no field of it.
        if self.result.is_ok() && !field.name().starts_with("log.") {
            self.result = self.name(field).and_then(|()| write(&mut self.writer));
        }
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, |writer| write!(writer, "{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        self.field(field, |writer| {
            if field.name() == "message" {
                writer.write_str(value)
            } else if value.bytes().all(is_plain) {
                writer.write_char('"')?;
                writer.write_str(value)?;
                writer.write_char('"')
            } else {
                write!(writer, "{value:?}")
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use parking_lot::Mutex;
    use tracing_subscriber::fmt::layer;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log() {
        let error = io::Error::other("no \"room\"");
        tracing::info!(user = "ann\nERROR forged", quoted = r#"a "b" \ c"#, empty = "", text = "caf\u{e9}", "answered");
        tracing::warn!(%error, ?error, status = 503, milliseconds = 1.25, none = None::<u8>, "{} of {}", 1, 2);
    }

    #[test]
    fn they_are_written_as_the_library_would() {
        let (ours, theirs) = (Written::default(), Written::default());
        let (to_ours, to_theirs) = (ours.clone(), theirs.clone());
        let plain = layer().without_time().with_ansi(false);
        let ours_too = plain.fmt_fields(Plain).with_writer(move || to_ours.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(ours_too), log);
        let plain = layer().without_time().with_ansi(false).with_writer(move || to_theirs.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(plain), log);
        let [ours, theirs] = [ours, theirs].map(|written| String::from_utf8(written.0.lock().clone()));
        assert_eq!(ours.as_deref().map(|lines| lines.lines().count()), Ok(2));
        assert_eq!(ours, theirs);
    }
}
