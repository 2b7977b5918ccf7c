//! What is known of every container of an engine.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::provider::containers::{Container, Life};
use crate::provider::engine::wire::{Inspect, Run, Signal};

/// How long a container is taken for one that is about to end after it was told to. One that lives on gets new sessions again.
const ENDS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// All containers, by id.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    known: BTreeMap<String, Known>,
    /// Counts what was learned, so that a listing does not overrule what was learned after it was asked for.
    clock: u64,
}

#[derive(Debug)]
struct Known {
    container: Arc<Container>,
    /// The summary it had when it was looked at; `None` when that is not known.
    fingerprint: Option<u64>,
    /// What tells it to end.
    stop_signal: Signal,
    /// Its run when it was looked at.
    run: Run,
    /// When it was told to end, in that run.
    told: Option<Instant>,
    /// That run is over: a look that began before its end may still say that it goes on.
    is_over: bool,
    learned: u64,
}

impl Inventory {
    /// A point in what is learned, for [`Self::retain`].
    pub(super) const fn now(&self) -> u64 {
        self.clock
    }

    /// All containers, by id.
    pub(super) fn containers(&self) -> Vec<Arc<Container>> {
        self.known
            .values()
            .map(|known| Arc::clone(&known.container))
            .collect()
    }

    /// Must a container be looked at whose summary has this fingerprint now?
    pub(super) fn is_news(&self, id: &str, fingerprint: u64) -> bool {
        self.known
            .get(id)
            .is_none_or(|known| known.fingerprint != Some(fingerprint))
    }

    /// Learns what was seen of a container. Returns whether that changes anything.
    pub(super) fn learn(&mut self, inspect: Inspect, fingerprint: Option<u64>) -> bool {
        self.clock += 1;
        let (stop_signal, run) = (inspect.stop_signal(), inspect.run());
        let mut container = inspect.into_container();
        let old = self.known.get(&container.id);
        // What was heard of one run says nothing about the next.
        let of_this_run = old.filter(|old| old.run == run);
        let is_over = of_this_run.is_some_and(|old| old.is_over) && container.life != Life::Stopped;
        let told = of_this_run.and_then(|old| old.told);
        if is_over {
            container.life = Life::Stopped;
        } else if told.is_some() && container.life == Life::Running {
            container.life = Life::Stopping;
        }
        let same = old.filter(|old| *old.container == container);
        let (is_news, container) = match same {
            Some(old) => (false, Arc::clone(&old.container)),
            None => (true, Arc::new(container)),
        };
        let known = Known {
            // What was overruled is to be looked at again: with each listing, as long as it is taken for stopping.
            fingerprint: fingerprint.filter(|_| !is_over && told.is_none()),
            stop_signal,
            run,
            told,
            // Looks follow each other: only one can have begun before the end.
            is_over: false,
            learned: self.clock,
            container,
        };
        self.known.insert(known.container.id.clone(), known);
        is_news
    }

    /// A signal was sent to a container. Returns whether it is about to end by it.
    pub(super) fn signalled(&mut self, id: &str, signal: &Signal, now: Instant) -> bool {
        let Some(known) = self.known.get_mut(id) else {
            return false;
        };
        if !signal.asks_to_end(&known.stop_signal) || known.container.life != Life::Running {
            return false;
        }
        known.told = Some(now);
        known.fingerprint = None;
        Arc::make_mut(&mut known.container).life = Life::Stopping;
        true
    }

    /// A container ended. Returns whether that is news.
    pub(super) fn ended(&mut self, id: &str) -> bool {
        self.clock += 1;
        let Some(known) = self.known.get_mut(id) else {
            return false;
        };
        known.is_over = true;
        known.told = None;
        known.fingerprint = None;
        known.learned = self.clock;
        let was_there = known.container.life != Life::Stopped;
        if was_there {
            Arc::make_mut(&mut known.container).life = Life::Stopped;
        }
        was_there
    }

    /// Containers that were told to end and did not: to be looked at as if they had not been told.
    pub(super) fn outlived(&mut self, now: Instant) -> Vec<String> {
        let mut outlived = Vec::new();
        for (id, known) in &mut self.known {
            if known
                .told
                .is_some_and(|told| now.duration_since(told) > ENDS_WITHIN)
            {
                known.told = None;
                outlived.push(id.clone());
            }
        }
        outlived
    }

    /// What is known of a container may be out of date: the next listing shall find it changed.
    pub(super) fn doubt(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.fingerprint = None;
        }
    }

    /// A container is no more. Returns whether it was there.
    pub(super) fn forget(&mut self, id: &str) -> bool {
        self.known.remove(id).is_some()
    }

    /// Forgets those that a listing does not have which was asked for at `since`. Returns whether there were any.
    pub(super) fn retain(&mut self, listed: &HashSet<String>, since: u64) -> bool {
        let before = self.known.len();
        self.known
            .retain(|id, known| known.learned > since || listed.contains(id));
        self.known.len() < before
    }
}

#[cfg(test)]
mod tests;
