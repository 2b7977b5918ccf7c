//! How a server is connected to: its URL taken apart, its transport, and the `HttpPeer` made once.
//!
//! Plain data: nothing here opens a connection.

mod address;
mod tls;
mod transport;
mod url;

pub use address::{Address, Resolved};
pub use tls::{RootsOfSystem, Tls};
pub use transport::{InvalidTransport, Transport};
pub use url::{InvalidUrl, Scheme, ServerUrl};

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use pingora::protocols::{ALPN, TcpKeepalive};
use pingora::upstreams::peer::HttpPeer;

/// Streams that share one HTTP/2 connection to a server (Pingora's default is one).
const MAX_H2_STREAMS: usize = 100;

/// Everything needed to send a request to one server.
#[derive(Debug)]
pub struct Upstream {
    address: Address,
    peer: HttpPeer,
    host_header: HeaderValue,
    base_path: Option<String>,
    dial_timeout: Option<Duration>,
    max_idle: i64,
}

impl Upstream {
    /// Prepares the connection to `url` by `transport`. `address` is where a host name's addresses are
    /// kept over reloads. `preserve_path` puts the URL's path before the request's (traefik-core 3).
    ///
    /// # Errors
    /// When the URL's host cannot stand in a `Host` header.
    pub fn new(
        url: &ServerUrl,
        transport: &Transport,
        address: Address,
        preserve_path: bool,
    ) -> Result<Self, InvalidUrl> {
        let host_header = HeaderValue::from_str(url.authority())
            .map_err(|_| InvalidUrl::Host(url.authority().to_owned()))?;
        let base_path = preserve_path.then(|| url.path().trim_end_matches('/').to_owned());
        Ok(Self {
            peer: prepared_peer(url, transport, &address),
            address,
            host_header,
            base_path: base_path.filter(|path| !path.is_empty()),
            dial_timeout: transport.dial_timeout,
            max_idle: transport.max_idle,
        })
    }

    /// Where its addresses come from.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The peer at `address`; Pingora wants an owned one for every attempt.
    #[must_use]
    pub fn peer(&self, address: SocketAddr) -> HttpPeer {
        let mut peer = self.peer.clone();
        if !matches!(self.address, Address::Fixed(_)) {
            peer._address = address.into();
        }
        peer
    }

    /// Is the connection of a request not to be kept, since the server has as many as it may keep? `in_flight`
    /// are its requests now, this one included. A connection that is kept was begun as one of at most
    /// `maxIdleConnsPerHost`, so that no more are ever idle.
    ///
    /// Over HTTP/1.1 such a request has to say `Connection: close`: then Pingora never puts the connection into its
    /// pool. Over HTTP/2 the time is set here that an idle connection has.
    pub fn bound_idle(&self, peer: &mut HttpPeer, in_flight: u32) -> bool {
        let is_over = self.max_idle < 0 || (self.max_idle > 0 && i64::from(in_flight) > self.max_idle);
        if is_over {
            peer.options.idle_timeout = Some(Duration::ZERO);
        }
        is_over
    }

    /// The server's own `Host`, with the port as written.
    #[must_use]
    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// Path to put before the request's, without a slash at its end; `None` for none.
    #[must_use]
    pub fn base_path(&self) -> Option<&str> {
        self.base_path.as_deref()
    }

    /// Longest time for one connect; `None` for the system's own limit.
    #[must_use]
    pub fn dial_timeout(&self) -> Option<Duration> {
        self.dial_timeout
    }
}

fn prepared_peer(url: &ServerUrl, transport: &Transport, address: &Address) -> HttpPeer {
    let tls = url.scheme() == Scheme::Https;
    // rustls does not verify at all when the SNI is empty (pingora-0.9 6.2), so that there always is one.
    let sni = if !tls {
        String::new()
    } else if transport.server_name.is_empty() {
        url.host().to_owned()
    } else {
        transport.server_name.clone()
    };
    let placeholder = SocketAddr::from(([0, 0, 0, 0], url.port()));
    let mut peer = HttpPeer::new(address.fixed().unwrap_or(placeholder), tls, sni);
    peer.group_key = group_key(url.scheme(), transport);
    let options = &mut peer.options;
    options.connection_timeout = transport.dial_timeout;
    options.total_connection_timeout = transport.dial_timeout;
    options.read_timeout = transport.response_header_timeout;
    options.idle_timeout = transport.idle_timeout;
    options.verify_cert = !transport.insecure_skip_verify;
    options.verify_hostname = !transport.insecure_skip_verify;
    options.max_h2_streams = MAX_H2_STREAMS;
    options.h2_ping_interval = transport.ping_interval;
    options.alpn = match url.scheme() {
        Scheme::H2c => ALPN::H2,
        // Without connections that are kept there is nothing to share by HTTP/2.
        Scheme::Https if !transport.disable_http2 && transport.max_idle >= 0 => ALPN::H2H1,
        Scheme::Http | Scheme::Https => ALPN::H1,
    };
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: Duration::from_secs(30),
        interval: Duration::from_secs(15),
        count: 5,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    });
    if tls {
        transport.tls.equip(&mut peer);
    }
    peer
}

/// Pingora's reuse key leaves out the ALPN and most of the transport (pingora-0.9 6.1): connections made
/// under one trust must not serve another.
fn group_key(scheme: Scheme, transport: &Transport) -> u64 {
    let mut hasher = DefaultHasher::new();
    scheme.hash(&mut hasher);
    transport.hash(&mut hasher);
    hasher.finish()
}
