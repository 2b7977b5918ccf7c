//! How long to wait before an engine is asked again that did not answer.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);
/// The longest: an engine that is back shall not wait a minute for its users.
const LONGEST: Duration = Duration::from_secs(15);
/// A connection that lasted so long was a good one: what comes next is a new failure.
const GOOD: Duration = Duration::from_secs(30);

/// Waits that grow by half each time, each shortened or lengthened by up to half, so that many proxies do not come at once.
#[derive(Debug)]
pub(super) struct BackOff {
    next: Duration,
}

impl BackOff {
    pub(super) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next wait, after an attempt that lasted `lasted`; `random` is any number.
    pub(super) fn after(&mut self, lasted: Duration, random: u64) -> Duration {
        if lasted >= GOOD {
            self.next = FIRST;
        }
        let wait = self.next;
        self.next = (wait * 3 / 2).min(LONGEST);
        let percent = u32::try_from(50 + random % 101).unwrap_or(100);
        wait * percent / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;
    /// A random number that changes nothing.
    const MIDDLE: u64 = 50;

    #[test]
    fn waits_grow_up_to_a_bound() {
        let mut back_off = BackOff::new();
        let waits: Vec<u128> = (0..20)
            .map(|_| back_off.after(NONE, MIDDLE).as_millis())
            .collect();
        assert_eq!(waits[..4], [500, 750, 1125, 1687]);
        assert_eq!(waits[19], 15_000);
    }

    #[test]
    fn a_good_connection_begins_anew() {
        let mut back_off = BackOff::new();
        for _ in 0..10 {
            back_off.after(NONE, MIDDLE);
        }
        assert_eq!(back_off.after(GOOD, MIDDLE), FIRST);
    }

    #[test]
    fn each_wait_is_half_to_one_and_a_half_of_its_measure() {
        for random in 0..1000 {
            let wait = BackOff::new().after(NONE, random);
            assert!((FIRST / 2..=FIRST * 3 / 2).contains(&wait), "{wait:?}");
        }
    }
}
