//! Merged configuration -> snapshot: routers (traefik-core 4).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::report::{Item, Report, Status};
use super::services::Services;
use super::snapshot::Rules;
use super::{Merged, Route, Snapshot, Table};
use crate::balance::Micros;
use crate::config::dynamic::http::Router;
use crate::config::{Files, NoFiles, provider_of, qualify};
use crate::rule::{Rule, default_priority};
use crate::service::Service;
use crate::upstream::Transport;

/// Priorities above this are kept for piton's own routers (traefik-core 4.1).
const MAX_PRIORITY: i64 = i64::MAX - 1000;

/// What routing needs to know of an entry point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPointSpec {
    /// Its name.
    pub name: String,
    /// Is it one of those that routers without `entryPoints` get?
    pub is_default: bool,
    /// What is written for it that every router on it would need and piton does not have: no router is put
    /// there, since it would run without.
    pub unsupported: Vec<String>,
}

/// What every configuration is compiled against.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The entry points, in the order of their numbers.
    pub entry_points: Vec<EntryPointSpec>,
    /// Transport of services that name none.
    pub transport: Transport,
    /// Files that the configuration may name.
    pub files: Arc<dyn Files>,
}

impl Ground {
    /// Entry points, and nothing else that was written: the default transport, no files.
    #[must_use]
    pub fn bare(entry_points: Vec<EntryPointSpec>) -> Self {
        Self {
            entry_points,
            transport: Transport::default(),
            files: Arc::new(NoFiles),
        }
    }
}

/// Compiles `merged` at the time `now`, taking over services and states from `previous` where they stay the
/// same.
#[must_use]
pub fn compile(merged: &Merged, ground: &Ground, now: Micros, previous: &Snapshot) -> Snapshot {
    let mut report = Report {
        notes: merged.unsupported.values().flatten().cloned().collect(),
        ..Report::default()
    };
    let services = Services::compile(merged, ground, now, previous, &mut report);
    let mut routers = Routers {
        entry_points: &ground.entry_points,
        services: &services,
        merged,
        rules: Rules::default(),
        old_rules: &previous.rules,
        by_entry_point: BTreeMap::new(),
    };
    for (name, router) in merged.routers.iter() {
        let mut item = Item::default();
        routers.add(name, router, &mut item);
        report.routers.insert(Arc::clone(name), item);
    }
    let (tables, rules) = routers.into_tables();
    Snapshot {
        rules,
        generation: previous.generation + 1,
        tables,
        retired: services.retired(previous),
        services: services.into_enabled(),
        report,
    }
}

/// A route with what orders it.
struct Ranked {
    priority: i64,
    precedence: usize,
    route: Route,
}

struct Routers<'a> {
    entry_points: &'a [EntryPointSpec],
    services: &'a Services,
    merged: &'a Merged,
    rules: Rules,
    old_rules: &'a Rules,
    by_entry_point: BTreeMap<&'a str, Vec<Ranked>>,
}

impl<'a> Routers<'a> {
    /// Adds a router to its entry points, or notes in `item` why not.
    fn add(&mut self, name: &str, router: &'a Router, item: &mut Item) {
        let priority = self.priority(router, item);
        let entry_points = self.entry_points_of(router, item);
        refuse_unsupported(name, router, self.merged, item);
        let rule = self.rule(router, item);
        let service = self.service(name, router, item);
        let (Some(rule), Some(service)) = (rule, service) else {
            return;
        };
        if item.status() == Status::Disabled {
            return;
        }
        let route = Route {
            name: name.into(),
            rule,
            service,
        };
        let provider = provider_of(name).unwrap_or_default();
        let precedence = self.merged.precedence.iter().position(|p| p == provider);
        for entry_point in entry_points {
            self.by_entry_point.entry(entry_point).or_default().push(Ranked {
                priority,
                precedence: precedence.unwrap_or(usize::MAX),
                route: route.clone(),
            });
        }
    }

    fn priority(&self, router: &Router, item: &mut Item) -> i64 {
        if router.priority > MAX_PRIORITY {
            item.disable(
                "priority",
                format!(
                    "the router priority {} exceeds the max user-defined priority {MAX_PRIORITY}",
                    router.priority
                ),
            );
        }
        match router.priority {
            0 => default_priority(&router.rule),
            written => written,
        }
    }

    /// The named entry points that exist, or the default ones (traefik-core 4.5), without those that a router
    /// cannot safely be on.
    fn entry_points_of(&self, router: &Router, item: &mut Item) -> Vec<&'a str> {
        let all = self.entry_points;
        let mut wanted: Vec<&EntryPointSpec> = Vec::new();
        if router.entry_points.is_empty() {
            wanted.extend(all.iter().filter(|entry_point| entry_point.is_default));
        }
        for name in &router.entry_points {
            match all.iter().find(|entry_point| entry_point.name == *name) {
                Some(known) => wanted.push(known),
                None => item.warn("entryPoints", format!("entryPoint {name:?} doesn't exist")),
            }
        }
        let mut found: Vec<&str> = Vec::new();
        for entry_point in wanted {
            match entry_point.unsupported.first() {
                None => found.push(&entry_point.name),
                Some(key) => item.warn(
                    "entryPoints",
                    format!(
                        "not on entryPoint {:?}: its {key} is not supported yet",
                        entry_point.name
                    ),
                ),
            }
        }
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            item.disable("entryPoints", "no valid entryPoint for this router");
        }
        found
    }

    fn rule(&mut self, router: &'a Router, item: &mut Item) -> Option<Arc<Rule>> {
        if let Some(rule) = self.rules.get(router.rule.as_str()) {
            return Some(Arc::clone(rule));
        }
        if let Some((text, rule)) = self.old_rules.get_key_value(router.rule.as_str()) {
            self.rules.insert(Arc::clone(text), Arc::clone(rule));
            return Some(Arc::clone(rule));
        }
        match Rule::parse(&router.rule) {
            Ok(rule) => {
                let rule = Arc::new(rule);
                self.rules.insert(router.rule.as_str().into(), Arc::clone(&rule));
                Some(rule)
            }
            Err(error) => {
                item.disable(
                    "rule",
                    format!("error while parsing rule {:?}: {error}", router.rule),
                );
                None
            }
        }
    }

    fn service(&self, name: &str, router: &Router, item: &mut Item) -> Option<Arc<Service>> {
        if router.service.is_empty() {
            item.disable("", "the router names no service");
            return None;
        }
        let qualified = qualify(&router.service, provider_of(name).unwrap_or_default());
        match self.services.get(&qualified) {
            Ok(service) => Some(service),
            Err(reason) => {
                item.disable("service", reason);
                None
            }
        }
    }

    /// Tables in order of priority, then provider precedence, then name, so that two replicas agree.
    /// Every entry point has one, if only an empty one.
    fn into_tables(mut self) -> (Box<[Table]>, Rules) {
        let table = |mut ranked: Vec<Ranked>| {
            ranked.sort_by(|a, b| {
                let key = |r: &Ranked| (Reverse(r.priority), r.precedence);
                key(a).cmp(&key(b)).then_with(|| a.route.name.cmp(&b.route.name))
            });
            Table::new(ranked.into_iter().map(|ranked| ranked.route).collect())
        };
        let tables = self.entry_points.iter().map(|entry_point| {
            let ranked = self.by_entry_point.remove(entry_point.name.as_str());
            table(ranked.unwrap_or_default())
        });
        (tables.collect(), self.rules)
    }
}

/// Disables a router that needs what piton does not have: leaving an unknown middleware out could open
/// a route that was meant to be closed.
fn refuse_unsupported(name: &str, router: &Router, merged: &Merged, item: &mut Item) {
    let provider = provider_of(name).unwrap_or_default();
    for middleware in &router.middlewares {
        let qualified = qualify(middleware, provider);
        if merged.middlewares.contains_key(&qualified) {
            item.disable(
                "middlewares",
                format!("middleware {qualified:?}: middlewares are not supported yet"),
            );
        } else {
            item.disable("middlewares", format!("middleware {qualified:?} does not exist"));
        }
    }
    if router.tls.is_some() {
        item.disable("tls", "TLS on entry points is not supported yet");
    }
    if !router.parent_refs.is_empty() {
        item.disable("parentRefs", "nested routers are not supported yet");
    }
    match router.rule_syntax.as_str() {
        "" | "v3" | "default" => {}
        other => item.disable(
            "ruleSyntax",
            format!("ruleSyntax {other:?} is not supported; write the rule in v3 syntax"),
        ),
    }
}
