//! Everything a request is led by, of one age.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::router_tls::{Handshakes, table_of};
use super::routers::Compiled;
use super::services::Broken;
use super::{Ground, Merged, Report, Table};
use crate::balance::{Server, ServerState};
use crate::config::{Named, Remarks};
use crate::middleware::{Chain, Step};
use crate::rule::Rule;
use crate::service::Service;
use crate::tls::{DEFAULT, Options, Tls};

/// One compiled configuration. Swapped whole by one pointer; a request pins the one it started with.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Counts the configurations published by this process, from 1.
    pub generation: u64,
    /// Certificates and handshakes.
    pub tls: Arc<Tls>,
    /// All services that work, by qualified name, in use or not.
    pub services: Named<Service>,
    /// Services that a mistake keeps from working now: what is known of their servers waits here for the
    /// configuration that mends it.
    pub retired: Named<Service>,
    /// What became of every item.
    pub report: Report,
    /// How many servers its services have.
    pub servers: usize,
    // What the next configuration is compared with; see `compile`.
    /// Of each entry point two, the one without TLS first.
    pub(super) tables: Box<[Table]>,
    pub(super) handshakes: Handshakes,
    pub(super) merged: Merged,
    pub(super) ground: Option<Ground>,
    pub(super) broken: Named<Broken>,
    pub(super) restless: Named<()>,
    pub(super) routers: Named<Compiled>,
    pub(super) idle: Named<Option<Arc<str>>>,
    pub(super) rules: Arc<Rules>,
    pub(super) steps: Named<Step>,
    pub(super) chains: Named<Chain>,
    pub(super) broken_middlewares: Named<String>,
}

/// Compiled rules by text: many routers of generated configurations share one.
pub(super) type Rules = HashMap<Arc<str>, Arc<Rule>, RandomState>;

impl Snapshot {
    /// The routes of connections, with TLS or without, of an entry point: by its place among those handed to `compile`.
    #[must_use]
    pub fn table(&self, entry_point: usize, is_tls: bool) -> Option<&Table> {
        self.tables.get(table_of(entry_point, is_tls))
    }

    /// Name of the options under which an entry point serves a host in canonical form.
    #[must_use]
    pub fn options_of(&self, entry_point: usize, host: &str) -> &str {
        let hosts = self.handshakes.hosts.get(entry_point);
        hosts.map_or(DEFAULT, |hosts| hosts.options_of(host))
    }

    /// The options for a handshake of a client that wants this host, or does not say; `None` when it must not happen.
    #[must_use]
    pub fn handshake(&self, entry_point: usize, host: Option<&str>) -> Option<&Arc<Options>> {
        self.tls
            .options(self.options_of(entry_point, host.unwrap_or_default()))
    }

    /// The service called `name`, at work or retired: where live state is found.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.get(name).or_else(|| self.retired.get(name))
    }

    /// What was written, of all providers.
    #[must_use]
    pub fn merged(&self) -> &Merged {
        &self.merged
    }

    /// Names of the entry points that the router called `name` is on.
    #[must_use]
    pub fn entry_points_of(&self, name: &str) -> Vec<&str> {
        let all = self
            .ground
            .as_ref()
            .map_or(&[][..], |ground| &ground.entry_points);
        let router = self.routers.get(name).into_iter();
        let numbers = router.flat_map(|router| router.entry_points());
        let mut names: Vec<&str> = numbers
            .filter_map(|number| Some(all.get(number)?.name.as_str()))
            .collect();
        names.dedup();
        names
    }

    /// Names of the routers at work that lead to each service.
    #[must_use]
    pub fn users(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, router) in self.routers.iter() {
            users.entry(router.service()).or_default().push(name);
        }
        users
    }

    /// The same, with other remarks of providers.
    #[must_use]
    pub fn saying(mut self, remarks: BTreeMap<String, Remarks>) -> Self {
        self.report.remarks = remarks;
        self
    }

    /// Retires the servers that `previous` has and this one has not: requests that began under `previous` go
    /// elsewhere, even in the middle of connecting. For the one who published this snapshot.
    pub fn retire_those_it_lacks(&self, previous: &Self) {
        let at_work = previous.services.replacements(&self.services);
        let retired = previous.retired.replacements(&self.retired);
        let replaced = at_work
            .chain(retired)
            .filter_map(|replacement| Some((replacement.name(), replacement.before()?)));
        for (name, old) in replaced {
            let states: HashSet<*const ServerState> = self
                .service(name)
                .into_iter()
                .flat_map(servers)
                .map(|server| Arc::as_ptr(server.state()))
                .collect();
            for server in servers(old) {
                if !states.contains(&Arc::as_ptr(server.state())) {
                    server.state().retire();
                }
            }
        }
    }
}

fn servers(service: &Arc<Service>) -> &[Arc<Server>] {
    service.servers().map_or(&[], |servers| servers.pool.servers())
}
