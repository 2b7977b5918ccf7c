//! What the static configuration means for routing: the routers of piton's own, as a provider would send them
//! (traefik-core 5.2, 5.4).

use crate::config::dynamic::Configuration;
use crate::config::dynamic::http::Router;
use crate::config::install::{Install, Ping};
use crate::service::Internal;

/// What piton answers itself under `install`, where a router leads to it.
pub(super) fn services(install: &Install) -> Vec<Internal> {
    let ping = install.ping.as_ref().map(|_| Internal::Ping);
    std::iter::once(Internal::Noop).chain(ping).collect()
}

/// The routers that follow from `install`.
pub(super) fn configuration(install: &Install) -> Configuration {
    let mut configuration = Configuration::default();
    if let Some(ping) = install.ping.as_ref().filter(|ping| !ping.manual_routing) {
        let name = unqualified(Internal::Ping);
        configuration.http.routers.insert(name, router_of_ping(ping));
    }
    configuration
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
