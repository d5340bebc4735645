//! Compression ahead of time, for what is the same for everybody.
//!
//! The framework's middleware lost: it would compress each answer anew, those with people's data and
//! perhaps an attacker's words beside it among them (BREACH), and it unpacks whatever a request says is
//! compressed. The build script compiles this file too.

use std::io::Write;

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// `content` by brotli of `quality` 0 to 11: at 9 a document takes milliseconds, at 11 a megabyte seconds.
pub(super) fn brotli(content: &[u8], quality: i32) -> Vec<u8> {
    let mut compressed = Vec::new();
    let parameters = BrotliEncoderParams { quality, ..BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters).expect("memory can be written to");
    compressed
}

/// `content` by gzip, as small as it gets.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}
