//! Everything a request is led by, of one age.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::routers::Compiled;
use super::services::Broken;
use super::{Ground, Merged, Report, Table};
use crate::balance::{Server, ServerState};
use crate::config::{Named, Remarks};
use crate::rule::Rule;
use crate::service::Service;

/// One compiled configuration. Swapped whole by one pointer; a request pins the one it started with.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Counts the configurations published by this process, from 1.
    pub generation: u64,
    /// Routes of each entry point, in the order the entry points were handed to `compile`.
    pub tables: Box<[Table]>,
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
    pub(super) merged: Merged,
    pub(super) ground: Option<Ground>,
    pub(super) broken: Named<Broken>,
    pub(super) restless: Named<()>,
    pub(super) routers: Named<Compiled>,
    pub(super) idle: Named<Option<Arc<str>>>,
    pub(super) rules: Arc<Rules>,
}

/// Compiled rules by text: many routers of generated configurations share one.
pub(super) type Rules = HashMap<Arc<str>, Arc<Rule>, RandomState>;

impl Snapshot {
    /// The service called `name`, at work or retired: where live state is found.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.get(name).or_else(|| self.retired.get(name))
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
