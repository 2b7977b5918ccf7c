//! What the static configuration means for routing: the routers of piton's own, as a provider would send them
//! (traefik-core 5.2, 5.4).

use crate::config::dynamic::http::{Http, Router};
use crate::config::dynamic::middleware::path::RedirectScheme;
use crate::config::dynamic::{Configuration, Middleware};
use crate::config::install::entry_point::RedirectEntryPoint;
use crate::config::install::ping::OWN_ENTRY_POINT;
use crate::config::install::{Install, Ping, Prometheus, parse_address};
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
    for (name, entry_point) in &install.entry_points {
        let redirections = entry_point.http.redirections.as_ref();
        if let Some(redirect) = redirections.and_then(|redirections| redirections.entry_point.as_ref()) {
            add_redirect(install, name, redirect, &mut configuration.http);
        }
    }
    configuration
}

/// A router of an entry point that redirects everything to another one.
fn add_redirect(install: &Install, from: &str, redirect: &RedirectEntryPoint, http: &mut Http) {
    let name = format!("{from}-to-{}", redirect.to.trim_start_matches(':'));
    let middleware = format!("redirect-{name}");
    let port = match redirect.to.strip_prefix(':') {
        Some(port) => port.to_owned(),
        None => port_of(install, &redirect.to),
    };
    let router = Router {
        entry_points: vec![from.to_owned()],
        rule: "HostRegexp(`^.+$`)".to_owned(),
        middlewares: vec![middleware.clone()],
        priority: redirect.priority,
        ..to(Internal::Noop)
    };
    http.routers.insert(name, router);
    let redirect = RedirectScheme {
        scheme: redirect.scheme.clone(),
        port,
        permanent: redirect.permanent,
    };
    http.middlewares.insert(
        middleware,
        Middleware {
            redirect_scheme: Some(redirect),
            ..Middleware::default()
        },
    );
}

/// The port of an entry point as written; empty where the kernel chooses it.
fn port_of(install: &Install, entry_point: &str) -> String {
    let written = install.entry_points.get(entry_point);
    let address = written.and_then(|written| parse_address(&written.address).ok());
    let port = address.map_or(0, |address| address.port);
    if port == 0 {
        String::new()
    } else {
        port.to_string()
    }
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
