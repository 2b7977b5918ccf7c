//! Picking among the children of a service of services (traefik-core 2.1, 2.3, 2.5).
//!
//! Whether a child is open is asked at each pick, downwards: no child tells its parents anything.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::edf::{Edf, Entry, carried};
use super::hrw;

/// Children with their shares and whose turn it is.
#[derive(Debug)]
pub struct Shares {
    names: Box<[String]>,
    weights: Box<[u32]>,
    /// Children with a share, in turn.
    turns: Mutex<Edf>,
}

impl Shares {
    /// Shares of children called `names`, by `weights`: 0 means no new sessions. `previous` goes on where a
    /// reload interrupted it.
    #[must_use]
    pub fn new(names: Vec<String>, weights: Vec<u32>, previous: Option<&Self>) -> Self {
        let steps = || weights.iter().map(|&weight| step(weight));
        let (now, deadlines) = match previous {
            None => (0.0, steps().collect()),
            Some(old) => {
                let turns = old.turns.lock().unwrap_or_else(PoisonError::into_inner);
                let queued = turns.entries().iter().filter_map(|entry| {
                    let name = old.names.get(entry.index as usize)?;
                    Some((name.as_str(), entry.deadline, entry.step))
                });
                let new = names.iter().map(String::as_str).zip(steps());
                (turns.now(), carried(turns.now(), queued, new))
            }
        };
        let mut turns = Edf::at(now);
        for ((index, deadline), (&weight, step)) in (0_u32..).zip(deadlines).zip(weights.iter().zip(steps()))
        {
            if weight > 0 {
                turns.push(Entry {
                    deadline,
                    step,
                    index,
                });
            }
        }
        Self {
            turns: Mutex::new(turns),
            names: names.into(),
            weights: weights.into(),
        }
    }

    /// The child whose turn it is among those with a share that `open` accepts; `None` when there is none.
    #[must_use]
    pub fn in_turn(&self, open: impl Fn(u32) -> bool) -> Option<u32> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.turn_if(&open).or_else(|| turns.turn_skipping(&open))
    }

    /// The child that `client`'s address leads to, among those with a share that `open` accepts.
    #[must_use]
    pub fn by_client(&self, client: Option<IpAddr>, open: impl Fn(u32) -> bool) -> Option<u32> {
        hrw::highest(client, self.all().filter(|&(index, ..)| open(index)))
    }

    /// Who stands in for the child called `home` as long as that is away.
    #[must_use]
    pub fn stand_in(&self, client: Option<IpAddr>, home: &str, open: impl Fn(u32) -> bool) -> Option<u32> {
        hrw::stand_in(client, home, self.all().filter(|&(index, ..)| open(index)))
    }

    /// Does child `index` get new sessions at all?
    #[must_use]
    pub fn has_share(&self, index: u32) -> bool {
        self.weights.get(index as usize).is_some_and(|&weight| weight > 0)
    }

    fn all(&self) -> impl Iterator<Item = (u32, &str, u32)> {
        let all = (0_u32..).zip(&self.names).zip(&self.weights);
        all.map(|((index, name), &weight)| (index, name.as_str(), weight))
            .filter(|&(.., weight)| weight > 0)
    }
}

/// Virtual time between two turns; infinite for a child that gets none.
fn step(weight: u32) -> f64 {
    1.0 / f64::from(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(weights: &[u32]) -> Shares {
        let names = ('A'..).take(weights.len()).map(String::from).collect();
        Shares::new(names, weights.to_vec(), None)
    }

    fn sequence(shares: &Shares, count: usize, open: impl Fn(u32) -> bool) -> String {
        let turns = (0..count).filter_map(|_| shares.in_turn(&open));
        turns.map(|index| char::from(b'A' + index as u8)).collect()
    }

    #[test]
    fn turns_follow_traefiks_sequences() {
        for (weights, first) in [
            (&[3, 1][..], "AABAAAABAABA"),
            (&[1, 1, 1], "ACBCBABACACB"),
            (&[5, 1, 1], "AAAACABAAAAABC"),
            (&[4, 2, 1], "ABAABACABAABAC"),
        ] {
            assert_eq!(sequence(&shares(weights), first.len(), |_| true), first);
        }
    }

    #[test]
    fn a_child_that_was_away_saves_no_turns_up() {
        let shares = shares(&[1000, 1, 1]);
        assert_eq!(sequence(&shares, 6, |index| index != 0), "BCBCBC");
        let back = sequence(&shares, 2002, |_| true);
        let of = |child| back.matches(child).count();
        assert!((1998..=2001).contains(&of('A')), "{}", of('A'));
    }

    #[test]
    fn no_share_or_nobody_open_is_nobody() {
        assert_eq!(shares(&[0, 0]).in_turn(|_| true), None);
        assert_eq!(shares(&[1, 1]).in_turn(|_| false), None);
        assert_eq!(shares(&[0, 1]).in_turn(|index| index == 0), None);
        assert_eq!(shares(&[]).in_turn(|_| true), None);
        assert_eq!(shares(&[0]).by_client(None, |_| true), None);
    }

    #[test]
    fn a_reload_does_not_disturb_the_turns() {
        let plain = shares(&[3, 1, 2]);
        let expected = sequence(&plain, 40, |_| true);
        let before = shares(&[3, 1, 2]);
        let mut seen = sequence(&before, 7, |_| true);
        let names = ["A", "B", "C"].map(String::from).to_vec();
        let after = Shares::new(names, vec![3, 1, 2], Some(&before));
        seen += &sequence(&after, 33, |_| true);
        let of = |text: &str, child| text.matches(child).count();
        for child in ['A', 'B', 'C'] {
            let difference = of(&seen, child).abs_diff(of(&expected, child));
            assert!(difference <= 1, "{seen} {expected}");
        }
    }

    #[test]
    fn stand_ins_are_stable_for_a_client_and_spread_over_clients() {
        let shares = shares(&[1, 1, 1, 1]);
        let mut seen = [0; 4];
        for client in 0..4000_u32 {
            let client = Some(IpAddr::from(client.to_be_bytes()));
            let first = shares.stand_in(client, "A", |index| index != 0);
            assert_eq!(first, shares.stand_in(client, "A", |index| index != 0));
            seen[first.unwrap() as usize] += 1;
        }
        assert_eq!(seen[0], 0);
        assert!(
            seen[1..].iter().all(|count| (1200..1470).contains(count)),
            "{seen:?}"
        );
    }
}
