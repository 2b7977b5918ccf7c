//! Waiting for what must become true, and watching what must stay true.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Returns once `condition` is true; panics with `what` if it is not within the time.
pub fn within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        sleep(LOOK_EVERY);
    }
}

/// [`within`] a time that is long even where other work has the machine: an engine was seen to take ten seconds.
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    within(Duration::from_secs(30), what, condition);
}

/// Panics with `what` if `condition` is false at any look during the time.
pub fn holds_for(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        assert!(condition(), "after {:?}: {what}", begin.elapsed());
        sleep(LOOK_EVERY);
    }
}
