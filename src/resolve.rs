//! Host names of servers: looked up when first needed, and again and again in the background.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::Named;
use crate::routing::Snapshot;
use crate::service::Service;
use crate::upstream::{Address, Resolved};

/// How often names are looked up again. The system's resolver does not tell how long an answer is good.
const EVERY: Duration = Duration::from_secs(30);
/// How often a name without an address is looked up.
const EVERY_WITHOUT_ANSWER: Duration = Duration::from_secs(2);
/// Look-ups at a time.
const AT_ONCE: usize = 16;
/// Longest look-up, and longest wait for the first.
const LONGEST: Duration = Duration::from_secs(5);
/// How often somebody who waits for the first look-up asks.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// The address to connect to. Requests start no look-up: a name that is new is being looked up already and is
/// waited for; one that was not found has none.
pub async fn address_of(address: &Address) -> Option<SocketAddr> {
    let Address::Named(resolved) = address else {
        return address.current();
    };
    let begin = Instant::now();
    while resolved.is_pending() && begin.elapsed() < LONGEST {
        sleep(ASK_EVERY).await;
    }
    resolved.current()
}

/// Looks a name up; what was known before stays when nothing is found.
async fn look_up(resolved: &Resolved) {
    let look_up = tokio::net::lookup_host(resolved.name());
    let found = match timeout(LONGEST, look_up).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(format!("host name not found: {error}")),
        Err(_) => Err(format!("host name not found within {LONGEST:?}")),
    };
    // Said once: it is looked up again every few seconds.
    if let (Err(reason), true) = (&found, resolved.is_pending()) {
        tracing::warn!(host = resolved.name().0, "{reason}");
    }
    resolved.found(found.unwrap_or_default());
}

/// Keeps the addresses of all named servers of the published snapshot fresh, until the publisher is gone.
pub async fn follow(mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut all_at = Instant::now();
    let mut names = Names::default();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let all = all_at <= Instant::now();
        if all {
            all_at = Instant::now() + EVERY;
        }
        // Between, only names without an address: reloads may come faster than answers.
        names.follow(&snapshot);
        look_all_up(names.all().filter(|name| all || name.count() == 0).cloned()).await;
        let missing = names.all().any(|name| name.count() == 0);
        let wake = if missing {
            Instant::now() + EVERY_WITHOUT_ANSWER
        } else {
            all_at
        };
        if let Ok(Err(_)) = timeout_at(wake, snapshots.changed()).await {
            return;
        }
    }
}

/// The host names of servers, by service.
#[derive(Default)]
struct Names {
    by_service: HashMap<Arc<str>, Vec<Arc<Resolved>>>,
    followed: Named<Service>,
}

impl Names {
    fn follow(&mut self, snapshot: &Snapshot) {
        let followed = std::mem::replace(&mut self.followed, snapshot.services.clone());
        for replacement in followed.replacements(&snapshot.services) {
            let names: Vec<Arc<Resolved>> = replacement
                .now()
                .into_iter()
                .flat_map(|service| named(service))
                .collect();
            if names.is_empty() {
                self.by_service.remove(replacement.name());
            } else {
                self.by_service.insert(Arc::clone(replacement.name()), names);
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Resolved>> {
        self.by_service.values().flatten()
    }
}

fn named(service: &Service) -> impl Iterator<Item = Arc<Resolved>> + '_ {
    let servers = service.servers().into_iter();
    let servers = servers.flat_map(|servers| servers.pool.servers());
    servers.filter_map(|server| match server.upstream().address() {
        Address::Named(resolved) => Some(Arc::clone(resolved)),
        Address::Fixed(_) => None,
    })
}

async fn look_all_up(names: impl Iterator<Item = Arc<Resolved>>) {
    let mut running = JoinSet::new();
    for name in names {
        if running.len() >= AT_ONCE {
            running.join_next().await;
        }
        running.spawn(async move { look_up(&name).await });
    }
    while running.join_next().await.is_some() {}
}
