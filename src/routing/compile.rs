//! Merged configuration -> snapshot (traefik-core 4).
//!
//! Only what differs from the configuration before is compiled: of thousands of services one changes at a time.

use std::sync::Arc;

use once_cell::sync::Lazy;
use rustls::sign::CertifiedKey;

use super::middlewares::Middlewares;
use super::report::{Report, of_tls};
use super::routers::Routers;
use super::services::Services;
use super::{Merged, Snapshot};
use crate::balance::Micros;
use crate::config::dynamic::http::RouterTls;
use crate::config::{Files, NoFiles};
use crate::middleware::Chain;
use crate::service::Internal;
use crate::tls::Tls;
use crate::upstream::Transport;

/// What routing needs to know of an entry point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryPointSpec {
    /// Its name.
    pub name: String,
    /// Is it one of those that routers without `entryPoints` get?
    pub is_default: bool,
    /// TLS of routers that say nothing about it.
    pub tls: Option<RouterTls>,
    /// Names of middlewares before those of each router.
    pub middlewares: Vec<String>,
    /// What every request has to pass before those.
    pub guard: Arc<Chain>,
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
    /// For clients on TLS whose name no configured certificate fits.
    pub certificate: Option<Arc<CertifiedKey>>,
    /// What piton answers itself, where a router leads to it.
    pub internal: Vec<Internal>,
}

/// One for all, so that what was compiled against it is known again.
static NO_FILES: Lazy<Arc<dyn Files>> = Lazy::new(|| Arc::new(NoFiles));

impl EntryPointSpec {
    /// An entry point about which nothing else is written.
    #[must_use]
    pub fn new(name: &str, is_default: bool) -> Self {
        Self {
            name: name.to_owned(),
            is_default,
            ..Self::default()
        }
    }
}

impl Ground {
    /// Entry points, and nothing else that was written: the default transport, no files.
    #[must_use]
    pub fn bare(entry_points: Vec<EntryPointSpec>) -> Self {
        Self {
            entry_points,
            transport: Transport::default(),
            files: Arc::clone(&NO_FILES),
            certificate: None,
            internal: Vec::new(),
        }
    }

    /// Does what was compiled against `other` stand on this ground, too?
    fn is(&self, other: &Self) -> bool {
        self.entry_points == other.entry_points
            && self.transport == other.transport
            && self.internal == other.internal
            && self.certificate.as_ref().map(Arc::as_ptr) == other.certificate.as_ref().map(Arc::as_ptr)
            && std::ptr::addr_eq(Arc::as_ptr(&self.files), Arc::as_ptr(&other.files))
    }
}

/// Compiles `merged` at the time `now`, taking over services and states from `previous` where they stay the
/// same.
#[must_use]
pub fn compile(merged: &Merged, ground: &Ground, now: Micros, previous: &Snapshot) -> Snapshot {
    let before = previous.ground.as_ref().filter(|before| ground.is(before));
    let known = before.map(|_| previous);
    let services = Services::compile(merged, ground, now, previous, known);
    let own = ground.certificate.as_ref();
    let tls = match previous.tls.stands(&merged.tls, own) {
        true => Arc::clone(&previous.tls),
        false => Arc::new(Tls::compile(&merged.tls, own, &*ground.files, &previous.tls)),
    };
    let middlewares = Middlewares::compile(merged, ground, known);
    let routers = Routers::compile(merged, ground, &services, &middlewares, &tls, known);
    Snapshot {
        generation: previous.generation + 1,
        report: Report {
            routers: routers.report,
            services: services.report,
            tls: of_tls(&tls, &routers.handshakes.conflicts),
            middlewares: middlewares.report,
            notes: merged.unsupported.values().flatten().cloned().collect(),
            remarks: merged.remarks.clone(),
        },
        tables: routers.tables,
        handshakes: routers.handshakes,
        tls,
        routers: routers.at_work,
        idle: routers.idle,
        rules: routers.rules,
        steps: middlewares.steps,
        chains: middlewares.enabled,
        broken_middlewares: middlewares.broken,
        retired: services.retired,
        services: services.enabled,
        broken: services.broken,
        restless: services.restless,
        servers: services.servers,
        merged: merged.clone(),
        ground: Some(ground.clone()),
    }
}
