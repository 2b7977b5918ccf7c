//! Weighted round robin by earliest deadline first (traefik-core 2.1).

use std::sync::{Arc, Mutex, PoisonError};

use super::edf::{Edf, Entry, carried, first_turn_from};
use super::{Candidates, Server};

/// The queue of turns. Its lock is held for one heap operation: O(log n), and O(n) once after a flip.
#[derive(Debug)]
pub struct Wrr {
    turns: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    queue: Edf,
    /// Deadline of each server when it last was in the queue, by position.
    parked: Vec<f64>,
    /// Version of the candidate list that the queue holds.
    version: Option<u64>,
}

impl Wrr {
    /// All servers start at virtual time zero, one step before their first turn.
    #[must_use]
    pub fn new(servers: &[Arc<Server>]) -> Self {
        Self::with(0.0, servers.iter().map(|server| step(server)).collect())
    }

    fn with(now: f64, parked: Vec<f64>) -> Self {
        Self {
            turns: Mutex::new(Turns {
                queue: Edf::at(now),
                parked,
                version: None,
            }),
        }
    }

    /// The same round robin over `servers`: who stays keeps its place in the queue (scaled when its weight
    /// changed), who is new waits one step.
    #[must_use]
    pub fn resumed(&self, old_servers: &[Arc<Server>], servers: &[Arc<Server>]) -> Self {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let now = turns.queue.now();
        let deadlines = turns.deadlines();
        let old = old_servers
            .iter()
            .zip(deadlines)
            .map(|(server, deadline)| (server.identity(), deadline, step(server)));
        let new = servers.iter().map(|server| (server.identity(), step(server)));
        Self::with(now, carried(now, old, new))
    }

    /// The next candidate in turn.
    pub(super) fn pick(&self, candidates: &Candidates<'_>) -> u32 {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.follow(candidates);
        let turn = if candidates.is_whole() {
            turns.queue.turn()
        } else {
            let allowed = candidates.members();
            turns
                .queue
                .turn_among(|index| allowed.binary_search(&index).is_ok())
        };
        // A request may come with a list one flip older than the queue; then nobody may be in both.
        turn.unwrap_or_else(|| candidates.first())
    }
}

impl Turns {
    /// Makes the queue hold just the candidates. Servers that were away are moved forward to the first
    /// of their turns that is not past: no burst at recovery.
    fn follow(&mut self, candidates: &Candidates<'_>) {
        let (members, version) = candidates.whole();
        if self.version.is_some_and(|held| held >= version) {
            return;
        }
        self.parked = self.deadlines();
        let now = self.queue.now();
        let mut queue = Edf::at(now);
        for &index in members {
            let Some(server) = candidates.server(index) else {
                continue;
            };
            let step = step(server);
            let parked = self.parked.get(index as usize).copied().unwrap_or(now + step);
            queue.push(Entry {
                deadline: first_turn_from(now, parked, step),
                step,
                index,
            });
        }
        self.queue = queue;
        self.version = Some(version);
    }

    /// Deadlines by position, from the queue or from where it was left.
    fn deadlines(&self) -> Vec<f64> {
        let mut deadlines = self.parked.clone();
        for entry in self.queue.entries() {
            if let Some(slot) = deadlines.get_mut(entry.index as usize) {
                *slot = entry.deadline;
            }
        }
        deadlines
    }
}

/// Virtual time between two turns; infinite for a server that gets none.
fn step(server: &Server) -> f64 {
    1.0 / f64::from(server.weight())
}
