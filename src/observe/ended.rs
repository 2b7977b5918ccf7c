//! A request that is over.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Uri, Version};

use crate::balance::{Micros, Server, Signals, Wall};
use crate::meter::{Key, Protocol, Tls, method_number};
use crate::routing::Observed;
use crate::sticky::Outcome;

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Number of the entry point.
    pub entry_point: usize,
    /// Its name.
    pub name: &'a str,
    /// Who is connected.
    pub client: Option<SocketAddr>,
    /// Version and cipher, on a connection with TLS.
    pub tls: Option<Tls>,
}

/// Where a request was led.
#[derive(Debug, Clone, Copy)]
pub struct Routed<'a> {
    /// Name of the router.
    pub router: &'a Arc<str>,
    /// Name of the service it leads to.
    pub service: &'a str,
}

/// A request that is over, whatever ended it.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// When it came, on the clock of the process.
    pub began: Micros,
    /// When it came, as the machine's clock says.
    pub wall: Wall,
    /// When it ended, on the clock of the process.
    pub ended: Micros,
    /// Where it came in.
    pub place: Place<'a>,
    /// Its method.
    pub method: &'a str,
    /// Its target, before middlewares.
    pub uri: &'a Uri,
    /// Its version.
    pub version: Version,
    /// Its header.
    pub headers: &'a HeaderMap,
    /// What it speaks.
    pub protocol: Protocol,
    /// Bytes of its body that came.
    pub request_bytes: u64,
    /// The router, if one matched.
    pub routed: Option<Routed<'a>>,
    /// The service with servers that served it, or that should have.
    pub leaf: Option<&'a Signals>,
    /// The server that served it, or the last that was tried.
    pub server: Option<&'a Server>,
    /// What became of its cookie.
    pub outcome: Outcome,
    /// Servers that were tried in vain before.
    pub retries: u32,
    /// When a server was looked for, if it came so far.
    pub asked: Option<Micros>,
    /// The server's status.
    pub origin_status: Option<u16>,
    /// The server's header, where the access log wants it.
    pub origin_headers: Option<&'a HeaderMap>,
    /// The status that the client got; 499 when it left before, 500 when nobody answered.
    pub status: u16,
    /// The header that the client got.
    pub response_headers: Option<&'a HeaderMap>,
    /// Bytes of body that the client got.
    pub response_bytes: u64,
    /// The status of gRPC, where that is spoken.
    pub grpc_status: Option<u16>,
    /// Did piton answer it itself, on a path of its own?
    pub is_internal: bool,
    /// Who may look.
    pub observed: Observed,
}

impl Ended<'_> {
    /// How long it took.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.ended.saturating_sub(self.began)
    }

    /// What tells it from others in metrics.
    #[must_use]
    pub fn key(&self) -> Key {
        let code = match self.protocol {
            Protocol::Grpc | Protocol::GrpcWeb => self.grpc_status.unwrap_or(self.status),
            _ => self.status,
        };
        Key::new(code, method_number(self.method), self.protocol)
    }
}
