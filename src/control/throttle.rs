//! At most one reload per provider and period: the first at once, of the others the latest
//! (traefik-providers 7.1).

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::provider::Update;

#[derive(Debug, Default)]
struct Lane {
    /// When the next update may pass; `None` for at once.
    open_at: Option<Instant>,
    waiting: Option<Update>,
}

/// One lane per provider.
#[derive(Debug)]
pub(super) struct Throttle {
    period: Duration,
    lanes: HashMap<&'static str, Lane>,
}

impl Throttle {
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            lanes: HashMap::new(),
        }
    }

    /// Keeps `update` until it is due; one that waited there is forgotten.
    pub(super) fn add(&mut self, update: Update) {
        let lane = self.lanes.entry(update.provider).or_default();
        lane.waiting = Some(update);
    }

    /// Takes the updates that may pass at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Update> {
        let mut due = Vec::new();
        for lane in self.lanes.values_mut() {
            if lane.open_at.is_none_or(|at| at <= now)
                && let Some(update) = lane.waiting.take()
            {
                lane.open_at = now.checked_add(self.period);
                due.push(update);
            }
        }
        due
    }

    /// Returns when an update that waits becomes due; never when none waits.
    pub(super) async fn due(&self) {
        let waiting = self.lanes.values().filter(|lane| lane.waiting.is_some());
        match waiting.filter_map(|lane| lane.open_at).min() {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
