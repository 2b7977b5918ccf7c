//! The stream that Pingora speaks HTTP on. Headers that are too large are refused while they come, and a WebSocket can
//! be closed between two of its frames.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use memchr::memchr;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Visit;
use super::visit::{Bounds, Phase};
use super::websocket::{CLOSE_BY_CLIENT, CLOSE_BY_SERVER, Frames};

/// As Go answers; Pingora would answer 400 or nothing.
const HEADER_TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n431 Request Header Fields Too Large";
const TARGET_TOO_LONG: &[u8] = b"HTTP/1.1 414 URI Too Long\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n414 URI Too Long";

/// A stream whose bytes are counted.
#[derive(Debug)]
pub struct Watched {
    inner: Stream,
    visit: Arc<Visit>,
    header: Header,
    /// What is still to be written before the stream ends for its reader.
    last_words: &'static [u8],
    has_ended: bool,
    socket: Option<Box<Socket>>,
}

/// The header under way.
#[derive(Debug, Default)]
struct Header {
    turn: u32,
    bytes: usize,
    lines: usize,
    /// Bytes of the line under way.
    line: usize,
    /// That is a carriage return so far.
    is_return: bool,
    is_whole: bool,
}

/// Both directions of a WebSocket.
#[derive(Debug, Default)]
struct Socket {
    from_client: Frames,
    to_client: Frames,
    /// The answer that opens it has passed.
    is_open: bool,
    /// Bytes of the end of that answer's header seen last.
    tail: [u8; 4],
    /// How much of what closes it was given to the server.
    told: usize,
}

impl Watched {
    /// `inner`, as far as `visit` allows.
    #[must_use]
    pub fn new(inner: Stream, visit: Arc<Visit>) -> Self {
        Self {
            inner,
            visit,
            header: Header::default(),
            last_words: &[],
            has_ended: false,
            socket: None,
        }
    }

    /// Writes what is to be said, and ends the stream for its reader.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.last_words.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, self.last_words))?;
            if written == 0 {
                break;
            }
            self.last_words = self.last_words.get(written..).unwrap_or_default();
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    /// Reads a part of a header.
    fn read_header(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.visit.hear();
        if self.header.turn != self.visit.turn() {
            self.header = Header {
                turn: self.visit.turn(),
                ..Header::default()
            };
        }
        let Some(refusal) = self.header.count(bytes, self.visit.bounds()) else {
            return Poll::Ready(Ok(()));
        };
        buf.set_filled(before);
        self.last_words = refusal;
        self.has_ended = true;
        self.end(cx)
    }

    /// Reads from a WebSocket that shall end: the server hears what a client would say, then nothing more.
    fn read_last(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let is_insisted = self.visit.phase() == Phase::Closed;
        let socket = self.socket.get_or_insert_default();
        if is_insisted {
            if socket.is_open && socket.to_client.is_between() && !socket.to_client.is_closed() {
                self.last_words = &CLOSE_BY_SERVER;
            }
            self.has_ended = true;
            return self.end(cx);
        }
        if socket.from_client.is_between() && socket.is_open {
            let rest = CLOSE_BY_CLIENT.get(socket.told..).unwrap_or_default();
            let rest = if socket.from_client.is_closed() { &[] } else { rest };
            if !rest.is_empty() {
                let length = rest.len().min(buf.remaining());
                buf.put_slice(rest.get(..length).unwrap_or_default());
                socket.told += length;
                return Poll::Ready(Ok(()));
            }
            // What the client says from here on is for nobody.
            let mut waste = [0; 1024];
            let mut waste = ReadBuf::new(&mut waste);
            loop {
                ready!(Pin::new(&mut self.inner).poll_read(cx, &mut waste))?;
                if waste.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
                waste.clear();
            }
        }
        self.read_frames(cx, buf)
    }

    fn read_frames(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        self.socket.get_or_insert_default().from_client.pass(bytes);
        Poll::Ready(Ok(()))
    }

    /// These bytes went to the client.
    fn wrote(&mut self, bytes: &[u8]) {
        if matches!(self.visit.phase(), Phase::Frames | Phase::Closing | Phase::Closed) {
            self.socket.get_or_insert_default().wrote(bytes);
        }
    }
}

impl Header {
    /// Counts a part, up to the end of the header; the answer to one that is too large.
    fn count(&mut self, bytes: &[u8], bounds: Bounds) -> Option<&'static [u8]> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_whole {
            let end = memchr(b'\n', rest).map(|end| end + 1);
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            self.bytes += part.len();
            self.is_return |= self.line == 0 && part == b"\r";
            self.line += part.len();
            if self.lines == 0 && self.line > bounds.target {
                return Some(TARGET_TOO_LONG);
            }
            if end.is_some() {
                let is_blank = self.line == 1 || self.line == 2 && (self.is_return || part == b"\r\n");
                // Blank lines before a request are none of its own (RFC 9112 section 2.2).
                self.is_whole = is_blank && self.lines > 0;
                self.lines += usize::from(!is_blank);
                (self.line, self.is_return) = (0, false);
            }
            if self.bytes > bounds.header || self.lines > bounds.lines {
                return Some(HEADER_TOO_LARGE);
            }
        }
        None
    }
}

impl Socket {
    fn wrote(&mut self, mut bytes: &[u8]) {
        while !self.is_open {
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            self.tail.rotate_left(1);
            self.tail[3] = byte;
            self.is_open = self.tail == *b"\r\n\r\n";
            bytes = rest;
        }
        self.to_client.pass(bytes);
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_ended {
            return self.end(cx);
        }
        match self.visit.phase() {
            Phase::Free => Pin::new(&mut self.inner).poll_read(cx, buf),
            Phase::Header => self.read_header(cx, buf),
            Phase::Frames => self.read_frames(cx, buf),
            Phase::Closing | Phase::Closed => self.read_last(cx, buf),
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.wrote(bytes.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, parts))?;
        let mut left = written;
        for part in parts {
            let length = part.len().min(left);
            self.wrote(part.get(..length).unwrap_or_default());
            left -= length;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for Watched {
    async fn shutdown(&mut self) {
        self.inner.shutdown().await;
    }
}

impl UniqueID for Watched {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for Watched {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl GetTimingDigest for Watched {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }
}

impl GetProxyDigest for Watched {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }
}

impl GetSocketDigest for Watched {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}

impl Peek for Watched {}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        header: 200,
        lines: 4,
        target: 50,
    };

    /// The answer to these bytes, read in parts of `step`.
    fn counted(bytes: &str, step: usize) -> Option<&'static [u8]> {
        let mut header = Header::default();
        bytes
            .as_bytes()
            .chunks(step)
            .find_map(|part| header.count(part, BOUNDS))
    }

    #[test]
    fn lines_of_a_body_are_none_of_the_header_however_they_come() {
        for end in ["\r\n", "\n"] {
            let head = format!("{end}POST / HTTP/1.1{end}Host: a{end}{end}");
            let bytes = format!("{head}{}", "a\n".repeat(500));
            for step in 1..=bytes.len() {
                assert_eq!(counted(&bytes, step), None, "parts of {step}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_so_however_it_comes() {
        let many = format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(4));
        let big = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(200));
        let long = format!("GET /{}", "y".repeat(60));
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(counted(&many, step), Some(HEADER_TOO_LARGE), "parts of {step}");
            assert_eq!(counted(&big, step), Some(HEADER_TOO_LARGE), "parts of {step}");
            assert_eq!(counted(&long, step), Some(TARGET_TOO_LONG), "parts of {step}");
        }
    }
}
