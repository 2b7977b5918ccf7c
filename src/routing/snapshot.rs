//! Everything a request is led by, of one age.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::{Report, Table};
use crate::balance::ServerState;
use crate::service::Service;

/// One compiled configuration. Swapped whole by one pointer; a request pins the one it started with.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Counts the configurations published by this process, from 1.
    pub generation: u64,
    /// Routes of each entry point, in the order the entry points were handed to `compile`.
    pub tables: Box<[Table]>,
    /// All services that work, by qualified name, in use or not.
    pub services: BTreeMap<String, Arc<Service>>,
    /// Services that a mistake keeps from working now: what is known of their servers waits here for the
    /// configuration that mends it.
    pub retired: BTreeMap<String, Arc<Service>>,
    /// What became of every item.
    pub report: Report,
}

impl Snapshot {
    /// The service called `name`, at work or retired: where live state is found.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.get(name).or_else(|| self.retired.get(name))
    }

    /// Retires the servers that `previous` has and this one has not: requests that began under `previous` go
    /// elsewhere, even in the middle of connecting. For the one who published this snapshot.
    pub fn retire_those_it_lacks(&self, previous: &Self) {
        for (name, old) in previous.services.iter().chain(&previous.retired) {
            let new = self.service(name);
            if new.is_some_and(|new| Arc::ptr_eq(new, old)) {
                continue;
            }
            let states = |service: &Arc<Service>| {
                let servers = service.servers().map(|servers| servers.pool.servers());
                let states = servers
                    .unwrap_or_default()
                    .iter()
                    .map(|server| Arc::as_ptr(server.state()));
                states.collect::<HashSet<*const ServerState>>()
            };
            let kept = new.map(states).unwrap_or_default();
            let old = old.servers().map(|servers| servers.pool.servers());
            for server in old.unwrap_or_default() {
                if !kept.contains(&Arc::as_ptr(server.state())) {
                    server.state().retire();
                }
            }
        }
    }
}
