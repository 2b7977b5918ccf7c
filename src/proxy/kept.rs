//! A request kept while it passes: for mirrors, and to be sent once more when a failover takes over.
//!
//! All that is kept is bounded by two [`Budgets`]. What does not fit is let go, and the request itself
//! goes on as if it had never been kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pingora::http::RequestHeader;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of requests kept at a time, for each of both purposes.
const MEMORY: usize = 64 * 1024 * 1024;
/// What a field costs besides its text.
const FIELD: usize = 64;
/// What a part of a body costs besides its bytes.
const PART: usize = 128;

/// The memory that kept requests share.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>, Arc<AtomicU64>);

/// One each, so that a mirror that does not answer takes nothing from a failover.
#[derive(Debug, Clone, Default)]
pub(super) struct Budgets {
    pub(super) mirrors: Budget,
    pub(super) failovers: Budget,
}

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY)), Arc::default())
    }
}

impl Budget {
    /// `None` when there is not so much left; said in the log when the count of that doubles.
    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        let taken = Arc::clone(&self.0).try_acquire_many_owned(bytes).ok();
        if taken.is_none() {
            let lost = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::warn!(
                    lost,
                    "no memory is left to keep a request: it cannot be sent to its fallback or mirror"
                );
            }
        }
        taken
    }
}

/// What is known of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// More may come.
    Open,
    /// All of it is here.
    Whole,
    /// It was larger than allowed, or there was no memory for it.
    Lost,
}

/// A request as far as it has passed.
#[derive(Debug)]
pub(super) struct Kept {
    head: Option<RequestHeader>,
    chunks: Vec<Bytes>,
    length: u64,
    body: Body,
    /// Largest body worth keeping, in bytes.
    limit: u64,
    budget: Budget,
    held: Vec<OwnedSemaphorePermit>,
}

impl Kept {
    /// Nothing yet; bodies are kept up to `limit` bytes.
    pub(super) fn new(budget: Budget, limit: u64) -> Self {
        Self {
            head: None,
            chunks: Vec::new(),
            length: 0,
            body: Body::Open,
            limit,
            budget,
            held: Vec::new(),
        }
    }

    /// Bodies are kept up to `limit` bytes from here on.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// An attempt begins with this header. What was kept of an attempt before is let go: it comes again, unless
    /// there is none.
    pub(super) fn begin(&mut self, head: &RequestHeader, has_body: bool) {
        self.chunks.clear();
        self.held.clear();
        self.length = 0;
        self.body = if has_body { Body::Open } else { Body::Whole };
        let fields = head.headers.iter();
        let size: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len() + FIELD)
            .sum();
        match self.budget.take(size + head.raw_path().len()) {
            Some(permit) => {
                self.held.push(permit);
                self.head = Some(head.clone());
            }
            None => self.lose(),
        }
    }

    /// A part of the body passes.
    pub(super) fn pass(&mut self, part: Option<&Bytes>, is_last: bool) {
        if self.body != Body::Open {
            return;
        }
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            self.length += part.len() as u64;
            let permit = (self.length <= self.limit).then(|| self.budget.take(part.len() + PART));
            match permit.flatten() {
                Some(permit) => {
                    self.held.push(permit);
                    self.chunks.push(part.clone());
                }
                None => return self.lose(),
            }
        }
        if is_last {
            self.body = Body::Whole;
        }
    }

    fn lose(&mut self) {
        self.chunks = Vec::new();
        self.held.clear();
        self.body = Body::Lost;
    }

    /// What is known of the body.
    pub(super) fn body(&self) -> Body {
        self.body
    }

    /// The header as the first server got it, before it was adapted to that server.
    pub(super) fn head(&self) -> Option<&RequestHeader> {
        self.head.as_ref()
    }

    /// The parts of the body so far.
    pub(super) fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Bytes of the body so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> RequestHeader {
        RequestHeader::build("POST", b"/", None).unwrap()
    }

    fn part(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    #[test]
    fn a_body_is_kept_until_its_end_and_up_to_its_limit() {
        let mut kept = Kept::new(Budget::default(), 10);
        kept.begin(&head(), true);
        kept.pass(Some(&part(10)), false);
        assert_eq!((kept.body(), kept.length()), (Body::Open, 10));
        kept.pass(None, true);
        assert_eq!(kept.body(), Body::Whole);
        kept.begin(&head(), true);
        assert_eq!((kept.body(), kept.length()), (Body::Open, 0), "a new attempt");
        kept.pass(Some(&part(11)), true);
        assert_eq!((kept.body(), kept.chunks().len()), (Body::Lost, 0));
        kept.begin(&head(), false);
        assert_eq!(kept.body(), Body::Whole, "there is none");
    }

    #[test]
    fn many_small_parts_cost_what_they_take() {
        let budget = Budget::default();
        let mut kept = Kept::new(budget.clone(), u64::MAX);
        kept.begin(&head(), true);
        for _ in 0..1000 {
            kept.pass(Some(&part(1)), false);
        }
        assert!(MEMORY - budget.0.available_permits() > 1000 * PART);
    }

    #[test]
    fn memory_is_bounded_in_all_and_given_back() {
        let budget = Budget::default();
        let keep = |length| {
            let mut kept = Kept::new(budget.clone(), u64::MAX);
            kept.begin(&head(), true);
            kept.pass(Some(&part(length)), true);
            kept
        };
        let large = keep(MEMORY - 1000);
        assert_eq!(large.body(), Body::Whole);
        assert_eq!(keep(2000).body(), Body::Lost);
        drop(large);
        assert_eq!(keep(2000).body(), Body::Whole);
        assert_eq!(budget.0.available_permits(), MEMORY);
    }
}
