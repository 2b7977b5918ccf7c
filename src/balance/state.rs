//! What is known about a server at run time: verdicts, requests in flight, latency. Atomics only on the
//! request path; shared by every snapshot that names the same server of the same service.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use event_listener::{Event, EventListener, IntoNotification as _};

use super::passive::{Failures, PassivePolicy};
use super::{Latency, Micros};
use crate::meter::{Seen, ServiceMeter};

/// What the servers of one service have in common over reloads.
///
/// It counts the flips of any of them. A pool compares it with the count its candidate list was made at: equal means
/// that the list still holds.
#[derive(Debug, Default)]
pub struct Signals {
    flips: AtomicU64,
    service: Box<str>,
    meter: OnceLock<Box<ServiceMeter>>,
}

impl Signals {
    /// Those of the service called `service` (qualified).
    #[must_use]
    pub fn of(service: &str) -> Self {
        Self {
            service: service.into(),
            ..Self::default()
        }
    }

    /// The number of flips so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.flips.load(Ordering::Acquire)
    }

    fn flipped(&self) {
        self.flips.fetch_add(1, Ordering::AcqRel);
    }

    /// Whose they are.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Where its requests are counted; made at the first call.
    #[must_use]
    pub fn meter(&self) -> &ServiceMeter {
        self.meter.get_or_init(Box::default)
    }

    /// The same, if any request was counted.
    #[must_use]
    pub fn used_meter(&self) -> Option<&ServiceMeter> {
        self.meter.get().map(|meter| &**meter)
    }
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// One that no cookie binds here.
    New,
    /// A cookie holder's.
    Known,
}

/// What is known to speak against a server, without a clock: for another process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Down until a probe succeeds.
    pub down: bool,
    /// Down for so long by the verdict of live traffic.
    pub rest: Micros,
    /// Taken out of service at run time.
    pub set_aside: bool,
}

/// The live state of one server of one service.
#[derive(Debug)]
// Own cache lines: the in-flight counters of neighbours are written by other threads all the time.
#[repr(align(128))]
pub struct ServerState {
    in_flight: AtomicU32,
    /// Requests of cookie holders that wait for a place.
    waiting: AtomicU32,
    /// When a probe raised it, or when it was added; 0 for never.
    rose_at: AtomicU64,
    /// An active check is at work: only its success ends a passive verdict.
    has_probe: AtomicBool,
    probed_down: AtomicBool,
    passive_until: AtomicU64,
    /// No configuration names it any more: requests that began under an older one shall not go there.
    retired: AtomicBool,
    /// Somebody who may asked at run time that it gets no new sessions.
    set_aside: AtomicBool,
    /// Requests that were sent here.
    picks: AtomicU64,
    seen: OnceLock<Box<Seen>>,
    failures: Failures,
    latency: Latency,
    /// Attempts that failed, for the log.
    failed_attempts: AtomicU64,
    left: Event,
    signals: Arc<Signals>,
}

impl ServerState {
    /// A server nobody has seen yet: up, idle, unmeasured.
    #[must_use]
    pub fn new(signals: Arc<Signals>) -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            rose_at: AtomicU64::new(0),
            has_probe: AtomicBool::new(false),
            probed_down: AtomicBool::new(false),
            passive_until: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            set_aside: AtomicBool::new(false),
            picks: AtomicU64::new(0),
            seen: OnceLock::new(),
            failures: Failures::default(),
            latency: Latency::default(),
            failed_attempts: AtomicU64::new(0),
            left: Event::new(),
            signals,
        }
    }

    /// May requests be sent to it? The verdicts of probes and of live traffic together, as long as it is configured.
    #[must_use]
    pub fn is_up(&self, now: Micros) -> bool {
        !self.probed_down.load(Ordering::Acquire)
            && self.passive_until() <= now
            && !self.retired.load(Ordering::Acquire)
    }

    /// No configuration names it any more, for good: its container is gone. Who still tries to reach it shall go
    /// elsewhere, and who waits for a place is let go.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.signals.flipped();
        self.release_waiting();
    }

    /// Until when live traffic's verdict keeps it down; in the past when it does not.
    pub(super) fn passive_until(&self) -> Micros {
        self.passive_until.load(Ordering::Acquire)
    }

    /// An active check begins, is changed or ends. The first one begins with what is known, which is nothing
    /// unless it was adopted; a change or an end makes the server up until something else is known.
    pub fn probing(&self, is_probed: bool) {
        let was_probed = self.has_probe.swap(is_probed, Ordering::AcqRel);
        if was_probed || !is_probed {
            self.probed(true);
        }
    }

    /// Has a probe, of this or of an earlier process, found it down?
    #[must_use]
    pub fn is_probed_down(&self) -> bool {
        self.probed_down.load(Ordering::Acquire)
    }

    /// What speaks against it now.
    #[must_use]
    pub fn verdict(&self, now: Micros) -> Verdict {
        let until = self.passive_until();
        let for_a_probe = until == Micros::MAX;
        Verdict {
            down: for_a_probe || self.is_probed_down(),
            rest: if for_a_probe { 0 } else { until.saturating_sub(now) },
            set_aside: self.is_set_aside(),
        }
    }

    /// Begins with what another process knew; `down` only where there will be a probe to end it.
    pub fn adopt(&self, verdict: Verdict, now: Micros) {
        self.probed_down.store(verdict.down, Ordering::Release);
        if verdict.rest > 0 {
            let until = now.saturating_add(verdict.rest);
            self.passive_until.store(until, Ordering::Release);
        }
        if verdict.set_aside {
            self.set_aside.store(true, Ordering::Release);
        }
        self.signals.flipped();
    }

    /// The verdict of active probes. A success also ends a passive verdict: an active check is the
    /// authority where there is one (traefik-core 3.2). Returns whether this changed anything.
    pub fn probed(&self, up: bool) -> bool {
        let was_down = self.probed_down.swap(!up, Ordering::AcqRel);
        let was_passive = up && self.passive_until.swap(0, Ordering::AcqRel) != 0;
        if up {
            self.failures.clear();
        }
        let changed = was_down == up || was_passive;
        if changed {
            self.signals.flipped();
        }
        if changed && !up {
            self.release_waiting();
        }
        changed
    }

    /// It went down: nobody is to wait for a place here.
    fn release_waiting(&self) {
        self.left.notify(usize::MAX);
    }

    /// It came back, or is new among servers that were there before: its slow start begins.
    pub fn rose(&self, now: Micros) {
        self.rose_at.store(now, Ordering::Relaxed);
    }

    /// When it came up last; `None` when it always was.
    #[must_use]
    pub fn risen_at(&self) -> Option<Micros> {
        // A passive verdict ends by time alone: its end is when the server rose.
        let passive = self.passive_until();
        let passive = if passive == Micros::MAX { 0 } else { passive };
        let rose = self.rose_at.load(Ordering::Relaxed).max(passive);
        (rose > 0).then_some(rose)
    }

    /// A live request succeeded here: failures before it no longer count (traefik-core 3.2).
    pub fn succeeded(&self) {
        self.failures.clear();
    }

    /// A live request failed here. At the policy's count the server goes down: for the policy's window,
    /// or until a probe succeeds while there is an active check. Returns whether this took it down.
    pub fn failed(&self, policy: &PassivePolicy, now: Micros) -> bool {
        if !self.failures.add(policy, now) {
            return false;
        }
        let until = if self.has_probe.load(Ordering::Acquire) {
            Micros::MAX
        } else {
            now.saturating_add(policy.window)
        };
        self.passive_until.store(until, Ordering::Release);
        self.signals.flipped();
        self.release_waiting();
        true
    }

    /// An attempt to ask it failed; returns how many have.
    pub fn count_failure(&self) -> u64 {
        self.failed_attempts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Requests in flight, long streams and WebSockets included.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Takes it out of service at run time, or ends that: it keeps its sessions and gets no new ones. Returns whether
    /// this changed anything.
    pub fn set_aside(&self, aside: bool) -> bool {
        let changed = self.set_aside.swap(aside, Ordering::AcqRel) != aside;
        if changed {
            self.signals.flipped();
        }
        changed
    }

    /// Was it taken out of service at run time?
    #[must_use]
    pub fn is_set_aside(&self) -> bool {
        self.set_aside.load(Ordering::Acquire)
    }

    /// Attempts that were made here.
    #[must_use]
    pub fn picks(&self) -> u64 {
        self.picks.load(Ordering::Relaxed)
    }

    /// Whoever asked here; made at the first call.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        self.seen.get_or_init(Box::default)
    }

    /// About how many clients asked here lately.
    #[must_use]
    pub fn sessions_seen(&self, now: Micros) -> u64 {
        self.seen.get().map_or(0, |seen| seen.estimate(now))
    }

    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        // The line is this thread's by now.
        self.picks.fetch_add(1, Ordering::Relaxed);
    }

    /// Enters unless `limit` requests are there already. New sessions leave a place for each one who waits.
    pub(super) fn try_enter(&self, limit: u32, session: Session) -> bool {
        let kept = match session {
            Session::New => self.waiting.load(Ordering::SeqCst),
            Session::Known => 0,
        };
        let enter = |there: u32| (there.saturating_add(kept) < limit).then(|| there + 1);
        let entered = self
            .in_flight
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, enter);
        if entered.is_ok() {
            self.picks.fetch_add(1, Ordering::Relaxed);
        }
        entered.is_ok()
    }

    /// Has it a place for a new session, under `limit`?
    pub(super) fn has_room(&self, limit: u32) -> bool {
        let kept = self.waiting.load(Ordering::Relaxed);
        self.in_flight().saturating_add(kept) < limit
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        // Who waits counts itself first and looks at the requests in flight afterwards: one of both sees the
        // other.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Additional: an earlier leaving may not have been noticed yet, and there is a place for each.
            self.left.notify(1.additional());
        }
    }

    pub(super) fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn end_wait(&self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Resolves when a request leaves, or the server goes down.
    pub(super) fn left(&self) -> EventListener {
        self.left.listen()
    }

    /// Times to first byte.
    #[must_use]
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// The flip counter shared with the other servers of the service.
    #[must_use]
    pub fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> ServerState {
        ServerState::new(Arc::default())
    }

    #[test]
    fn a_new_server_is_up_and_each_flip_is_signalled_once() {
        let state = state();
        assert!(state.is_up(0));
        state.probed(true);
        assert_eq!(state.signals().count(), 0);
        state.probed(false);
        state.probed(false);
        assert!(!state.is_up(0));
        assert_eq!(state.signals().count(), 1);
        state.probed(true);
        assert!(state.is_up(0));
        assert_eq!(state.signals().count(), 2);
    }

    #[test]
    fn passive_failures_take_it_down_for_the_window_and_time_alone_revives_it() {
        let state = state();
        let policy = PassivePolicy {
            window: 10,
            max_failures: 2,
        };
        assert!(!state.failed(&policy, 100));
        state.succeeded();
        assert!(!state.failed(&policy, 101), "a success between clears the count");
        assert!(state.failed(&policy, 102));
        assert!(!state.is_up(111));
        assert!(state.is_up(112));
    }

    #[test]
    fn a_retired_server_is_down_whatever_a_probe_says() {
        let state = state();
        state.retire();
        assert!(!state.is_up(0));
        state.probed(false);
        state.probed(true);
        assert!(!state.is_up(0));
    }

    #[test]
    fn with_active_checks_only_a_probe_revives_it() {
        let state = state();
        state.probing(true);
        let policy = PassivePolicy {
            window: 10,
            max_failures: 1,
        };
        assert!(state.failed(&policy, 0));
        assert!(!state.is_up(1_000_000));
        state.probed(true);
        assert!(state.is_up(0));
        assert!(state.failed(&policy, 0));
        state.probing(false);
        assert!(state.is_up(0), "nobody else would raise it");
    }

    #[test]
    fn a_verdict_moves_to_another_process() {
        let (old, new) = (state(), state());
        assert_eq!(old.verdict(0), Verdict::default());
        let policy = PassivePolicy {
            window: 10,
            max_failures: 1,
        };
        old.failed(&policy, 100);
        let verdict = old.verdict(104);
        assert_eq!((verdict.down, verdict.rest), (false, 6));
        new.adopt(verdict, 1000);
        assert!(!new.is_up(1005) && new.is_up(1006));
        assert_eq!(new.signals().count(), 1);
    }

    #[test]
    fn an_adopted_verdict_outlasts_the_start_of_the_check_and_ends_with_a_success() {
        let (old, new) = (state(), state());
        old.probing(true);
        let policy = PassivePolicy {
            window: 10,
            max_failures: 1,
        };
        old.failed(&policy, 0);
        assert!(old.verdict(0).down, "only a probe would end it");
        new.adopt(old.verdict(0), 0);
        new.probing(true);
        assert!(!new.is_up(1_000_000));
        new.probed(true);
        assert!(new.is_up(0));
        new.probed(false);
        new.probing(true);
        assert!(new.is_up(0), "a changed check begins anew");
    }
}
