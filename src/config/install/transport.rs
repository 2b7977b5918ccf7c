//! `serversTransport` of the static configuration: how servers are connected to by default (traefik-core 3.3, 5.3).

use serde::Deserialize;

use crate::config::AllowEmpty;
use crate::config::dynamic::http::{self, ForwardingTimeouts, Spiffe};

/// The default transport, `default@internal`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServersTransport {
    /// Do not verify certificates.
    pub insecure_skip_verify: bool,
    /// Roots: files or PEM.
    #[serde(rename = "rootCAs")]
    pub root_cas: Vec<String>,
    /// Idle connections kept per server.
    pub max_idle_conns_per_host: i64,
    /// Times.
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    /// SPIFFE identities.
    pub spiffe: AllowEmpty<Spiffe>,
}

impl Default for ServersTransport {
    fn default() -> Self {
        Self {
            insecure_skip_verify: false,
            root_cas: Vec::new(),
            max_idle_conns_per_host: 200,
            forwarding_timeouts: None,
            spiffe: AllowEmpty::absent(),
        }
    }
}

impl From<ServersTransport> for http::ServersTransport {
    /// The same transport in the shape services name theirs by.
    fn from(written: ServersTransport) -> Self {
        Self {
            insecure_skip_verify: written.insecure_skip_verify,
            root_cas: written.root_cas,
            max_idle_conns_per_host: written.max_idle_conns_per_host,
            forwarding_timeouts: written.forwarding_timeouts,
            spiffe: written.spiffe,
            ..Self::default()
        }
    }
}
