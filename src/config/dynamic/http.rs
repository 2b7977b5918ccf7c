//! `http:` of the dynamic configuration: routers, services, transports (traefik-core 1.3, 2, 3, 4).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, de};

use super::middleware::Middleware;
use crate::config::{AllowEmpty, Moment, Secret, Span};

/// Everything under `http:`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Rules that lead requests to services, by name.
    pub routers: BTreeMap<String, Router>,
    /// Where requests go, by name.
    pub services: BTreeMap<String, Service>,
    /// What happens to requests on the way, by name.
    pub middlewares: BTreeMap<String, Middleware>,
    /// How servers are connected to, by name.
    pub servers_transports: BTreeMap<String, ServersTransport>,
}

/// One router (traefik-core 4.1).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    /// Entry points it listens on; empty means the default ones.
    pub entry_points: Vec<String>,
    /// Names of middlewares, applied from left to right.
    pub middlewares: Vec<String>,
    /// Name of the service, qualified with the router's provider unless it has an `@`.
    pub service: String,
    /// The rule as written.
    pub rule: String,
    /// `v3` (default) or the deprecated `v2`.
    pub rule_syntax: String,
    /// Higher wins; 0 means the byte length of the rule.
    pub priority: i64,
    /// Present (even empty) makes the router serve TLS connections only.
    pub tls: AllowEmpty<RouterTls>,
    /// What of this router's traffic is observed.
    pub observability: AllowEmpty<RouterObservability>,
    /// Routers this one is nested in.
    pub parent_refs: Vec<String>,
}

/// `tls` of a router.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterTls {
    /// Name of the TLS options; empty means `default`.
    pub options: String,
    /// Name of a certificate resolver.
    pub cert_resolver: String,
    /// Names that the resolver's certificate shall carry.
    pub domains: Vec<super::tls::Domain>,
}

/// `observability` of a router or an entry point; absent fields mean "on".
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterObservability {
    /// Write access log lines?
    pub access_logs: Option<bool>,
    /// Count in metrics?
    pub metrics: Option<bool>,
    /// Trace?
    pub tracing: Option<bool>,
    /// `minimal` or `detailed`.
    pub trace_verbosity: Option<String>,
}

/// One service: exactly one of the fields but `middlewares` shall be present (traefik-core 2.6).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Servers behind a balancer.
    pub load_balancer: Option<LoadBalancer>,
    /// Other services, by weight.
    pub weighted: Option<Weighted>,
    /// Other services, by rendezvous hash of the client address.
    pub highest_random_weight: Option<HighestRandomWeight>,
    /// One service and copies of its traffic.
    pub mirroring: Option<Mirroring>,
    /// One service and a spare.
    pub failover: Option<Failover>,
    /// Service-level middlewares.
    pub middlewares: Vec<String>,
}

impl Service {
    /// Does it name files with keys that sign its cookies?
    pub(super) fn names_key_files(&self) -> bool {
        let of_servers = self
            .load_balancer
            .iter()
            .filter_map(|balancer| balancer.sticky.as_ref());
        let of_children = self
            .weighted
            .iter()
            .filter_map(|weighted| weighted.sticky.as_ref());
        of_servers
            .chain(of_children)
            .filter_map(|sticky| sticky.cookie.as_ref()?.sign.as_ref())
            .any(|sign| sign.keys.iter().any(|key| !key.file.is_empty()))
    }
}

/// `loadBalancer` (traefik-core 3).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// `wrr`, `p2c`, `leasttime` or `hrw`.
    pub strategy: String,
    /// Cookie stickiness; present without `cookie` means none.
    pub sticky: AllowEmpty<Sticky>,
    /// The servers.
    pub servers: Vec<Server>,
    /// Probes.
    pub health_check: Option<HealthCheck>,
    /// Conclusions from live traffic.
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// Send the client's `Host` (default), or the server's own.
    pub pass_host_header: bool,
    /// How response bodies are forwarded.
    pub response_forwarding: ResponseForwarding,
    /// Name of the transport; empty means the static default.
    pub servers_transport: String,
    /// Piton: how long the share of a new or recovered server grows; 0 means not at all.
    pub slow_start: Span,
    /// Piton: most requests in flight on each server; absent means no limit.
    #[serde(deserialize_with = "some_requests")]
    pub max_in_flight: Option<NonZeroU32>,
    /// Piton: how long the holder of a cookie waits for a place at a full server.
    pub max_wait: Span,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            strategy: "wrr".to_owned(),
            sticky: AllowEmpty::default(),
            servers: Vec::new(),
            health_check: None,
            passive_health_check: None,
            pass_host_header: true,
            response_forwarding: ResponseForwarding::default(),
            servers_transport: String::new(),
            slow_start: Span::ZERO,
            max_in_flight: None,
            max_wait: Span::seconds(5),
        }
    }
}

/// One server of a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// Scheme, host and port; the string as written is the sticky identity (traefik-core 1.1).
    pub url: String,
    /// Share of new sessions; absent means 1.
    pub weight: Option<i64>,
    /// Put the path of `url` before the request's path.
    pub preserve_path: bool,
    /// Piton: what is hashed into cookies instead of `url`, so that sessions follow the server to another
    /// address; empty means `url`.
    pub id: String,
    /// Piton: keep sessions, take no new ones.
    pub drain: bool,
    /// Piton: drain, and from this time on count as removed for sessions, too.
    pub drain_until: Option<Moment>,
    /// Piton: most requests in flight here; absent means what the load balancer says.
    #[serde(deserialize_with = "some_requests")]
    pub max_in_flight: Option<NonZeroU32>,
}

/// A number of requests, of which there has to be one at least.
fn some_requests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU32>, D::Error> {
    let written = Option::<u32>::deserialize(deserializer)?;
    let above_zero = |number| {
        NonZeroU32::new(number).ok_or_else(|| {
            de::Error::custom("0 would let no request in; leave it out for no limit, or set drain: true")
        })
    };
    written.map(above_zero).transpose()
}

/// `sticky`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sticky {
    /// The cookie; absent means no stickiness.
    pub cookie: AllowEmpty<Cookie>,
    /// Piton: what becomes of a session whose server is lost.
    pub on_loss: OnLoss,
}

/// `sticky.onLoss`: the server (or child service) that a cookie names cannot be used now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnLoss {
    /// Another one takes the session over, with a new cookie.
    #[default]
    Rebind,
    /// Another one stands in; the cookie stays, and so the session goes home when its server is back.
    Detour,
    /// The request fails with 503; the cookie stays.
    Fail,
}

/// `sticky.cookie` (traefik-core 1.3).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cookie {
    /// Cookie name; empty means the generated one.
    pub name: String,
    /// `Secure`, also on plain http.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `none`, `lax`, `strict` in any case; anything else means no attribute.
    pub same_site: String,
    /// Seconds; 0 means no attribute, negative means `Max-Age=0`.
    pub max_age: i64,
    /// `Path`; empty means no attribute.
    pub path: String,
    /// `Domain`; empty or invalid means no attribute.
    pub domain: String,
    /// Piton: `Partitioned` (CHIPS).
    pub partitioned: bool,
    /// Piton: send the cookie again while it is used, so that `max_age` counts from the last use.
    pub renew: bool,
    /// Piton: sign the cookie; absent means Traefik's plain value.
    pub sign: Option<Sign>,
}

impl Default for Cookie {
    fn default() -> Self {
        Self {
            name: String::new(),
            secure: false,
            http_only: false,
            same_site: String::new(),
            max_age: 0,
            path: "/".to_owned(),
            domain: String::new(),
            partitioned: false,
            renew: false,
            sign: None,
        }
    }
}

/// Piton: `sticky.cookie.sign`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sign {
    /// The first signs, all verify.
    pub keys: Vec<SignKey>,
    /// Longest time between two requests of a session; absent means no limit. Implies that the cookie is renewed.
    pub max_idle: Option<Span>,
    /// Longest life of a session, used or not; absent means no limit.
    pub max_life: Option<Span>,
    /// Honour unsigned cookies too, and sign them: for the time of a migration.
    pub accept_plain: bool,
}

/// Piton: one key of `sign`; exactly one of `secret` and `file` shall be given.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignKey {
    /// Names the key in the cookie.
    pub id: String,
    /// The key itself: any text of at least 32 bytes.
    pub secret: Secret,
    /// A file that holds it.
    pub file: String,
}

/// `healthCheck` of a load balancer (traefik-core 3.1).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Overrides the server's scheme.
    pub scheme: String,
    /// `http` or `grpc`; other values mean http.
    pub mode: String,
    /// Reference resolved against the server's URL.
    pub path: String,
    /// HTTP method; empty means GET.
    pub method: String,
    /// Exact status wanted; 0 means 200..=399.
    pub status: u16,
    /// Overrides the server's port; 0 means none.
    pub port: u16,
    /// Time between probes of a healthy server.
    pub interval: Span,
    /// Time between probes of an unhealthy server; absent means `interval`.
    pub unhealthy_interval: Option<Span>,
    /// Time for one whole probe.
    pub timeout: Span,
    /// `Host` of the probe.
    pub hostname: String,
    /// Follow 3xx answers?
    pub follow_redirects: bool,
    /// Fields set on the probe.
    pub headers: BTreeMap<String, String>,
    /// Piton: successes in a row that raise a server.
    pub rise: u32,
    /// Piton: failures in a row that fell a server.
    pub fall: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            scheme: String::new(),
            mode: "http".to_owned(),
            path: String::new(),
            method: String::new(),
            status: 0,
            port: 0,
            interval: Span::seconds(30),
            unhealthy_interval: None,
            timeout: Span::seconds(5),
            hostname: String::new(),
            follow_redirects: true,
            headers: BTreeMap::new(),
            rise: 1,
            fall: 1,
        }
    }
}

/// `passiveHealthCheck` (traefik-core 3.2).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassiveHealthCheck {
    /// Time in which failures are counted, and time a server stays down.
    pub failure_window: Span,
    /// Failures in the window that take a server down.
    pub max_failed_attempts: u32,
}

impl Default for PassiveHealthCheck {
    fn default() -> Self {
        Self {
            failure_window: Span::seconds(10),
            max_failed_attempts: 1,
        }
    }
}

/// `responseForwarding`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// Longest time a body byte may wait in a buffer; piton always flushes at once.
    pub flush_interval: Span,
}

impl Default for ResponseForwarding {
    fn default() -> Self {
        Self {
            flush_interval: Span::milliseconds(100),
        }
    }
}

/// `weighted`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weighted {
    /// The children.
    pub services: Vec<WeightedChild>,
    /// Stickiness between children.
    pub sticky: Option<Sticky>,
    /// Presence propagates health between children and parents.
    pub health_check: AllowEmpty<Marker>,
}

/// `highestRandomWeight`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HighestRandomWeight {
    /// The children.
    pub services: Vec<WeightedChild>,
    /// Presence propagates health.
    pub health_check: AllowEmpty<Marker>,
}

/// A child and its share.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WeightedChild {
    /// Service name; as written it is the sticky identity.
    pub name: String,
    /// Share.
    pub weight: i64,
}

impl Default for WeightedChild {
    fn default() -> Self {
        Self {
            name: String::new(),
            weight: 1,
        }
    }
}

/// `mirroring`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirroring {
    /// The service whose answer counts.
    pub service: String,
    /// Copy bodies too?
    pub mirror_body: bool,
    /// Largest body copied, in bytes; negative means no limit.
    pub max_body_size: i64,
    /// The copies.
    pub mirrors: Vec<Mirror>,
    /// Presence propagates health.
    pub health_check: AllowEmpty<Marker>,
}

impl Default for Mirroring {
    fn default() -> Self {
        Self {
            service: String::new(),
            mirror_body: true,
            max_body_size: -1,
            mirrors: Vec::new(),
            health_check: AllowEmpty::default(),
        }
    }
}

/// One mirror.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirror {
    /// Service name.
    pub name: String,
    /// Share of requests copied, 0 to 100.
    pub percent: i64,
}

/// `failover`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Failover {
    /// The service that normally answers.
    pub service: String,
    /// The spare.
    pub fallback: String,
    /// Presence propagates health.
    pub health_check: AllowEmpty<Marker>,
    /// Answers that count as failure.
    pub errors: Option<FailoverErrors>,
}

/// `failover.errors`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailoverErrors {
    /// Codes and ranges: `500`, `500-504`.
    pub status: Vec<String>,
    /// Largest request body kept for the replay; negative means no limit.
    pub max_request_body_bytes: i64,
}

impl Default for FailoverErrors {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            max_request_body_bytes: -1,
        }
    }
}

/// An empty object whose presence is its meaning.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Marker {}

/// How servers are connected to (traefik-core 3.3).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransport {
    /// SNI and the name verified.
    pub server_name: String,
    /// Do not verify certificates.
    pub insecure_skip_verify: bool,
    /// Roots: files or PEM.
    #[serde(rename = "rootCAs", alias = "rootCas")]
    pub root_cas: Vec<String>,
    /// Client certificates.
    pub certificates: Vec<super::tls::CertificatePair>,
    /// Cipher suites by name.
    pub cipher_suites: Vec<String>,
    /// `VersionTLS12` ...
    pub min_version: String,
    /// `VersionTLS13` ...
    pub max_version: String,
    /// Idle connections kept per server; 0 means the default.
    pub max_idle_conns_per_host: i64,
    /// Times.
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Never negotiate HTTP/2.
    #[serde(rename = "disableHTTP2")]
    pub disable_http2: bool,
    /// Deprecated single URI wanted in the server's certificate.
    #[serde(rename = "peerCertURI")]
    pub peer_cert_uri: String,
    /// Names wanted in the server's certificate.
    #[serde(rename = "peerCertSANs")]
    pub peer_cert_sans: Vec<PeerCertSan>,
    /// SPIFFE identities.
    pub spiffe: AllowEmpty<Spiffe>,
}

/// One name wanted in a certificate.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PeerCertSan {
    /// `DNSName` or `URI`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name.
    pub value: String,
}

/// `spiffe`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spiffe {
    /// Allowed ids.
    pub ids: Vec<String>,
    /// Allowed trust domain.
    pub trust_domain: String,
}

/// `forwardingTimeouts` (traefik-core 3.3).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardingTimeouts {
    /// Time to connect; 0 means none.
    pub dial_timeout: Span,
    /// Time from request sent to response header; 0 means none.
    pub response_header_timeout: Span,
    /// Time an idle connection is kept; 0 means for ever.
    pub idle_conn_timeout: Span,
    /// Silence after which an HTTP/2 connection is pinged; 0 means never.
    pub read_idle_timeout: Span,
    /// Time for the answer to that ping.
    pub ping_timeout: Span,
}

impl Default for ForwardingTimeouts {
    fn default() -> Self {
        Self {
            dial_timeout: Span::seconds(30),
            response_header_timeout: Span::seconds(0),
            idle_conn_timeout: Span::seconds(90),
            read_idle_timeout: Span::seconds(0),
            ping_timeout: Span::seconds(15),
        }
    }
}
