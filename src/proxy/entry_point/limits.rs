//! What one connection and one request may cost (traefik-core 5.2, pingora-0.9 5.4).

use std::time::Duration;

use pingora::http::RequestHeader;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora_proxy::Session;

use crate::config::install;
use crate::connection::{Bounds, Crowd};

/// Pingora's own limit of a header block: a larger limit of ours could not take effect.
const PINGORA_HEADER_LIMIT: usize = 1024 * 1024;

/// Lines that Pingora takes in a header, without the request line.
const PINGORA_HEADER_LINES: usize = 256;

/// Longest target: what the `http` crate takes, less what is no target in a request line.
const LONGEST_TARGET: usize = 65_000;

/// Most bytes of the fields of one HTTP/2 request: each connection may have hundreds of them under way.
const H2_FIELDS: u32 = 64 * 1024;

/// Bytes that all requests of one HTTP/2 connection may have sent together before they are read.
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Timeouts and sizes of one entry point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    read: Option<Duration>,
    write: Option<Duration>,
    /// Seconds.
    idle: u64,
    max_requests: Option<u32>,
    max_header_bytes: usize,
    max_body_bytes: Option<u64>,
    max_age: Option<Duration>,
    max_streams: u32,
    header_table: u32,
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
                limit => limit.min(PINGORA_HEADER_LIMIT),
            },
            max_body_bytes: u64::try_from(written.http.max_request_body_bytes)
                .ok()
                .filter(|&limit| limit > 0),
            max_age: written.transport.keep_alive_max_time.positive(),
            max_streams: match written.http2.max_concurrent_streams {
                0 => 250,
                streams => streams,
            },
            header_table: written.http2.max_decoder_header_table_size,
        }
    }

    /// Room for the connections of an entry point as it was written.
    #[must_use]
    pub fn crowd(written: &install::EntryPoint) -> Crowd {
        let transport = &written.transport;
        Crowd::new(
            usize::try_from(transport.max_connections).unwrap_or(0),
            u32::try_from(transport.max_connections_per_address).unwrap_or(0),
        )
    }

    /// What a header may cost while it comes.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            header: self.max_header_bytes,
            lines: PINGORA_HEADER_LINES + 1,
            target: LONGEST_TARGET,
        }
    }

    /// Settings of HTTP/2 connections.
    #[must_use]
    pub fn h2(&self) -> H2Options {
        let mut options = default_h2_options();
        let fields = u32::try_from(self.max_header_bytes).unwrap_or(H2_FIELDS);
        options
            .max_header_list_size(fields.min(H2_FIELDS))
            .max_concurrent_streams(self.max_streams)
            .header_table_size(self.header_table)
            .initial_connection_window_size(H2_CONNECTION_WINDOW);
        options
    }

    /// How long a connection may be silent between requests.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle)
    }

    /// Most requests of one connection.
    #[must_use]
    pub fn max_requests(&self) -> Option<u32> {
        self.max_requests
    }

    /// How long a connection may go on getting requests.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// Are so many bytes of a request's body too many?
    #[must_use]
    pub fn is_body_too_large(&self, bytes: u64) -> bool {
        self.max_body_bytes.is_some_and(|limit| bytes > limit)
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
        session.set_read_timeout(self.read);
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
