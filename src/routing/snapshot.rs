//! Everything a request is led by, of one age.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Report, Table};
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
}
