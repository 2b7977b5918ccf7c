//! About how many different clients there were lately, in bounded memory.
//!
//! A HyperLogLog for each of the last minutes (Flajolet et al. 2007): 256 registers, so that the estimate is off by some 6.5 %
//! (one standard deviation). Who asks again writes nothing.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The time that clients are counted over, in microseconds.
pub const SEEN_WINDOW: u64 = 5 * MINUTE;

const MINUTE: u64 = 60_000_000;

/// Minutes that are kept: the one under way and those of the window.
const MINUTES: usize = 6;

const REGISTERS: usize = 256;

/// Different clients by minute.
#[derive(Debug)]
pub struct Seen([Minute; MINUTES]);

#[derive(Debug)]
struct Minute {
    /// Number of the minute, plus one; 0 for none yet.
    number: AtomicU64,
    registers: [AtomicU8; REGISTERS],
}

impl Default for Seen {
    fn default() -> Self {
        let minute = |_| Minute {
            number: AtomicU64::new(0),
            registers: [const { AtomicU8::new(0) }; REGISTERS],
        };
        Self(std::array::from_fn(minute))
    }
}

impl Seen {
    /// The client with this hash asked at `now` (microseconds of a clock that only goes on). All 64 bits of it have to be mixed well.
    pub fn add(&self, hash: u64, now: u64) {
        let number = now / MINUTE + 1;
        let Some(minute) = self.0.get(number as usize % MINUTES) else {
            return;
        };
        let before = minute.number.load(Ordering::Acquire);
        if before < number {
            let turn = minute
                .number
                .compare_exchange(before, number, Ordering::AcqRel, Ordering::Relaxed);
            // What others add meanwhile may be lost: it is an estimate.
            if turn.is_ok() {
                minute
                    .registers
                    .iter()
                    .for_each(|register| register.store(0, Ordering::Relaxed));
            }
        }
        let register = minute.registers.get((hash % REGISTERS as u64) as usize);
        let rank = (hash / REGISTERS as u64).trailing_zeros().min(56) as u8 + 1;
        if let Some(register) = register.filter(|register| register.load(Ordering::Relaxed) < rank) {
            register.fetch_max(rank, Ordering::Relaxed);
        }
    }

    /// Different clients in the [`SEEN_WINDOW`] up to `now`.
    #[must_use]
    pub fn estimate(&self, now: u64) -> u64 {
        let newest = now / MINUTE + 1;
        let oldest = newest.saturating_sub(SEEN_WINDOW / MINUTE - 1);
        let minutes = self.0.iter().filter(|minute| {
            let number = minute.number.load(Ordering::Acquire);
            (oldest.max(1)..=newest).contains(&number)
        });
        let mut ranks = [0_u8; REGISTERS];
        for minute in minutes {
            for (rank, register) in ranks.iter_mut().zip(&minute.registers) {
                *rank = (*rank).max(register.load(Ordering::Relaxed));
            }
        }
        estimate(&ranks)
    }
}

fn estimate(ranks: &[u8; REGISTERS]) -> u64 {
    let count = REGISTERS as f64;
    let harmonic: f64 = ranks.iter().map(|&rank| (-f64::from(rank)).exp2()).sum();
    let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / harmonic;
    let empty = ranks.iter().filter(|&&rank| rank == 0).count();
    // Few clients leave registers empty, and how many tells more.
    let corrected = if raw <= 2.5 * count && empty > 0 {
        count * (count / empty as f64).ln()
    } else {
        raw
    };
    corrected.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The finaliser of SplitMix64.
    fn mixed(n: u64) -> u64 {
        let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    #[test]
    fn the_estimate_is_close_for_few_and_for_many() {
        assert_eq!(Seen::default().estimate(0), 0);
        for many in [1_u64, 10, 100, 1000, 100_000] {
            let seen = Seen::default();
            for n in 0..many {
                seen.add(mixed(n), n % SEEN_WINDOW);
                seen.add(mixed(n), n % SEEN_WINDOW);
            }
            let off = seen.estimate(0).abs_diff(many) as f64 / many as f64;
            assert!(off < 0.2, "{many}: {}", seen.estimate(0));
        }
    }

    #[test]
    fn who_was_seen_is_forgotten_after_the_window_and_not_before() {
        let seen = Seen::default();
        (0..50).for_each(|n| seen.add(mixed(n), 30 * 1_000_000));
        let then = seen.estimate(SEEN_WINDOW - 1);
        assert!((45..=55).contains(&then), "{then}");
        assert_eq!(seen.estimate(SEEN_WINDOW), 0);
        // The minute's place is taken by another one.
        seen.add(mixed(1), 6 * MINUTE);
        assert_eq!(seen.estimate(6 * MINUTE), 1);
    }
}
