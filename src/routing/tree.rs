//! Services of services (traefik-core 2.5 to 2.8): `weighted`, `highestRandomWeight`, `failover`, `mirroring`.

use std::sync::Arc;

use super::level;
use super::report::Item;
use crate::balance::{MAX_WEIGHT, Shares};
use crate::config::dynamic::http::{self as wire, WeightedChild};
use crate::config::{Files, provider_of, qualify};
use crate::service::{By, Child, Failover, Kind, Mirror, Mirroring, OnError, Service, Weighted};
use crate::sticky::cookie_name;

/// Finds a service compiled before, by its qualified name; or tells why there is none.
pub(super) type Find<'f> = dyn Fn(&str) -> Result<Arc<Service>, String> + 'f;

/// Names of the services that `service` stands on, as written.
pub(super) fn children(service: &wire::Service) -> Vec<&str> {
    let weighted = service.weighted.iter().flat_map(|weighted| &weighted.services);
    let hashed = service
        .highest_random_weight
        .iter()
        .flat_map(|hashed| &hashed.services);
    let mirroring = service.mirroring.iter().flat_map(|mirroring| {
        let mirrors = mirroring.mirrors.iter().map(|mirror| mirror.name.as_str());
        mirrors.chain([mirroring.service.as_str()])
    });
    let failover = service
        .failover
        .iter()
        .flat_map(|failover| [failover.service.as_str(), failover.fallback.as_str()]);
    weighted
        .chain(hashed)
        .map(|child| child.name.as_str())
        .chain(mirroring)
        .chain(failover)
        .collect()
}

/// Name of the cookie of a level, when it has one.
fn level_name(sticky: Option<&wire::Sticky>, service: &str) -> Option<String> {
    let cookie = sticky?.cookie.as_ref()?;
    Some(cookie_name(&cookie.name, service))
}

/// Compiles a service of services whose children are compiled already. `None`, with the reasons noted, when
/// it cannot work.
pub(super) fn compile(
    find: &Find<'_>,
    files: &dyn Files,
    name: &str,
    written: &wire::Service,
    old: Option<&Service>,
    item: &mut Item,
) -> Option<Kind> {
    let mut tree = Tree {
        find,
        files,
        name,
        provider: provider_of(name).unwrap_or_default(),
        old: old.map(Service::kind),
        item,
    };
    match written {
        wire::Service {
            weighted: Some(weighted),
            ..
        } => {
            let sticky = weighted.sticky.as_ref();
            tree.weighted("weighted", &weighted.services, By::Turn, sticky)
        }
        wire::Service {
            highest_random_weight: Some(hashed),
            ..
        } => tree.weighted("highestRandomWeight", &hashed.services, By::Client, None),
        wire::Service {
            failover: Some(failover),
            ..
        } => tree.failover(failover),
        wire::Service {
            mirroring: Some(mirroring),
            ..
        } => tree.mirroring(mirroring),
        _ => None,
    }
}

/// A service of services being compiled.
struct Tree<'a> {
    find: &'a Find<'a>,
    files: &'a dyn Files,
    name: &'a str,
    provider: &'a str,
    old: Option<&'a Kind>,
    item: &'a mut Item,
}

impl Tree<'_> {
    /// The child called `name` in the key `key`.
    fn child(&mut self, key: String, name: &str) -> Option<Arc<Service>> {
        if name.is_empty() {
            self.item.disable(key, "names no service");
            return None;
        }
        let found = (self.find)(&qualify(name, self.provider)).and_then(|service| match service.internal() {
            Some(_) => Err("piton answers it itself, only a router can lead to it".to_owned()),
            None => Ok(service),
        });
        found
            .map_err(|reason| {
                self.item
                    .disable(key, format!("building HTTP service {name:?}: {reason}"))
            })
            .ok()
    }

    fn weighted(
        &mut self,
        kind: &str,
        written: &[WeightedChild],
        by: By,
        sticky: Option<&wire::Sticky>,
    ) -> Option<Kind> {
        // Every bad child is named, not only the first.
        let children: Vec<Option<Child>> = written
            .iter()
            .enumerate()
            .map(|(index, child)| {
                let service = self.child(format!("{kind}.services[{index}].name"), &child.name)?;
                Some(Child::new(child.name.clone(), service))
            })
            .collect();
        let children = children.into_iter().collect::<Option<Vec<Child>>>()?;
        self.note_weights(kind, written);
        let weights = written.iter().map(|child| {
            let weight = child.weight.clamp(0, i64::from(MAX_WEIGHT));
            u32::try_from(weight).unwrap_or(0)
        });
        let names: Vec<String> = written.iter().map(|child| child.name.clone()).collect();
        let previous = match self.old {
            Some(Kind::Weighted(old)) => Some(old.shares()),
            _ => None,
        };
        let written_level = (kind, self.name);
        level::note_what_is_probably_not_meant(sticky, written_level, self.item);
        self.note_equal_cookies(kind, level_name(sticky, self.name), &children);
        let old_level = match self.old {
            Some(Kind::Weighted(old)) => old.level(),
            _ => None,
        };
        let level = level::compile(sticky, self.name, &names, self.files, old_level)
            .map_err(|problems| level::refuse(kind, problems, self.item))
            .ok()?;
        let shares = Shares::new(names, weights.collect(), previous);
        Some(Kind::Weighted(Box::new(Weighted::new(
            children, shares, by, level,
        ))))
    }

    /// Browsers keep one cookie of a name and path: of two levels with one name, the outer one never finds its own.
    fn note_equal_cookies(&mut self, kind: &str, name: Option<String>, children: &[Child]) {
        let Some(name) = name else {
            return;
        };
        if let Some(child) = children.iter().find(|child| child.service().has_cookie(&name)) {
            let text = format!(
                "the cookie {name:?} is also one below {:?}: the outer level will not find its sessions again",
                child.name()
            );
            self.item.warn(format!("{kind}.sticky.cookie.name"), text);
        }
    }

    fn note_weights(&mut self, kind: &str, written: &[WeightedChild]) {
        if !written.is_empty() && written.iter().all(|child| child.weight <= 0) {
            let text = "every weight is 0: new sessions will be answered 503";
            self.item.warn(format!("{kind}.services"), text);
        }
        if written.is_empty() {
            self.item
                .warn(kind, "it has no services: every request will be answered 503");
        }
        for (index, child) in written.iter().enumerate() {
            let key = format!("{kind}.services[{index}].weight");
            if child.weight < 0 {
                let text = format!("{} is below 0 and taken as 0: no new sessions", child.weight);
                self.item.warn(key, text);
            } else if child.weight > i64::from(MAX_WEIGHT) {
                let text = format!("{} is above {MAX_WEIGHT} and taken as that", child.weight);
                self.item.warn(key, text);
            }
        }
    }

    fn failover(&mut self, written: &wire::Failover) -> Option<Kind> {
        let main = self.child("failover.service".to_owned(), &written.service);
        let fallback = self.child("failover.fallback".to_owned(), &written.fallback);
        if qualify(&written.service, self.provider) == qualify(&written.fallback, self.provider) {
            self.item
                .warn("failover.fallback", "it is the service itself: there is no spare");
        }
        let on_error = match &written.errors {
            None => None,
            Some(errors) => {
                let read = OnError::new(&errors.status, errors.max_request_body_bytes);
                let read =
                    read.map_err(|error| self.item.disable("failover.errors.status", error.to_string()));
                Some(Arc::new(read.ok()?))
            }
        };
        Some(Kind::Failover(Failover::new(main?, fallback?, on_error)))
    }

    fn mirroring(&mut self, written: &wire::Mirroring) -> Option<Kind> {
        let previous = match self.old {
            Some(Kind::Mirroring(old)) => Some(old),
            _ => None,
        };
        let main = self.child("mirroring.service".to_owned(), &written.service);
        let mirrors: Vec<Option<Arc<Mirror>>> = written
            .mirrors
            .iter()
            .enumerate()
            .map(|(index, mirror)| {
                let key = |field: &str| format!("mirroring.mirrors[{index}].{field}");
                let service = self.child(key("name"), &mirror.name);
                let percent = u64::try_from(mirror.percent)
                    .ok()
                    .filter(|percent| *percent <= 100);
                if percent.is_none() {
                    let text = format!("percent must be between 0 and 100, not {}", mirror.percent);
                    self.item.disable(key("percent"), text);
                }
                if percent == Some(0) {
                    self.item.warn(key("percent"), "0 percent: nothing is copied");
                }
                let (service, percent) = (service?, percent?);
                // The first of one service goes on with the first of it, the second with the second.
                let earlier = written.mirrors.iter().take(index);
                let nth = earlier.filter(|earlier| earlier.name == mirror.name).count();
                let before = previous.and_then(|old| {
                    let mirrors = old.mirrors().iter().map(|mirror| &**mirror);
                    let mut same = mirrors.filter(|old| old.service().name() == service.name());
                    same.nth(nth)
                });
                let max_body = u64::try_from(written.max_body_size).ok();
                let body = written.mirror_body.then_some(max_body);
                Some(Arc::new(Mirror::new(service, percent, body, before)))
            })
            .collect();
        let mirrors = mirrors.into_iter().collect::<Option<Vec<_>>>();
        Some(Kind::Mirroring(Mirroring::new(main?, mirrors?, previous)))
    }
}
