//! A body on its way through an encoder, part by part.

use std::fmt;
use std::io::{self, Write};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::accept::Encoding;

/// Brotli's and zstd's are those that Traefik has; gzip's is zlib's own.
const BROTLI_QUALITY: u32 = 6;
const BROTLI_WINDOW: u32 = 22;
const BROTLI_BUFFER: usize = 4096;
const ZSTD_LEVEL: i32 = 3;

/// An encoder with the bytes that have not been taken yet.
pub(in super::super) struct Encoder {
    kind: Kind,
    /// Every part is to leave at once.
    flushes: bool,
}

enum Kind {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Finished,
}

impl Encoder {
    /// `None` when there is no memory for one.
    pub(super) fn new(encoding: Encoding, flushes: bool) -> Option<Self> {
        let kind = match encoding {
            Encoding::Gzip => Kind::Gzip(GzEncoder::new(Vec::new(), Compression::default())),
            Encoding::Brotli => {
                let writer = CompressorWriter::new(Vec::new(), BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
                Kind::Brotli(Box::new(writer))
            }
            Encoding::Zstd => Kind::Zstd(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL).ok()?),
        };
        Some(Self { kind, flushes })
    }

    /// Puts a part in and takes out what is ready; after the last part everything is.
    pub(in super::super) fn pass(&mut self, part: &[u8], is_last: bool) -> io::Result<Bytes> {
        let writer: &mut dyn Write = match &mut self.kind {
            Kind::Gzip(writer) => writer,
            Kind::Brotli(writer) => writer,
            Kind::Zstd(writer) => writer,
            Kind::Finished => return Ok(Bytes::new()),
        };
        writer.write_all(part)?;
        if is_last {
            return self.finish();
        }
        if self.flushes && !part.is_empty() {
            writer.flush()?;
        }
        let ready = match &mut self.kind {
            Kind::Gzip(writer) => writer.get_mut(),
            Kind::Brotli(writer) => writer.get_mut(),
            Kind::Zstd(writer) => writer.get_mut(),
            Kind::Finished => return Ok(Bytes::new()),
        };
        Ok(std::mem::take(ready).into())
    }

    fn finish(&mut self) -> io::Result<Bytes> {
        let rest = match std::mem::replace(&mut self.kind, Kind::Finished) {
            Kind::Gzip(writer) => writer.finish()?,
            Kind::Brotli(writer) => writer.into_inner(),
            Kind::Zstd(writer) => writer.finish()?,
            Kind::Finished => Vec::new(),
        };
        Ok(rest.into())
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Gzip(_) => "Gzip",
            Kind::Brotli(_) => "Brotli",
            Kind::Zstd(_) => "Zstd",
            Kind::Finished => "Finished",
        })
    }
}
