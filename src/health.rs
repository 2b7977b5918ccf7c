//! Active health checks: background work that follows the published snapshot.
//!
//! Each server of a service with a `healthCheck` has its own Pingora `HealthRegistry` with one target, run
//! by its own `HealthCheckService`: so every server keeps its own pace (`interval`, `unhealthyInterval`,
//! jitter), and a slow one delays no other. Tasks whose check and server stay the same live on over a
//! reload, with their verdict; only a changed check starts again from "up".

mod grpc;
mod plan;
mod probe;

use std::collections::HashMap;
use std::sync::Arc;

use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora_load_balancing::{Backends, HealthCheckService, HealthRegistry, discovery};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::balance::Server;
use crate::config::Named;
use crate::dial::Dialer;
use crate::routing::Snapshot;
use crate::service::Service;
use plan::Plan;
use probe::Probe;

/// What the server is known by in its service, and its URL: what a verdict is about.
type Key = (String, String);

/// Runs the checks of whatever snapshot is published.
pub struct Health {
    connector: Arc<Connector<Dialer>>,
    shutdown: ShutdownWatch,
    /// By service.
    running: HashMap<Arc<str>, Checks>,
    /// The services whose checks are running.
    followed: Named<Service>,
}

/// The checks of one service.
type Checks = HashMap<Key, Running>;

struct Running {
    plan: Arc<Plan>,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Health {
    /// No checks yet. Opens the one connector that all probes share, with the settings that requests have.
    #[must_use]
    pub fn new(conf: &ServerConf, shutdown: ShutdownWatch) -> Self {
        let options = ConnectorOptions::from_server_conf(conf);
        Self {
            connector: Arc::new(Connector::new_custom(Some(options), Dialer::new(conf))),
            shutdown,
            running: HashMap::new(),
            followed: Named::new(),
        }
    }

    /// Follows the published snapshots until the publisher is gone.
    pub async fn run(mut self, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
        loop {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            self.follow(&snapshot);
            if snapshots.changed().await.is_err() {
                return;
            }
        }
    }

    /// Starts, keeps and ends checks so that they are those of `snapshot`.
    fn follow(&mut self, snapshot: &Snapshot) {
        let followed = std::mem::replace(&mut self.followed, snapshot.services.clone());
        for replacement in followed.replacements(&snapshot.services) {
            let name = replacement.name();
            let before = self.running.remove(name).unwrap_or_default();
            let running = match replacement.now() {
                Some(service) => self.checks(service, before),
                None => end(before),
            };
            if !running.is_empty() {
                self.running.insert(Arc::clone(name), running);
            }
        }
    }

    /// The checks of `service`; those of `before` that stay the same go on.
    fn checks(&self, service: &Service, mut before: Checks) -> Checks {
        let mut checks = Checks::new();
        for (key, plan, server) in wanted(service) {
            if checks.contains_key(&key) {
                // A URL written twice is one server.
                continue;
            }
            let kept = before.remove(&key);
            let same = |running: &Running| {
                *running.plan == plan && Arc::ptr_eq(running.server.state(), server.state())
            };
            let running = match kept {
                Some(running) if same(&running) => running,
                _ => {
                    server.state().probing(true);
                    self.start(Arc::new(plan), server)
                }
            };
            checks.insert(key, running);
        }
        end(before);
        checks
    }

    fn start(&self, plan: Arc<Plan>, server: Arc<Server>) -> Running {
        let probe = Probe::new(
            Arc::clone(&plan),
            Arc::clone(&server),
            Arc::clone(&self.connector),
        );
        let task = tokio::spawn(run_probe(probe, self.shutdown.clone()));
        Running { plan, server, task }
    }
}

/// Ends checks; none are left.
fn end(checks: Checks) -> Checks {
    // Nobody would ever raise a server whose check is gone.
    for running in checks.values() {
        running.server.state().probing(false);
    }
    Checks::new()
}

/// Every check of a service.
fn wanted(service: &Service) -> impl Iterator<Item = (Key, Plan, Arc<Server>)> + '_ {
    let servers = service.servers();
    let checked = servers.and_then(|servers| Some((servers, servers.health_check()?)));
    checked.into_iter().flat_map(move |(servers, check)| {
        servers.pool.servers().iter().map(move |server| {
            let key = (server.identity().to_owned(), server.url().to_owned());
            let plan = Plan::new(service.name(), server.url(), check, &servers.transport);
            (key, plan, Arc::clone(server))
        })
    })
}

/// One server's registry and its service, until aborted.
async fn run_probe(probe: Probe, shutdown: ShutdownWatch) {
    let target = probe.target();
    let pace = probe.pace();
    let registry = Arc::new(HealthRegistry::new());
    registry.set_health_check(Box::new(probe));
    let discovery = discovery::Static::new([target].into());
    let view = Backends::new_with_health_registry(discovery, Arc::clone(&registry));
    if let Err(error) = view.update(|_| {}).await {
        return tracing::error!("health check cannot start: {error}");
    }
    let mut service = HealthCheckService::new(registry);
    service.health_check_frequency = Some(pace);
    service.run(shutdown, None).await;
}
