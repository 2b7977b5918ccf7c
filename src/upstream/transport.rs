//! A servers transport: how the servers of a service are connected to (traefik-core 3.3).

use std::sync::Arc;
use std::time::Duration;

use super::tls::{self, Tls};
use crate::config::Files;
use crate::config::dynamic::http::{ForwardingTimeouts, ServersTransport};

/// How connections to servers are made. Two that differ in anything, the content of files included, share none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transport {
    /// Name sent as SNI and verified; empty means the URL's host.
    pub server_name: String,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// Roots, client certificates, versions and names.
    pub tls: Arc<Tls>,
    /// Never negotiate HTTP/2.
    pub disable_http2: bool,
    /// Idle connections kept per server: 0 for no bound of its own, less for none.
    pub max_idle: i64,
    /// Longest time to connect, TLS included; `None` means the system's own limit.
    pub dial_timeout: Option<Duration>,
    /// Longest wait for an answer's header; `None` for ever.
    pub response_header_timeout: Option<Duration>,
    /// How long an idle connection is kept; `None` for ever.
    pub idle_timeout: Option<Duration>,
    /// Time between the pings of an HTTP/2 connection; `None` for no pings.
    pub ping_interval: Option<Duration>,
}

/// Why a transport cannot be used: leaving out what is written would connect under another trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransport {
    /// A key that piton does not support.
    #[error("servers transport key {0:?} is not supported yet")]
    Unsupported(&'static str),
    /// A value that cannot be used.
    #[error("{key}: {reason}")]
    Value {
        /// Where.
        key: String,
        /// What is wrong; never with a key's content.
        reason: String,
    },
}

impl Default for Transport {
    fn default() -> Self {
        Self::with_timeouts(&ForwardingTimeouts::default())
    }
}

impl Transport {
    fn with_timeouts(timeouts: &ForwardingTimeouts) -> Self {
        Self {
            server_name: String::new(),
            insecure_skip_verify: false,
            tls: Arc::default(),
            disable_http2: false,
            max_idle: 0,
            dial_timeout: timeouts.dial_timeout.positive(),
            response_header_timeout: timeouts.response_header_timeout.positive(),
            idle_timeout: timeouts.idle_conn_timeout.positive(),
            ping_interval: timeouts.read_idle_timeout.positive(),
        }
    }

    /// What `written` means; certificates and keys are read from `files`.
    ///
    /// # Errors
    /// When it uses a key that piton does not support, or a value that cannot be used.
    pub fn new(written: &ServersTransport, files: &dyn Files) -> Result<Self, InvalidTransport> {
        if written.spiffe.is_some() {
            return Err(InvalidTransport::Unsupported("spiffe"));
        }
        let timeouts = written.forwarding_timeouts.clone().unwrap_or_default();
        Ok(Self {
            server_name: written.server_name.clone(),
            insecure_skip_verify: written.insecure_skip_verify,
            tls: Arc::new(Tls::new(tls::read(written, files)?)),
            disable_http2: written.disable_http2,
            max_idle: written.max_idle_conns_per_host,
            ..Self::with_timeouts(&timeouts)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::dynamic::http::Spiffe;
    use crate::config::{NoFiles, Span};

    #[test]
    fn defaults_are_traefiks() {
        let transport = Transport::new(&ServersTransport::default(), &NoFiles).unwrap();
        assert_eq!(transport, Transport::default());
        assert_eq!(transport.dial_timeout, Some(Duration::from_secs(30)));
        assert_eq!(transport.idle_timeout, Some(Duration::from_secs(90)));
        assert_eq!(transport.response_header_timeout, None);
        assert_eq!(transport.ping_interval, None);
    }

    #[test]
    fn a_key_about_trust_that_cannot_be_honoured_refuses_the_transport() {
        let written = ServersTransport {
            spiffe: Some(Spiffe::default()).into(),
            ..ServersTransport::default()
        };
        let refused = Transport::new(&written, &NoFiles).unwrap_err();
        assert_eq!(refused, InvalidTransport::Unsupported("spiffe"));
    }

    #[test]
    fn silence_after_which_a_connection_is_pinged_is_the_time_between_pings() {
        let written = ServersTransport {
            forwarding_timeouts: Some(ForwardingTimeouts {
                read_idle_timeout: Span::seconds(7),
                ..ForwardingTimeouts::default()
            }),
            ..ServersTransport::default()
        };
        let transport = Transport::new(&written, &NoFiles).unwrap();
        assert_eq!(transport.ping_interval, Some(Duration::from_secs(7)));
    }
}
