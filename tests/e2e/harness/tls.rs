//! Clients that speak TLS: curl and openssl, as people use them, and one that keeps its connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Authority, TempDir};

/// What curl made of a request.
#[derive(Debug)]
pub struct Fetched {
    /// Its exit code: 0 for an answer.
    pub exit: i32,
    /// The status of the answer.
    pub status: u16,
    /// `1.1` or `2`.
    pub version: String,
    /// Head and body, and what it complained about.
    pub text: String,
}

/// curl, trusting one authority.
pub struct Curl {
    address: SocketAddr,
    dir: TempDir,
    roots: PathBuf,
    arguments: Vec<String>,
}

impl Curl {
    /// Takes every host for the one at `address`.
    pub fn to(address: SocketAddr, trusted: &Authority) -> Self {
        let dir = TempDir::new();
        let roots = dir.write("roots.pem", &trusted.pem());
        Self {
            address,
            dir,
            roots,
            arguments: Vec::new(),
        }
    }

    /// With further arguments.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Showing a certificate of its own.
    pub fn showing(self, leaf: &super::Leaf) -> Self {
        let certificate = self.dir.write("client.crt", &leaf.certificate);
        let key = self.dir.write("client.key", &leaf.key);
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        self.with(&["--cert", &certificate, "--key", &key])
    }

    /// GET of `https://host/path`, the port left out.
    pub fn get(&self, url: &str) -> Fetched {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "12"])
            .args(["--write-out", "\n%{http_code} %{http_version}"])
            .args(["--connect-to", &format!("::{}", self.address)])
            .arg("--cacert")
            .arg(&self.roots)
            .args(&self.arguments)
            .arg(url)
            .output()
            .expect("curl is installed");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = text.lines().last().unwrap_or_default();
        let (status, version) = last.split_once(' ').unwrap_or_default();
        let (status, version) = (status.parse().unwrap_or_default(), version.to_owned());
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Fetched {
            exit: output.status.code().unwrap_or(-1),
            status,
            version,
            text,
        }
    }
}

/// What `openssl s_client` says of a handshake for `name`; with these arguments.
pub fn s_client(address: SocketAddr, name: &str, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", name])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A connection inside TLS that stays.
pub struct Inside(StreamOwned<ClientConnection, TcpStream>);

impl Inside {
    /// Shakes hands as somebody who wants `name` and trusts one authority.
    pub fn connect(address: SocketAddr, name: &str, roots: &RootCertStore) -> std::io::Result<Self> {
        Self::connect_after(b"", address, name, roots)
    }

    /// The same, after these bytes.
    pub fn connect_after(
        before: &[u8],
        address: SocketAddr,
        name: &str,
        roots: &RootCertStore,
    ) -> std::io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(12)))?;
        socket.set_nodelay(true)?;
        socket.write_all(before)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Self(StreamOwned::new(session, socket)))
    }

    /// The certificate that it was shown.
    pub fn certificate(&self) -> CertificateDer<'static> {
        let chain = self.0.conn.peer_certificates().expect("a certificate");
        chain[0].clone().into_owned()
    }

    /// GET of `/`; the head and a body whose length the head tells.
    pub fn get(&mut self, host: &str) -> std::io::Result<String> {
        write!(self.0, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
        let mut bytes = Vec::new();
        loop {
            let mut part = [0; 4096];
            let count = self.0.read(&mut part)?;
            bytes.extend_from_slice(&part[..count]);
            let text = String::from_utf8_lossy(&bytes);
            let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let head = head.to_ascii_lowercase();
                let length = head.split("content-length: ").nth(1);
                let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
                length.is_some_and(|length: usize| body.len() >= length)
            });
            if whole {
                return Ok(text.into_owned());
            }
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// One authority, as somebody to trust.
pub fn roots_of(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    roots
}
