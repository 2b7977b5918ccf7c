//! All parts -> one configuration (traefik-providers 2.3).
//!
//! What several containers declare has to be the same, but for the servers, which add up. Where it is not, Traefik
//! removes the resource; piton keeps the definition of the oldest container, so that a rolling update that changes a
//! label does not take the service away. A container without a server is asked last: it may have ended long ago.
//!
//! Who is let in is another matter: a container whose router has other middlewares, TLS or entry points than the one that
//! stays is not used, since its requests would come without. When the older containers begin to end, the younger router
//! takes over.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::Container;
use super::filter::Usage;
use super::part::{Offer, Part};
use super::protocol::{Server, Service};
use super::remark::{Notes, Remark};
use crate::config::Named;
use crate::config::dynamic::{Configuration, Http, Tcp, Tls, Udp, http, tcp, udp};

/// Puts `parts` together; servers come in the order of the parts.
pub(super) fn merge(parts: &[Part<'_>], remarks: &mut Vec<Remark>) -> Configuration {
    let mut by_rank: Vec<&Part<'_>> = parts.iter().collect();
    by_rank.sort_by_key(|part| (part.usage, age(part.container)));
    let balanced = (
        http::Service::balanced(),
        tcp::Service::balanced(),
        udp::Service::balanced(),
    );
    let mut merger = Merger {
        parts,
        by_rank,
        shut_out: HashSet::new(),
        remarks,
    };
    let routers = merger.resources("HTTP router", |part| cows(&part.http.routers));
    merger.shut_out(&routers);
    merger
        .by_rank
        .sort_by_key(|part| (part.usage == Usage::Empty, age(part.container)));
    let http = Http {
        routers,
        services: merger.services(&balanced.0, |part| &part.http.services),
        middlewares: merger.resources("HTTP middleware", |part| {
            by_name(&part.container.labels.declared().http_middlewares)
        }),
        ..Http::default()
    };
    let tcp = Tcp {
        routers: merger.resources("TCP router", |part| cows(&part.tcp.routers)),
        services: merger.services(&balanced.1, |part| &part.tcp.services),
        middlewares: merger.resources("TCP middleware", |part| {
            by_name(&part.container.labels.declared().tcp_middlewares)
        }),
        ..Tcp::default()
    };
    let udp = Udp {
        routers: merger.resources("UDP router", |part| cows(&part.udp.routers)),
        services: merger.services(&balanced.2, |part| &part.udp.services),
    };
    let tls = Tls {
        stores: merger.resources("TLS store", |part| {
            by_name(&part.container.labels.declared().tls_stores)
        }),
        ..Tls::default()
    };
    Configuration { http, tcp, udp, tls }
}

/// Do both routers let the same people in, whatever their rules are?
fn lets_in_alike(one: &http::Router, other: &http::Router) -> bool {
    one.middlewares == other.middlewares && one.tls == other.tls && one.entry_points == other.entry_points
}

/// The smaller, the older.
fn age(container: &Container) -> (i64, &str) {
    (container.created, &container.id)
}

fn by_name<T>(named: &[(String, T)]) -> impl Iterator<Item = (&str, &T)> {
    named.iter().map(|(name, value)| (name.as_str(), value))
}

fn cows<'p, T: Clone>(named: &'p [(Cow<'_, str>, Cow<'_, T>)]) -> impl Iterator<Item = (&'p str, &'p T)> {
    named.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
}

struct Merger<'p, 'c> {
    parts: &'p [Part<'c>],
    /// Whose definition counts comes first.
    by_rank: Vec<&'p Part<'c>>,
    /// Ids of containers that are not used as servers.
    shut_out: HashSet<&'p str>,
    remarks: &'p mut Vec<Remark>,
}

/// The definition that stays.
struct Definition<'p, T> {
    value: &'p T,
    owner: &'p Part<'p>,
    disputed: bool,
}

impl<'p> Merger<'p, '_> {
    fn resources<T: Clone + PartialEq + 'p, I: Iterator<Item = (&'p str, &'p T)>>(
        &mut self,
        kind: &str,
        of: impl Fn(&'p Part<'_>) -> I,
    ) -> Named<T> {
        let definitions = self.definitions(kind, of, T::eq);
        let definitions = definitions.into_iter();
        definitions
            .map(|(name, definition)| (name, definition.value.clone()))
            .collect()
    }

    /// Finds the containers whose own routers let other people in than `routers` do.
    fn shut_out(&mut self, routers: &Named<http::Router>) {
        let parts = self.parts.iter().filter(|part| part.usage == Usage::Serves);
        for part in parts {
            let differs = |(name, own): &&(Cow<'_, str>, Cow<'_, http::Router>)| {
                let stays = routers.get(name.as_ref());
                stays.is_some_and(|stays| !lets_in_alike(stays, own))
            };
            if let Some((name, _)) = part.http.routers.iter().find(differs) {
                self.shut_out.insert(&part.container.id);
                Notes::of(part.container, self.remarks).warn(format!(
                    "not used as a server: its router {name:?} has other middlewares, tls or entryPoints than the one \
                     that stays"
                ));
            }
        }
    }

    /// The definition of each name, by the first in rank; one remark for each name that others define
    /// differently.
    fn definitions<T: 'p, I: Iterator<Item = (&'p str, &'p T)>>(
        &mut self,
        kind: &str,
        of: impl Fn(&'p Part<'_>) -> I,
        alike: impl Fn(&T, &T) -> bool,
    ) -> BTreeMap<&'p str, Definition<'p, T>> {
        let mut definitions: BTreeMap<&str, Definition<'_, T>> = BTreeMap::new();
        for part in &self.by_rank {
            for (name, value) in of(part) {
                match definitions.entry(name) {
                    Entry::Vacant(free) => {
                        free.insert(Definition {
                            value,
                            owner: part,
                            disputed: false,
                        });
                    }
                    Entry::Occupied(mut taken) => {
                        let definition = taken.get_mut();
                        // Tasks of one service share what they declare.
                        let same = std::ptr::eq(definition.value, value);
                        if !same && !definition.disputed && !alike(definition.value, value) {
                            definition.disputed = true;
                            let why = if definition.owner.usage < part.usage {
                                "serves"
                            } else {
                                "is older"
                            };
                            Notes::of(part.container, self.remarks).warn(format!(
                                "{kind} {name:?} defined multiple times with different configurations: that of {}, \
                                 which {why}, stays",
                                definition.owner.container.title
                            ));
                        }
                    }
                }
            }
        }
        definitions
    }

    fn services<S: Service + 'p>(
        &mut self,
        balanced: &'p S,
        of: impl for<'x> Fn(&'x Part<'_>) -> &'x Vec<Offer<'x, S>>,
    ) -> Named<S> {
        let named = |part: &'p Part<'_>| {
            let offers = of(part).iter();
            offers.map(|offer| (offer.name.as_ref(), offer.service.unwrap_or(balanced)))
        };
        let definitions = self.definitions(S::TITLE, named, S::agrees);
        let mut offered: HashMap<&str, Vec<Offered<'_, S::Server>>> =
            HashMap::with_capacity(definitions.len());
        let used = |part: &&Part<'_>| !self.shut_out.contains(part.container.id.as_str());
        for part in self.parts.iter().filter(used) {
            for offer in of(part) {
                if let Some(server) = &offer.server {
                    offered
                        .entry(&offer.name)
                        .or_default()
                        .push((server, part.container));
                }
            }
        }
        let definitions = definitions.into_iter();
        let services = definitions.map(|(name, definition)| {
            let mut placed = without_duplicates(offered.get(name).map_or(&[], Vec::as_slice));
            self.settle_ids(name, &mut placed);
            let mut service = definition.value.clone();
            if let Some(servers) = service.servers_mut() {
                *servers = placed.into_iter().map(|placed| placed.server).collect();
            }
            (name, service)
        });
        services.collect()
    }

    /// Of servers with one id the oldest keeps it: whoever has its cookie stays there until it is gone, and is
    /// handed over then.
    fn settle_ids<T: Server>(&mut self, service: &str, placed: &mut [Placed<'_, T>]) {
        if placed.iter().all(|placed| placed.server.id().is_empty()) {
            return;
        }
        let targets: HashSet<String> = placed
            .iter()
            .map(|placed| placed.server.target().to_owned())
            .collect();
        let mut owners: HashMap<String, &Container> = HashMap::new();
        let mut by_age: Vec<&mut Placed<'_, T>> = placed.iter_mut().collect();
        by_age.sort_by_key(|placed| age(placed.owner));
        for Placed { server, owner } in by_age {
            let id = server.id();
            if id.is_empty() {
                continue;
            }
            let whose = match owners.get(id) {
                Some(older) => format!("belongs to {}, which is older", older.title),
                None if targets.contains(id) && id != server.target() => "is the URL of another".to_owned(),
                None => {
                    owners.insert(id.to_owned(), *owner);
                    continue;
                }
            };
            Notes::of(owner, self.remarks).warn(format!(
                "service {service:?}: id {id:?} of its server {whose}: until that is gone, the server is known by its URL"
            ));
            server.forget_id();
        }
    }
}

/// A server, and whose it is.
struct Placed<'p, T> {
    server: T,
    owner: &'p Container,
}

/// A server as a part has it.
type Offered<'p, T> = (&'p T, &'p Container);

/// The first of each address.
fn without_duplicates<'p, T: Server>(offered: &[Offered<'p, T>]) -> Vec<Placed<'p, T>> {
    let mut known: HashMap<&str, usize> = HashMap::with_capacity(offered.len());
    let mut kept: Vec<Placed<'_, T>> = Vec::with_capacity(offered.len());
    for &(server, owner) in offered {
        let first = *known.entry(server.target()).or_insert(kept.len());
        match kept.get_mut(first) {
            Some(first) => first.server.absorb(server),
            None => kept.push(Placed {
                server: server.clone(),
                owner,
            }),
        }
    }
    kept
}
