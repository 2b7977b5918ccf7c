//! A request's part of its trace: where attempts begin and end, and what servers are told.

use pingora::Result;
use pingora::http::RequestHeader;

use super::context::Context;
use super::failure::Failure;
use crate::clock;
use crate::observe::{TRACEPARENT, TRACESTATE, Trace};

impl Context {
    fn trace(&mut self) -> Option<&mut Trace> {
        self.watched.as_mut()?.trace.as_mut()
    }

    /// An attempt at the chosen server begins, or another look at it.
    pub(super) fn trace_attempt(&mut self) {
        if self.trace().is_none() {
            return;
        }
        let server = self.server().cloned();
        if let (Some(server), Some(trace)) = (server, self.trace()) {
            trace.attempt(&server, clock::now());
        }
    }

    /// Tells the server about the trace. Without one nothing changes: whatever the client says of its own is passed on.
    pub(super) fn trace_request(&mut self, request: &mut RequestHeader) -> Result<()> {
        let Some(trace) = self.trace() else {
            return Ok(());
        };
        if !trace.is_continued() {
            request.remove_header(TRACESTATE);
        }
        match trace.field(request.method.as_str(), &request.uri) {
            Some(field) => request.insert_header(TRACEPARENT, field),
            None => Ok(()),
        }
    }

    /// The attempt under way got this answer.
    pub(super) fn trace_answer(&mut self, status: u16) {
        if let Some(trace) = self.trace() {
            trace.answered(status);
        }
    }

    /// The attempt under way is over, with an answer that is discarded or without any.
    pub(super) fn trace_end_of_attempt(&mut self, failure: Option<Failure>) {
        if let Some(trace) = self.trace() {
            let reason = match failure {
                Some(Failure::Timeout) => "timeout",
                Some(Failure::Unusable) => "_OTHER",
                _ => "connection",
            };
            trace.attempt_over(reason, clock::now());
        }
    }
}
