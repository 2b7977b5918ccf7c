//! Least time: mean time to first byte x (1 + in flight) / weight, smallest wins (traefik-core 2.4).
//!
//! Where it differs from Traefik on purpose: microseconds, sticky requests count, a failed attempt counts
//! as a slow one, and a server without a fresh measurement is sent one request at once; while that is out it
//! is given the mean of the measured ones instead of zero. So neither a cold nor a dead server draws the herd,
//! and none is forgotten beside a fast one that is always idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Candidates, Draw, Server};

/// Turns for breaking ties by earliest deadline; everything else is the servers' own.
#[derive(Debug)]
pub struct LeastTime {
    /// Bits of each server's deadline, by position.
    deadlines: Box<[AtomicU64]>,
    /// Bits of the virtual time: the deadline that won last.
    now: AtomicU64,
}

/// The best candidate so far of one kind.
#[derive(Debug, Clone, Copy)]
struct Best {
    score: f64,
    deadline: f64,
    index: u32,
}

impl Best {
    fn better(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if (other.score, other.deadline) <= (self.score, self.deadline) => other,
            _ => self,
        }
    }
}

impl LeastTime {
    #[must_use]
    pub(super) fn new(servers: &[Arc<Server>]) -> Self {
        Self {
            deadlines: servers
                .iter()
                .map(|server| AtomicU64::new(step(server).to_bits()))
                .collect(),
            now: AtomicU64::new(0),
        }
    }

    /// One pass over the candidates.
    pub(super) fn pick(&self, candidates: &Candidates<'_>, draw: &Draw) -> u32 {
        if candidates.members().len() == 1 {
            return candidates.first();
        }
        let (mut measured, mut unmeasured) = (None, None);
        let (mut sum, mut count) = (0.0, 0.0);
        for (index, server) in candidates.iter() {
            let in_flight = server.state().in_flight();
            let load = (1.0 + f64::from(in_flight)) * step(server);
            let mean = server.state().latency().fresh_mean(draw.now, in_flight == 0);
            let best = Best {
                score: score(mean, load, in_flight),
                deadline: self.deadline(index),
                index,
            };
            if let Some(mean) = mean {
                (sum, count) = (sum + mean, count + 1.0);
                measured = Some(best.better(measured));
            } else {
                unmeasured = Some(best.better(unmeasured));
            }
        }
        let prior = if count > 0.0 { sum / count } else { 1.0 };
        let unmeasured = unmeasured.map(|best| Best {
            score: best.score * prior,
            ..best
        });
        let best = match (measured, unmeasured) {
            (Some(a), b) => a.better(b),
            (None, Some(b)) => b,
            (None, None) => return candidates.first(),
        };
        self.advance(best, candidates);
        best.index
    }

    /// The deadline of a server; never in the past, so that one that was away does not win every tie.
    fn deadline(&self, index: u32) -> f64 {
        let now = f64::from_bits(self.now.load(Ordering::Relaxed));
        let own = self.deadlines.get(index as usize);
        own.map_or(now, |bits| f64::from_bits(bits.load(Ordering::Relaxed)).max(now))
    }

    /// Queues the winner's next turn. Races between threads cost a tie-break, nothing else.
    fn advance(&self, winner: Best, candidates: &Candidates<'_>) {
        self.now.store(winner.deadline.to_bits(), Ordering::Relaxed);
        let slot = self.deadlines.get(winner.index as usize);
        if let (Some(slot), Some(server)) = (slot, candidates.server(winner.index)) {
            let next = winner.deadline + step(server);
            slot.store(next.to_bits(), Ordering::Relaxed);
        }
    }
}

/// Without a mean, in units of the mean of the others: nothing for an idle server, which needs a measurement.
fn score(mean: Option<f64>, load: f64, in_flight: u32) -> f64 {
    match mean {
        Some(mean) => mean * load,
        None if in_flight == 0 => 0.0,
        None => load,
    }
}

fn step(server: &Server) -> f64 {
    1.0 / f64::from(server.weight())
}
