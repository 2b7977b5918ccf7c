//! All routers of a configuration: each compiled when it, or what it leads to, is another than before (traefik-core 4).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::middlewares::Middlewares;
use super::report::{Item, Status};
use super::router_tls::{self, Handshakes, Place, table_of};
use super::services::Services;
use super::snapshot::Rules;
use super::{EntryPointSpec, Ground, Merged, Observes, Route, Snapshot, Table};
use crate::config::dynamic::http::{self as wire, Router};
use crate::config::{Named, provider_of, qualify};
use crate::middleware::{Chain, MAX_STEPS, Step};
use crate::rule::{Rule, default_priority};
use crate::service::{INTERNAL, Service};
use crate::tls::Tls;

/// Priorities above this are kept for piton's own routers (traefik-core 4.1).
const MAX_PRIORITY: i64 = i64::MAX - 1000;

/// A router that works.
#[derive(Debug, PartialEq)]
pub(super) struct Compiled {
    priority: i64,
    /// Rank of its provider among those of equal priority.
    precedence: usize,
    /// Where it is found.
    places: Box<[Place]>,
    /// What happens to requests, by the number of the entry point that they come by.
    chains: BTreeMap<usize, Arc<Chain>>,
    /// Its rule as written.
    text: Arc<str>,
    rule: SameRule,
    /// Qualified name of its service.
    service: Arc<str>,
    observes: Observes,
}

impl Compiled {
    /// Numbers of its entry points.
    pub(super) fn entry_points(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|place| place.entry_point)
    }

    /// Qualified name of its service.
    pub(super) fn service(&self) -> &str {
        &self.service
    }
}

/// A router on one entry point: its name, itself, its service, what happens on the way.
type Way<'a> = (&'a Arc<str>, &'a Compiled, &'a Arc<Service>, &'a Place);

/// A compiled rule; what was parsed twice is not the same.
#[derive(Debug, Clone)]
struct SameRule(Arc<Rule>);

impl PartialEq for SameRule {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// All routers, compiled.
#[derive(Default)]
pub(super) struct Routers {
    /// Those that work.
    pub(super) at_work: Named<Compiled>,
    /// The services of the others, where those work.
    pub(super) idle: Named<Option<Arc<str>>>,
    /// What became of each.
    pub(super) report: Named<Item>,
    /// Rules in use, by text.
    pub(super) rules: Arc<Rules>,
    /// Two tables for each entry point.
    pub(super) tables: Box<[Table]>,
    /// What they say about handshakes.
    pub(super) handshakes: Handshakes,
}

impl Routers {
    /// Compiles what is another than in `known`.
    pub(super) fn compile(
        merged: &Merged,
        ground: &Ground,
        services: &Services,
        middlewares: &Middlewares,
        tls: &Tls,
        known: Option<&Snapshot>,
    ) -> Self {
        // Which options of TLS there are, and the tie-break, may matter to every router.
        let known = known.filter(|known| {
            known.merged.precedence == merged.precedence && known.tls.has_the_same_options_as(tls)
        });
        let mut routers = known.map_or_else(Self::default, |known| Self {
            at_work: known.routers.clone(),
            idle: known.idle.clone(),
            report: known.report.routers.clone(),
            rules: Arc::clone(&known.rules),
            tables: Box::default(),
            handshakes: known.handshakes.clone(),
        });
        let before = routers.at_work.clone();
        let mut compiler = Compiler {
            entry_points: &ground.entry_points,
            services,
            middlewares,
            tls,
            merged,
            rules: &routers.rules,
            new_rules: HashMap::new(),
        };
        for name in compiler.suspects(known) {
            routers.at_work.remove(&name);
            routers.idle.remove(&name);
            routers.report.remove(&name);
            let Some(router) = merged.routers.get(&name) else {
                continue;
            };
            let mut item = Item::default();
            match (compiler.compile(&name, router, &mut item), before.get(&name)) {
                (Ok(compiled), Some(old)) if **old == compiled => {
                    routers.at_work.insert(Arc::clone(&name), Arc::clone(old));
                }
                (Ok(compiled), _) => routers.at_work.insert(Arc::clone(&name), compiled),
                (Err(service), _) => routers.idle.insert(Arc::clone(&name), service),
            }
            routers.report.insert(name, item);
        }
        let is_reshaped = before.replacements(&routers.at_work).next().is_some();
        routers.tables = match known.filter(|_| !is_reshaped) {
            Some(known) => {
                let tables = known.tables.iter();
                tables
                    .map(|table| table.redirected(|service| services.successor(service)))
                    .collect()
            }
            None => {
                let rules = routers.at_work.values();
                let rules = rules.map(|router| (Arc::clone(&router.text), Arc::clone(&router.rule.0)));
                routers.rules = Arc::new(rules.collect());
                let listed = routers.at_work.iter();
                let listed = listed.map(|(name, router)| (name, &*router.rule.0, &*router.places));
                routers.handshakes = Handshakes::new(listed, &ground.entry_points, tls);
                routers.tables(&ground.entry_points, services)
            }
        };
        routers.report_exposed();
        routers
    }

    /// Says of those that are kept from being served that they are.
    fn report_exposed(&mut self) {
        for name in self.handshakes.exposed.iter() {
            let mut item = self
                .report
                .get(name)
                .map(|item| (**item).clone())
                .unwrap_or_default();
            let text = "it demands certificates of clients, and another router wants the same host under other \
                        options: they would not be asked for";
            item.disable("tls.options", text);
            self.report.insert(Arc::clone(name), item);
        }
    }

    /// Tables in order of priority, then provider precedence, then name, so that two replicas agree.
    /// Every entry point has two, if only empty ones.
    fn tables(&self, entry_points: &[EntryPointSpec], services: &Services) -> Box<[Table]> {
        let table = |number: usize| {
            let all = self.at_work.iter();
            let mut here: Vec<Way<'_>> = all
                .filter(|(name, _)| self.handshakes.protect(name))
                .filter_map(|(name, router)| {
                    let mut places = router.places.iter();
                    let place = places.find(|place| place.table() == number)?;
                    Some((name, &**router, services.enabled.get(&router.service)?, place))
                })
                .collect();
            // By name they are already.
            here.sort_by_key(|(_, router, ..)| (Reverse(router.priority), router.precedence));
            Table::new(here.into_iter().map(|(name, router, service, place)| {
                let route = Route {
                    name: Arc::clone(name),
                    service: Arc::clone(service),
                    options: place.options.clone(),
                    chain: router.chains.get(&place.entry_point).cloned().unwrap_or_default(),
                    observes: router.observes,
                };
                (Arc::clone(&router.rule.0), route)
            }))
        };
        (0..table_of(entry_points.len(), false)).map(table).collect()
    }
}

struct Compiler<'a> {
    entry_points: &'a [EntryPointSpec],
    services: &'a Services,
    middlewares: &'a Middlewares,
    tls: &'a Tls,
    merged: &'a Merged,
    rules: &'a Rules,
    new_rules: HashMap<&'a str, Arc<Rule>>,
}

impl<'a> Compiler<'a> {
    /// Names of the routers that may be others than in `known`.
    fn suspects(&self, known: Option<&Snapshot>) -> BTreeSet<Arc<str>> {
        let Some(known) = known else {
            let all = self.merged.routers.iter();
            return all.map(|(name, _)| Arc::clone(name)).collect();
        };
        let written = known.merged.routers.differences(&self.merged.routers);
        let mut suspects: BTreeSet<Arc<str>> =
            written.map(|difference| Arc::clone(difference.name())).collect();
        let has_service = |service: &Arc<str>| self.services.enabled.contains_key(service);
        let unsure = known
            .idle
            .iter()
            .filter(|(_, service)| !service.as_ref().as_ref().is_some_and(has_service));
        suspects.extend(unsure.map(|(name, _)| Arc::clone(name)));
        suspects.extend(self.through_others(known));
        suspects.extend(known.handshakes.exposed.iter().cloned());
        if self.services.lost.is_empty() {
            return suspects;
        }
        for route in known.tables.iter().flat_map(Table::routes) {
            if self.services.lost.contains(&Arc::as_ptr(&route.service)) {
                suspects.insert(Arc::clone(&route.name));
            }
        }
        suspects
    }

    /// Routers whose requests go through other middlewares than in `known`.
    fn through_others(&self, known: &Snapshot) -> Vec<Arc<str>> {
        let services = known.merged.services.differences(&self.merged.services);
        let list = |service: Option<&'a Arc<wire::Service>>| service.map_or(&[][..], |it| &it.middlewares);
        let rewritten: BTreeSet<&str> = services
            .filter(|difference| {
                let before = difference.before().map_or(&[][..], |it| &it.middlewares);
                before != list(self.merged.services.get(difference.name()))
            })
            .map(|difference| &**difference.name())
            .collect();
        let changed = &self.middlewares.changed;
        if changed.is_empty() && rewritten.is_empty() {
            return Vec::new();
        }
        let is_through = |name: &str, router: &Router| {
            let provider = provider_of(name).unwrap_or_default();
            let of_entry_points = self.entry_points.iter().flat_map(|it| &it.middlewares);
            let mut of_entry_points = of_entry_points.map(|written| qualify(written, provider));
            let mut own = own_middlewares(self.merged, name, router);
            let service = qualify(&router.service, provider);
            rewritten.contains(service.as_str())
                || own.any(|name| changed.contains(name.as_str()))
                || of_entry_points.any(|name| changed.contains(name.as_str()))
        };
        let routers = self.merged.routers.iter();
        let through = routers.filter(|(name, router)| is_through(name, router));
        through.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// What the router is.
    ///
    /// # Errors
    /// The service that it would lead to, if that works, when it does not work itself; why is noted in `item`.
    fn compile(
        &mut self,
        name: &str,
        router: &'a Router,
        item: &mut Item,
    ) -> Result<Compiled, Option<Arc<str>>> {
        let priority = priority(name, router, item);
        let chains = self.entry_points_of(name, router, item);
        let wanted = chains.keys().copied().collect();
        let places = router_tls::places(name, router, wanted, self.entry_points, self.tls, item);
        refuse_unsupported(router, item);
        let rule = self.rule(router, item);
        if let Some(rule) = &rule {
            router_tls::judge_hosts(rule, &places, self.tls, item);
        }
        let service = self.service(name, router, item);
        let (Some(rule), Some(service)) = (rule, service.clone()) else {
            return Err(service);
        };
        if item.status() == Status::Disabled {
            return Err(Some(service));
        }
        let provider = provider_of(name).unwrap_or_default();
        let precedence = self.merged.precedence.iter().position(|p| p == provider);
        Ok(Compiled {
            priority,
            precedence: precedence.unwrap_or(usize::MAX),
            places,
            chains,
            text: router.rule.as_str().into(),
            rule: SameRule(rule),
            service,
            observes: Observes::of(router.observability.as_ref()),
        })
    }

    /// Numbers of the named entry points that exist, or of the default ones (traefik-core 4.5), without those that a
    /// router cannot safely be on.
    fn entry_points_of(&self, name: &str, router: &Router, item: &mut Item) -> BTreeMap<usize, Arc<Chain>> {
        let all = self.entry_points;
        let mut wanted = BTreeSet::new();
        if router.entry_points.is_empty() {
            wanted.extend((0..all.len()).filter(|&number| all.get(number).is_some_and(|it| it.is_default)));
        }
        for name in &router.entry_points {
            match all.iter().position(|entry_point| entry_point.name == *name) {
                Some(known) => drop(wanted.insert(known)),
                None => item.warn("entryPoints", format!("entryPoint {name:?} doesn't exist")),
            }
        }
        let own = self.own_steps(name, router, item);
        let chains: BTreeMap<_, _> = wanted
            .into_iter()
            .filter_map(|number| Some((number, self.chain(name, all.get(number)?, &own, item)?)))
            .collect();
        if chains.is_empty() {
            item.disable("entryPoints", "no valid entryPoint for this router");
        }
        chains
    }

    /// Steps of the router's middlewares, and of its service's. Leaving out one that cannot be used could open a route
    /// that was meant to be closed, so the router is disabled then.
    fn own_steps(&self, name: &str, router: &Router, item: &mut Item) -> Vec<Arc<Step>> {
        let mut steps = Vec::new();
        for name in own_middlewares(self.merged, name, router) {
            match self.middlewares.get(&name) {
                Ok(chain) => steps.extend(chain.steps().iter().cloned()),
                Err(reason) => item.disable("middlewares", reason),
            }
        }
        if steps.len() > MAX_STEPS {
            item.disable("middlewares", format!("it has more than {MAX_STEPS} middlewares"));
        }
        steps
    }

    /// What happens to requests on `entry_point`; `None` where the router cannot be, since what the entry point puts
    /// before it cannot be used.
    fn chain(
        &self,
        name: &str,
        entry_point: &EntryPointSpec,
        own: &[Arc<Step>],
        item: &mut Item,
    ) -> Option<Arc<Chain>> {
        let mut steps = entry_point.guard.steps().to_vec();
        let provider = provider_of(name).unwrap_or_default();
        for written in &entry_point.middlewares {
            match self.middlewares.get(&qualify(written, provider)) {
                Ok(chain) => steps.extend(chain.steps().iter().cloned()),
                Err(reason) => {
                    let at = &entry_point.name;
                    item.warn("entryPoints", format!("not on entryPoint {at:?}: its {reason}"));
                    return None;
                }
            }
        }
        steps.extend(own.iter().cloned());
        Some(Arc::new(Chain::new(steps)))
    }

    fn rule(&mut self, router: &'a Router, item: &mut Item) -> Option<Arc<Rule>> {
        let text = router.rule.as_str();
        if let Some(rule) = self.rules.get(text).or_else(|| self.new_rules.get(text)) {
            return Some(Arc::clone(rule));
        }
        match Rule::parse(text) {
            Ok(rule) => {
                let rule = Arc::new(rule);
                self.new_rules.insert(text, Arc::clone(&rule));
                Some(rule)
            }
            Err(error) => {
                item.disable("rule", format!("error while parsing rule {text:?}: {error}"));
                None
            }
        }
    }

    /// Qualified name of its service, if that works.
    fn service(&self, name: &str, router: &Router, item: &mut Item) -> Option<Arc<str>> {
        if router.service.is_empty() {
            item.disable("", "the router names no service");
            return None;
        }
        let qualified = qualify(&router.service, provider_of(name).unwrap_or_default());
        match self.services.get_key_value(&qualified) {
            Ok((name, _)) => Some(Arc::clone(name)),
            Err(reason) => {
                item.disable("service", reason);
                None
            }
        }
    }
}

fn priority(name: &str, router: &Router, item: &mut Item) -> i64 {
    if router.priority > MAX_PRIORITY && provider_of(name) != Some(INTERNAL) {
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

/// Qualified names of the middlewares that a router names, and of those that its service does.
fn own_middlewares<'r>(
    merged: &'r Merged,
    name: &'r str,
    router: &'r Router,
) -> impl Iterator<Item = String> + 'r {
    let provider = provider_of(name).unwrap_or_default();
    let service = qualify(&router.service, provider);
    let of_service = merged.services.get_key_value(&service).into_iter();
    let of_service = of_service.flat_map(|(service, written)| {
        let provider = provider_of(service).unwrap_or_default();
        written
            .middlewares
            .iter()
            .map(move |written| qualify(written, provider))
    });
    let own = router
        .middlewares
        .iter()
        .map(move |written| qualify(written, provider));
    own.chain(of_service)
}

/// Disables a router that needs what piton does not have: leaving it out could open a route that was meant to be
/// closed.
fn refuse_unsupported(router: &Router, item: &mut Item) {
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
