//! What annotations of Kubernetes say about routers and services (traefik-providers 5.3): the blocks of the wire model
//! below other roots, and a few keys that only Kubernetes has.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::http::{
    HealthCheck, LoadBalancer, PassiveHealthCheck, ResponseForwarding, Router, RouterObservability,
    RouterTls, Sticky, some_requests,
};
use crate::config::annotations::{self, Annotation, written};
use crate::config::{AllowEmpty, Problem, Span};

/// `router.*` of an Ingress.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterAnnotations {
    /// `Path`, `PathPrefix` or `PathRegexp`, for paths that leave it to us; empty means `PathPrefix`.
    pub path_matcher: String,
    /// As in [`Router`].
    pub entry_points: Vec<String>,
    /// As in [`Router`].
    pub middlewares: Vec<String>,
    /// As in [`Router`].
    pub priority: i64,
    /// As in [`Router`].
    pub rule_syntax: String,
    /// As in [`Router`].
    pub tls: AllowEmpty<RouterTls>,
    /// As in [`Router`].
    pub observability: AllowEmpty<RouterObservability>,
}

impl RouterAnnotations {
    /// A router with all this, but without rule and service.
    #[must_use]
    pub fn into_router(self) -> Router {
        Router {
            entry_points: self.entry_points,
            middlewares: self.middlewares,
            service: String::new(),
            rule: String::new(),
            rule_syntax: self.rule_syntax,
            priority: self.priority,
            tls: self.tls,
            observability: self.observability,
            parent_refs: Vec::new(),
        }
    }
}

/// `service.*` of a Service, or of an Ingress that names it. Traefik has the first four and `sticky.cookie`,
/// `serverstransport`, `passhostheader`; piton all of [`LoadBalancer`] but its servers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceAnnotations {
    /// Scheme of the servers, whatever it is; empty means by the port.
    pub servers_scheme: String,
    /// Service-level middlewares.
    pub middlewares: Vec<String>,
    /// Use the address of the Service in place of its endpoints? `None` leaves it to the options.
    pub native_lb: Option<bool>,
    /// Use the machines' addresses and the node port in place of its endpoints?
    pub node_port_lb: bool,
    /// As in [`LoadBalancer`].
    pub strategy: String,
    /// As in [`LoadBalancer`].
    pub sticky: AllowEmpty<Sticky>,
    /// As in [`LoadBalancer`].
    pub health_check: Option<HealthCheck>,
    /// As in [`LoadBalancer`].
    pub passive_health_check: Option<PassiveHealthCheck>,
    /// As in [`LoadBalancer`].
    pub pass_host_header: bool,
    /// As in [`LoadBalancer`].
    pub response_forwarding: ResponseForwarding,
    /// As in [`LoadBalancer`].
    pub servers_transport: String,
    /// As in [`LoadBalancer`].
    pub slow_start: Span,
    /// As in [`LoadBalancer`].
    #[serde(deserialize_with = "some_requests")]
    pub max_in_flight: Option<NonZeroU32>,
    /// As in [`LoadBalancer`].
    pub max_wait: Span,
}

impl Default for ServiceAnnotations {
    fn default() -> Self {
        let LoadBalancer {
            strategy,
            sticky,
            servers: _,
            health_check,
            passive_health_check,
            pass_host_header,
            response_forwarding,
            servers_transport,
            slow_start,
            max_in_flight,
            max_wait,
        } = LoadBalancer::default();
        Self {
            servers_scheme: String::new(),
            middlewares: Vec::new(),
            native_lb: None,
            node_port_lb: false,
            strategy,
            sticky,
            health_check,
            passive_health_check,
            pass_host_header,
            response_forwarding,
            servers_transport,
            slow_start,
            max_in_flight,
            max_wait,
        }
    }
}

impl ServiceAnnotations {
    /// A load balancer with all this, but without servers.
    #[must_use]
    pub fn balancer(&self) -> LoadBalancer {
        let of = self.clone();
        LoadBalancer {
            strategy: of.strategy,
            sticky: of.sticky,
            servers: Vec::new(),
            health_check: of.health_check,
            passive_health_check: of.passive_health_check,
            pass_host_header: of.pass_host_header,
            response_forwarding: of.response_forwarding,
            servers_transport: of.servers_transport,
            slow_start: of.slow_start,
            max_in_flight: of.max_in_flight,
            max_wait: of.max_wait,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfRouter {
    router: RouterAnnotations,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfService {
    service: ServiceAnnotations,
}

/// Reads `router.*`; others are skipped. Nothing may be used when there is an error among the problems.
pub fn router_annotations(annotations: &[Annotation]) -> (RouterAnnotations, Vec<Problem>) {
    let (read, problems) = annotations::read::<OfRouter>(annotations, &["traefik.router."]);
    (read.router, problems)
}

/// Reads `service.*`; others are skipped. Nothing may be used when there is an error among the problems.
///
/// Keys that sign cookies cannot be files here: whoever writes an Ingress would read the proxy's disk with them.
pub fn service_annotations<'a>(
    annotations: impl IntoIterator<Item = &'a Annotation> + Clone,
) -> (ServiceAnnotations, Vec<Problem>) {
    let (OfService { service }, mut problems) =
        annotations::read::<OfService>(annotations, &["traefik.service."]);
    let sign = service.sticky.as_ref().and_then(|sticky| {
        let cookie = sticky.cookie.as_ref()?;
        cookie.sign.as_ref()
    });
    if sign.is_some_and(|sign| sign.keys.iter().any(|key| !key.file.is_empty())) {
        let key = written("traefik.service.sticky.cookie.sign.keys");
        let problem = Problem::error(key, "an annotation cannot name a file").hint("write the key as secret");
        problems.push(problem);
    }
    (service, problems)
}
