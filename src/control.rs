//! The one loop of change: provider updates -> throttle -> merge -> compile -> publish one pointer.

mod throttle;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::config::dynamic::Configuration;
use crate::provider::Update;
use crate::routing::{EntryPointSpec, Report, Snapshot, Status, compile, merge};
use crate::upstream::Transport;
use throttle::Throttle;

/// What every configuration is compiled against.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The entry points, in the order of their numbers.
    pub entry_points: Vec<EntryPointSpec>,
    /// Transport of services that name none.
    pub transport: Transport,
    /// `providers.precedence`.
    pub precedence: Vec<String>,
    /// `providers.providersThrottleDuration`.
    pub throttle: std::time::Duration,
}

/// Holds what each provider said last, and publishes what follows from it.
pub struct Control {
    ground: Ground,
    configurations: BTreeMap<String, Arc<Configuration>>,
    published: Arc<ArcSwap<Snapshot>>,
    followers: watch::Sender<Arc<Snapshot>>,
}

impl Control {
    /// A control that has published an empty snapshot.
    #[must_use]
    pub fn new(ground: Ground) -> Self {
        let empty = compile(
            &Default::default(),
            &ground.entry_points,
            &ground.transport,
            &Snapshot::default(),
        );
        let empty = Arc::new(Snapshot {
            generation: 0,
            ..empty
        });
        Self {
            ground,
            configurations: BTreeMap::new(),
            published: Arc::new(ArcSwap::new(Arc::clone(&empty))),
            followers: watch::Sender::new(empty),
        }
    }

    /// Where requests find the snapshot.
    #[must_use]
    pub fn published(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.published)
    }

    /// Told of every snapshot after it is published.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.followers.subscribe()
    }

    /// Applies an update now. An update equal to the provider's last is no reload: `None`.
    pub fn apply(&mut self, update: Update) -> Option<Arc<Snapshot>> {
        let last = self.configurations.get(update.provider);
        if last.is_some_and(|last| *last == update.configuration) {
            return None;
        }
        self.configurations
            .insert(update.provider.to_owned(), update.configuration);
        let merged = merge(&self.configurations, &self.ground.precedence);
        let previous = self.published.load_full();
        let snapshot = compile(
            &merged,
            &self.ground.entry_points,
            &self.ground.transport,
            &previous,
        );
        let snapshot = Arc::new(snapshot);
        self.published.store(Arc::clone(&snapshot));
        self.followers.send_replace(Arc::clone(&snapshot));
        log_report(&snapshot, &previous.report);
        Some(snapshot)
    }

    /// Applies updates as they come, at most one per provider and throttle period, until all providers
    /// are gone. Of updates that come faster the latest is kept.
    pub async fn run(mut self, mut updates: mpsc::Receiver<Update>) {
        let mut throttle = Throttle::new(self.ground.throttle);
        loop {
            tokio::select! {
                update = updates.recv() => match update {
                    Some(update) => throttle.add(update),
                    None => return,
                },
                () = throttle.due() => {}
            }
            for update in throttle.take_due(Instant::now()) {
                self.apply(update);
            }
        }
    }
}

/// One line for the whole, one for each reason that was not there before.
fn log_report(snapshot: &Snapshot, before: &Report) {
    let known: HashSet<String> = before.lines().map(|(_, line)| line).collect();
    for (status, line) in snapshot.report.lines().filter(|(_, line)| !known.contains(line)) {
        match status {
            Status::Disabled => tracing::error!("{line}"),
            Status::Enabled | Status::Warning => tracing::warn!("{line}"),
        }
    }
    tracing::info!(
        generation = snapshot.generation,
        routers = snapshot.report.routers.len(),
        services = snapshot.report.services.len(),
        "configuration published"
    );
}

#[cfg(test)]
mod tests;
