//! What is known of one connection, by those who read from it and by those who serve its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use tokio::time::Instant;

use super::Place;

/// What a request's header may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a whole header.
    pub header: usize,
    /// Lines of it, the request line included.
    pub lines: usize,
    /// Bytes of the request line.
    pub target: usize,
}

/// One connection, from its first byte to its last.
#[derive(Debug)]
pub struct Visit {
    bounds: Bounds,
    born: Instant,
    /// A header is awaited, or under way.
    phase: AtomicU8,
    /// Counts the headers awaited.
    turn: AtomicU32,
    heard: AtomicBool,
    /// Bytes of the fields of its requests under way.
    fields: AtomicUsize,
    /// Held as long as the connection lasts.
    _place: Place,
}

/// Fields of a request under way.
#[derive(Debug)]
pub struct Held {
    visit: Arc<Visit>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.visit.fields.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What the bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Of a header.
    Header,
    /// Of something without a limit of its own.
    Free,
    /// Frames of a WebSocket.
    Frames,
    /// The same, and it shall end.
    Closing,
    /// The same, and it shall end whatever the server says.
    Closed,
}

impl Visit {
    /// A connection that began at `born`.
    #[must_use]
    pub fn new(bounds: Bounds, born: Instant, place: Place) -> Self {
        Self {
            bounds,
            born,
            phase: AtomicU8::new(Phase::Free as u8),
            turn: AtomicU32::new(0),
            heard: AtomicBool::new(false),
            fields: AtomicUsize::new(0),
            _place: place,
        }
    }

    /// When it began.
    #[must_use]
    pub fn born(&self) -> Instant {
        self.born
    }

    /// A request with fields of so many bytes is under way, as long as what is returned lives; `None` when there would be
    /// more than `most` then.
    #[must_use]
    pub fn hold(self: &Arc<Self>, bytes: usize, most: usize) -> Option<Held> {
        let held = Held {
            visit: Arc::clone(self),
            bytes,
        };
        let others = self.fields.fetch_add(bytes, Ordering::Relaxed);
        (others + bytes <= most).then_some(held)
    }

    /// The next bytes are a header.
    pub fn await_header(&self) {
        self.heard.store(false, Ordering::Relaxed);
        self.turn.fetch_add(1, Ordering::Relaxed);
        self.enter(Phase::Header);
    }

    /// Did a byte of the header that is awaited come?
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// The header is whole.
    pub fn header_came(&self) {
        self.enter(Phase::Free);
    }

    /// From here on it is a WebSocket.
    pub fn upgraded(&self) {
        self.enter(Phase::Frames);
    }

    /// The WebSocket shall end: its server is told as if the client had said so, and answers. To be followed by
    /// polling whoever reads.
    pub fn close(&self) {
        self.enter(Phase::Closing);
    }

    /// The server did not answer to that: the client is told, and the stream ends.
    pub fn close_at_once(&self) {
        self.enter(Phase::Closed);
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(super) fn turn(&self) -> u32 {
        self.turn.load(Ordering::Relaxed)
    }

    pub(super) fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Header as u8 => Phase::Header,
            phase if phase == Phase::Frames as u8 => Phase::Frames,
            phase if phase == Phase::Closing as u8 => Phase::Closing,
            phase if phase == Phase::Closed as u8 => Phase::Closed,
            _ => Phase::Free,
        }
    }
}
