//! Earliest deadline first: a binary min-heap with exactly the sift rules of Go's `container/heap`, since
//! ties are broken by heap order and the sequences shall be Traefik's (traefik-core 2.1).

use std::collections::HashMap;

/// One server in the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Virtual time of its next turn.
    pub(super) deadline: f64,
    /// Virtual time between two of its turns: 1 / weight.
    pub(super) step: f64,
    /// Position in the pool.
    pub(super) index: u32,
}

/// The queue and its virtual time.
#[derive(Debug, Default)]
pub(super) struct Edf {
    heap: Vec<Entry>,
    now: f64,
}

/// The first turn at or after `now` of one whose turns are at `deadline` and every `step` from there.
pub(super) fn first_turn_from(now: f64, deadline: f64, step: f64) -> f64 {
    let missed = ((now - deadline) / step).ceil().max(0.0);
    deadline + missed * step
}

/// Deadlines after a change of members: who stays keeps its place in the queue, measured in its own steps
/// (a changed weight scales it), who is new waits one step. `old` are name, deadline and step.
pub(super) fn carried<'n>(
    now: f64,
    old: impl Iterator<Item = (&'n str, f64, f64)>,
    new: impl Iterator<Item = (&'n str, f64)>,
) -> Vec<f64> {
    let waiting: HashMap<&str, f64> = old
        .map(|(name, deadline, step)| (name, (deadline - now) / step))
        .collect();
    new.map(|(name, step)| {
        let steps = waiting.get(name).copied();
        now + steps.filter(|steps| steps.is_finite()).unwrap_or(1.0) * step
    })
    .collect()
}

impl Edf {
    /// An empty queue at virtual time `now`.
    pub(super) fn at(now: f64) -> Self {
        Self {
            heap: Vec::new(),
            now,
        }
    }

    pub(super) fn now(&self) -> f64 {
        self.now
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.heap
    }

    /// Puts an entry in.
    pub(super) fn push(&mut self, entry: Entry) {
        self.heap.push(entry);
        self.sift_up(self.heap.len() - 1);
    }

    /// Whose turn it is; its next turn is queued. `None` when the queue is empty.
    pub(super) fn turn(&mut self) -> Option<u32> {
        let last = self.heap.len().checked_sub(1)?;
        self.heap.swap(0, last);
        self.sift_down(0, last);
        let mut entry = self.heap.pop()?;
        self.now = entry.deadline;
        entry.deadline += entry.step;
        self.push(entry);
        Some(entry.index)
    }

    /// Whose turn it is, if `allowed` accepts that one.
    pub(super) fn turn_if(&mut self, allowed: impl Fn(u32) -> bool) -> Option<u32> {
        let first = self.heap.first()?.index;
        if allowed(first) { self.turn() } else { None }
    }

    /// Whose turn it is among those that `allowed` accepts. The turns of the others before it are over, as
    /// if they had been taken: who is away saves nothing up. Linear.
    pub(super) fn turn_skipping(&mut self, allowed: impl Fn(u32) -> bool) -> Option<u32> {
        let accepted = self.heap.iter().filter(|entry| allowed(entry.index));
        let chosen = *accepted.min_by(|a, b| a.deadline.total_cmp(&b.deadline))?;
        self.now = chosen.deadline;
        for entry in &mut self.heap {
            if entry.index == chosen.index {
                entry.deadline += entry.step;
            } else if entry.deadline < chosen.deadline {
                entry.deadline = first_turn_from(chosen.deadline, entry.deadline, entry.step);
            }
        }
        for at in (0..self.heap.len() / 2).rev() {
            self.sift_down(at, self.heap.len());
        }
        Some(chosen.index)
    }

    /// Whose turn it is among those that `allowed` accepts; linear, for picks after a failed attempt.
    pub(super) fn turn_among(&mut self, allowed: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self
            .heap
            .iter()
            .enumerate()
            .filter(|(_, entry)| allowed(entry.index))
            .min_by(|(_, a), (_, b)| a.deadline.total_cmp(&b.deadline))
            .map(|(at, _)| at)?;
        let entry = self.heap.get_mut(at)?;
        entry.deadline += entry.step;
        let index = entry.index;
        self.sift_down(at, self.heap.len());
        Some(index)
    }

    fn less(&self, a: usize, b: usize) -> bool {
        match (self.heap.get(a), self.heap.get(b)) {
            (Some(a), Some(b)) => a.deadline < b.deadline,
            _ => false,
        }
    }

    fn sift_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.less(at, parent) {
                return;
            }
            self.heap.swap(parent, at);
            at = parent;
        }
    }

    /// Within the first `len` entries.
    fn sift_down(&mut self, mut at: usize, len: usize) {
        loop {
            let left = 2 * at + 1;
            if left >= len {
                return;
            }
            let right = left + 1;
            let child = if right < len && self.less(right, left) {
                right
            } else {
                left
            };
            if !self.less(child, at) {
                return;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }
}
