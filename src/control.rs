//! The one loop of change: provider updates -> throttle -> merge -> compile -> publish one pointer.

mod throttle;

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::clock;
use crate::config::dynamic::Configuration;
use crate::config::{Level, Remark, Remarks, cut};
use crate::provider::Update;
use crate::routing::{Ground, Merged, Report, Snapshot, Status, compile};
use throttle::Throttle;

/// What the loop needs to know besides the updates.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What every configuration is compiled against.
    pub ground: Ground,
    /// `providers.precedence`.
    pub precedence: Vec<String>,
    /// `providers.providersThrottleDuration`.
    pub throttle: std::time::Duration,
}

/// Holds what each provider said last, and publishes what follows from it.
pub struct Control {
    settings: Settings,
    configurations: BTreeMap<&'static str, Arc<Configuration>>,
    merged: Merged,
    published: Arc<ArcSwap<Snapshot>>,
    followers: watch::Sender<Arc<Snapshot>>,
}

impl Control {
    /// A control that has published an empty snapshot.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let merged = Merged::new(&settings.precedence);
        let mut empty = compile(&merged, &settings.ground, clock::now(), &Snapshot::default());
        empty.generation = 0;
        let empty = Arc::new(empty);
        Self {
            settings,
            configurations: BTreeMap::new(),
            merged,
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

    /// Applies an update now. An update equal to the provider's last is no reload: `None`, unless it names files,
    /// which may hold something else by now.
    pub fn apply(&mut self, update: Update) -> Option<Arc<Snapshot>> {
        let is_said = self.merged.remarks.get(update.provider) == Some(&update.remarks);
        if is_said && self.is_talk(&update) {
            return None;
        }
        let nothing = Configuration::default();
        let last = self.configurations.get(update.provider);
        let last = last.map_or(&nothing, |last| &**last);
        self.merged.replace(update.provider, last, &update.configuration);
        self.merged
            .remarks
            .insert(update.provider.to_owned(), update.remarks);
        self.configurations.insert(update.provider, update.configuration);
        let previous = self.published.load_full();
        let snapshot = compile(&self.merged, &self.settings.ground, clock::now(), &previous);
        let snapshot = Arc::new(snapshot);
        self.published.store(Arc::clone(&snapshot));
        snapshot.retire_those_it_lacks(&previous);
        self.followers.send_replace(Arc::clone(&snapshot));
        log_report(&snapshot, &previous.report);
        Some(snapshot)
    }

    /// Takes over what a provider says about the configuration that is in use; nothing is compiled.
    fn say(&mut self, update: Update) {
        let previous = self.published.load_full();
        let said = &mut self.merged.remarks;
        said.insert(update.provider.to_owned(), update.remarks);
        let snapshot = Snapshot::clone(&previous).saying(said.clone());
        log_remarks_of(&snapshot.report, &previous.report);
        self.published.store(Arc::new(snapshot));
    }

    /// Can it change nothing but what is said?
    fn is_talk(&self, update: &Update) -> bool {
        self.says_the_same(update) && !update.configuration.names_files()
    }

    /// Is its configuration the one the provider sent last?
    fn says_the_same(&self, update: &Update) -> bool {
        let last = self.configurations.get(update.provider);
        last.is_some_and(|last| Arc::ptr_eq(last, &update.configuration) || *last == update.configuration)
    }

    /// Applies updates as they come, at most one per provider and throttle period, until all providers
    /// are gone. Of updates that come faster the latest is kept.
    pub async fn run(mut self, mut updates: mpsc::Receiver<Update>) {
        let mut throttle = Throttle::new(self.settings.throttle);
        loop {
            tokio::select! {
                update = updates.recv() => match update {
                    // There is nothing to wait for, and nothing shall wait for it.
                    Some(update) if !throttle.is_waiting(&update) && self.is_talk(&update) => self.say(update),
                    Some(update) => throttle.add(update),
                    None => return,
                },
                () = throttle.due() => {}
            }
            let due = throttle.take_due(Instant::now());
            if due.is_empty() {
                continue;
            }
            // Compiling ten thousand services takes a while, and probes run on this thread.
            let compiled = tokio::task::spawn_blocking(move || {
                for update in due {
                    self.apply(update);
                }
                self
            });
            match compiled.await {
                Ok(control) => self = control,
                Err(error) => return tracing::error!("configuration could not be applied: {error}"),
            }
        }
    }
}

/// One line for the whole, one for each remark and reason that was not there before.
fn log_report(snapshot: &Snapshot, before: &Report) {
    for (provider, remarks) in &snapshot.report.remarks {
        let nothing = Remarks::new();
        log_remarks(
            provider,
            remarks,
            before.remarks.get(provider).unwrap_or(&nothing),
        );
    }
    for (status, line) in snapshot.report.fresh_lines(before) {
        let line = cut(&line);
        match status {
            Status::Disabled => tracing::error!("{line}"),
            Status::Enabled | Status::Warning => tracing::warn!("{line}"),
        }
    }
    tracing::info!(
        generation = snapshot.generation,
        routers = snapshot.report.routers.len(),
        services = snapshot.report.services.len(),
        servers = snapshot.servers,
        "configuration published"
    );
}

fn log_remarks_of(report: &Report, before: &Report) {
    for (provider, remarks) in &report.remarks {
        let nothing = Remarks::new();
        log_remarks(
            provider,
            remarks,
            before.remarks.get(provider).unwrap_or(&nothing),
        );
    }
}

fn log_remarks(provider: &str, remarks: &Remarks, before: &Remarks) {
    for difference in before.differences(remarks) {
        let about = difference.name();
        let known = difference.before().map_or(&[][..], |known| known);
        let remarks = difference.now().map_or(&[][..], |remarks| remarks);
        for Remark { level, text } in remarks.iter().filter(|remark| !known.contains(remark)) {
            let text = cut(text);
            match level {
                Level::Error => tracing::error!(provider, "{about}: {text}"),
                Level::Warn => tracing::warn!(provider, "{about}: {text}"),
                Level::Info => tracing::info!(provider, "{about}: {text}"),
                Level::Debug => tracing::debug!(provider, "{about}: {text}"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
