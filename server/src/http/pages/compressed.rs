//! Compression ahead of time, for what is the same for everybody.
//!
//! The framework's middleware lost: it would compress each answer anew, those with people's data and
//! perhaps an attacker's words beside it among them (BREACH), and it unpacks whatever a request says is
//! compressed. The build script compiles this file too.

use std::io::Write;

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// One content in the codings that browsers ask for.
pub(super) struct Compressed {
    pub(super) brotli: Vec<u8>,
    pub(super) gzip: Vec<u8>,
}

impl Compressed {
    /// Compresses with brotli's `quality`, 0 to 11: at 9 a document takes milliseconds, at 11 a megabyte seconds.
    pub(super) fn with_quality(content: &[u8], quality: i32) -> Self {
        let mut brotli = Vec::new();
        let parameters = BrotliEncoderParams { quality, ..BrotliEncoderParams::default() };
        brotli::BrotliCompress(&mut &*content, &mut brotli, &parameters).expect("memory can be written to");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(content).expect("memory can be written to");
        Self { brotli, gzip: gzip.finish().expect("memory can be written to") }
    }
}
