//! `tcp:` of the dynamic configuration: parsed strictly so that files written for Traefik load.

use serde::{Deserialize, Serialize};

use super::http::{Spiffe, WeightedChild};
use super::tls::CertificatePair;
use super::tls::Domain;
use crate::config::{AllowEmpty, Named, Span, encode};

/// Everything under `tcp:`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tcp {
    /// Rules that lead connections to services, by name.
    pub routers: Named<Router>,
    /// Where connections go, by name.
    pub services: Named<Service>,
    /// What happens to connections on the way, by name.
    pub middlewares: Named<Middleware>,
    /// How servers are connected to, by name.
    pub servers_transports: Named<ServersTransport>,
}

/// One TCP router.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    /// Entry points it listens on; empty means the default ones.
    pub entry_points: Vec<String>,
    /// Names of middlewares, applied from left to right.
    pub middlewares: Vec<String>,
    /// Name of the service.
    pub service: String,
    /// The rule as written: `HostSNI`, `ClientIP`, `ALPN`.
    pub rule: String,
    /// `v3` (default) or the deprecated `v2`.
    pub rule_syntax: String,
    /// Higher wins; 0 means the byte length of the rule.
    pub priority: i64,
    /// Present (even empty) makes the router serve TLS connections only.
    pub tls: AllowEmpty<RouterTls>,
}

/// `tls` of a TCP router.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterTls {
    /// Hand the encrypted bytes through.
    pub passthrough: bool,
    /// Name of the TLS options; empty means `default`.
    pub options: String,
    /// Name of a certificate resolver.
    pub cert_resolver: String,
    /// Names that the resolver's certificate shall carry.
    pub domains: Vec<Domain>,
}

/// One TCP service: exactly one of the fields shall be present.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Servers behind a balancer.
    pub load_balancer: Option<LoadBalancer>,
    /// Other services, by weight.
    pub weighted: Option<Weighted>,
}

/// `loadBalancer` of a TCP service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// Send a PROXY protocol header to servers.
    pub proxy_protocol: AllowEmpty<ProxyProtocol>,
    /// The servers.
    pub servers: Vec<TcpServer>,
    /// Name of the transport; empty means the static default.
    pub servers_transport: String,
    /// Deprecated: milliseconds a half-closed connection is kept; negative means for ever.
    pub termination_delay: Option<i64>,
    /// Probes.
    pub health_check: Option<HealthCheck>,
}

/// `proxyProtocol` towards servers.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyProtocol {
    /// 1 or 2.
    #[serde(serialize_with = "encode::always")]
    pub version: i64,
}

impl Default for ProxyProtocol {
    fn default() -> Self {
        Self { version: 2 }
    }
}

/// One TCP server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpServer {
    /// `host:port`.
    pub address: String,
    /// In labels only: the container's port.
    #[serde(skip_serializing)]
    pub port: String,
    /// Speak TLS to it.
    pub tls: bool,
}

/// `healthCheck` of a TCP service.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Overrides the server's port; 0 means none.
    pub port: u16,
    /// Bytes sent.
    pub send: String,
    /// Bytes expected in return.
    pub expect: String,
    /// Time between probes of a healthy server.
    #[serde(serialize_with = "encode::always")]
    pub interval: Span,
    /// Time between probes of an unhealthy server; absent means `interval`.
    pub unhealthy_interval: Option<Span>,
    /// Time for one whole probe.
    #[serde(serialize_with = "encode::always")]
    pub timeout: Span,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            port: 0,
            send: String::new(),
            expect: String::new(),
            interval: Span::seconds(30),
            unhealthy_interval: None,
            timeout: Span::seconds(5),
        }
    }
}

/// `weighted` of a TCP service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weighted {
    /// The children.
    pub services: Vec<WeightedChild>,
    /// Presence propagates health between children and parents.
    pub health_check: AllowEmpty<super::http::Marker>,
}

/// One TCP middleware: exactly one of the fields shall be present.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Middleware {
    /// Limits connections per client address.
    pub in_flight_conn: Option<InFlightConn>,
    /// Lets only some addresses in.
    pub ip_allow_list: Option<IpAllowList>,
    /// Deprecated name of `ipAllowList`.
    pub ip_white_list: Option<IpAllowList>,
}

/// `inFlightConn`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InFlightConn {
    /// Connections at the same time.
    pub amount: i64,
}

/// `ipAllowList` for connections.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpAllowList {
    /// Addresses and CIDR ranges let in.
    pub source_range: Vec<String>,
}

/// How TCP servers are connected to.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransport {
    /// Time between TCP keep-alive probes; negative means none.
    #[serde(serialize_with = "encode::always")]
    pub dial_keep_alive: Span,
    /// Time to connect; 0 means no limit.
    #[serde(serialize_with = "encode::always")]
    pub dial_timeout: Span,
    /// Time a half-closed connection is kept; negative means for ever.
    #[serde(serialize_with = "encode::always")]
    pub termination_delay: Span,
    /// Send a PROXY protocol header to servers.
    pub proxy_protocol: AllowEmpty<ProxyProtocol>,
    /// TLS towards servers.
    pub tls: AllowEmpty<ClientTls>,
}

impl Default for ServersTransport {
    fn default() -> Self {
        Self {
            dial_keep_alive: Span::seconds(15),
            dial_timeout: Span::seconds(30),
            termination_delay: Span::milliseconds(100),
            proxy_protocol: AllowEmpty::absent(),
            tls: AllowEmpty::absent(),
        }
    }
}

/// TLS towards TCP servers.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTls {
    /// SNI and the name verified.
    pub server_name: String,
    /// Do not verify certificates.
    pub insecure_skip_verify: bool,
    /// Roots: files or PEM.
    #[serde(rename = "rootCAs")]
    pub root_cas: Vec<String>,
    /// Client certificates.
    pub certificates: Vec<CertificatePair>,
    /// URI wanted in the server's certificate.
    #[serde(rename = "peerCertURI")]
    pub peer_cert_uri: String,
    /// SPIFFE identities.
    pub spiffe: AllowEmpty<Spiffe>,
}
