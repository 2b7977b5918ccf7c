//! A service whose requests are copied to others (traefik-core 2.8).
//!
//! Here only who gets a copy is decided; copying is the proxy's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{Ask, Choice, Refusal, Service};

/// One service, and mirrors of its traffic.
#[derive(Debug)]
pub struct Mirroring {
    main: Arc<Service>,
    mirrors: Box<[Arc<Mirror>]>,
    /// Requests so far, shared with the same service after a reload.
    total: Arc<AtomicU64>,
}

/// One mirror.
#[derive(Debug)]
pub struct Mirror {
    service: Arc<Service>,
    percent: u64,
    body: Option<Option<u64>>,
    dropped: Arc<AtomicU64>,
    pending: Arc<AtomicU32>,
}

/// A copy for a mirror that is waiting or under way, as long as this lives.
#[derive(Debug)]
pub struct Pending(Arc<AtomicU32>);

impl Pending {
    /// One more for `mirror`, unless there are `limit`.
    #[must_use]
    pub fn enter(mirror: &Mirror, limit: u32) -> Option<Self> {
        let enter = |there: u32| (there < limit).then(|| there + 1);
        let entered = mirror
            .pending
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter);
        entered.ok().map(|_| Self(Arc::clone(&mirror.pending)))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Mirror {
    /// `service` gets a copy of `percent` (0 to 100) of all requests: without a body where `body` is `None`,
    /// else with bodies up to that many bytes, `Some(None)` being no limit of its own.
    #[must_use]
    pub fn new(
        service: Arc<Service>,
        percent: u64,
        body: Option<Option<u64>>,
        previous: Option<&Self>,
    ) -> Self {
        Self {
            service,
            percent,
            body,
            dropped: previous.map_or_else(Arc::default, |old| Arc::clone(&old.dropped)),
            pending: previous.map_or_else(Arc::default, |old| Arc::clone(&old.pending)),
        }
    }

    /// Who gets the copy.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Are bodies copied, and of what size at most, in bytes? `Some(None)`: of any size.
    #[must_use]
    pub fn body(&self) -> Option<Option<u64>> {
        self.body
    }

    /// A copy that should have been sent was not.
    pub fn count_dropped(&self) -> u64 {
        self.dropped.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Copies that were not sent, for whatever reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Is request number `n`, from 1, one of its share? Exact at every `n`: of the first `n` requests,
    /// `n * percent / 100` rounded up are.
    fn takes(&self, n: u64) -> bool {
        let until = |n: u64| (u128::from(n) * u128::from(self.percent)).div_ceil(100);
        until(n) > until(n - 1)
    }
}

impl Mirroring {
    /// `main` answers; the `mirrors` get copies. `previous` is the same service before a reload: it goes on
    /// counting.
    #[must_use]
    pub fn new(main: Arc<Service>, mirrors: Vec<Arc<Mirror>>, previous: Option<&Self>) -> Self {
        Self {
            main,
            mirrors: mirrors.into(),
            total: previous.map_or_else(Arc::default, |old| Arc::clone(&old.total)),
        }
    }

    /// The service whose answer counts.
    #[must_use]
    pub fn main(&self) -> &Arc<Service> {
        &self.main
    }

    /// The mirrors.
    #[must_use]
    pub fn mirrors(&self) -> &[Arc<Mirror>] {
        &self.mirrors
    }

    pub(super) fn choose(&self, ask: &Ask<'_>, home: Option<&str>) -> Result<Choice, Refusal> {
        let mut choice = self.main.choose_as(ask, home)?;
        if !self.mirrors.is_empty() && !ask.attempts.is_counted(&self.total) {
            choice.extra.counted.push(Arc::clone(&self.total));
            let n = self.total.fetch_add(1, Ordering::Relaxed) + 1;
            let taking = self.mirrors.iter().filter(|mirror| mirror.takes(n));
            choice.extra.mirrors.extend(taking.cloned());
        }
        Ok(choice)
    }
}
