//! Services that Ingresses name: what each became, and what is to be made again after a change.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::names::Names;
use super::notes::Notes;
use super::object::Service;
use super::plan::{Key, Plan, Port, Seniority, may_name_others};
use super::servers::{Parts, allowed, port};
use super::settings::{self, Layer};
use super::world::World;
use super::{Id, Options};
use crate::config::dynamic::{ServiceAnnotations, http};
use crate::config::{Named, Remark};

/// All services that are named.
#[derive(Debug)]
pub(super) struct Supplies {
    by_id: HashMap<Id, Supply>,
    names: Names<Claim>,
    /// Who had a name at the last conversion.
    owners: HashMap<Arc<str>, Claim>,
    /// Whose success is to be looked at again.
    pending: BTreeSet<Key>,
}

/// The oldest Ingress that names a service, and the service.
type Claim = (Seniority, Key);

/// One Service that is named.
#[derive(Debug, Default)]
struct Supply {
    /// The Ingresses that name it.
    users: BTreeSet<Seniority>,
    /// What it says of itself and they of it; `None` when that cannot be read.
    settings: Option<ServiceAnnotations>,
    /// What is to be said about the settings.
    settings_said: Vec<Remark>,
    /// Its ports that are named.
    ports: BTreeMap<Port, Backing>,
    /// All there is to say.
    said: Vec<Remark>,
}

/// One of its ports: one service of the configuration.
#[derive(Debug)]
struct Backing {
    users: BTreeSet<Seniority>,
    name: Arc<str>,
    made: Result<Arc<http::Service>, Arc<str>>,
    claim: Option<Seniority>,
    /// Why nobody can use it, as its users were told.
    failure: Option<Arc<str>>,
}

/// What services are made of.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub world: &'a World,
    pub options: &'a Options,
    /// The plan of an Ingress.
    pub plan: &'a dyn Fn(&Id) -> Option<&'a Plan>,
}

impl Supplies {
    pub(super) fn new() -> Self {
        Self {
            by_id: HashMap::new(),
            names: Names::new(),
            owners: HashMap::new(),
            pending: BTreeSet::new(),
        }
    }

    /// An Ingress names a service from now on.
    pub(super) fn join(&mut self, key: &Key, user: &Seniority) {
        if !self.by_id.contains_key(&key.service) {
            self.by_id.insert(key.service.clone(), Supply::default());
        }
        let Some(supply) = self.by_id.get_mut(&key.service) else {
            return;
        };
        supply.users.insert(user.clone());
        let backing = supply
            .ports
            .entry(key.port.clone())
            .or_insert_with(|| Backing::new(key));
        backing.users.insert(user.clone());
    }

    /// An Ingress names none of the ports of a service any more.
    pub(super) fn leave(&mut self, service: &Id, user: &Seniority) {
        if let Some(supply) = self.by_id.get_mut(service) {
            supply.users.remove(user);
            for backing in supply.ports.values_mut() {
                backing.users.remove(user);
            }
        }
    }

    /// Is the Service named by an Ingress?
    pub(super) fn has(&self, service: &Id) -> bool {
        self.by_id.contains_key(service)
    }

    /// Services that are made of the machines.
    pub(super) fn on_nodes(&self) -> Vec<Id> {
        let on_nodes = |supply: &Supply| {
            supply
                .settings
                .as_ref()
                .is_some_and(|settings| settings.node_port_lb)
        };
        let those = self.by_id.iter().filter(|(_, supply)| on_nodes(supply));
        those.map(|(id, _)| id.clone()).collect()
    }

    /// What there is to say about a Service.
    pub(super) fn said(&self, service: &Id) -> &[Remark] {
        self.by_id.get(service).map_or(&[], |supply| &supply.said)
    }

    /// Why a service cannot be used; `None` when it can.
    pub(super) fn failure(&self, key: &Key) -> Option<&Arc<str>> {
        let backing = self.by_id.get(&key.service)?.ports.get(&key.port)?;
        backing.failure.as_ref()
    }

    /// Makes the ports of a Service again; its settings too, if asked.
    pub(super) fn make(&mut self, id: &Id, settings_too: bool, sources: Sources<'_>) {
        let Some(supply) = self.by_id.get_mut(id) else {
            return;
        };
        supply.ports.retain(|port, backing| {
            let is_used = !backing.users.is_empty();
            if !is_used {
                let key = Key::new(id, port);
                backing.release(key, &mut self.names);
            }
            is_used
        });
        if supply.users.is_empty() {
            self.by_id.remove(id);
            return;
        }
        let service = sources.world.services.get(id);
        if settings_too {
            let mut notes = Notes::default();
            supply.settings = service.and_then(|service| read(service, &supply.users, sources, &mut notes));
            supply.settings_said = notes.0;
        }
        let mut notes = Notes(supply.settings_said.clone());
        for (port, backing) in &mut supply.ports {
            let settings = supply.settings.as_ref();
            let made = made(service, settings, port, sources, &mut notes);
            let key = Key::new(id, port);
            if backing.renew(made, &key, &mut self.names) {
                self.pending.insert(key);
            }
        }
        supply.said = notes.0;
    }

    /// Puts into `services` what has changed; returns the Ingresses for which a service came or went.
    pub(super) fn settle(&mut self, services: &mut Named<http::Service>) -> BTreeSet<Id> {
        for name in self.names.take_changed() {
            let owner = self.names.owner(&name);
            let made = owner
                .and_then(|(_, key)| self.by_id.get(&key.service)?.ports.get(&key.port))
                .and_then(|backing| backing.made.as_ref().ok());
            match made {
                Some(made) => services.insert(Arc::clone(&name), Arc::clone(made)),
                None => drop(services.remove(&name)),
            }
            if self.owners.get(&name) == owner {
                continue;
            }
            let claimants = self.names.claimants(&name);
            self.pending.extend(claimants.map(|(_, key)| key.clone()));
            match owner.cloned() {
                Some(owner) => drop(self.owners.insert(name, owner)),
                None => drop(self.owners.remove(&name)),
            }
        }
        let mut touched = BTreeSet::new();
        for key in std::mem::take(&mut self.pending) {
            let supply = self.by_id.get_mut(&key.service);
            let Some(backing) = supply.and_then(|supply| supply.ports.get_mut(&key.port)) else {
                continue;
            };
            let failure = match &backing.made {
                Ok(_) => taken(&key, &backing.name, self.names.owner(&backing.name)),
                Err(why) => Some(Arc::clone(why)),
            };
            if backing.failure != failure {
                backing.failure = failure;
                touched.extend(backing.users.iter().map(|user| user.id.clone()));
            }
        }
        touched
    }
}

impl Key {
    fn new(service: &Id, port: &Port) -> Self {
        Self {
            service: service.clone(),
            port: port.clone(),
        }
    }
}

impl Backing {
    fn new(key: &Key) -> Self {
        Self {
            users: BTreeSet::new(),
            name: key.name().into(),
            made: Err("not made yet".into()),
            claim: None,
            failure: None,
        }
    }

    /// Takes what was made now; is it something else?
    fn renew(&mut self, made: Result<http::Service, String>, key: &Key, names: &mut Names<Claim>) -> bool {
        let is_same = match (&self.made, &made) {
            (Ok(one), Ok(other)) => **one == *other,
            (Err(one), Err(other)) => **one == **other,
            _ => false,
        };
        let claim = self.users.first().filter(|_| made.is_ok());
        if is_same && self.claim.as_ref() == claim {
            return false;
        }
        let claim = claim.cloned();
        if self.claim != claim {
            self.release(key.clone(), names);
        }
        if let Some(claim) = &claim {
            names.claim(&self.name, (claim.clone(), key.clone()));
        }
        self.claim = claim;
        self.made = made.map(Arc::new).map_err(Arc::from);
        true
    }

    fn release(&mut self, key: Key, names: &mut Names<Claim>) {
        if let Some(claim) = self.claim.take() {
            names.release(&self.name, &(claim, key));
        }
    }
}

/// What the Service and its users say.
fn read(
    service: &Service,
    users: &BTreeSet<Seniority>,
    sources: Sources<'_>,
    notes: &mut Notes,
) -> Option<ServiceAnnotations> {
    allowed(service, sources.options).ok()?;
    let own = settings::own(&service.annotations, "Service", notes);
    let users = || {
        users
            .iter()
            .filter_map(|user| Some((&user.id, (sources.plan)(&user.id)?)))
    };
    let layer = |id, annotations| Layer {
        ingress: Some(id),
        annotations,
    };
    let say = users().map(|(id, plan)| layer(id, &plan.says[..]));
    let imply = users().map(|(id, plan)| layer(id, &plan.implies[..]));
    let layers: Vec<Layer<'_>> = say
        .chain(imply)
        .filter(|layer| !layer.annotations.is_empty())
        .collect();
    settings::settings(&own, &layers, notes)
}

fn made(
    service: Option<&Arc<Service>>,
    settings: Option<&ServiceAnnotations>,
    wanted: &Port,
    sources: Sources<'_>,
    notes: &mut Notes,
) -> Result<http::Service, String> {
    let service = service.ok_or("service not found")?;
    allowed(service, sources.options)?;
    let port = port(service, &wanted.reference)?;
    let settings = settings.ok_or("its annotations are wrong")?;
    let namespace = &service.id.namespace;
    let foreign = [
        ("service.serverstransport", settings.servers_transport.is_empty()),
        ("service.middlewares", settings.middlewares.is_empty()),
    ];
    for (what, is_empty) in foreign {
        if !is_empty {
            may_name_others(namespace, what, sources.options)?;
        }
    }
    let parts = Parts {
        service,
        settings,
        world: sources.world,
        options: sources.options,
    };
    parts.make(port, notes)
}

/// Why `key` has not the name it wants.
fn taken(key: &Key, name: &str, owner: Option<&Claim>) -> Option<Arc<str>> {
    let (senior, owner) = owner.filter(|(_, owner)| owner != key)?;
    let text = if key.port.is_default {
        format!(
            "the default backend already exists: that of ingress {}, which is older",
            senior.id
        )
    } else {
        format!(
            "its name, {name}, is taken by {owner} of ingress {}, which is older",
            senior.id
        )
    };
    Some(text.into())
}
