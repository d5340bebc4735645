//! The fields of a log line, as `name=value`.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, format::Writer},
};

/// Writes fields as the library does, but without its colours, which take longer than all the rest of a line even where
/// there are none, and without a call to the writer for each bit.
pub(super) struct Plain;

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut written = Fields(String::with_capacity(ROOM));
        fields.record(&mut written);
        writer.write_str(&written.0)
    }
}

/// What the fields of a request's line take, or most of it.
const ROOM: usize = 384;

struct Fields(String);

impl Fields {
    /// Writes a field, of which `write` writes the value.
    fn field(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        // What a bridged line of the crate `log` says of itself is no field of it.
        if field.name().starts_with("log.") {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        if field.name() != MESSAGE {
            self.0.push_str(field.name());
            self.0.push('=');
        }
        write(&mut self.0);
    }
}

/// The field that has no name in a line.
const MESSAGE: &str = "message";

/// A message, of which nothing speaks to the terminal that shows it: some are in words of others.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '\x07' | '\x08' | '\x0c' | '\x1b' | '\x7f' => write!(self.0, "\\x{:02x}", u32::from(c))?,
                '\u{80}'..='\u{9f}' => write!(self.0, "\\u{{{:x}}}", u32::from(c))?,
                _ => self.0.push(c),
            }
        }
        Ok(())
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        self.field(field, |line| match field.name() {
            MESSAGE => _ = write!(Escaped(line), "{value:?}"),
            _ => _ = write!(line, "{value:?}"),
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_escaped = |byte: &u8| !matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
        // Counted, not searched: a loop without early exit is vectorised.
        let escaped = value.as_bytes().iter().filter(|byte| is_escaped(byte)).count();
        self.field(field, |line| match field.name() {
            MESSAGE => _ = Escaped(line).write_str(value),
            _ if escaped == 0 => line.extend(["\"", value, "\""]),
            _ => _ = write!(line, "{value:?}"),
        });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Beyond, the library has an exponent of its own.
        if value == 0.0 || (1e-3..1e15).contains(&value) {
            self.field(field, |line| line.push_str(zmij::Buffer::new().format_finite(value)));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |line| line.push_str(itoa::Buffer::new().format(value)));
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use parking_lot::Mutex;
    use tracing_subscriber::{fmt::layer, layer::SubscriberExt as _};

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
        tracing::warn!(%error, ?error, status = 503, refused = -1, none = None::<u8>, "{} of {}", 1, 2);
        tracing::info!(some = 1.25, none = 0.0, whole = 3.0, short = 0.001, long = 123_456_789.012, "milliseconds");
        tracing::info!(less = -0.5, tiny = 1e-9, huge = 1e300, no = f64::NAN, negative = -0.0);
        tracing::info!(more = 999_999_999_999_999.9, most = u64::MAX, count = 7_u16);
        tracing::warn!(
            text = "\u{1b}[2J",
            "{} of others, caf\u{e9}",
            "\u{1b}[31m\u{7}\u{8}\u{c}\u{7f}\u{80}\u{9b}\u{9f}\u{a0}"
        );
        tracing::warn!(message = "\u{1b}[31mas a text\u{9b}0m\t");
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
        assert_eq!(ours.as_deref().map(|lines| lines.lines().count()), Ok(7));
        assert_eq!(ours, theirs);
    }
}
