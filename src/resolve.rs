//! Host names of servers: looked up when first needed, and again and again in the background.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::routing::Snapshot;
use crate::upstream::{Address, Resolved};

/// How often names are looked up again. The system's resolver does not tell how long an answer is good.
const EVERY: Duration = Duration::from_secs(30);
/// Look-ups at a time.
const AT_ONCE: usize = 16;
/// Longest look-up.
const LONGEST: Duration = Duration::from_secs(5);

/// Looks a name up; what was known before stays when nothing is found.
pub async fn look_up(resolved: &Resolved) {
    let look_up = tokio::net::lookup_host(resolved.name());
    match timeout(LONGEST, look_up).await {
        Ok(Ok(found)) => resolved.found(found.collect()),
        Ok(Err(error)) => tracing::warn!(host = resolved.name().0, "host name not found: {error}"),
        Err(_) => tracing::warn!(host = resolved.name().0, "host name not found within {LONGEST:?}"),
    }
}

/// Keeps the addresses of all named servers of the published snapshot fresh, until the publisher is gone.
pub async fn follow(mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut next = Instant::now();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let is_time = next <= Instant::now();
        if is_time {
            next = Instant::now() + EVERY;
        }
        // After a reload only new names: reloads may come faster than answers.
        let names = named_servers(&snapshot).filter(|name| is_time || name.count() == 0);
        look_all_up(names).await;
        if let Ok(Err(_)) = timeout_at(next, snapshots.changed()).await {
            return;
        }
    }
}

fn named_servers(snapshot: &Snapshot) -> impl Iterator<Item = Arc<Resolved>> + '_ {
    let servers = snapshot
        .services
        .values()
        .flat_map(|service| service.servers().pool.servers());
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
