//! A servers transport as far as piton supports it (traefik-core 3.3).

use std::time::Duration;

use crate::config::Span;
use crate::config::dynamic::http::{ForwardingTimeouts, ServersTransport};

/// How connections to servers are made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transport {
    /// Name sent as SNI and verified; empty means the URL's host.
    pub server_name: String,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// Never negotiate HTTP/2.
    pub disable_http2: bool,
    /// Longest time to connect, TLS included; `None` means the system's own limit.
    pub dial_timeout: Option<Duration>,
    /// Longest wait for an answer's header; `None` for ever.
    pub response_header_timeout: Option<Duration>,
    /// How long an idle connection is kept; `None` for ever.
    pub idle_timeout: Option<Duration>,
}

/// A key that piton does not support: the transport cannot be used, since leaving it out would connect
/// under another trust than the one written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("servers transport key {0:?} is not supported yet")]
pub struct UnsupportedTransport(pub &'static str);

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
            disable_http2: false,
            dial_timeout: timeouts.dial_timeout.positive(),
            response_header_timeout: timeouts.response_header_timeout.positive(),
            idle_timeout: timeouts.idle_conn_timeout.positive(),
        }
    }

    /// What `written` means.
    ///
    /// # Errors
    /// When it uses a key that piton does not support.
    pub fn new(written: &ServersTransport) -> Result<Self, UnsupportedTransport> {
        let timeouts = written.forwarding_timeouts.clone().unwrap_or_default();
        let unsupported = [
            (!written.root_cas.is_empty(), "rootCAs"),
            (!written.certificates.is_empty(), "certificates"),
            (!written.cipher_suites.is_empty(), "cipherSuites"),
            (!written.min_version.is_empty(), "minVersion"),
            (!written.max_version.is_empty(), "maxVersion"),
            (!written.peer_cert_uri.is_empty(), "peerCertURI"),
            (!written.peer_cert_sans.is_empty(), "peerCertSANs"),
            (written.spiffe.is_some(), "spiffe"),
            (
                timeouts.read_idle_timeout != Span::seconds(0),
                "forwardingTimeouts.readIdleTimeout",
            ),
        ];
        if let Some((_, key)) = unsupported.into_iter().find(|(used, _)| *used) {
            return Err(UnsupportedTransport(key));
        }
        Ok(Self {
            server_name: written.server_name.clone(),
            insecure_skip_verify: written.insecure_skip_verify,
            disable_http2: written.disable_http2,
            ..Self::with_timeouts(&timeouts)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_traefiks() {
        let transport = Transport::new(&ServersTransport::default()).unwrap();
        assert_eq!(transport, Transport::default());
        assert_eq!(transport.dial_timeout, Some(Duration::from_secs(30)));
        assert_eq!(transport.idle_timeout, Some(Duration::from_secs(90)));
        assert_eq!(transport.response_header_timeout, None);
    }

    #[test]
    fn a_key_about_trust_that_cannot_be_honoured_refuses_the_transport() {
        let written = ServersTransport {
            root_cas: vec!["ca.pem".into()],
            ..ServersTransport::default()
        };
        assert_eq!(Transport::new(&written), Err(UnsupportedTransport("rootCAs")));
    }
}
