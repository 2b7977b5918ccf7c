//! How long to wait for the next look at a swarm.

use std::time::Duration;

/// The first wait while tasks start or stop.
const FIRST: Duration = Duration::from_secs(1);

/// Waits between looks: short ones while tasks start or stop, and longer ones as long as nothing comes of it. A task that
/// no node can take stays pending for weeks, and each look reads the whole swarm.
#[derive(Debug)]
pub(super) struct Pace {
    /// The wait while nothing starts or stops.
    every: Duration,
    /// The next wait while something does.
    next: Duration,
    /// The states of all tasks at the last look.
    states: u64,
}

impl Pace {
    pub(super) const fn new(every: Duration) -> Self {
        Self {
            every,
            next: FIRST,
            states: 0,
        }
    }

    /// The wait after a look that found tasks in these states.
    pub(super) fn after(&mut self, states: u64, is_unsettled: bool) -> Duration {
        if std::mem::replace(&mut self.states, states) != states {
            self.hurry();
        }
        if !is_unsettled {
            return self.every;
        }
        let wait = self.next.min(self.every);
        self.next = wait * 2;
        wait
    }

    /// Something happened: waits begin anew.
    pub(super) const fn hurry(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(15);

    fn waits(pace: &mut Pace, states: u64, count: usize) -> Vec<u64> {
        (0..count).map(|_| pace.after(states, true).as_secs()).collect()
    }

    #[test]
    fn while_nothing_comes_of_it_waits_double_up_to_the_usual_one() {
        let mut pace = Pace::new(EVERY);
        assert_eq!(waits(&mut pace, 1, 7), [1, 2, 4, 8, 15, 15, 15]);
    }

    #[test]
    fn a_task_in_another_state_begins_anew() {
        let mut pace = Pace::new(EVERY);
        waits(&mut pace, 1, 7);
        assert_eq!(waits(&mut pace, 2, 3), [1, 2, 4]);
    }

    #[test]
    fn an_event_begins_anew() {
        let mut pace = Pace::new(EVERY);
        waits(&mut pace, 1, 7);
        pace.hurry();
        assert_eq!(waits(&mut pace, 1, 3), [1, 2, 4]);
    }

    #[test]
    fn while_all_is_settled_the_wait_is_the_usual_one() {
        let mut pace = Pace::new(EVERY);
        assert_eq!(pace.after(1, false), EVERY);
        assert_eq!(pace.after(2, true), FIRST);
        assert_eq!(pace.after(2, false), EVERY);
    }

    #[test]
    fn no_wait_is_longer_than_the_usual_one() {
        let often = Duration::from_millis(200);
        assert_eq!(Pace::new(often).after(1, true), often);
    }
}
