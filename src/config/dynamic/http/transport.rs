//! `serversTransports` (traefik-core 3.3).

use serde::{Deserialize, Serialize};

use crate::config::dynamic::tls::CertificatePair;
use crate::config::{AllowEmpty, Span, encode};

/// How servers are connected to (traefik-core 3.3).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransport {
    /// SNI and the name verified.
    pub server_name: String,
    /// Do not verify certificates.
    pub insecure_skip_verify: bool,
    /// Roots: files or PEM.
    #[serde(rename = "rootCAs", alias = "rootCas")]
    pub root_cas: Vec<String>,
    /// Client certificates.
    pub certificates: Vec<CertificatePair>,
    /// Cipher suites by name.
    pub cipher_suites: Vec<String>,
    /// `VersionTLS12` ...
    pub min_version: String,
    /// `VersionTLS13` ...
    pub max_version: String,
    /// Idle connections kept per server; 0 means the default.
    pub max_idle_conns_per_host: i64,
    /// Times.
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// Never negotiate HTTP/2.
    #[serde(rename = "disableHTTP2")]
    pub disable_http2: bool,
    /// Deprecated single URI wanted in the server's certificate.
    #[serde(rename = "peerCertURI")]
    pub peer_cert_uri: String,
    /// Names wanted in the server's certificate.
    #[serde(rename = "peerCertSANs")]
    pub peer_cert_sans: Vec<PeerCertSan>,
    /// SPIFFE identities.
    pub spiffe: AllowEmpty<Spiffe>,
}

/// One name wanted in a certificate.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PeerCertSan {
    /// `DNSName` or `URI`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name.
    pub value: String,
}

/// `spiffe`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spiffe {
    /// Allowed ids.
    pub ids: Vec<String>,
    /// Allowed trust domain.
    pub trust_domain: String,
}

/// `forwardingTimeouts` (traefik-core 3.3).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardingTimeouts {
    /// Time to connect; 0 means none.
    #[serde(serialize_with = "encode::always")]
    pub dial_timeout: Span,
    /// Time from request sent to response header; 0 means none.
    pub response_header_timeout: Span,
    /// Time an idle connection is kept; 0 means for ever.
    #[serde(serialize_with = "encode::always")]
    pub idle_conn_timeout: Span,
    /// Silence after which an HTTP/2 connection is pinged; 0 means never.
    pub read_idle_timeout: Span,
    /// Time for the answer to that ping.
    #[serde(serialize_with = "encode::always")]
    pub ping_timeout: Span,
}

impl Default for ForwardingTimeouts {
    fn default() -> Self {
        Self {
            dial_timeout: Span::seconds(30),
            response_header_timeout: Span::seconds(0),
            idle_conn_timeout: Span::seconds(90),
            read_idle_timeout: Span::seconds(0),
            ping_timeout: Span::seconds(15),
        }
    }
}
