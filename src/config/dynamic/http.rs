//! `http:` of the dynamic configuration: routers, services, transports (traefik-core 1.3, 2, 3, 4).

mod health;
mod sticky;
mod transport;
mod tree;

pub use health::{HealthCheck, PassiveHealthCheck, ResponseForwarding};
pub use sticky::{Cookie, OnLoss, Sign, SignKey, Sticky};
pub use transport::{ForwardingTimeouts, PeerCertSan, ServersTransport, Spiffe};
pub use tree::{
    Failover, FailoverErrors, HighestRandomWeight, Marker, Mirror, Mirroring, Weighted, WeightedChild,
};

use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::middleware::Middleware;
use crate::config::{AllowEmpty, Moment, Named, Span, encode};

/// Everything under `http:`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Rules that lead requests to services, by name.
    pub routers: Named<Router>,
    /// Where requests go, by name.
    pub services: Named<Service>,
    /// What happens to requests on the way, by name.
    pub middlewares: Named<Middleware>,
    /// How servers are connected to, by name.
    pub servers_transports: Named<ServersTransport>,
}

/// One router (traefik-core 4.1).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
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
    /// Files with keys that sign its cookies.
    pub fn key_files(&self) -> impl Iterator<Item = &String> {
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
            .flat_map(|sign| &sign.keys)
            .map(|key| &key.file)
            .filter(|file| !file.is_empty())
    }
}

/// `loadBalancer` (traefik-core 3).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// `wrr`, `p2c`, `leasttime` or `hrw`.
    #[serde(serialize_with = "encode::always")]
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
    #[serde(serialize_with = "encode::always")]
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
    #[serde(skip_serializing_if = "is_usual_wait", serialize_with = "encode::always")]
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// Scheme, host and port; the string as written is the sticky identity (traefik-core 1.1).
    #[serde(serialize_with = "encode::url")]
    pub url: String,
    /// In labels only: the container's port, when it is not to be guessed.
    #[serde(skip_serializing)]
    pub port: String,
    /// In labels only: `http`, `https` or `h2c`; empty means `http`.
    #[serde(skip_serializing)]
    pub scheme: String,
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

/// Traefik's users did not write it, and need not see it.
fn is_usual_wait(wait: &Span) -> bool {
    *wait == LoadBalancer::default().max_wait
}

/// A number of requests, of which there has to be one at least.
pub(super) fn some_requests<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    let written = Option::<u32>::deserialize(deserializer)?;
    let above_zero = |number| {
        NonZeroU32::new(number).ok_or_else(|| {
            de::Error::custom("0 would let no request in; leave it out for no limit, or set drain: true")
        })
    };
    written.map(above_zero).transpose()
}
