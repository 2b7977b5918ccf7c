//! Leaving without anybody noticing: what answers say, and when idle connections go, once a signal came.
//!
//! ```text
//! signal -> leave: every answer says `Connection: close`
//!        -> accepting ends: a connection that waits for its next request has the linger time to send it
//!        -> the last connection is gone, or the grace period is over: the process ends
//! ```

mod signals;

pub use signals::{Signals, Successor};

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::clock;

/// How long an idle connection may still send a request after SIGTERM. A client that was just about to
/// sees its request served; without this it would see a reset.
pub const LINGER: Duration = Duration::from_secs(1);

/// The same after the sockets were handed over: nobody waits for the end of this process then.
pub const LINGER_HANDED_OVER: Duration = Duration::from_secs(5);

/// How long before the end of the grace period WebSockets are closed, so that both sides hear of it in time.
const FAREWELL: Duration = Duration::from_secs(5);

/// Threads that wait for requests meet in as many places, not in one.
const BELLS: usize = 16;

/// What the proxy needs to know about the end of the process.
#[derive(Debug)]
pub struct Stop {
    grace: Duration,
    announced: AtomicBool,
    leaving: AtomicBool,
    accept_ended: AtomicBool,
    linger_millis: AtomicU64,
    farewells: OnceLock<Instant>,
    bells: Vec<Bell>,
}

#[derive(Debug, Default)]
// Own cache lines: every connection that waits for a request registers at one of them.
#[repr(align(128))]
struct Bell(Notify);

impl Stop {
    /// Nobody has asked to stop; requests in flight will have `grace` to finish.
    #[must_use]
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            announced: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            accept_ended: AtomicBool::new(false),
            linger_millis: AtomicU64::new(0),
            farewells: OnceLock::new(),
            bells: (0..BELLS).map(|_| Bell::default()).collect(),
        }
    }

    /// Time for requests in flight, from the end of accepting on.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// The process will end: whoever asks is told to send requests elsewhere.
    pub fn announce(&self) {
        self.announced.store(true, Ordering::Release);
    }

    /// Will it?
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// From now on clients are told to take their next request elsewhere. An idle connection will be kept
    /// for `linger`, but never until the grace period has cut it.
    pub fn leave(&self, linger: Duration) {
        let linger = linger.min(self.grace / 2).as_millis();
        self.linger_millis
            .store(u64::try_from(linger).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.leaving.store(true, Ordering::Release);
    }

    /// Shall answers say `Connection: close`?
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// No connection comes any more: idle ones begin to linger.
    pub fn end_of_accepting(&self) {
        let time_to_part = FAREWELL.min(self.grace / 2);
        let _ = self.farewells.set(Instant::now() + (self.grace - time_to_part));
        self.accept_ended.store(true, Ordering::SeqCst);
        for bell in &self.bells {
            bell.0.notify_waiters();
        }
    }

    /// Is it time to close what would go on until it is cut off?
    #[must_use]
    pub fn is_time_to_part(&self) -> bool {
        self.farewells.get().is_some_and(|&at| at <= Instant::now())
    }

    /// Returns when a connection that waits for a request since now shall wait no longer.
    pub async fn patience(&self) {
        let at = clock::random() as usize % BELLS;
        if let Some(bell) = self.bells.get(at) {
            // Made before looking: the bell cannot ring unheard in between.
            let rings = bell.0.notified();
            if !self.accept_ended.load(Ordering::SeqCst) {
                rings.await;
            }
        }
        sleep(Duration::from_millis(self.linger_millis.load(Ordering::Relaxed))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_lingers_after_the_end_of_accepting_and_not_before() {
        let stop = Stop::new(Duration::from_secs(10));
        let long = Duration::from_secs(3600);
        assert!(timeout(long, stop.patience()).await.is_err(), "nobody stops");
        stop.leave(LINGER);
        assert!(stop.is_leaving());
        assert!(timeout(long, stop.patience()).await.is_err(), "still accepting");
        let begin = Instant::now();
        let waits = stop.patience();
        tokio::join!(waits, async { stop.end_of_accepting() });
        assert_eq!(begin.elapsed(), LINGER);
        // One that has become idle only now has the whole time too.
        stop.patience().await;
        assert_eq!(begin.elapsed(), LINGER * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn lingering_is_over_before_a_short_grace_period_is() {
        let stop = Stop::new(Duration::from_millis(100));
        stop.leave(LINGER);
        stop.end_of_accepting();
        let begin = Instant::now();
        stop.patience().await;
        assert_eq!(begin.elapsed(), Duration::from_millis(50));
    }
}
