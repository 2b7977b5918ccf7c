//! Being in flight on a server, as a value: dropping it ends it, however the request ended.

use std::sync::Arc;

use event_listener::EventListener;

use super::{Micros, Server, Session};

/// One request in flight on one server.
///
/// It lives in the request's context; a retry replaces it. Success, error, panic, client abort or a closed
/// WebSocket all drop it, so the count cannot drift.
#[derive(Debug)]
pub struct Lease {
    server: Arc<Server>,
    began: Micros,
    answered: bool,
}

impl Lease {
    /// Enters `server` at `now`.
    #[must_use]
    pub fn new(server: Arc<Server>, now: Micros) -> Self {
        server.state().enter();
        Self {
            server,
            began: now,
            answered: false,
        }
    }

    /// Enters `server` at `now` if it has a place for one more.
    #[must_use]
    pub fn try_new(server: &Arc<Server>, session: Session, now: Micros) -> Option<Self> {
        let state = server.state();
        match server.terms().max_in_flight {
            None => state.enter(),
            Some(limit) if state.try_enter(limit, session) => {}
            Some(_) => return None,
        }
        Some(Self {
            server: Arc::clone(server),
            began: now,
            answered: false,
        })
    }

    /// The server held.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The first byte of the answer arrived; only the first call counts (an informational response is
    /// an answer too).
    pub fn first_byte(&mut self, now: Micros) {
        if !std::mem::replace(&mut self.answered, true) {
            let elapsed = now.saturating_sub(self.began);
            self.server.state().latency().record(elapsed, now);
        }
    }

    /// The attempt failed; counts against the server's latency unless it had answered before.
    pub fn failed(&mut self, now: Micros) {
        if !std::mem::replace(&mut self.answered, true) {
            let elapsed = now.saturating_sub(self.began);
            self.server.state().latency().record_failure(elapsed, now);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.server.state().leave();
    }
}

/// A cookie holder waiting for a place at its server: as long as this lives, new sessions leave one free.
#[derive(Debug)]
pub struct Waiting {
    server: Arc<Server>,
}

impl Waiting {
    /// Begins to wait at `server`.
    #[must_use]
    pub fn at(server: Arc<Server>) -> Self {
        server.state().wait();
        Self { server }
    }

    /// Where it waits.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Resolves when somebody leaves the server, or when it goes down. Make it first, then look for a place,
    /// then await it: so no leaving is missed.
    #[must_use]
    pub fn left(&self) -> EventListener {
        self.server.state().left()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.server.state().end_wait();
    }
}
