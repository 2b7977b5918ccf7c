//! All services of a configuration: each compiled once, after those it stands on (traefik-core 2.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compiler::Compiler;
use super::load_balancer::{self, Compiled};
use super::order::Order;
use super::report::{Item, Report, Status};
use super::transports::Transports;
use super::tree::{self, children};
use super::{Ground, Merged, Snapshot};
use crate::balance::Micros;
use crate::config::dynamic::http as wire;
use crate::config::{Named, provider_of, qualify};
use crate::service::{MAX_DEPTH, MAX_WAYS, Service};

/// Compiled services by qualified name; why a service does not work, where it does not.
pub(super) struct Services(BTreeMap<String, Result<Arc<Service>, Broken>>);

/// Why a service does not work: the first mistake below it. What stands on many broken levels so has a reason
/// no longer than one.
#[derive(Debug, Clone)]
struct Broken {
    /// The service that has the mistake.
    name: Arc<str>,
    reason: Arc<str>,
}

impl Services {
    /// Compiles every service; what became of each is noted in `report`.
    pub(super) fn compile(
        merged: &Merged,
        ground: &Ground,
        now: Micros,
        previous: &Snapshot,
        report: &mut Report,
    ) -> Self {
        let compiler = Compiler {
            transports: Transports::new(merged, ground),
            files: &*ground.files,
            now,
        };
        let order = Order::of(merged);
        let mut services = Self(BTreeMap::new());
        for name in order.names {
            let Some(written) = merged.services.get(name) else {
                continue;
            };
            let mut item = Item::default();
            let old = previous.service(name);
            let service = match order.circles.get(name) {
                Some(circle) => {
                    item.disable("", circle);
                    None
                }
                None => services.one(&compiler, name, written, old, &mut item),
            };
            let service = service.ok_or_else(|| services.first_mistake(name, written, &item));
            services.0.insert(name.to_owned(), service);
            report.services.insert(name.to_owned(), item);
        }
        services
    }

    fn one(
        &self,
        compiler: &Compiler<'_>,
        name: &str,
        written: &wire::Service,
        old: Option<&Arc<Service>>,
        item: &mut Item,
    ) -> Option<Arc<Service>> {
        refuse_none_and_many(written, item);
        if item.status() == Status::Disabled {
            return None;
        }
        let kind = match &written.load_balancer {
            Some(balancer) => {
                let old_servers = old.and_then(|old| old.servers());
                match load_balancer::compile(compiler, name, balancer, old_servers, item)? {
                    Compiled::Unchanged => return old.cloned(),
                    Compiled::New(kind) => kind,
                }
            }
            None => tree::compile(
                &|name| self.get(name),
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

    /// Why `name`, noted in `item` as broken, is so.
    fn first_mistake(&self, name: &str, written: &wire::Service, item: &Item) -> Broken {
        let provider = provider_of(name).unwrap_or_default();
        let below = children(written).into_iter().find_map(|child| {
            let child = self.0.get(&qualify(child, provider))?;
            child.as_ref().err().cloned()
        });
        below.unwrap_or_else(|| {
            let last = item.reasons.last();
            Broken {
                name: name.into(),
                reason: last.map(|reason| reason.text.as_str()).unwrap_or_default().into(),
            }
        })
    }

    /// The service a router names, or why it has none.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Service>, String> {
        match self.0.get(name) {
            Some(Ok(service)) => Ok(Arc::clone(service)),
            Some(Err(Broken { name: root, reason })) if **root == *name => {
                Err(format!("service {name:?} cannot be used: {reason}"))
            }
            Some(Err(Broken { name: root, reason })) => Err(format!(
                "service {name:?} cannot be used: service {root:?} cannot be used: {reason}"
            )),
            None => Err(format!("the service {name:?} does not exist")),
        }
    }

    /// What was known before of services that do not work now.
    pub(super) fn retired(&self, previous: &Snapshot) -> Named<Service> {
        let broken = self.0.iter().filter(|(_, service)| service.is_err());
        let known = broken.filter_map(|(name, _)| Some((name.clone(), Arc::clone(previous.service(name)?))));
        known.collect()
    }

    /// All that work.
    pub(super) fn into_enabled(self) -> Named<Service> {
        self.0
            .into_iter()
            .filter_map(|(name, service)| Some((name, service.ok()?)))
            .collect()
    }
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
    if !written.middlewares.is_empty() {
        item.disable("middlewares", "middlewares on a service are not supported yet");
    }
}
