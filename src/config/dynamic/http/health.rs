//! Checks and forwarding of a load balancer (traefik-core 3.1, 3.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Span, encode};

/// `healthCheck` of a load balancer (traefik-core 3.1).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// Overrides the server's scheme.
    pub scheme: String,
    /// `http` or `grpc`; other values mean http.
    #[serde(serialize_with = "encode::always")]
    pub mode: String,
    /// Reference resolved against the server's URL.
    pub path: String,
    /// HTTP method; empty means GET.
    pub method: String,
    /// Exact status wanted; 0 means 200..=399.
    pub status: u16,
    /// Overrides the server's port; 0 means none.
    pub port: u16,
    /// Time between probes of a healthy server.
    #[serde(serialize_with = "encode::always")]
    pub interval: Span,
    /// Time between probes of an unhealthy server; absent means `interval`.
    pub unhealthy_interval: Option<Span>,
    /// Time for one whole probe.
    #[serde(serialize_with = "encode::always")]
    pub timeout: Span,
    /// `Host` of the probe.
    pub hostname: String,
    /// Follow 3xx answers?
    #[serde(serialize_with = "encode::always")]
    pub follow_redirects: bool,
    /// Fields set on the probe.
    #[serde(serialize_with = "encode::header_values")]
    pub headers: BTreeMap<String, String>,
    /// Piton: successes in a row that raise a server.
    #[serde(skip_serializing_if = "is_one", serialize_with = "encode::always")]
    pub rise: u32,
    /// Piton: failures in a row that fell a server.
    #[serde(skip_serializing_if = "is_one", serialize_with = "encode::always")]
    pub fall: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            scheme: String::new(),
            mode: "http".to_owned(),
            path: String::new(),
            method: String::new(),
            status: 0,
            port: 0,
            interval: Span::seconds(30),
            unhealthy_interval: None,
            timeout: Span::seconds(5),
            hostname: String::new(),
            follow_redirects: true,
            headers: BTreeMap::new(),
            rise: 1,
            fall: 1,
        }
    }
}

/// Traefik's users did not write it, and need not see it.
const fn is_one(times: &u32) -> bool {
    *times == 1
}

/// `passiveHealthCheck` (traefik-core 3.2).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PassiveHealthCheck {
    /// Time in which failures are counted, and time a server stays down.
    #[serde(serialize_with = "encode::always")]
    pub failure_window: Span,
    /// Failures in the window that take a server down.
    #[serde(serialize_with = "encode::always")]
    pub max_failed_attempts: u32,
}

impl Default for PassiveHealthCheck {
    fn default() -> Self {
        Self {
            failure_window: Span::seconds(10),
            max_failed_attempts: 1,
        }
    }
}

/// `responseForwarding`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// Longest time a body byte may wait in a buffer; piton always flushes at once.
    #[serde(serialize_with = "encode::always")]
    pub flush_interval: Span,
}

impl Default for ResponseForwarding {
    fn default() -> Self {
        Self {
            flush_interval: Span::milliseconds(100),
        }
    }
}
