//! What one connection and one request may cost (traefik-core 5.2, pingora-0.9 5.4).

use std::time::Duration;

use pingora::http::RequestHeader;
use pingora_proxy::Session;

use crate::config::install;

/// Pingora's own limit of a header block: a larger limit of ours could not take effect.
const PINGORA_HEADER_LIMIT: usize = 1024 * 1024;

/// Timeouts and sizes of one entry point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    read: Option<Duration>,
    write: Option<Duration>,
    /// Seconds.
    idle: u64,
    max_requests: Option<u32>,
    max_header_bytes: usize,
}

impl Limits {
    /// From what was written; zero means no limit where Traefik says so, but an idle connection is
    /// always closed some time.
    #[must_use]
    pub fn new(written: &install::EntryPoint) -> Self {
        let timeouts = &written.transport.responding_timeouts;
        let idle = timeouts
            .idle_timeout
            .positive()
            .unwrap_or(Duration::from_secs(180));
        let max_header_bytes = usize::try_from(written.http.max_header_bytes).unwrap_or(0);
        Self {
            read: timeouts.read_timeout.positive(),
            write: timeouts.write_timeout.positive(),
            idle: idle.as_secs().max(1),
            max_requests: u32::try_from(written.transport.keep_alive_max_requests)
                .ok()
                .filter(|&count| count > 0),
            max_header_bytes: match max_header_bytes {
                0 => PINGORA_HEADER_LIMIT,
                limit => limit,
            },
        }
    }

    /// Time for a request to arrive; `None` for no limit.
    #[must_use]
    pub fn read(&self) -> Option<Duration> {
        self.read
    }

    /// Sets them on a session; to be called for every request, since Pingora starts each with defaults.
    pub fn apply(&self, session: &mut Session) {
        // Without this an idle connection is kept for ever after its first request. One that the client
        // wants closed (HTTP/1.0, `Connection: close`) stays so.
        if session.get_keepalive().is_some() {
            session.set_keepalive(Some(self.idle));
        }
        if self.max_requests.is_some() && session.get_keepalive_reuses_remaining().is_none() {
            session.set_keepalive_reuses_remaining(self.max_requests.map(|count| count - 1));
        }
        // Pingora ends a request with 400 when the next one arrives early, unless told otherwise.
        session.as_downstream_mut().set_pipelining_enabled(true);
        session.set_write_timeout(self.write);
        // A WebSocket may be silent for longer than a request may take to arrive.
        let read = self.read.filter(|_| !session.is_upgrade_req());
        session.set_read_timeout(read);
    }

    /// Is the header larger than allowed? Counted as sent: target, names, values and their separators.
    #[must_use]
    pub fn header_is_too_large(&self, request: &RequestHeader) -> bool {
        if self.max_header_bytes >= PINGORA_HEADER_LIMIT {
            return false;
        }
        let fields = request.headers.iter();
        let fields: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        request.raw_path().len() + fields > self.max_header_bytes
    }
}
