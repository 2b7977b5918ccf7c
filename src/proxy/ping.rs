//! `/ping`: does this process want requests? (traefik-core 5.4)

use std::sync::Arc;

use http::StatusCode;

use super::page::Page;
use crate::stop::Stop;

/// Answers for one process.
pub struct Ping {
    stop: Arc<Stop>,
    terminating: StatusCode,
    is_ready: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Ping {
    /// Answers until `stop` has begun, once `is_ready`: a process that has not read its configuration would answer 404
    /// where others do not. With `terminating` while the process is ending.
    #[must_use]
    pub fn new(
        stop: Arc<Stop>,
        terminating: StatusCode,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            stop,
            terminating,
            is_ready: Box::new(is_ready),
        }
    }

    /// The answer.
    pub(super) fn answer(&self) -> Page {
        if self.stop.is_announced() {
            Page::bare(
                self.terminating,
                self.terminating.canonical_reason().unwrap_or_default(),
            )
        } else if (self.is_ready)() {
            Page::bare(StatusCode::OK, "OK")
        } else {
            Page::bare(
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the configuration is not read yet\n",
            )
        }
    }
}
