//! All objects -> one configuration, made again only where a change touches it.
//!
//! ```text
//! Ingress changed          -> its plan -> services it names or named -> its routers
//! Service changed          -> its settings and ports                -> routers, if it can be used now and could not before
//! EndpointSlice changed    -> its ports                             -> the same
//! Secret changed           -> certificates, and what is said about the Ingresses that name it
//! IngressClass changed     -> all Ingresses of that class
//! Node changed             -> services that are made of machines
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::certificates::Certificates;
use super::class::{Owner, owner};
use super::names::Names;
use super::notes::Notes;
use super::object::{Kind, Object};
use super::plan::{Key, Plan, Route, Seniority, plan};
use super::rule::name_with_hash;
use super::servers::NO_ENDPOINTS;
use super::status::Stale;
use super::supplies::{Sources, Supplies};
use super::world::{Changes, World};
use super::{About, Conversion, Id, Options, Remark, status};
use crate::config::dynamic::{Configuration, http};
use crate::config::{self, Level, Remarks};

/// Objects, and what was made of them.
#[derive(Debug)]
pub struct Converter {
    options: Options,
    world: World,
    changes: Changes,
    orders: HashMap<Id, Order>,
    supplies: Supplies,
    routers: Names<Seniority>,
    certificates: Certificates,
    configuration: Configuration,
    remarks: Remarks,
    #[cfg(test)]
    pub(super) looks: Looks,
}

/// How many objects conversions have looked at.
#[cfg(test)]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looks {
    pub ingresses: usize,
    pub services: usize,
}

/// What became of an Ingress.
#[derive(Debug, Default)]
struct Order {
    /// `None` when it is not ours, or cannot be used.
    plan: Option<Plan>,
    /// What is to be said about the plan.
    plan_said: Vec<config::Remark>,
    /// Its routers.
    routers: BTreeMap<Arc<str>, Arc<http::Router>>,
    /// The rank by which it wants their names.
    rank: Option<Seniority>,
    /// What is to be said about them, and about its certificates.
    said: Vec<config::Remark>,
}

/// What is to be done in one conversion.
#[derive(Debug, Default)]
struct Work {
    /// Services to make; with their settings?
    services: BTreeMap<Id, bool>,
    /// Ingresses whose routers are to be made.
    ingresses: BTreeSet<Id>,
    /// Secrets to look at.
    secrets: BTreeSet<Id>,
    /// Objects about which there may be something else to say.
    said: BTreeSet<(Kind, Id)>,
}

impl Converter {
    /// Without any objects.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            world: World::default(),
            changes: Changes::default(),
            orders: HashMap::new(),
            supplies: Supplies::new(),
            routers: Names::new(),
            certificates: Certificates::default(),
            configuration: Configuration::default(),
            remarks: Remarks::new(),
            #[cfg(test)]
            looks: Looks::default(),
        }
    }

    /// What objects mean here.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Takes an object in, in place of the one of that name; is anything new about it?
    pub fn put(&mut self, object: Object) -> bool {
        self.world.put(object, &mut self.changes)
    }

    /// Forgets an object; was it there?
    pub fn remove(&mut self, kind: Kind, id: &Id) -> bool {
        self.world.remove(kind, id, &mut self.changes)
    }

    /// Every object of a kind, in no order.
    #[must_use]
    pub fn ids(&self, kind: Kind) -> Vec<Id> {
        self.world.ids(kind)
    }

    /// What all objects mean now. Looks only at what was put in or removed since the last time, and at what depends on it.
    pub fn convert(&mut self) -> Conversion {
        let changes = std::mem::take(&mut self.changes);
        let mut work = Work {
            secrets: changes.secrets,
            ..Work::default()
        };
        for id in &changes.ingresses {
            self.plan(id, &mut work);
        }
        let on_nodes = if changes.nodes {
            self.supplies.on_nodes()
        } else {
            Vec::new()
        };
        for id in changes.endpoints.into_iter().chain(on_nodes) {
            work.services.entry(id).or_insert(false);
        }
        for id in changes.services {
            work.services.insert(id, true);
        }
        self.make_services(&mut work);
        for id in std::mem::take(&mut work.secrets) {
            work.ingresses.extend(self.certificates.look(&id, &self.world));
        }
        for id in std::mem::take(&mut work.ingresses) {
            self.make_routers(&id, &mut work);
        }
        self.settle_routers(&mut work);
        if let Some(certificates) = self.certificates.changed() {
            self.configuration.tls.certificates = certificates;
        }
        Conversion {
            fresh: self.say(&work.said),
            configuration: self.configuration.clone(),
            remarks: self.remarks.clone(),
        }
    }

    /// Ingresses in use whose status is not what the options want, with what it shall be. Looks at all of them.
    ///
    /// Errors: what is to be published is not known.
    pub fn statuses(&self) -> Result<Vec<Stale>, String> {
        let used = self.orders.iter().filter(|(_, order)| order.plan.is_some());
        let used = used.filter_map(|(id, _)| self.world.ingresses.get(id));
        status::stale(used, &self.world, &self.options.status)
    }

    fn plan(&mut self, id: &Id, work: &mut Work) {
        #[cfg(test)]
        {
            self.looks.ingresses += 1;
        }
        work.said.insert((Kind::Ingress, id.clone()));
        let mut notes = Notes::default();
        let ingress = self.world.ingresses.get(id);
        let new = ingress.and_then(|ingress| {
            let class = self.world.class_of(ingress);
            match owner(ingress, class, &self.options) {
                Owner::Us => plan(ingress, &self.options, &mut notes),
                Owner::Other => None,
                Owner::Unknown(why) => {
                    notes.add(Level::Debug, why);
                    None
                }
            }
        });
        let is_there = ingress.is_some();
        let order = self.orders.entry(id.clone()).or_default();
        order.plan_said = notes.0;
        if order.plan != new {
            let old = std::mem::replace(&mut order.plan, new);
            let new = order.plan.as_ref();
            for (service, old) in services_of(old.as_ref()) {
                self.supplies.leave(service, &old.seniority);
                work.services.insert(service.clone(), true);
            }
            for route in new.iter().flat_map(|plan| &plan.routes) {
                let user = new.map(|plan| &plan.seniority);
                if let Some(user) = user {
                    self.supplies.join(&route.key, user);
                }
                work.services.insert(route.key.service.clone(), true);
            }
            let secrets = |plan: Option<&Plan>| plan.map(|plan| plan.secrets.clone()).unwrap_or_default();
            let (old, new) = (secrets(old.as_ref()), secrets(new));
            self.certificates.leave(&old, id);
            self.certificates.join(&new, id);
            work.secrets.extend(old);
            work.secrets.extend(new);
            work.ingresses.insert(id.clone());
        }
        if !is_there {
            work.ingresses.insert(id.clone());
        }
    }

    fn make_services(&mut self, work: &mut Work) {
        for (id, settings_too) in std::mem::take(&mut work.services) {
            if !self.supplies.has(&id) {
                continue;
            }
            #[cfg(test)]
            {
                self.looks.services += 1;
            }
            let orders = &self.orders;
            let sources = Sources {
                world: &self.world,
                options: &self.options,
                plan: &|id| orders.get(id)?.plan.as_ref(),
            };
            self.supplies.make(&id, settings_too, sources);
            work.said.insert((Kind::Service, id));
        }
        let touched = self.supplies.settle(&mut self.configuration.http.services);
        work.ingresses.extend(touched);
    }

    fn make_routers(&mut self, id: &Id, work: &mut Work) {
        #[cfg(test)]
        {
            self.looks.ingresses += 1;
        }
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        work.said.insert((Kind::Ingress, id.clone()));
        let mut notes = Notes::default();
        let mut routers = BTreeMap::new();
        if let Some(plan) = &order.plan {
            routers = routers_of(plan, &self.supplies, &mut notes);
            for secret in &plan.secrets {
                if let Err(why) = Certificates::read(secret, &self.world) {
                    notes.error(format!("error configuring TLS: {why}"));
                }
            }
        }
        order.said = notes.0;
        let rank = order.plan.as_ref().map(|plan| plan.seniority.clone());
        let same_rank = order.rank == rank;
        for name in order.routers.keys() {
            if let Some(old) = order
                .rank
                .as_ref()
                .filter(|_| !(same_rank && routers.contains_key(name)))
            {
                self.routers.release(name, old);
            }
        }
        for (name, router) in &routers {
            if let Some(rank) = rank
                .as_ref()
                .filter(|_| !same_rank || order.routers.get(name) != Some(router))
            {
                self.routers.claim(name, rank.clone());
            }
        }
        order.routers = routers;
        order.rank = rank;
        if order.plan.is_none() && !self.world.ingresses.contains_key(id) {
            self.orders.remove(id);
        }
    }

    fn settle_routers(&mut self, work: &mut Work) {
        for name in self.routers.take_changed() {
            let owner = self.routers.owner(&name);
            let router = owner.and_then(|owner| self.orders.get(&owner.id)?.routers.get(&name));
            match router {
                Some(router) => self
                    .configuration
                    .http
                    .routers
                    .insert(Arc::clone(&name), Arc::clone(router)),
                None => drop(self.configuration.http.routers.remove(&name)),
            }
            let claimants = self.routers.claimants(&name);
            work.said
                .extend(claimants.map(|claimant| (Kind::Ingress, claimant.id.clone())));
        }
    }

    /// Everything there is to say about these objects; returns what was not said before.
    fn say(&mut self, about: &BTreeSet<(Kind, Id)>) -> Vec<Remark> {
        let mut fresh = Vec::new();
        for (kind, id) in about {
            let (title, uid, said) = match kind {
                Kind::Service => {
                    let service = self.world.services.get(id);
                    let uid = service.map(|service| service.uid.clone());
                    (format!("service {id}"), uid, self.supplies.said(id).to_vec())
                }
                _ => {
                    let ingress = self.world.ingresses.get(id);
                    let uid = ingress.map(|ingress| ingress.uid.clone());
                    (format!("ingress {id}"), uid, self.said_about_ingress(id))
                }
            };
            let before = self.remarks.get(&title);
            let is_new = |said: &&config::Remark| before.is_none_or(|before| !before.contains(said));
            fresh.extend(said.iter().filter(is_new).map(|said| Remark {
                about: About {
                    kind: *kind,
                    id: id.clone(),
                    uid: uid.clone().unwrap_or_default(),
                },
                said: said.clone(),
            }));
            if said.is_empty() {
                self.remarks.remove(&title);
            } else if before.is_none_or(|before| **before != said) {
                self.remarks.insert(title, said);
            }
        }
        fresh
    }

    fn said_about_ingress(&self, id: &Id) -> Vec<config::Remark> {
        let Some(order) = self.orders.get(id) else {
            return Vec::new();
        };
        let lost = order.routers.keys().filter_map(|name| {
            let owner = self.routers.owner(name).filter(|owner| owner.id != *id)?;
            let text = format!(
                "router {name:?} is left out: ingress {} has one of that name, and is older",
                owner.id
            );
            Some(config::Remark {
                level: Level::Error,
                text,
            })
        });
        order
            .plan_said
            .iter()
            .chain(&order.said)
            .cloned()
            .chain(lost)
            .collect()
    }
}

/// The Services that a plan names, with the plan.
fn services_of(plan: Option<&Plan>) -> BTreeMap<&Id, &Plan> {
    let routes = plan
        .into_iter()
        .flat_map(|plan| plan.routes.iter().map(move |route| (plan, route)));
    routes.map(|(plan, route)| (&route.key.service, plan)).collect()
}

/// Most paths that one remark names.
const SHOWN: usize = 5;

/// The routers of an Ingress: one for each path whose service can be used.
fn routers_of(plan: &Plan, supplies: &Supplies, notes: &mut Notes) -> BTreeMap<Arc<str>, Arc<http::Router>> {
    let mut by_name: BTreeMap<&str, Vec<(&Route, &str)>> = BTreeMap::new();
    let mut failed: BTreeMap<&Key, Vec<&str>> = BTreeMap::new();
    for route in &plan.routes {
        if supplies.failure(&route.key).is_some() {
            failed.entry(&route.key).or_default().push(&route.title);
        } else if let Some(rule) = &route.rule {
            by_name.entry(&route.name).or_default().push((route, rule));
        }
    }
    for (key, titles) in failed {
        let Some(why) = supplies.failure(key) else {
            continue;
        };
        let what = if **why == *NO_ENDPOINTS {
            "skipping"
        } else {
            "cannot create"
        };
        let shown: Vec<String> = titles
            .iter()
            .take(SHOWN)
            .map(|title| format!("{title:?}"))
            .collect();
        let more = match titles.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.error(format!(
            "{what} {key}: {why}; left out: {}{more}",
            shown.join(", ")
        ));
    }
    let mut routers = BTreeMap::new();
    for (name, routes) in by_name {
        let is_alone = routes.len() == 1;
        for (route, rule) in routes {
            let name = if is_alone {
                name.to_owned()
            } else {
                name_with_hash(name, rule)
            };
            let router = Arc::new(plan.router(route, rule));
            if let Some(other) = routers.insert(Arc::from(name), router) {
                notes.warn(format!(
                    "rule {:?} is written twice; the last one counts",
                    other.rule
                ));
            }
        }
    }
    routers
}
