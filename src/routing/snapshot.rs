//! Everything a request is led by, of one age.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Report, Table};
use crate::balance::{Server, ServerState};
use crate::config::Named;
use crate::rule::Rule;
use crate::service::Service;

/// One compiled configuration. Swapped whole by one pointer; a request pins the one it started with.
#[derive(Debug, Default)]
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
    /// Compiled rules by text, for the routers of the next snapshot: most stay as they are.
    pub(super) rules: Rules,
    /// What became of every item.
    pub report: Report,
}

/// Compiled rules by text: many routers of generated configurations share one.
pub(super) type Rules = HashMap<Arc<str>, Arc<Rule>, RandomState>;

impl Snapshot {
    /// The service called `name`, at work or retired: where live state is found.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.get(name).or_else(|| self.retired.get(name))
    }

    /// Retires the servers that `previous` has and this one has not: requests that began under `previous` go
    /// elsewhere, even in the middle of connecting. For the one who published this snapshot.
    pub fn retire_those_it_lacks(&self, previous: &Self) {
        let kept: HashSet<*const Service> = self.all().map(|(_, service)| Arc::as_ptr(service)).collect();
        for (name, old) in previous
            .all()
            .filter(|(_, old)| !kept.contains(&Arc::as_ptr(old)))
        {
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

    /// How many servers its services have.
    #[must_use]
    pub fn count_servers(&self) -> usize {
        self.services.values().map(|service| servers(service).len()).sum()
    }

    /// Services at work and retired ones.
    fn all(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Service>)> {
        self.services.iter().chain(self.retired.iter())
    }
}

fn servers(service: &Arc<Service>) -> &[Arc<Server>] {
    service.servers().map_or(&[], |servers| servers.pool.servers())
}
