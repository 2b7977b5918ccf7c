//! All objects there are, and what a change of one may touch.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::object::{Id, Ingress, IngressClass, Kind, Node, Object, Secret, Service, Slice};

/// All objects.
#[derive(Debug, Default)]
pub(super) struct World {
    pub ingresses: BTreeMap<Id, Arc<Ingress>>,
    pub classes: HashMap<Id, Arc<IngressClass>>,
    pub services: HashMap<Id, Arc<Service>>,
    pub secrets: HashMap<Id, Arc<Secret>>,
    pub nodes: BTreeMap<Id, Arc<Node>>,
    slices: HashMap<Id, Arc<Slice>>,
    /// By the service that they belong to, the oldest first.
    of_service: HashMap<Id, ByAge>,
}

/// EndpointSlices by when they were made, and by name.
type ByAge = BTreeMap<(i64, Arc<str>), Arc<Slice>>;

/// What has changed and was not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Ingresses.
    pub ingresses: BTreeSet<Id>,
    /// Services, in their own words.
    pub services: BTreeSet<Id>,
    /// Services, in their endpoints.
    pub endpoints: BTreeSet<Id>,
    /// Secrets.
    pub secrets: BTreeSet<Id>,
    /// Is it the machines?
    pub nodes: bool,
}

impl World {
    /// Takes an object in; is anything new about it?
    pub(super) fn put(&mut self, object: Object, changes: &mut Changes) -> bool {
        match object {
            Object::Ingress(ingress) => {
                let known = self.ingresses.get(&ingress.id);
                if known == Some(&ingress) {
                    return false;
                }
                if known.is_none_or(|known| !wants_the_same(known, &ingress)) {
                    changes.ingresses.insert(ingress.id.clone());
                }
                self.ingresses.insert(ingress.id.clone(), ingress);
            }
            Object::IngressClass(class) => {
                if self.classes.get(&class.id) == Some(&class) {
                    return false;
                }
                self.touch_class(&class.id, changes);
                self.classes.insert(class.id.clone(), class);
            }
            Object::Service(service) => {
                let known = self.services.get(&service.id);
                if known == Some(&service) {
                    return false;
                }
                if known.is_none_or(|known| !serves_the_same(known, &service)) {
                    changes.services.insert(service.id.clone());
                }
                self.services.insert(service.id.clone(), service);
            }
            Object::Slice(slice) => {
                if self.slices.get(&slice.id) == Some(&slice) {
                    return false;
                }
                self.remove_slice(&slice.id, changes);
                let service = slice.service_id();
                changes.endpoints.insert(service.clone());
                let slices = self.of_service.entry(service).or_default();
                slices.insert(slice.rank(), Arc::clone(&slice));
                self.slices.insert(slice.id.clone(), slice);
            }
            Object::Secret(secret) => {
                if self.secrets.get(&secret.id) == Some(&secret) {
                    return false;
                }
                changes.secrets.insert(secret.id.clone());
                self.secrets.insert(secret.id.clone(), secret);
            }
            Object::Node(node) => {
                if self.nodes.get(&node.id) == Some(&node) {
                    return false;
                }
                changes.nodes = true;
                self.nodes.insert(node.id.clone(), node);
            }
        }
        true
    }

    /// Forgets an object; was it there?
    pub(super) fn remove(&mut self, kind: Kind, id: &Id, changes: &mut Changes) -> bool {
        match kind {
            Kind::Ingress => {
                changes.ingresses.insert(id.clone());
                self.ingresses.remove(id).is_some()
            }
            Kind::IngressClass => {
                self.touch_class(id, changes);
                self.classes.remove(id).is_some()
            }
            Kind::Service => {
                changes.services.insert(id.clone());
                self.services.remove(id).is_some()
            }
            Kind::EndpointSlice => self.remove_slice(id, changes),
            Kind::Secret => {
                changes.secrets.insert(id.clone());
                self.secrets.remove(id).is_some()
            }
            Kind::Node => {
                changes.nodes = true;
                self.nodes.remove(id).is_some()
            }
        }
    }

    /// Everything of a kind.
    pub(super) fn ids(&self, kind: Kind) -> Vec<Id> {
        match kind {
            Kind::Ingress => self.ingresses.keys().cloned().collect(),
            Kind::IngressClass => self.classes.keys().cloned().collect(),
            Kind::Service => self.services.keys().cloned().collect(),
            Kind::EndpointSlice => self.slices.keys().cloned().collect(),
            Kind::Secret => self.secrets.keys().cloned().collect(),
            Kind::Node => self.nodes.keys().cloned().collect(),
        }
    }

    /// The EndpointSlices of a Service, the oldest first, then by name (traefik-providers 5.7).
    pub(super) fn slices_of(&self, service: &Id) -> impl Iterator<Item = &Arc<Slice>> {
        self.of_service
            .get(service)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// The class that an Ingress names, if it is there.
    pub(super) fn class_of(&self, ingress: &Ingress) -> Option<&IngressClass> {
        let name = ingress.class_name.as_deref()?;
        self.classes.get(&Id::new("", name)).map(|class| &**class)
    }

    fn remove_slice(&mut self, id: &Id, changes: &mut Changes) -> bool {
        let Some(slice) = self.slices.remove(id) else {
            return false;
        };
        let service = slice.service_id();
        if let Some(slices) = self.of_service.get_mut(&service) {
            slices.remove(&slice.rank());
            if slices.is_empty() {
                self.of_service.remove(&service);
            }
        }
        changes.endpoints.insert(service);
        true
    }

    /// Classes change rarely: here all Ingresses are looked at.
    fn touch_class(&self, id: &Id, changes: &mut Changes) {
        let named = |ingress: &&Arc<Ingress>| ingress.class_name.as_deref() == Some(&*id.name);
        let of_class = self.ingresses.values().filter(named);
        changes
            .ingresses
            .extend(of_class.map(|ingress| ingress.id.clone()));
    }
}

impl Slice {
    fn service_id(&self) -> Id {
        Id::new(self.id.namespace.clone(), self.service.clone())
    }

    fn rank(&self) -> (i64, Arc<str>) {
        (self.created, self.id.name.clone())
    }
}

/// All but the status, which we write ourselves; spelled out, so that no new field is forgotten.
fn wants_the_same(one: &Ingress, other: &Ingress) -> bool {
    let Ingress {
        id,
        uid,
        created,
        annotations,
        class_name,
        rules,
        default_backend,
        secrets,
        status: _,
    } = one;
    *id == other.id
        && *uid == other.uid
        && *created == other.created
        && *annotations == other.annotations
        && *class_name == other.class_name
        && *rules == other.rules
        && *default_backend == other.default_backend
        && *secrets == other.secrets
}

/// All that its servers depend on.
fn serves_the_same(one: &Service, other: &Service) -> bool {
    let Service {
        id,
        uid,
        annotations,
        kind,
        cluster_ip,
        external_name,
        external_ips: _,
        ports,
        status: _,
    } = one;
    *id == other.id
        && *uid == other.uid
        && *annotations == other.annotations
        && *kind == other.kind
        && *cluster_ip == other.cluster_ip
        && *external_name == other.external_name
        && *ports == other.ports
}
