//! What the `retry` middleware says about the tries of one request. Without it there is no say, and nothing here.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::balance::Micros;
use crate::middleware::Retry;

/// The tries of one request.
#[derive(Debug, Default)]
pub(super) struct Tries {
    policy: Option<Arc<Retry>>,
    /// Has the request a method whose answers may be discarded?
    discards: bool,
    made: u32,
    /// When the first began.
    since: Micros,
    pause: Micros,
}

impl Tries {
    /// Before the first.
    pub(super) fn new(policy: Option<&Arc<Retry>>, method: &Method, now: Micros) -> Self {
        Self {
            policy: policy.cloned(),
            discards: policy.is_some_and(|policy| policy.is_for(method)),
            since: now,
            ..Self::default()
        }
    }

    /// Does a middleware say how often to try?
    pub(super) fn are_asked_for(&self) -> bool {
        self.policy.is_some()
    }

    /// A try ended without an answer; may there be another?
    pub(super) fn failed(&mut self, now: Micros, entropy: u64) -> bool {
        let is_wanted = |policy: &Arc<Retry>| policy.is_after_failed_connects();
        self.policy.as_ref().is_none_or(is_wanted) && self.next(now, entropy)
    }

    /// A try ended with an answer that was discarded.
    pub(super) fn discarded(&mut self, now: Micros, entropy: u64) {
        self.next(now, entropy);
    }

    fn next(&mut self, now: Micros, entropy: u64) -> bool {
        let Some(policy) = &self.policy else {
            return true;
        };
        self.made += 1;
        self.pause = policy.wait(self.made, entropy);
        policy.goes_on(self.made, now.saturating_sub(self.since))
    }

    /// Is an answer with this status to be discarded, since there is another try?
    pub(super) fn discards(&self, status: StatusCode, now: Micros) -> bool {
        self.policy.as_ref().is_some_and(|policy| {
            let elapsed = now.saturating_sub(self.since);
            self.discards && policy.is_after(status) && policy.goes_on(self.made + 1, elapsed)
        })
    }

    /// May any answer be discarded?
    pub(super) fn discards_at_all(&self) -> bool {
        self.discards
    }

    /// How much of a body is to be kept for another try, in bytes; `None` for nothing.
    pub(super) fn body_limit(&self) -> Option<u64> {
        let policy = self.policy.as_ref().filter(|_| self.discards)?;
        Some(policy.max_body().unwrap_or(u64::MAX))
    }

    /// How long to wait before the next; a second call says no more.
    pub(super) fn take_pause(&mut self) -> Option<Duration> {
        let pause = std::mem::take(&mut self.pause);
        (pause > 0).then(|| Duration::from_micros(pause))
    }
}
