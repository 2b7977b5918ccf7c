//! Connections that Pingora's own TLS client cannot make: piton connects and shakes hands, Pingora speaks HTTP/1.1 over
//! the result and keeps it in its pool like any other.
//!
//! Which these are and by what they are made rides in the peer (`upstream::Tls`).

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use once_cell::sync::OnceCell;
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::custom::{Connection, Connector};
use pingora::connectors::l4::BindTo;
use pingora::http::ResponseHeader;
use pingora::protocols::l4::ext;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::tls::TlsStream;
use pingora::protocols::tls::client::handshake;
use pingora::protocols::{GetSocketDigest, SocketDigest};
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::Peer;
use pingora::{Error, ErrorType, Result};
use pingora_rustls::{
    RootCertStore, TlsConnector, load_ca_file_into_store, load_platform_certs_incl_env_into_store,
};
use tokio::time::timeout;

use crate::clock;
use crate::upstream::Tls;

/// Connects to peers that carry their own TLS.
pub struct Dialer {
    /// `ca_file` of Pingora's keys: stands for the system's roots.
    ca_file: Option<String>,
    roots: OnceCell<Arc<RootCertStore>>,
    bind_to_v4: Vec<SocketAddr>,
    bind_to_v6: Vec<SocketAddr>,
}

impl Dialer {
    /// With the settings of Pingora's own connections.
    #[must_use]
    pub fn new(conf: &ServerConf) -> Self {
        let options = ConnectorOptions::from_server_conf(conf);
        Self {
            ca_file: options.ca_file,
            roots: OnceCell::new(),
            bind_to_v4: options.bind_to_v4,
            bind_to_v6: options.bind_to_v6,
        }
    }

    /// The system's roots, read when they are first needed.
    fn roots_of_system(&self) -> Result<Arc<RootCertStore>, String> {
        let read = || {
            let mut store = RootCertStore::empty();
            match &self.ca_file {
                Some(path) => load_ca_file_into_store(path, &mut store)?,
                None => load_platform_certs_incl_env_into_store(&mut store)?,
            }
            Ok(Arc::new(store))
        };
        let roots = self.roots.get_or_try_init(read);
        roots.cloned().map_err(|error: Box<Error>| error.to_string())
    }

    async fn connect<P: Peer + Send + Sync>(&self, peer: &P, tls: &Tls) -> Result<TlsStream<Stream>> {
        let broken = |words: String| Error::explain(ErrorType::InvalidCert, words);
        let config = tls.config(&|| self.roots_of_system()).map_err(broken)?;
        let stream = self.connect_tcp(peer).await?;
        handshake(&TlsConnector::from(config), peer.sni(), stream).await
    }

    async fn connect_tcp<P: Peer>(&self, peer: &P) -> Result<Stream> {
        let no_address = || Error::explain(ErrorType::ConnectError, "the peer has no address");
        let address = peer.address().as_inet().ok_or_else(no_address)?;
        let bind_to = self.bind_to(address.ip());
        let limit = peer.connection_timeout().unwrap_or(Duration::MAX);
        let connected = timeout(limit, ext::connect(address, bind_to.as_ref())).await;
        let connected = connected.map_err(|_| timed_out(peer, limit))??;
        let mut stream = Stream::from(connected);
        if let Some(keepalive) = peer.tcp_keepalive() {
            stream.set_keepalive(keepalive)?;
        }
        stream.set_nodelay()?;
        stream.set_socket_digest(SocketDigest::from_raw_fd(stream.as_raw_fd()));
        Ok(stream)
    }

    /// One of the addresses to connect from, if any are configured.
    fn bind_to(&self, target: IpAddr) -> Option<BindTo> {
        let addresses = if target.is_ipv4() {
            &self.bind_to_v4
        } else {
            &self.bind_to_v6
        };
        let turn = usize::try_from(clock::random() >> 32).unwrap_or_default();
        let address = addresses.get(turn % addresses.len().max(1))?;
        let mut bind_to = BindTo::default();
        bind_to.addr = Some(*address);
        Some(bind_to)
    }
}

fn timed_out<P: Peer>(peer: &P, limit: Duration) -> Box<Error> {
    let words = format!("connecting to server {peer}, timeout {limit:?}");
    Error::explain(ErrorType::ConnectTimedout, words)
}

/// What the peer carries.
fn carried<P: Peer>(peer: &P) -> Option<Arc<Tls>> {
    let hook = peer.proxy_digest_user_data_hook()?;
    let (request, ()) = http::Request::new(()).into_parts();
    let carried = hook(&request, &ResponseHeader::build(200, None).ok()?)?;
    carried.downcast::<Arc<Tls>>().ok().map(|tls| *tls)
}

#[async_trait]
impl Connector for Dialer {
    type Session = ();

    async fn get_http_session<P: Peer + Send + Sync + 'static>(
        &self,
        peer: &P,
    ) -> Result<(Connection<()>, bool)> {
        let none = || Error::explain(ErrorType::InternalError, "the peer carries no TLS");
        let tls = carried(peer).ok_or_else(none)?;
        let connect = self.connect(peer, &tls);
        let limit = peer.total_connection_timeout().unwrap_or(Duration::MAX);
        let stream = timeout(limit, connect)
            .await
            .map_err(|_| timed_out(peer, limit))??;
        Ok((Connection::Stream(Box::new(stream)), false))
    }

    async fn reused_http_session<P: Peer + Send + Sync + 'static>(&self, _peer: &P) -> Option<()> {
        // All sessions are HTTP/1.1, and in Pingora's pool.
        None
    }

    async fn release_http_session<P: Peer + Send + Sync + 'static>(
        &self,
        _session: (),
        _peer: &P,
        _idle_timeout: Option<Duration>,
    ) {
    }
}
