//! What is known of every container of an engine.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::provider::containers::{Container, Health, Life};
use crate::provider::engine::wire::{Inspect, Signal};

/// How long a container is taken for one that is about to end after it was told to. One that lives on gets new sessions again.
const ENDS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// All containers, by id.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    known: BTreeMap<String, Known>,
    /// Counts what was learned, so that a listing does not overrule what was learned after it was asked for.
    clock: u64,
}

/// What was learned of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    Nothing,
    /// Something about it is different.
    Change,
    /// It serves no more, or will not for long.
    End,
}

#[derive(Debug)]
struct Known {
    container: Arc<Container>,
    /// The summary it had when it was looked at; `None` when that is not known.
    fingerprint: Option<u64>,
    /// What tells it to end.
    stop_signal: Signal,
    /// When it was told.
    told: Option<Instant>,
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

    /// Learns what was seen of a container.
    pub(super) fn learn(&mut self, inspect: Inspect, fingerprint: Option<u64>) -> News {
        self.clock += 1;
        let stop_signal = inspect.stop_signal();
        let mut container = inspect.into_container();
        let old = self.known.get(&container.id);
        let told = old
            .and_then(|old| old.told)
            .filter(|_| container.life != Life::Stopped);
        if told.is_some() {
            container.life = Life::Stopping;
        }
        let (news, container) = match old {
            Some(old) if *old.container == container => (News::Nothing, Arc::clone(&old.container)),
            Some(old) if ends(&old.container, &container) => (News::End, Arc::new(container)),
            _ => (News::Change, Arc::new(container)),
        };
        let known = Known {
            fingerprint,
            stop_signal,
            told,
            learned: self.clock,
            container,
        };
        self.known.insert(known.container.id.clone(), known);
        news
    }

    /// A signal was sent to a container, which may be its end.
    pub(super) fn signalled(&mut self, id: &str, signal: &Signal, now: Instant) -> News {
        let ends =
            |known: &&mut Known| signal.ends(&known.stop_signal) && known.container.life == Life::Running;
        let Some(known) = self.known.get_mut(id).filter(ends) else {
            return News::Nothing;
        };
        known.told = Some(now);
        Arc::make_mut(&mut known.container).life = Life::Stopping;
        News::End
    }

    /// A container ended or began: what it was told before is over. It has to be looked at.
    pub(super) fn turned(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.told = None;
        }
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

    /// A container is no more.
    pub(super) fn forget(&mut self, id: &str) -> News {
        match self.known.remove(id) {
            None => News::Nothing,
            Some(known) if known.container.life == Life::Stopped => News::Change,
            Some(_) => News::End,
        }
    }

    /// Forgets those that a listing does not have which was asked for at `since`.
    pub(super) fn retain(&mut self, listed: &HashSet<String>, since: u64) -> News {
        let before = self.known.len();
        self.known
            .retain(|id, known| known.learned > since || listed.contains(id));
        match self.known.len() < before {
            true => News::End,
            false => News::Nothing,
        }
    }
}

/// Does a container that served serve less now?
fn ends(old: &Container, new: &Container) -> bool {
    let serves = |container: &Container| match (container.life, container.health) {
        (Life::Stopped, _) => 0,
        (Life::Stopping, _) | (Life::Running, Health::Unhealthy) => 1,
        (Life::Running, _) => 2,
    };
    serves(new) < serves(old) || old.networks != new.networks
}

#[cfg(test)]
mod tests;
