//! Every outcome that a request may have, found by walking all ways: no turns, no atomics, no lists kept.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use piton::balance::Wall;
use piton::config::dynamic::http::{
    HighestRandomWeight, LoadBalancer, OnLoss, Server, Sticky, Weighted, WeightedChild,
};
use piton::sticky::{CookieValue, cookie_name, legacy_values};

use super::written::{Written, bare};

/// Cookies of one client by name.
pub type Jar = BTreeMap<String, String>;

/// Leaf, identity and URL: what a server is known by.
pub type Key = (String, String, String);

#[derive(Debug, Default)]
pub struct Known {
    pub in_flight: u32,
    pub waiting: u32,
    pub is_down: bool,
}

pub type Shared = Rc<RefCell<Known>>;

/// A mirroring's requests, and the copies of each of its mirrors with the percentage they were counted for.
#[derive(Debug, Default, Clone)]
pub struct Counted {
    total: u64,
    copies: Vec<(i64, u64)>,
}

#[derive(Debug, Default)]
pub struct Model {
    pub wall: Wall,
    pub written: Written,
    pub known: HashMap<Key, Shared>,
    pub mirrorings: HashMap<String, Counted>,
}

/// A request as the model sees it.
#[derive(Debug, Default, Clone)]
pub struct Asked {
    pub jar: Jar,
    pub client: Option<IpAddr>,
    pub tried: BTreeSet<Key>,
    /// Names of failovers whose main answered with an error.
    pub failed_over: BTreeSet<String>,
    /// Mirrorings that have counted it.
    pub met: BTreeSet<String>,
    pub has_waited: bool,
    /// A level above is on a detour.
    pub on_detour: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Server(Key),
    NoServer,
    SessionLost,
    Full(Key),
}

/// One thing that may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub end: End,
    /// `Set-Cookie` lines, outer first.
    pub cookies: Vec<String>,
    /// Failovers whose main was taken and that look at the status, innermost first.
    pub watched: Vec<String>,
    /// Mirrorings passed.
    pub mirrorings: BTreeSet<String>,
    /// Would the same request end in the same place again?
    pub is_stable: bool,
}

fn only(end: End) -> Vec<Outcome> {
    vec![Outcome {
        end,
        cookies: Vec::new(),
        watched: Vec::new(),
        mirrorings: BTreeSet::new(),
        is_stable: true,
    }]
}

fn is_nobody(outcomes: &[Outcome]) -> bool {
    let nobody = |outcome: &Outcome| outcome.end == End::NoServer;
    assert!(
        outcomes.iter().all(nobody) || !outcomes.iter().any(nobody),
        "{outcomes:?}"
    );
    outcomes.iter().all(nobody)
}

fn under(mut outcomes: Vec<Outcome>, cookie: Option<&str>) -> Vec<Outcome> {
    for outcome in &mut outcomes {
        if let (End::Server(_), Some(cookie)) = (&outcome.end, cookie) {
            outcome.cookies.insert(0, cookie.to_owned());
        }
    }
    outcomes
}

pub fn identity(server: &Server) -> &str {
    if server.id.is_empty() {
        &server.url
    } else {
        &server.id
    }
}

fn line(cookie: &str, name: &str) -> String {
    format!("{cookie}={}; Path=/", CookieValue::of(name))
}

/// Which of `names` the value stands for, and is it an old form of it?
fn named(value: &str, names: &[&str]) -> Option<(usize, bool)> {
    let current = names
        .iter()
        .position(|name| CookieValue::of(name).to_string() == value);
    let legacy = || {
        names
            .iter()
            .position(|name| legacy_values(name).iter().any(|old| old == value))
    };
    current.map(|at| (at, false)).or_else(|| Some((legacy()?, true)))
}

impl Model {
    /// The configuration changes: servers that stay under their identity and URL keep what is known of them.
    pub fn reload(&mut self, written: Written) {
        let mut known = HashMap::new();
        for (name, service) in &written {
            for server in service
                .load_balancer
                .iter()
                .flat_map(|balancer| &balancer.servers)
            {
                let key = (name.clone(), identity(server).to_owned(), server.url.clone());
                let state = self.known.get(&key).cloned().unwrap_or_default();
                known.insert(key, state);
            }
            if let Some(mirroring) = &service.mirroring {
                let was_mirroring = self.written.get(name).is_some_and(|old| old.mirroring.is_some());
                let mut counted = Counted::default();
                if was_mirroring {
                    counted.clone_from(&self.mirrorings[name]);
                }
                let total = counted.total as i64;
                counted.copies.resize(mirroring.mirrors.len(), (-1, 0));
                for (slot, mirror) in counted.copies.iter_mut().zip(&mirroring.mirrors) {
                    if slot.0 != mirror.percent {
                        *slot = (mirror.percent, ((total * mirror.percent + 99) / 100) as u64);
                    }
                }
                self.mirrorings.insert(name.clone(), counted);
            }
        }
        self.known = known;
        self.written = written;
    }

    /// A request passes a mirroring: which of its mirrors get a copy. Traefik's own rule.
    pub fn copies(&mut self, mirroring: &str) -> BTreeSet<usize> {
        let counted = self.mirrorings.get_mut(mirroring).unwrap();
        counted.total += 1;
        let mut taking = BTreeSet::new();
        for (index, (percent, copies)) in counted.copies.iter_mut().enumerate() {
            if *copies * 100 < counted.total * *percent as u64 {
                *copies += 1;
                taking.insert(index);
            }
        }
        taking
    }

    pub fn key(&self, leaf: &str, server: &Server) -> Key {
        (leaf.to_owned(), identity(server).to_owned(), server.url.clone())
    }

    pub fn limit(&self, leaf: &str, server: &Server) -> u32 {
        let balancer = self.written[leaf].load_balancer.as_ref().unwrap();
        let limit = server.max_in_flight.or(balancer.max_in_flight);
        limit.map_or(u32::MAX, std::num::NonZero::get)
    }

    /// Is there a place for somebody new, whatever the request has tried?
    fn takes_new(&self, leaf: &str, server: &Server) -> bool {
        let known = self.known[&self.key(leaf, server)].borrow();
        server.weight.unwrap_or(1) > 0
            && !server.drain
            && server.drain_until.is_none()
            && !known.is_down
            && known.in_flight + known.waiting < self.limit(leaf, server)
    }

    /// Could anybody new be served here?
    pub fn is_open(&self, name: &str) -> bool {
        let service = &self.written[bare(name)];
        let any = |children: &[WeightedChild]| {
            let mut weighty = children.iter().filter(|child| child.weight > 0);
            weighty.any(|child| self.is_open(&child.name))
        };
        if let Some(balancer) = &service.load_balancer {
            return balancer
                .servers
                .iter()
                .any(|server| self.takes_new(bare(name), server));
        }
        if let Some(weighted) = &service.weighted {
            return any(&weighted.services);
        }
        if let Some(hashed) = &service.highest_random_weight {
            return any(&hashed.services);
        }
        if let Some(failover) = &service.failover {
            return self.is_open(&failover.service) || self.is_open(&failover.fallback);
        }
        self.is_open(&service.mirroring.as_ref().unwrap().service)
    }

    /// Does every server below count as removed?
    fn is_gone(&self, name: &str) -> bool {
        let service = &self.written[bare(name)];
        let all = |children: &[WeightedChild]| children.iter().all(|child| self.is_gone(&child.name));
        if let Some(balancer) = &service.load_balancer {
            return balancer.servers.iter().all(|server| self.is_over(server));
        }
        if let Some(weighted) = &service.weighted {
            return all(&weighted.services);
        }
        if let Some(hashed) = &service.highest_random_weight {
            return all(&hashed.services);
        }
        if let Some(failover) = &service.failover {
            return self.is_gone(&failover.service) && self.is_gone(&failover.fallback);
        }
        self.is_gone(&service.mirroring.as_ref().unwrap().service)
    }

    fn is_over(&self, server: &Server) -> bool {
        let deadline = server.drain_until;
        deadline.is_some_and(|deadline| deadline.as_unix_milliseconds() <= self.wall)
    }

    /// Everything that may become of a request to the service `name`.
    pub fn outcomes(&self, name: &str, asked: &Asked) -> Vec<Outcome> {
        let name = bare(name);
        let service = &self.written[name];
        if let Some(balancer) = &service.load_balancer {
            return self.leaf(name, balancer, asked);
        }
        if let Some(weighted) = &service.weighted {
            return self.weighted(name, weighted, asked);
        }
        if let Some(hashed) = &service.highest_random_weight {
            return self.hashed(hashed, asked);
        }
        if let Some(failover) = &service.failover {
            let has_errors = failover.errors.is_some();
            if has_errors && asked.failed_over.contains(name) {
                return self.outcomes(&failover.fallback, asked);
            }
            let mut main = self.outcomes(&failover.service, asked);
            if is_nobody(&main) {
                return self.outcomes(&failover.fallback, asked);
            }
            if has_errors {
                main.iter_mut()
                    .for_each(|outcome| outcome.watched.push(name.to_owned()));
            }
            return main;
        }
        let mut outcomes = self.outcomes(&service.mirroring.as_ref().unwrap().service, asked);
        for outcome in &mut outcomes {
            outcome.mirrorings.insert(name.to_owned());
        }
        outcomes
    }

    fn leaf(&self, name: &str, balancer: &LoadBalancer, asked: &Asked) -> Vec<Outcome> {
        let sticky = balancer.sticky.as_ref().filter(|_| balancer.strategy != "hrw");
        let Some((cookie, on_loss)) = sticky.and_then(|sticky| effective(sticky, name)) else {
            return self.newcomers(name, balancer, asked, None, balancer.strategy == "hrw");
        };
        let names: Vec<&str> = balancer.servers.iter().map(identity).collect();
        let bound = asked.jar.get(&cookie).and_then(|value| named(value, &names));
        let bound = bound.map(|(at, is_old)| (&balancer.servers[at], is_old));
        let Some((server, is_old)) = bound.filter(|(server, _)| !self.is_over(server)) else {
            let cookie = (!asked.on_detour).then_some(&*cookie);
            return self.newcomers(name, balancer, asked, cookie, asked.on_detour);
        };
        let key = self.key(name, server);
        let known = self.known[&key].borrow();
        let is_lost = known.is_down || asked.tried.contains(&key);
        if !is_lost && known.in_flight < self.limit(name, server) {
            let rewritten = (is_old && !asked.on_detour).then(|| line(&cookie, identity(server)));
            return under(only(End::Server(key)), rewritten.as_deref());
        }
        if !is_lost && !asked.has_waited && balancer.max_wait != piton::config::Span::ZERO {
            return only(End::Full(key.clone()));
        }
        match on_loss {
            OnLoss::Fail => only(End::SessionLost),
            OnLoss::Detour => self.newcomers(name, balancer, asked, None, true),
            OnLoss::Rebind => {
                let cookie = (!asked.on_detour).then_some(&*cookie);
                self.newcomers(name, balancer, asked, cookie, asked.on_detour)
            }
        }
    }

    fn newcomers(
        &self,
        name: &str,
        balancer: &LoadBalancer,
        asked: &Asked,
        cookie: Option<&str>,
        is_stable: bool,
    ) -> Vec<Outcome> {
        let servers = balancer.servers.iter();
        let able = servers
            .filter(|server| self.takes_new(name, server) && !asked.tried.contains(&self.key(name, server)));
        let mut outcomes: Vec<Outcome> = able
            .flat_map(|server| {
                let line = cookie.map(|cookie| line(cookie, identity(server)));
                under(only(End::Server(self.key(name, server))), line.as_deref())
            })
            .collect();
        if outcomes.is_empty() {
            return only(End::NoServer);
        }
        outcomes
            .iter_mut()
            .for_each(|outcome| outcome.is_stable = is_stable);
        outcomes
    }

    fn weighted(&self, name: &str, weighted: &Weighted, asked: &Asked) -> Vec<Outcome> {
        let children = &weighted.services;
        let effective = weighted
            .sticky
            .as_ref()
            .and_then(|sticky| effective(sticky, name));
        let Some((cookie, on_loss)) = effective else {
            return self.anyone(children, asked, None, None);
        };
        let names: Vec<&str> = children.iter().map(|child| child.name.as_str()).collect();
        let bound = asked.jar.get(&cookie).and_then(|value| named(value, &names));
        let mut lost = None;
        if let Some((at, is_old)) = bound {
            let outcomes = self.outcomes(names[at], asked);
            if !is_nobody(&outcomes) {
                let rewritten = (is_old && !asked.on_detour).then(|| line(&cookie, names[at]));
                return under(outcomes, rewritten.as_deref());
            }
            lost = (!self.is_gone(names[at])).then_some(at);
        }
        match (lost, on_loss) {
            (Some(_), OnLoss::Fail) => only(End::SessionLost),
            (Some(_), OnLoss::Detour) => {
                let guest = Asked {
                    on_detour: true,
                    ..asked.clone()
                };
                self.anyone(children, &guest, lost, None)
            }
            _ => self.anyone(children, asked, lost, (!asked.on_detour).then_some(&*cookie)),
        }
    }

    fn anyone(
        &self,
        children: &[WeightedChild],
        asked: &Asked,
        lost: Option<usize>,
        cookie: Option<&str>,
    ) -> Vec<Outcome> {
        let mut all = Vec::new();
        for (at, child) in children.iter().enumerate() {
            if Some(at) == lost || child.weight <= 0 || !self.is_open(&child.name) {
                continue;
            }
            let outcomes = self.outcomes(&child.name, asked);
            if !is_nobody(&outcomes) {
                let line = cookie.map(|cookie| line(cookie, &child.name));
                all.extend(under(outcomes, line.as_deref()));
            }
        }
        if all.is_empty() {
            return only(End::NoServer);
        }
        all.iter_mut()
            .for_each(|outcome| outcome.is_stable &= asked.on_detour);
        all
    }

    fn hashed(&self, hashed: &HighestRandomWeight, asked: &Asked) -> Vec<Outcome> {
        let mut able: Vec<(f64, Vec<Outcome>)> = Vec::new();
        for child in &hashed.services {
            if child.weight > 0 && self.is_open(&child.name) {
                let outcomes = self.outcomes(&child.name, asked);
                if !is_nobody(&outcomes) {
                    able.push((score(asked.client, &child.name, child.weight), outcomes));
                }
            }
        }
        // The first of equals.
        let best = able.into_iter().rev().max_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or_else(|| only(End::NoServer), |(_, outcomes)| outcomes)
    }
}

/// Cookie name and `onLoss`, when stickiness is switched on.
fn effective(sticky: &Sticky, service: &str) -> Option<(String, OnLoss)> {
    let cookie = sticky.cookie.as_ref()?;
    Some((
        cookie_name(&cookie.name, &format!("{service}@file")),
        sticky.on_loss,
    ))
}

/// Traefik's score of a child for a client (traefik-core 2.3).
fn score(client: Option<IpAddr>, name: &str, weight: i64) -> f64 {
    let text = format!("{}{name}", client.unwrap());
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    weight as f64 / -(hash as f64 / 2_f64.powi(64)).ln()
}
