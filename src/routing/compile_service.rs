//! Merged configuration -> services, with what lives on from the snapshot before (traefik-core 2, 3).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{Method, StatusCode};

use super::report::{Item, Report, Status};
use super::transports::Transports;
use super::{Ground, Merged, Snapshot};
use crate::balance::{MAX_WEIGHT, Micros, PassivePolicy, Pool, Server, ServerState, Signals, Strategy};
use crate::config::dynamic::http::{self as wire, LoadBalancer};
use crate::config::provider_of;
use crate::service::{Kind, Servers, Service};
use crate::sticky::{Sticky, browser_objections, cookie_name};
use crate::upstream::{Address, Resolved, ServerUrl, Transport, Upstream};

/// Compiled services by qualified name; why a service does not work, where it does not.
pub(super) struct Services(BTreeMap<String, Result<Arc<Service>, String>>);

impl Services {
    /// Compiles every service; what became of each is noted in `report`.
    pub(super) fn compile(
        merged: &Merged,
        ground: &Ground,
        _now: Micros,
        previous: &Snapshot,
        report: &mut Report,
    ) -> Self {
        let transports = Transports::new(merged, ground);
        let mut services = BTreeMap::new();
        for (name, written) in &merged.services {
            let mut item = Item::default();
            let old = previous.service(name);
            let service = compile_one(name, written, &transports, old, &mut item);
            let reason = || {
                item.reasons
                    .last()
                    .map(|reason| reason.text.clone())
                    .unwrap_or_default()
            };
            services.insert(name.clone(), service.ok_or_else(reason));
            report.services.insert(name.clone(), item);
        }
        Self(services)
    }

    /// The service a router names, or why it has none.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Service>, String> {
        match self.0.get(name) {
            Some(Ok(service)) => Ok(Arc::clone(service)),
            Some(Err(reason)) => Err(format!("service {name:?} cannot be used: {reason}")),
            None => Err(format!("the service {name:?} does not exist")),
        }
    }

    /// What was known before of services that do not work now.
    pub(super) fn retired(&self, previous: &Snapshot) -> BTreeMap<String, Arc<Service>> {
        let broken = self.0.iter().filter(|(_, service)| service.is_err());
        let known = broken.filter_map(|(name, _)| Some((name.clone(), Arc::clone(previous.service(name)?))));
        known.collect()
    }

    /// All that work.
    pub(super) fn into_enabled(self) -> BTreeMap<String, Arc<Service>> {
        self.0
            .into_iter()
            .filter_map(|(name, service)| Some((name, service.ok()?)))
            .collect()
    }
}

fn compile_one(
    name: &str,
    written: &wire::Service,
    transports: &Transports<'_>,
    old: Option<&Arc<Service>>,
    item: &mut Item,
) -> Option<Arc<Service>> {
    let load_balancer = only_load_balancer(written, item)?;
    let transport = transports.get(&load_balancer.servers_transport, provider_of(name)?);
    let transport = transport
        .map_err(|reason| item.disable("loadBalancer.serversTransport", reason))
        .ok()?;
    let Some(strategy) = Strategy::parse(&load_balancer.strategy) else {
        item.disable(
            "loadBalancer.strategy",
            format!(
                "unsupported load-balancer strategy {:?}; use one of {}",
                load_balancer.strategy,
                Strategy::NAMES.join(", ")
            ),
        );
        return None;
    };
    note_what_is_probably_not_meant(name, load_balancer, strategy, item);
    note_what_no_probe_can_ask(load_balancer, item);
    let old_servers = old.map(|service| service.servers());
    let unchanged = old.filter(|service| {
        let servers = service.servers();
        servers.written == *load_balancer && servers.transport == *transport
    });
    if let Some(service) = unchanged {
        note_bad_servers(load_balancer, item);
        return Some(Arc::clone(service));
    }
    let builder = Builder {
        written: load_balancer,
        transport,
        old: old_servers,
        signals: old_servers.map_or_else(Arc::default, |old| Arc::clone(old.pool.signals())),
    };
    let servers = builder.servers(item)?;
    let names: Vec<&str> = servers.iter().map(|server| server.url()).collect();
    let cookie = load_balancer
        .sticky
        .as_ref()
        .and_then(|sticky| sticky.cookie.as_ref());
    let sticky = cookie
        .filter(|_| strategy != Strategy::Hrw)
        .map(|cookie| Sticky::new(cookie, name, &names));
    let pool = Pool::new(
        servers,
        strategy,
        builder.signals,
        old_servers.map(|old| &old.pool),
    );
    let kind = Kind::Servers(Servers {
        written: load_balancer.clone(),
        transport: transport.clone(),
        passive: passive_policy(load_balancer),
        sticky,
        pool,
    });
    Some(Arc::new(Service::new(name.to_owned(), kind)))
}

/// The load balancer of a service that is nothing else.
fn only_load_balancer<'w>(written: &'w wire::Service, item: &mut Item) -> Option<&'w LoadBalancer> {
    let kinds = [
        (written.load_balancer.is_some(), "loadBalancer"),
        (written.weighted.is_some(), "weighted"),
        (written.highest_random_weight.is_some(), "highestRandomWeight"),
        (written.mirroring.is_some(), "mirroring"),
        (written.failover.is_some(), "failover"),
    ];
    let mut present = kinds
        .into_iter()
        .filter_map(|(present, kind)| present.then_some(kind));
    match (present.next(), present.next()) {
        (None, _) => item.disable("", "the service does not have any type defined"),
        (Some(_), Some(_)) => item.disable(
            "",
            "cannot create service: multi-types service not supported, \
             consider declaring two different pieces of service instead",
        ),
        (Some("loadBalancer"), None) => {}
        (Some(kind), None) => item.disable(kind, format!("services of kind {kind:?} are not supported yet")),
    }
    if !written.middlewares.is_empty() {
        item.disable("middlewares", "middlewares on a service are not supported yet");
    }
    written
        .load_balancer
        .as_ref()
        .filter(|_| item.status() != Status::Disabled)
}

fn note_what_is_probably_not_meant(name: &str, written: &LoadBalancer, strategy: Strategy, item: &mut Item) {
    let Some(cookie) = written.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref()) else {
        return;
    };
    if strategy == Strategy::Hrw {
        item.warn(
            "loadBalancer.sticky",
            "sticky has no effect with strategy \"hrw\": it binds by client address",
        );
    }
    for objection in browser_objections(cookie, &cookie_name(&cookie.name, name)) {
        item.warn("loadBalancer.sticky.cookie", objection);
    }
}

/// A probe that cannot be built fails, and its server is down for good: better said here.
fn note_what_no_probe_can_ask(written: &LoadBalancer, item: &mut Item) {
    let Some(check) = &written.health_check else {
        return;
    };
    let key = |field: &str| format!("loadBalancer.healthCheck.{field}");
    let is_path = check.path.parse::<PathAndQuery>().is_ok() && !check.path.contains("://");
    if !(check.path.is_empty() || is_path) {
        item.warn(
            key("path"),
            format!(
                "{:?} is not a path: every probe will fail; write one like /health",
                check.path
            ),
        );
    }
    if !check.method.is_empty() && Method::from_bytes(check.method.as_bytes()).is_err() {
        item.warn(
            key("method"),
            format!("{:?} is not a method: every probe will fail", check.method),
        );
    }
    if check.status != 0 && StatusCode::from_u16(check.status).is_err() {
        item.warn(
            key("status"),
            format!("{} is no status: every probe will fail", check.status),
        );
    }
    for (field, span, default) in [
        ("interval", check.interval, "30s"),
        ("timeout", check.timeout, "5s"),
    ] {
        if span.positive().is_none() {
            item.warn(
                key(field),
                format!("{span} is no time to wait: {default} is used"),
            );
        }
    }
}

fn passive_policy(written: &LoadBalancer) -> Option<PassivePolicy> {
    let passive = written.passive_health_check.as_ref()?;
    let window = passive
        .failure_window
        .positive()
        .unwrap_or(std::time::Duration::from_secs(10));
    Some(PassivePolicy {
        window: u64::try_from(window.as_micros()).unwrap_or(u64::MAX),
        max_failures: passive.max_failed_attempts.max(1),
    })
}

/// Builds the servers of one load balancer.
struct Builder<'a> {
    written: &'a LoadBalancer,
    transport: &'a Transport,
    old: Option<&'a Servers>,
    signals: Arc<Signals>,
}

impl Builder<'_> {
    /// All servers that can be used. `None`, with the reason noted, when some are written and none can.
    fn servers(&self, item: &mut Item) -> Option<Vec<Arc<Server>>> {
        let old: HashMap<&str, &Arc<Server>> = self.old.map_or_else(HashMap::new, |old| {
            old.pool
                .servers()
                .iter()
                .map(|server| (server.url(), server))
                .collect()
        });
        let mut states: HashMap<&str, (Arc<ServerState>, Address)> = HashMap::new();
        let mut servers = Vec::with_capacity(self.written.servers.len());
        note_bad_servers(self.written, item);
        for written in &self.written.servers {
            let Ok(url) = ServerUrl::parse(&written.url) else {
                continue;
            };
            // Two entries with one URL are one server in two places of the rotation.
            let (state, address) = states
                .entry(&written.url)
                .or_insert_with(|| self.live(&url, old.get(written.url.as_str()).copied()));
            let upstream = Upstream::new(&url, self.transport, address.clone(), written.preserve_path);
            let Ok(upstream) = upstream else {
                continue;
            };
            servers.push(Arc::new(Server::new(
                written.url.as_str(),
                effective_weight(written.weight),
                written.drain,
                upstream,
                Arc::clone(state),
            )));
        }
        if servers.is_empty() && !self.written.servers.is_empty() {
            item.disable("loadBalancer.servers", "none of its servers can be used");
            return None;
        }
        Some(servers)
    }

    /// State and address of a server: the old one's, or new ones.
    fn live(&self, url: &ServerUrl, old: Option<&Arc<Server>>) -> (Arc<ServerState>, Address) {
        let state = match old {
            Some(old) => Arc::clone(old.state()),
            None => Arc::new(ServerState::new(Arc::clone(&self.signals))),
        };
        let address = match (url.ip(), old.map(|old| old.upstream().address())) {
            (Some(ip), _) => Address::Fixed((ip, url.port()).into()),
            (None, Some(Address::Named(resolved))) => Address::Named(Arc::clone(resolved)),
            (None, _) => Address::Named(Arc::new(Resolved::new(url.host().to_owned(), url.port()))),
        };
        (state, address)
    }
}

fn effective_weight(written: Option<i64>) -> u32 {
    let weight = written.unwrap_or(1).clamp(0, i64::from(MAX_WEIGHT));
    u32::try_from(weight).unwrap_or(0)
}

fn note_bad_servers(written: &LoadBalancer, item: &mut Item) {
    if written.servers.is_empty() {
        item.warn(
            "loadBalancer",
            "it has no servers: every request will be answered 503",
        );
    }
    for (index, server) in written.servers.iter().enumerate() {
        let key = |field: &str| format!("loadBalancer.servers[{index}].{field}");
        if let Err(error) = ServerUrl::parse(&server.url) {
            item.warn(
                key("url"),
                format!("server left out, error parsing server URL: {error}"),
            );
        }
        match server.weight {
            Some(weight) if weight < 0 => {
                item.warn(
                    key("weight"),
                    format!("{weight} is below 0 and taken as 0: no new sessions"),
                );
            }
            Some(weight) if weight > i64::from(MAX_WEIGHT) => {
                item.warn(
                    key("weight"),
                    format!("{weight} is above {MAX_WEIGHT} and taken as that"),
                );
            }
            _ => {}
        }
    }
}
