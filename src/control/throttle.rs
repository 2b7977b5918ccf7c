//! At most one reload per provider and period: the first at once, of the others the latest
//! (traefik-providers 7.1). An urgent one comes sooner: nobody shall run into a server for two seconds that is known to
//! be gone.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::provider::Update;

/// Shortest time between two reloads because of urgent updates.
const URGENT: Duration = Duration::from_millis(250);
/// So many may come before their time; each reload that keeps to its time allows one more. Containers that start and
/// crash for ever so make at most twice the reloads that were allowed.
const MOST_EARLY: u32 = 16;

#[derive(Debug, Default)]
struct Lane {
    /// When the last update passed; `None` for never.
    passed: Option<Instant>,
    waiting: Option<Update>,
    /// Reloads that came early and were not made up for.
    early: u32,
}

impl Lane {
    /// When the update that waits may pass; `None` when none waits, or for never.
    fn opens(&self, period: Duration, now: Instant) -> Option<Instant> {
        let waiting = self.waiting.as_ref()?;
        let period = match waiting.is_urgent && self.early < MOST_EARLY {
            true => period.min(URGENT),
            false => period,
        };
        match self.passed {
            Some(passed) => passed.checked_add(period),
            None => Some(now),
        }
    }
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
    pub(super) fn add(&mut self, mut update: Update) {
        let lane = self.lanes.entry(update.provider).or_default();
        update.is_urgent |= lane.waiting.as_ref().is_some_and(|waiting| waiting.is_urgent);
        lane.waiting = Some(update);
    }

    /// Does another update of the same provider wait?
    pub(super) fn is_waiting(&self, update: &Update) -> bool {
        self.lanes
            .get(update.provider)
            .is_some_and(|lane| lane.waiting.is_some())
    }

    /// Takes the updates that may pass at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Update> {
        let mut due = Vec::new();
        for lane in self.lanes.values_mut() {
            let is_open = lane.opens(self.period, now).is_some_and(|at| at <= now);
            if is_open && let Some(update) = lane.waiting.take() {
                let in_time = lane
                    .passed
                    .is_none_or(|passed| now.duration_since(passed) >= self.period);
                lane.early = match in_time {
                    true => lane.early.saturating_sub(1),
                    false => lane.early + 1,
                };
                lane.passed = Some(now);
                due.push(update);
            }
        }
        due
    }

    /// Returns when an update that waits becomes due; never when none waits.
    pub(super) async fn due(&self) {
        let now = Instant::now();
        let lanes = self.lanes.values();
        match lanes.filter_map(|lane| lane.opens(self.period, now)).min() {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
