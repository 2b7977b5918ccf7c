//! The sockets of the test's API server, and as much HTTP/1.1 as its clients speak.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

/// A connection with TLS.
pub struct Stream {
    tls: StreamOwned<ServerConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// A request as it came.
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a field.
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Stream {
    pub fn over(tcp: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self {
            tls: StreamOwned::new(session, tcp),
            buffer: Vec::new(),
        })
    }

    /// The next request; `None` at the end.
    pub fn request(&mut self) -> Option<Request> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ').map(str::to_owned);
        let fields = lines.filter_map(|line| line.split_once(':'));
        let mut request = Request {
            method: words.next()?,
            target: words.next()?,
            fields: fields
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: Vec::new(),
        };
        let length = request.field("content-length").parse().unwrap_or(0);
        while self.buffer.len() < length {
            self.more()?;
        }
        request.body = self.buffer.drain(..length).collect();
        Some(request)
    }

    fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 16 << 10];
        match self.tls.read(&mut chunk) {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Some(())
            }
        }
    }

    /// A second handle of the connection.
    pub fn handle(&self) -> io::Result<TcpStream> {
        self.tls.get_ref().try_clone()
    }

    /// Writes an answer with a length; `part` of its body only.
    pub fn answer(&mut self, status: u16, body: &[u8], part: usize) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status} Answer\r\nCache-Control: no-cache, private\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.tls.write_all(head.as_bytes())?;
        self.tls.write_all(&body[..part])?;
        self.tls.flush()
    }

    /// Writes the head of a stream.
    pub fn begin_chunks(&mut self) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nCache-Control: no-cache, private\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        self.tls.write_all(head.as_bytes())?;
        self.tls.flush()
    }

    /// Writes a part of a stream; an empty one ends it.
    pub fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut text = format!("{:x}\r\n", bytes.len()).into_bytes();
        text.extend_from_slice(bytes);
        text.extend_from_slice(b"\r\n");
        self.tls.write_all(&text)?;
        self.tls.flush()
    }
}

/// Has the client said anything, or gone? While it is served a stream it has nothing to say but that.
pub fn is_over(tcp: &TcpStream) -> bool {
    /// `MSG_PEEK | MSG_DONTWAIT` of Linux.
    const LOOK: i32 = 0x42;
    let looked = SockRef::from(tcp).recv_with_flags(&mut [MaybeUninit::uninit()], LOOK);
    !matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Ends a connection in both directions; it may have ended by itself.
pub fn end(tcp: &TcpStream) {
    let _ = tcp.shutdown(Shutdown::Both);
}

/// A certificate for 127.0.0.1 by an authority of its own: that one's PEM, and what the server needs.
pub fn certificate() -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "the cluster's own");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let chain = vec![CertificateDer::from_pem_slice(leaf.pem().as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (authority.pem(), Arc::new(config))
}
