//! All services of a configuration: each compiled once, after those it stands on (traefik-core 2.6).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::compiler::Compiler;
use super::load_balancer::{self, Compiled};
use super::order::Order;
use super::report::{Item, Status};
use super::transports::Transports;
use super::tree::{self, children};
use super::{Ground, Merged, Snapshot};
use crate::balance::Micros;
use crate::config::dynamic::http as wire;
use crate::config::{Named, provider_of, qualify};
use crate::service::{Internal, Kind, MAX_DEPTH, MAX_WAYS, Service};

/// All services, compiled.
#[derive(Default)]
pub(super) struct Services {
    /// Those that work.
    pub(super) enabled: Named<Service>,
    /// Why the others do not.
    pub(super) broken: Named<Broken>,
    /// Names of those that may become others though nothing is written otherwise: they are compiled again every time.
    pub(super) restless: Named<()>,
    /// What was known of those that do not work now.
    pub(super) retired: Named<Service>,
    /// What became of each.
    pub(super) report: Named<Item>,
    /// How many servers those that work have.
    pub(super) servers: usize,
    /// Services that are others now, by what they were.
    successors: HashMap<*const Service, Arc<Service>>,
    /// Services of the configuration before that do not work now, or are gone.
    pub(super) lost: HashSet<*const Service>,
}

/// Why a service does not work: the first mistake below it. What stands on many broken levels so has a reason
/// no longer than one.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    /// The service that has the mistake.
    name: Arc<str>,
    reason: Arc<str>,
}

impl Services {
    /// Compiles what is another than in `known`; live state comes from `previous`.
    pub(super) fn compile(
        merged: &Merged,
        ground: &Ground,
        now: Micros,
        previous: &Snapshot,
        known: Option<&Snapshot>,
    ) -> Self {
        let mut services = known.map_or_else(Self::default, |known| Self {
            enabled: known.services.clone(),
            broken: known.broken.clone(),
            restless: known.restless.clone(),
            report: known.report.services.clone(),
            servers: known.servers,
            ..Self::default()
        });
        if known.is_none() {
            services.add_internal(&ground.internal);
        }
        let before = services.enabled.clone();
        let suspects = suspects(merged, known);
        for name in &suspects {
            services.forget(name);
        }
        let compiler = Compiler {
            merged,
            transports: Transports::new(merged, ground),
            files: &*ground.files,
            now,
        };
        let order = Order::of(merged, &suspects);
        for name in order.names {
            let Some((name, written)) = merged.services.get_key_value(name) else {
                continue;
            };
            let mut item = Item::default();
            let old = previous.service(name);
            let service = match order.circles.get(&**name) {
                Some(circle) => {
                    item.disable("", circle);
                    None
                }
                None => services.one(&compiler, name, written, old, &mut item),
            };
            services.settle(name, written, service, item);
        }
        services.compare(&before);
        let broken = services.broken.keys();
        let known = broken.filter_map(|name| Some((name, Arc::clone(previous.service(name)?))));
        services.retired = known.collect();
        services
    }

    /// What piton answers itself is there from the beginning.
    fn add_internal(&mut self, internal: &[Internal]) {
        for &internal in internal {
            let name: Arc<str> = internal.name().into();
            let service = Service::new(internal.name().to_owned(), Kind::Internal(internal));
            self.enabled.insert(Arc::clone(&name), service);
            self.report.insert(name, Item::default());
        }
    }

    fn forget(&mut self, name: &str) {
        self.enabled.remove(name);
        self.broken.remove(name);
        self.restless.remove(name);
        self.report.remove(name);
    }

    /// Notes what became of a service.
    fn settle(
        &mut self,
        name: &Arc<str>,
        written: &wire::Service,
        service: Option<Arc<Service>>,
        item: Item,
    ) {
        match service {
            Some(service) => self.enabled.insert(Arc::clone(name), service),
            None => {
                let mistake = self.first_mistake(name, written, &item);
                self.broken.insert(Arc::clone(name), mistake);
            }
        }
        if is_restless(written) {
            self.restless.insert(Arc::clone(name), ());
        }
        self.report.insert(Arc::clone(name), item);
    }

    /// Finds who was replaced since `before`, and who is gone.
    fn compare(&mut self, before: &Named<Service>) {
        let enabled = self.enabled.clone();
        for replacement in before.replacements(&enabled) {
            self.servers += replacement.now().map_or(0, |new| count(new));
            let Some(old) = replacement.before() else {
                continue;
            };
            self.servers -= count(old);
            match replacement.now() {
                Some(new) => drop(self.successors.insert(Arc::as_ptr(old), Arc::clone(new))),
                None => drop(self.lost.insert(Arc::as_ptr(old))),
            }
        }
    }

    /// What a service of the configuration before is now, if it is another.
    pub(super) fn successor(&self, old: &Arc<Service>) -> Option<Arc<Service>> {
        self.successors.get(&Arc::as_ptr(old)).map(Arc::clone)
    }

    fn one(
        &self,
        compiler: &Compiler<'_>,
        name: &str,
        written: &Arc<wire::Service>,
        old: Option<&Arc<Service>>,
        item: &mut Item,
    ) -> Option<Arc<Service>> {
        refuse_none_and_many(written, item);
        if item.status() == Status::Disabled {
            return None;
        }
        let kind = match &written.load_balancer {
            Some(_) => {
                let old_servers = old.and_then(|old| old.servers());
                match load_balancer::compile(compiler, name, written, old_servers, item)? {
                    Compiled::Unchanged => return old.cloned(),
                    Compiled::New(kind) => kind,
                }
            }
            None => tree::compile(
                &|name| self.child(compiler.merged, name),
                compiler.files,
                name,
                written,
                old.map(|old| &**old),
                item,
            )?,
        };
        let service = Service::new(name.to_owned(), kind);
        if service.depth() > MAX_DEPTH {
            item.disable("", format!("services are nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        if service.ways() > MAX_WAYS {
            let text = format!("more than {MAX_WAYS} ways lead from it down to servers");
            item.disable("", text);
            return None;
        }
        Some(Arc::new(service))
    }

    /// The service of that name, to stand below another.
    fn child(&self, merged: &Merged, name: &str) -> Result<Arc<Service>, String> {
        let (name, service) = self.get_key_value(name)?;
        let has_none = |written: &Arc<wire::Service>| written.middlewares.is_empty();
        if merged.services.get(name).is_none_or(has_none) {
            return Ok(Arc::clone(service));
        }
        Err(format!(
            "service {name:?} has middlewares, which only work where a router leads to it; put them on the router"
        ))
    }

    /// Why `name`, noted in `item` as broken, is so.
    fn first_mistake(&self, name: &str, written: &wire::Service, item: &Item) -> Broken {
        let provider = provider_of(name).unwrap_or_default();
        let below = children(written).into_iter().find_map(|child| {
            self.broken
                .get(&qualify(child, provider))
                .map(|broken| Broken::clone(broken))
        });
        below.unwrap_or_else(|| {
            let last = item.reasons.last();
            Broken {
                name: name.into(),
                reason: last.map(|reason| reason.text.as_str()).unwrap_or_default().into(),
            }
        })
    }

    /// The service of that name as it is kept, or why it cannot be used.
    pub(super) fn get_key_value(&self, name: &str) -> Result<(&Arc<str>, &Arc<Service>), String> {
        if let Some(found) = self.enabled.get_key_value(name) {
            return Ok(found);
        }
        Err(match self.broken.get(name).map(|broken| &**broken) {
            Some(Broken { name: root, reason }) if **root == *name => {
                format!("service {name:?} cannot be used: {reason}")
            }
            Some(Broken { name: root, reason }) => {
                format!("service {name:?} cannot be used: service {root:?} cannot be used: {reason}")
            }
            None => format!("the service {name:?} does not exist"),
        })
    }
}

/// Names of the services that may be others than in `known`, and of those that are gone.
fn suspects(merged: &Merged, known: Option<&Snapshot>) -> BTreeSet<Arc<str>> {
    let Some(known) = known else {
        return merged.services.iter().map(|(name, _)| Arc::clone(name)).collect();
    };
    let written = known.merged.services.differences(&merged.services);
    let written = written.map(|difference| Arc::clone(difference.name()));
    let restless = known.restless.iter().map(|(name, _)| Arc::clone(name));
    written.chain(restless).collect()
}

/// May it become another though it stays as written? What it names may: services, transports, files.
fn is_restless(written: &wire::Service) -> bool {
    let names_transport = |balancer: &wire::LoadBalancer| !balancer.servers_transport.is_empty();
    written.load_balancer.as_ref().is_none_or(names_transport) || written.key_files().next().is_some()
}

fn count(service: &Service) -> usize {
    service
        .servers()
        .map_or(0, |servers| servers.pool.servers().len())
}

/// Exactly one kind has to be there.
fn refuse_none_and_many(written: &wire::Service, item: &mut Item) {
    let kinds = [
        written.load_balancer.is_some(),
        written.weighted.is_some(),
        written.highest_random_weight.is_some(),
        written.mirroring.is_some(),
        written.failover.is_some(),
    ];
    match kinds.into_iter().filter(|present| *present).count() {
        0 => item.disable("", "the service does not have any type defined"),
        1 => {}
        _ => item.disable(
            "",
            "cannot create service: multi-types service not supported, \
             consider declaring two different pieces of service instead",
        ),
    }
}
