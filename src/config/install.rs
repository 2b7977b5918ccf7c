//! The static configuration: what a process is started with.
//!
//! One file holds two families of keys side by side: Traefik's (`entryPoints`, `providers`, `log` ..., in any case) and those
//! of Pingora's `ServerConf` (`threads`, `grace_period_seconds` ...), which are handed on as they are. It may hold the dynamic
//! configuration too; that part is for [`dynamic::read`](super::dynamic::read).

pub mod access_log;
pub mod address;
pub mod api;
pub mod engine;
pub mod entry_point;
pub mod keys;
pub mod kubernetes;
pub mod log;
pub mod metrics;
pub mod ping;
pub mod providers;
pub mod tracing;
pub mod transport;

mod observed;
mod root;
mod server;
mod traced;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::notation::Notation;
use super::problem::Problem;
pub use access_log::AccessLog;
pub use address::{Address, InvalidAddress, Protocol, parse_address};
pub use api::Api;
pub use engine::{ClientTls, Docker, EngineOptions, Meaning, Swarm};
pub use entry_point::{EntryPoint, LifeCycle};
pub use kubernetes::{IngressEndpoint, KubernetesIngress};
pub use log::{Global, Log};
pub use metrics::{Metrics, Prometheus};
pub use ping::Ping;
pub use providers::{FileProvider, Providers};
pub use tracing::Tracing;
pub use transport::ServersTransport;

/// What a process is started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Install {
    /// Pingora's keys that were written, of the types its `ServerConf` wants; absent ones keep Pingora's defaults.
    pub server: serde_yaml::Mapping,
    /// Where connections are accepted, by name; never empty, every address valid.
    pub entry_points: BTreeMap<String, EntryPoint>,
    /// Where the dynamic configuration comes from.
    pub providers: Providers,
    /// What is logged, and how.
    pub log: Log,
    /// How servers are connected to unless a service says otherwise.
    pub servers_transport: Option<ServersTransport>,
    /// Settings of the process as a whole.
    pub global: Global,
    /// Where `/ping` is answered.
    pub ping: Option<Ping>,
    /// What is counted.
    pub metrics: Option<Metrics>,
    /// A line for each request.
    pub access_log: Option<AccessLog>,
    /// What piton says about itself.
    pub api: Option<Api>,
    /// Spans of requests.
    pub tracing: Option<Tracing>,
}

impl Default for Install {
    /// An empty file: one entry point named `http` on port 80, as in Traefik (traefik-core 5.2).
    fn default() -> Self {
        Self {
            server: serde_yaml::Mapping::new(),
            entry_points: default_entry_points(),
            providers: Providers::default(),
            log: Log::default(),
            servers_transport: None,
            global: Global::default(),
            ping: None,
            metrics: None,
            access_log: None,
            api: None,
            tracing: None,
        }
    }
}

/// The part of the file that is Traefik's and supported.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    entry_points: BTreeMap<String, EntryPoint>,
    providers: Providers,
    log: super::AllowEmpty<Log>,
    servers_transport: Option<ServersTransport>,
    global: Global,
    ping: super::AllowEmpty<Ping>,
    metrics: Option<Metrics>,
    access_log: super::AllowEmpty<AccessLog>,
    api: super::AllowEmpty<Api>,
    tracing: super::AllowEmpty<Tracing>,
}

/// Reads a static configuration file; `file` only names it in problems.
///
/// Returns the configuration and warnings: blocks of Traefik's that piton does not support yet. Errors: every error and
/// warning of the file, in file order.
pub fn read(
    bytes: &[u8],
    notation: Notation,
    file: Option<&Path>,
) -> Result<(Install, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let install = match notation.parse(bytes) {
        Ok(node) => of_root(node, &mut problems),
        Err(problem) => {
            problems.push(problem);
            Install::default()
        }
    };
    super::problem::settle(install, problems, file)
}

fn of_root(node: super::Node, problems: &mut Vec<Problem>) -> Install {
    let root::Sorted { traefik, server } = root::sort(node, problems);
    let written: Written = super::decode::decode(&traefik, "", problems);
    root::check(&traefik, &written, problems);
    let ping = written.ping.into_inner();
    let mut entry_points = written.entry_points;
    if entry_points.is_empty() {
        entry_points = default_entry_points();
    }
    let api = written.api.into_inner();
    let prometheus = written
        .metrics
        .as_ref()
        .and_then(|metrics| metrics.prometheus.as_ref());
    let needs_own = [
        ping.as_ref()
            .is_some_and(|ping| ping::is_own(&ping.entry_point, ping.manual_routing)),
        prometheus.is_some_and(|it| ping::is_own(&it.entry_point, it.manual_routing)),
        api.as_ref().is_some_and(|api| api.insecure),
    ];
    if needs_own.contains(&true) {
        ping::add_own_entry_point(&mut entry_points);
    }
    Install {
        server,
        entry_points,
        providers: written.providers,
        log: written.log.into_inner().unwrap_or_default(),
        servers_transport: written.servers_transport,
        global: written.global,
        ping,
        metrics: written.metrics,
        access_log: written.access_log.into_inner(),
        api,
        tracing: written.tracing.into_inner(),
    }
}

fn default_entry_points() -> BTreeMap<String, EntryPoint> {
    let entry_point = EntryPoint {
        address: ":80".to_owned(),
        ..EntryPoint::default()
    };
    BTreeMap::from([("http".to_owned(), entry_point)])
}
