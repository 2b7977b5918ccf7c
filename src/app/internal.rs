//! What the static configuration means for routing: the routers of piton's own, as a provider would send them
//! (traefik-core 5.2, 5.4).

use crate::config::dynamic::Configuration;
use crate::config::dynamic::http::Router;
use crate::config::install::ping::OWN_ENTRY_POINT;
use crate::config::install::{Install, Ping, Prometheus};
use crate::service::Internal;

/// What piton answers itself under `install`, where a router leads to it.
pub(super) fn services(install: &Install) -> Vec<Internal> {
    let ping = install.ping.as_ref().map(|_| Internal::Ping);
    let api = install.api.as_ref().map(|_| Internal::Api);
    let prometheus = prometheus(install).map(|_| Internal::Prometheus);
    let written = [ping, api, prometheus].into_iter().flatten();
    std::iter::once(Internal::Noop).chain(written).collect()
}

/// The routers that follow from `install`.
pub(super) fn configuration(install: &Install) -> Configuration {
    let mut configuration = Configuration::default();
    if let Some(ping) = install.ping.as_ref().filter(|ping| !ping.manual_routing) {
        let name = unqualified(Internal::Ping);
        configuration.http.routers.insert(name, router_of_ping(ping));
    }
    if let Some(written) = prometheus(install).filter(|written| !written.manual_routing) {
        let name = unqualified(Internal::Prometheus);
        configuration
            .http
            .routers
            .insert(name, router_of_prometheus(written));
    }
    if let Some(api) = install.api.as_ref().filter(|api| api.insecure) {
        let base = api.base_path.trim_end_matches('/');
        let routers = &mut configuration.http.routers;
        routers.insert(
            unqualified(Internal::Api),
            own(format!("PathPrefix(`{base}/api`)"), i64::MAX - 1),
        );
        // There is no dashboard; this one says so.
        routers.insert("dashboard", own(format!("PathPrefix(`{base}/`)"), i64::MAX - 2));
    }
    configuration
}

/// `metrics.prometheus`.
fn prometheus(install: &Install) -> Option<&Prometheus> {
    install.metrics.as_ref()?.prometheus.as_ref()
}

fn router_of_prometheus(written: &Prometheus) -> Router {
    Router {
        entry_points: vec![written.entry_point.clone()],
        rule: "PathPrefix(`/metrics`)".to_owned(),
        priority: i64::MAX,
        ..to(Internal::Prometheus)
    }
}

/// A router to the API on the entry point of piton's own.
fn own(rule: String, priority: i64) -> Router {
    Router {
        entry_points: vec![OWN_ENTRY_POINT.to_owned()],
        rule,
        priority,
        ..to(Internal::Api)
    }
}

fn router_of_ping(ping: &Ping) -> Router {
    Router {
        entry_points: vec![ping.entry_point.clone()],
        rule: "PathPrefix(`/ping`)".to_owned(),
        priority: i64::MAX,
        ..to(Internal::Ping)
    }
}

/// A router to `service`, with nothing else said.
fn to(service: Internal) -> Router {
    Router {
        service: service.name().to_owned(),
        ..Router::default()
    }
}

/// The name before the `@`.
fn unqualified(service: Internal) -> &'static str {
    service.name().split('@').next().unwrap_or_default()
}
