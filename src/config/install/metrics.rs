//! `metrics`: what is counted, and where it is shown (traefik-core 5.4, 9.1).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ping::OWN_ENTRY_POINT;
use crate::config::AllowEmpty;

/// `metrics`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Count requests that piton answers itself, too (`/ping`, `/metrics`, `/api`).
    pub add_internals: bool,
    /// For Prometheus.
    pub prometheus: AllowEmpty<Prometheus>,
}

/// `metrics.prometheus`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prometheus {
    /// Bounds of the histograms of durations, in seconds, ascending.
    pub buckets: Vec<f64>,
    /// Count by entry point.
    pub add_entry_points_labels: bool,
    /// Count by router.
    pub add_routers_labels: bool,
    /// Count by service.
    pub add_services_labels: bool,
    /// Name of the entry point that answers `/metrics`.
    pub entry_point: String,
    /// Answer only where a router leads to `prometheus@internal`.
    pub manual_routing: bool,
    /// Further labels of the counters of requests, and the request header that each is taken from.
    pub header_labels: BTreeMap<String, String>,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            buckets: vec![0.1, 0.3, 1.2, 5.0],
            add_entry_points_labels: true,
            add_routers_labels: false,
            add_services_labels: true,
            entry_point: OWN_ENTRY_POINT.to_owned(),
            manual_routing: false,
            header_labels: BTreeMap::new(),
        }
    }
}
