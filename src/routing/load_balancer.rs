//! `loadBalancer` -> servers behind a selector, with what lives on from the snapshot before
//! (traefik-core 2, 3).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Method, StatusCode};

use super::compiler::Compiler;
use super::level;
use super::report::Item;
use crate::balance::{
    Drain, MAX_WEIGHT, Micros, PassivePolicy, Pool, Server, ServerState, Signals, Strategy, Terms,
};
use crate::config::dynamic::http::{self as wire, LoadBalancer};
use crate::config::{Span, provider_of};
use crate::service::{Kind, Servers};
use crate::upstream::{Address, Resolved, ServerUrl, Transport, Upstream};

/// The key below which it is written.
const KIND: &str = "loadBalancer";

/// What became of a `loadBalancer`.
pub(super) enum Compiled {
    /// It is what it was: the old service stays.
    Unchanged,
    /// It is new or another.
    New(Kind),
}

/// Compiles the load balancer of `service`, which is called `name`; `old` is what that service was. `None`, with the
/// reason noted, when it cannot work.
pub(super) fn compile(
    compiler: &Compiler<'_>,
    name: &str,
    service: &Arc<wire::Service>,
    old: Option<&Servers>,
    item: &mut Item,
) -> Option<Compiled> {
    let written = service.load_balancer.as_ref()?;
    let transport = compiler
        .transports
        .get(&written.servers_transport, provider_of(name)?);
    let transport = transport
        .map_err(|reason| item.disable("loadBalancer.serversTransport", reason))
        .ok()?;
    let Some(strategy) = Strategy::parse(&written.strategy) else {
        item.disable(
            "loadBalancer.strategy",
            format!(
                "unsupported load-balancer strategy {:?}; use one of {}",
                written.strategy,
                Strategy::NAMES.join(", ")
            ),
        );
        return None;
    };
    note_what_is_probably_not_meant(name, written, strategy, item);
    note_what_no_probe_can_ask(written, item);
    let is_written = |old: &Servers| {
        Arc::ptr_eq(&old.written, service) || old.written.load_balancer == service.load_balancer
    };
    let same = old.is_some_and(|old| is_written(old) && old.transport == *transport);
    let old_level = old.and_then(|old| old.level.as_ref());
    if same && level::has_keys_of(old_level, written.sticky.as_ref(), compiler.files) {
        note_bad_servers(written, item);
        return Some(Compiled::Unchanged);
    }
    let builder = Builder {
        written,
        strategy,
        transport,
        old,
        signals: old.map_or_else(
            || Arc::new(Signals::of(name)),
            |old| Arc::clone(old.pool.signals()),
        ),
        now: compiler.now,
    };
    let servers = builder.servers(item)?;
    let names: Vec<&str> = servers.iter().map(|server| server.identity()).collect();
    let sticky = written.sticky.as_ref().filter(|_| strategy != Strategy::Hrw);
    let level = match level::compile(sticky, name, &names, compiler.files, old_level) {
        Ok(level) => level,
        Err(problems) if same => {
            level::keep(KIND, problems, item);
            return Some(Compiled::Unchanged);
        }
        Err(problems) => {
            level::refuse(KIND, problems, item);
            return None;
        }
    };
    let pool = Pool::new(servers, strategy, builder.signals, old.map(|old| &old.pool));
    Some(Compiled::New(Kind::Servers(Box::new(Servers {
        written: Arc::clone(service),
        transport: transport.clone(),
        pool,
        level,
        max_wait: written.max_wait.positive().unwrap_or(Duration::ZERO),
    }))))
}

fn note_what_is_probably_not_meant(name: &str, written: &LoadBalancer, strategy: Strategy, item: &mut Item) {
    for (field, span) in [("slowStart", written.slow_start), ("maxWait", written.max_wait)] {
        if span < Span::ZERO {
            item.warn(
                format!("{KIND}.{field}"),
                format!("{span} is no time to wait: 0s is used"),
            );
        }
    }
    if strategy == Strategy::Hrw && written.slow_start != Span::ZERO {
        item.warn(
            "loadBalancer.slowStart",
            "slowStart has no effect with strategy \"hrw\": its clients have their servers",
        );
    }
    if strategy == Strategy::Hrw
        && written
            .sticky
            .as_ref()
            .is_some_and(|sticky| sticky.cookie.is_some())
    {
        item.warn(
            "loadBalancer.sticky",
            "sticky has no effect with strategy \"hrw\": it binds by client address",
        );
    }
    level::note_what_is_probably_not_meant(written.sticky.as_ref(), (KIND, name), item);
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
    let window = micros(passive.failure_window).unwrap_or(10_000_000);
    Some(PassivePolicy {
        window,
        max_failures: passive.max_failed_attempts.max(1),
    })
}

fn micros(span: Span) -> Option<Micros> {
    let time = span.positive()?;
    Some(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Builds the servers of one load balancer.
struct Builder<'a> {
    written: &'a LoadBalancer,
    strategy: Strategy,
    transport: &'a Transport,
    old: Option<&'a Servers>,
    signals: Arc<Signals>,
    now: Micros,
}

/// What a server is known by over a reload: a server that moved to another URL is a new one, though it keeps
/// its sessions.
type Key<'s> = (&'s str, &'s str);

impl Builder<'_> {
    /// All servers that can be used. `None`, with the reason noted, when some are written and none can.
    fn servers(&self, item: &mut Item) -> Option<Vec<Arc<Server>>> {
        refuse_equal_ids(self.written, item)?;
        let old: HashMap<Key<'_>, &Arc<Server>> = self.old.map_or_else(HashMap::new, |old| {
            let servers = old.pool.servers().iter();
            servers
                .map(|server| ((server.identity(), server.url()), server))
                .collect()
        });
        let renamed = self.renamed(&old);
        let mut states: HashMap<Key<'_>, (Arc<ServerState>, Address)> = HashMap::new();
        let mut servers = Vec::with_capacity(self.written.servers.len());
        note_bad_servers(self.written, item);
        for written in &self.written.servers {
            let Ok(url) = ServerUrl::parse(&written.url) else {
                continue;
            };
            let key = (identity(written), written.url.as_str());
            // Two entries with one URL are one server in two places of the rotation.
            let (state, address) = states.entry(key).or_insert_with(|| {
                let known = old.get(&key).or_else(|| renamed.get(written.url.as_str()));
                self.live(&url, known.copied())
            });
            let upstream = Upstream::new(&url, self.transport, address.clone(), written.preserve_path);
            let Ok(upstream) = upstream else {
                continue;
            };
            let server = Server::new(
                written.url.as_str(),
                effective_weight(written.weight),
                self.terms(written),
                upstream,
                Arc::clone(state),
            );
            servers.push(Arc::new(match written.id.as_str() {
                "" => server,
                id => server.identified(id),
            }));
        }
        if servers.is_empty() && !self.written.servers.is_empty() {
            item.disable("loadBalancer.servers", "none of its servers can be used");
            return None;
        }
        Some(servers)
    }

    /// Old servers by URL whose identity nobody has now: an `id` given to a running server, or taken from it,
    /// makes it no new one.
    fn renamed<'s>(&self, old: &HashMap<Key<'s>, &'s Arc<Server>>) -> HashMap<&'s str, &'s Arc<Server>> {
        let written = self.written.servers.iter();
        let now: HashSet<Key<'_>> = written.map(|server| (identity(server), &*server.url)).collect();
        let unclaimed = old.iter().filter(|(key, _)| !now.contains(*key));
        unclaimed.map(|(key, server)| (key.1, *server)).collect()
    }

    fn terms(&self, written: &wire::Server) -> Terms {
        let slow_start = micros(self.written.slow_start).filter(|_| self.strategy != Strategy::Hrw);
        let limit = written.max_in_flight.or(self.written.max_in_flight);
        Terms {
            drain: match written.drain_until {
                Some(deadline) => Drain::Until(deadline.as_unix_milliseconds()),
                None if written.drain => Drain::Open,
                None => Drain::No,
            },
            max_in_flight: limit.map(std::num::NonZero::get),
            slow_start,
            passive: passive_policy(self.written),
            own_host: !self.written.pass_host_header,
        }
    }

    /// State and address of a server: the old one's, or new ones.
    fn live(&self, url: &ServerUrl, old: Option<&Arc<Server>>) -> (Arc<ServerState>, Address) {
        let state = match old {
            Some(old) => Arc::clone(old.state()),
            None => {
                let state = ServerState::new(Arc::clone(&self.signals));
                if self.old.is_some_and(|old| !old.pool.servers().is_empty()) {
                    state.rose(self.now);
                }
                Arc::new(state)
            }
        };
        let address = match (url.ip(), old.map(|old| old.upstream().address())) {
            (Some(ip), _) => Address::Fixed((ip, url.port()).into()),
            (None, Some(Address::Named(resolved))) => Address::Named(Arc::clone(resolved)),
            (None, _) => Address::Named(Arc::new(Resolved::new(url.host().to_owned(), url.port()))),
        };
        (state, address)
    }
}

/// What is hashed into cookies.
fn identity(written: &wire::Server) -> &str {
    match written.id.as_str() {
        "" => &written.url,
        id => id,
    }
}

/// Two servers of one identity would share their sessions by chance. `None`, with the reason noted, when
/// there are such.
fn refuse_equal_ids(written: &LoadBalancer, item: &mut Item) -> Option<()> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (index, server) in written.servers.iter().enumerate() {
        let first = *known.entry(identity(server)).or_insert(index);
        let has_id = |index: usize| {
            written
                .servers
                .get(index)
                .is_some_and(|server| !server.id.is_empty())
        };
        if first != index && (has_id(first) || has_id(index)) {
            let (id, other) = if has_id(index) {
                (index, first)
            } else {
                (first, index)
            };
            item.disable(
                format!("loadBalancer.servers[{id}].id"),
                format!(
                    "{:?} is what servers[{other}] is known by; ids are unique within a service",
                    identity(server)
                ),
            );
            return None;
        }
    }
    Some(())
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
