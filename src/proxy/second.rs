//! What only requests with mirrors or with a failover over error answers carry: the request itself, in case it
//! has to be sent a second time.

use std::sync::Arc;

use http::{HeaderMap, header};
use smallvec::SmallVec;

use super::kept::{Body, Budgets, Kept};
use super::mirror::{Queue, count_dropped};
use super::retry::is_websocket;
use crate::service::{Choice, Mirror};

/// The request, and why it is kept.
#[derive(Debug)]
pub(super) struct Second {
    pub(super) kept: Kept,
    mirrors: SmallVec<[Arc<Mirror>; 1]>,
    /// Largest body that the failover on the way allows.
    max_body: Option<u64>,
    /// How much of a body another try after an answer would need, in bytes.
    of_tries: Option<u64>,
    /// Bytes of body that have passed in this attempt.
    passed: u64,
    /// The main service's answer was discarded; the fallback is next.
    pub(super) failing_over: bool,
}

/// The body is larger than a failover that may have to send it again allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Second {
    /// What `choice` makes necessary; `None` for the usual request.
    pub(super) fn of(
        choice: &mut Choice,
        headers: &HeaderMap,
        budgets: &Budgets,
        of_tries: Option<u64>,
    ) -> Option<Box<Self>> {
        if choice.extra.watched.is_empty() && choice.extra.mirrors.is_empty() && of_tries.is_none() {
            return None;
        }
        // A tunnel cannot be copied or repeated.
        if is_websocket(headers) {
            for mirror in choice.extra.mirrors.drain(..) {
                count_dropped(&mirror, "a WebSocket cannot be copied");
            }
            return None;
        }
        let budget = if choice.extra.watched.is_empty() && of_tries.is_none() {
            &budgets.mirrors
        } else {
            &budgets.failovers
        };
        let mut second = Self {
            kept: Kept::new(budget.clone(), 0),
            mirrors: SmallVec::new(),
            max_body: None,
            of_tries,
            passed: 0,
            failing_over: false,
        };
        second.resume(choice);
        Some(Box::new(second))
    }

    /// Another attempt begins, with this choice.
    pub(super) fn resume(&mut self, choice: &mut Choice) {
        self.failing_over = false;
        if !choice.extra.is_empty() {
            self.mirrors.extend(choice.extra.mirrors.drain(..));
        }
        let limits = choice.extra.watched.iter().map(|on_error| on_error.max_body());
        self.max_body = limits.flatten().min();
        let of_mirrors = self.mirrors.iter().filter_map(|mirror| mirror.body());
        let of_mirrors = of_mirrors.map(|limit| limit.unwrap_or(u64::MAX)).max();
        let of_failovers = (!choice.extra.watched.is_empty()).then(|| self.max_body.unwrap_or(u64::MAX));
        self.kept
            .set_limit(of_mirrors.max(of_failovers).max(self.of_tries).unwrap_or(0));
    }

    /// Is the length that the client states larger than allowed?
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), TooLarge> {
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        match (length, self.max_body) {
            (Some(length), Some(max)) if length > max => Err(TooLarge),
            _ => Ok(()),
        }
    }

    /// An attempt begins: its body comes from the start.
    pub(super) fn begin(&mut self, head: &pingora::http::RequestHeader, has_body: bool) {
        self.passed = 0;
        self.kept.begin(head, has_body);
    }

    /// A part of the body passes.
    pub(super) fn pass(&mut self, part: Option<&bytes::Bytes>, is_last: bool) -> Result<(), TooLarge> {
        self.passed += part.map_or(0, |part| part.len() as u64);
        if self.max_body.is_some_and(|max| self.passed > max) {
            return Err(TooLarge);
        }
        self.kept.pass(part, is_last);
        Ok(())
    }

    /// The request is over: its mirrors get their copies.
    pub(super) fn leave(self, queue: &Queue, client: Option<std::net::IpAddr>) {
        let (whole, length) = (self.kept.body() == Body::Whole, self.kept.length());
        let has_head = self.kept.head().is_some();
        let fits = |mirror: &Mirror| match mirror.body() {
            None => has_head,
            Some(limit) => has_head && whole && limit.is_none_or(|limit| length <= limit),
        };
        let (fitting, others): (SmallVec<[_; 1]>, SmallVec<[_; 1]>) =
            self.mirrors.into_iter().partition(|mirror| fits(mirror));
        for mirror in others {
            count_dropped(&mirror, "its body was too large, or did not come whole");
        }
        if !fitting.is_empty() {
            queue.leave(fitting, &Arc::new(self.kept), client);
        }
    }
}
