//! Servers that speak TLS and HTTP/2, and tell what was spoken with them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, oneshot};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::pki::{Authority, Leaf};

/// A request as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Which connection of this server it came by, from 1.
    pub connection: usize,
    /// `http/1.1` or `h2`.
    pub protocol: &'static str,
    /// `TLSv1_3`; empty without TLS.
    pub version: String,
    /// SNI; empty for none.
    pub server_name: String,
    /// Common name of the client's certificate; empty for none.
    pub client: String,
    /// Path.
    pub path: String,
}

/// Who may ask.
enum Clients {
    Anybody,
    Known(String),
    KnownOrNobody(String),
}

/// A server with TLS that is yet to be started.
pub struct Https {
    leaf: Leaf,
    clients: Clients,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocols: Vec<&'static str>,
    together: usize,
}

impl Https {
    /// With a certificate; any client, any version, HTTP/1.1 and HTTP/2.
    pub fn new(leaf: &Leaf) -> Self {
        Self {
            leaf: leaf.clone(),
            clients: Clients::Anybody,
            versions: rustls::ALL_VERSIONS.to_vec(),
            protocols: vec!["h2", "http/1.1"],
            together: 1,
        }
    }

    /// Only clients with a certificate of this authority.
    pub fn only(mut self, authority: &Authority) -> Self {
        self.clients = Clients::Known(authority.pem());
        self
    }

    /// Clients with a certificate of this authority, or none.
    pub fn ask(mut self, authority: &Authority) -> Self {
        self.clients = Clients::KnownOrNobody(authority.pem());
        self
    }

    /// Only this version.
    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Only HTTP/1.1.
    pub fn http1(mut self) -> Self {
        self.protocols = vec!["http/1.1"];
        self
    }

    /// Requests for `/together` are answered when there are so many.
    pub fn together(mut self, count: usize) -> Self {
        self.together = count;
        self
    }

    /// Starts it.
    pub fn start(self) -> Origin {
        let store = |pem: &str| {
            let mut store = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                store.add(root.unwrap()).unwrap();
            }
            Arc::new(store)
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            |pem: &str| WebPkiClientVerifier::builder_with_provider(store(pem), Arc::clone(&provider));
        let clients = match &self.clients {
            Clients::Anybody => WebPkiClientVerifier::no_client_auth(),
            Clients::Known(pem) => verifier(pem).build().unwrap(),
            Clients::KnownOrNobody(pem) => verifier(pem).allow_unauthenticated().build().unwrap(),
        };
        let chain = CertificateDer::pem_slice_iter(self.leaf.certificate.as_bytes());
        let chain = chain.map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(self.leaf.key.as_bytes()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = self
            .protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Origin::start(Some(Arc::new(config)), self.together)
    }
}

struct Shared {
    connections: AtomicUsize,
    open: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
    together: Barrier,
}

/// A running server; stopped when dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Origin {
    /// HTTP/2 in the clear, with prior knowledge.
    pub fn h2c() -> Self {
        Self::start(None, 1)
    }

    fn start(tls: Option<Arc<ServerConfig>>, together: usize) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            asked: Mutex::default(),
            together: Barrier::new(together),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = serve(listener, tls, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Its port, for URLs by name.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `https://127.0.0.1:port`, and so on.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Connections accepted so far, also those that never asked for anything.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// The last request.
    pub fn last(&self) -> Asked {
        self.asked().pop().expect("the server was asked")
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let ended = self.thread.take().unwrap().join();
        if !thread::panicking() {
            ended.expect("the server's thread");
        }
    }
}

/// Counts a connection for as long as it lives.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let connection = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
        shared.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(Arc::clone(&shared));
        let tls = tls.clone();
        tokio::spawn(async move {
            let about = Asked {
                connection,
                ..Asked::default()
            };
            match tls {
                Some(config) => secure(stream, config, about, &open.0).await,
                None => http2(stream, about, &open.0).await,
            }
        });
    }
}

async fn secure(stream: TcpStream, config: Arc<ServerConfig>, mut about: Asked, shared: &Arc<Shared>) {
    let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else {
        return;
    };
    let (_, session) = stream.get_ref();
    about.version = format!("{:?}", session.protocol_version().unwrap());
    about.server_name = session.server_name().unwrap_or_default().to_owned();
    about.client = session
        .peer_certificates()
        .map_or_else(String::new, |chain| common_name(&chain[0]));
    if session.alpn_protocol() == Some(b"h2") {
        http2(stream, about, shared).await;
    } else {
        http1(stream, about, shared).await;
    }
}

fn common_name(certificate: &CertificateDer<'_>) -> String {
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    let name = parsed.subject().iter_common_name().next().unwrap();
    name.as_str().unwrap().to_owned()
}

/// Notes a request, and waits for the others where that is asked for.
async fn arrived(shared: &Shared, about: &Asked, protocol: &'static str, path: &str) {
    shared.asked.lock().unwrap().push(Asked {
        protocol,
        path: path.to_owned(),
        ..about.clone()
    });
    if path == "/together" {
        shared.together.wait().await;
    }
}

async fn http1(mut stream: impl AsyncRead + AsyncWrite + Unpin, about: Asked, shared: &Shared) {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(b"\r\n\r\n") {
            if !matches!(stream.read_buf(&mut read).await, Ok(count) if count > 0) {
                return;
            }
        }
        let head = String::from_utf8_lossy(&read).into_owned();
        read.clear();
        arrived(shared, &about, "http/1.1", head.split(' ').nth(1).unwrap()).await;
        let name = &about.client;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// Sends each part of the body back as it comes, then a status as gRPC has it.
async fn echo(mut received: h2::RecvStream, mut body: h2::SendStream<Bytes>) {
    while let Some(Ok(part)) = received.data().await {
        let _ = received.flow_control().release_capacity(part.len());
        if !part.is_empty() && body.send_data(part, false).is_err() {
            return;
        }
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let _ = body.send_trailers(trailers);
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin, about: Asked, shared: &Arc<Shared>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (about, shared) = (about.clone(), Arc::clone(shared));
        tokio::spawn(async move {
            arrived(&shared, &about, "h2", request.uri().path()).await;
            let Ok(mut body) = respond.send_response(http::Response::new(()), false) else {
                return;
            };
            if request
                .headers()
                .get("content-type")
                .is_some_and(|kind| kind == "application/grpc")
            {
                return echo(request.into_body(), body).await;
            }
            let _ = body.send_data(about.client.into_bytes().into(), true);
        });
    }
}
