//! The first bytes of a connection: a PROXY header, then TLS, HTTP/2 or HTTP/1.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use once_cell::sync::OnceCell;
use pingora::protocols::l4::socket::SocketAddr as Socket;
use pingora::protocols::{SocketDigest, Stream};
use tokio::io::AsyncReadExt;

use super::Rewound;
use super::proxy_header::{Parsed, parse};

/// Begins every connection that speaks HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Begins every connection that speaks TLS: a record with a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 0x16;
/// Bytes that are read at once; most requests fit.
const FIRST_READ: usize = 1024;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TLS, and inside it what is agreed on there.
    Tls,
    /// Plain HTTP.
    Plain,
}

/// A connection whose first bytes are known.
#[derive(Debug)]
pub struct Arrived {
    /// The connection, from its first byte after the PROXY header.
    pub stream: Rewound,
    /// What it speaks.
    pub kind: Kind,
    /// The client's address.
    pub client: Option<IpAddr>,
}

/// Reads until it is clear what the client speaks. A PROXY header is read where `proxy_protocol` is there; it counts
/// when that trusts the peer (traefik-core 5.2).
///
/// # Errors
/// When the client leaves, or sends something that begins as a PROXY header and is none.
pub async fn arrive(
    mut stream: Stream,
    proxy_protocol: Option<impl Fn(IpAddr) -> bool>,
) -> io::Result<Arrived> {
    let socket = stream.get_socket_digest();
    let peer = socket
        .as_ref()
        .and_then(|socket| socket.peer_addr()?.as_inet().copied());
    let mut seen = BytesMut::with_capacity(FIRST_READ);
    let mut source = None;
    if let Some(is_trusted) = proxy_protocol {
        let named = proxy_header(&mut stream, &mut seen).await?;
        source = named.filter(|_| peer.is_some_and(|peer| is_trusted(peer.ip().to_canonical())));
    }
    let (kind, speaks_h2) = loop {
        match what(&seen) {
            Some(known) => break known,
            None => more(&mut stream, &mut seen).await?,
        }
    };
    let digest = socket
        .zip(source)
        .map(|(socket, source)| Arc::new(in_the_name_of(&socket, source)));
    Ok(Arrived {
        stream: Rewound::new(stream, seen.freeze(), digest, speaks_h2),
        kind,
        client: source.or(peer).map(|client| client.ip().to_canonical()),
    })
}

/// What the first bytes are: TLS or not, HTTP/2 in plain text or not. `None` when more are needed.
fn what(seen: &[u8]) -> Option<(Kind, bool)> {
    if *seen.first()? == HANDSHAKE {
        return Some((Kind::Tls, false));
    }
    if seen.starts_with(PREFACE) {
        return Some((Kind::Plain, true));
    }
    (!PREFACE.starts_with(seen)).then_some((Kind::Plain, false))
}

/// Takes the PROXY header off, if there is one, and tells whom it names.
async fn proxy_header(stream: &mut Stream, seen: &mut BytesMut) -> io::Result<Option<SocketAddr>> {
    loop {
        match parse(seen) {
            Parsed::Unfinished => more(stream, seen).await?,
            Parsed::Absent => return Ok(None),
            Parsed::Header { length, source } => {
                seen.advance(length);
                return Ok(source);
            }
            Parsed::Malformed(reason) => return Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
        }
    }
}

async fn more(stream: &mut Stream, seen: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(seen).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// The same socket, with another client.
fn in_the_name_of(socket: &SocketDigest, source: SocketAddr) -> SocketDigest {
    // Everything that would be asked of the descriptor is filled in.
    let mut named = SocketDigest::from_raw_fd(-1);
    named.peer_addr = OnceCell::with_value(Some(Socket::Inet(source)));
    named.local_addr = OnceCell::with_value(socket.local_addr().cloned());
    named.original_dst = OnceCell::with_value(None);
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_what_is_spoken() {
        assert_eq!(what(b""), None);
        assert_eq!(what(b"\x16\x03\x01"), Some((Kind::Tls, false)));
        assert_eq!(what(b"GET / HTTP/1.0\r\n\r\n"), Some((Kind::Plain, false)));
        for end in 1..PREFACE.len() {
            assert_eq!(what(&PREFACE[..end]), None, "{end}");
        }
        assert_eq!(what(PREFACE), Some((Kind::Plain, true)));
        assert_eq!(what(b"PRI * HTTP/1.1\r\n"), Some((Kind::Plain, false)));
        assert_eq!(what(b"POST"), Some((Kind::Plain, false)));
    }
}
