//! `tls` of routers: on which entry points a router serves TLS, and under which options (traefik-core 4.5).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::EntryPointSpec;
use super::report::Item;
use crate::config::dynamic::http::{Router, RouterTls};
use crate::config::{Named, provider_of, qualify};
use crate::rule::{HostPattern, HostSet, Rule};
use crate::tls::{Conflict, DEFAULT, Hosts, Tls};

/// Where a router is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the entry point.
    pub(super) entry_point: usize,
    /// Name of the options of its handshakes; `None` for connections without TLS.
    pub(super) options: Option<Arc<str>>,
}

impl Place {
    /// Its table among those of all entry points: of each, the one without TLS first.
    pub(super) const fn table(&self) -> usize {
        table_of(self.entry_point, self.options.is_some())
    }
}

/// Number of the table of an entry point.
pub(super) const fn table_of(entry_point: usize, is_tls: bool) -> usize {
    entry_point * 2 + is_tls as usize
}

/// Where the router called `name` is found of the entry points `wanted`: on TLS where it says so, or where it says
/// nothing and the entry point does. Under options that cannot be used it is nowhere.
pub(super) fn places(
    name: &str,
    router: &Router,
    wanted: BTreeSet<usize>,
    all: &[EntryPointSpec],
    tls: &Tls,
    item: &mut Item,
) -> Box<[Place]> {
    if let Some(own) = router.tls.as_ref() {
        if !own.cert_resolver.is_empty() {
            let text =
                "certificate resolvers are not supported: it is served with the certificates there are";
            item.warn("tls.certResolver", text);
        }
        let provider = provider_of(name).unwrap_or_default();
        let options = options_of(own, provider);
        return match tls.usable(&options) {
            Ok(_) => wanted
                .into_iter()
                .map(|entry_point| Place {
                    entry_point,
                    options: Some(Arc::clone(&options)),
                })
                .collect(),
            Err(reason) => {
                item.disable("tls.options", reason);
                Box::default()
            }
        };
    }
    let had_any = !wanted.is_empty();
    let mut places = Vec::with_capacity(wanted.len());
    for entry_point in wanted {
        let Some(spec) = all.get(entry_point) else {
            continue;
        };
        // No provider stands behind a static file: a name needs its own.
        let options = spec.tls.as_ref().map(|written| options_of(written, "internal"));
        match options.as_ref().map(|options| tls.usable(options)) {
            Some(Err(reason)) => {
                let text = format!(
                    "not on entryPoint {:?}, whose http.tls.options: {reason}",
                    spec.name
                );
                item.warn("entryPoints", text);
            }
            _ => places.push(Place { entry_point, options }),
        }
    }
    if places.is_empty() && had_any {
        item.disable("entryPoints", "no valid entryPoint for this router");
    }
    places.into()
}

fn options_of(written: &RouterTls, provider: &str) -> Arc<str> {
    match written.options.as_str() {
        "" | DEFAULT => DEFAULT.into(),
        name => qualify(name, provider).into(),
    }
}

/// Options are chosen by the host that a client names in its handshake. A router for any host cannot have its own: as in
/// Traefik it is served under whatever was chosen, but not where that would let in whom it keeps out.
pub(super) fn judge_hosts(rule: &Rule, places: &[Place], tls: &Tls, item: &mut Item) {
    if rule.hosts() != HostSet::Any {
        return;
    }
    let named = places.iter().filter_map(|place| place.options.as_ref());
    let named: BTreeSet<&Arc<str>> = named.filter(|options| ***options != *DEFAULT).collect();
    for options in named {
        let is_demanding = tls.options(options).is_some_and(|it| it.demand_certificates());
        if is_demanding {
            let text = format!(
                "the rule names no host, and options are chosen by host: the certificates that {options} demands of \
                 clients would not be asked for; add Host(...)"
            );
            item.disable("tls.options", text);
        } else {
            let text = format!(
                "the rule names no host, and options are chosen by host: {options} has no effect; add Host(...)"
            );
            item.warn("tls.options", text);
        }
    }
}

/// What all routers together say about hosts and options.
#[derive(Debug, Clone, Default)]
pub(super) struct Handshakes {
    /// By number of the entry point.
    pub(super) hosts: Arc<[Hosts]>,
    /// What they do not agree about, as items of the report.
    pub(super) conflicts: Named<Item>,
    /// Routers that demand certificates of clients who would not be asked for any, because another router wants the
    /// same host under other options.
    pub(super) exposed: Arc<HashSet<Arc<str>>>,
}

/// A router: its name, its rule, where it is found.
pub(super) type Listed<'r> = (&'r Arc<str>, &'r Rule, &'r [Place]);

impl Handshakes {
    pub(super) fn new<'r>(
        routers: impl Iterator<Item = Listed<'r>>,
        all: &[EntryPointSpec],
        tls: &Tls,
    ) -> Self {
        let mut conflicts = Named::new();
        let mut exposed = HashSet::new();
        let on_tls = routers.filter(|(.., places)| places.iter().any(|place| place.options.is_some()));
        let on_tls: Vec<(&Arc<str>, Vec<HostPattern>, &[Place])> = on_tls
            .map(|(name, rule, places)| (name, hosts_of(rule), places))
            .collect();
        let hosts = all.iter().enumerate().map(|(number, spec)| {
            let here = || {
                on_tls.iter().filter_map(move |(name, hosts, places)| {
                    let place = places.iter().find(|place| place.entry_point == number)?;
                    Some((*name, hosts, place.options.as_ref()?))
                })
            };
            let wishes = here().flat_map(|(_, hosts, options)| hosts.iter().map(move |host| (host, options)));
            let (hosts, found) = Hosts::new(wishes);
            let is_disputed = |host: &HostPattern| found.iter().any(|conflict| conflict.is_about(host));
            exposed.extend(here().filter_map(|(name, hosts, options)| {
                let is_demanding = tls.options(options).is_some_and(|it| it.demand_certificates());
                (is_demanding && hosts.iter().any(is_disputed)).then(|| Arc::clone(name))
            }));
            for Conflict { host, options } in &found {
                let mut item = Item::default();
                let text = format!(
                    "routers on entryPoint {:?} want it under different TLS options ({}): the default ones are used",
                    spec.name,
                    options.join(", ")
                );
                item.warn("", text);
                conflicts.insert(format!("host {host} ({})", spec.name), item);
            }
            hosts
        });
        Self {
            hosts: hosts.collect(),
            conflicts,
            exposed: Arc::new(exposed),
        }
    }

    /// May the router be served?
    pub(super) fn protect(&self, router: &Arc<str>) -> bool {
        !self.exposed.contains(router)
    }
}

fn hosts_of(rule: &Rule) -> Vec<HostPattern> {
    match rule.hosts() {
        HostSet::Any => Vec::new(),
        HostSet::Only(patterns) => patterns,
    }
}
