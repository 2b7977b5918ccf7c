//! The sockets of the fake engine, and as much HTTP as it needs.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Where connections come from.
pub enum Listening {
    /// A socket in the file system.
    Unix(UnixListener),
    /// A port, with TLS or without.
    Tcp(TcpListener, Option<Arc<ServerConfig>>),
}

/// What can be read and written.
pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// A second handle of a connection, to end it with.
pub enum Handle {
    /// Over a unix socket.
    Unix(UnixStream),
    /// Over TCP.
    Tcp(TcpStream),
}

impl Handle {
    /// Ends the connection, in both directions.
    pub fn end(&self) {
        // It may have ended by itself.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Listening {
    /// The next connection.
    pub fn accept(&self) -> io::Result<(Box<dyn Stream>, Handle)> {
        match self {
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                let handle = Handle::Unix(stream.try_clone()?);
                Ok((Box::new(stream), handle))
            }
            Self::Tcp(listener, tls) => {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                let handle = Handle::Tcp(stream.try_clone()?);
                let stream: Box<dyn Stream> = match tls {
                    Some(config) => {
                        let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                        Box::new(StreamOwned::new(session, stream))
                    }
                    None => Box::new(stream),
                };
                Ok((stream, handle))
            }
        }
    }
}

/// The next request: its head without the empty line. A body is not expected. `None` at the end.
pub fn next_head(stream: &mut dyn Stream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.drain(..end + 4);
            return Some(head);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Writes an answer with a length.
pub fn answer(stream: &mut dyn Stream, status: u16, kind: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} Fake\r\nApi-Version: 1.41\r\nContent-Type: {kind}\r\nOstype: linux\r\n\
         Server: Docker/20.10.24 (linux)\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()
}

/// Writes the head of an answer in chunks.
pub fn begin_chunks(stream: &mut dyn Stream) -> io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nOstype: linux\r\n\
          Transfer-Encoding: chunked\r\n\r\n",
    )?;
    stream.flush()
}

/// Writes one chunk.
pub fn chunk(stream: &mut dyn Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")?;
    stream.flush()
}
