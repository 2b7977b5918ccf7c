//! `ping`: where `/ping` tells whether this process wants requests (traefik-core 5.4).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::EntryPoint;

/// The entry point that is made for it when none of this name is written.
pub const OWN_ENTRY_POINT: &str = "traefik";

/// `ping`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ping {
    /// Name of the entry point that answers.
    pub entry_point: String,
    /// Answer only where a router leads to `ping@internal`.
    pub manual_routing: bool,
    /// The status while the process is ending.
    pub terminating_status_code: u16,
}

impl Default for Ping {
    fn default() -> Self {
        Self {
            entry_point: OWN_ENTRY_POINT.to_owned(),
            manual_routing: false,
            terminating_status_code: 503,
        }
    }
}

/// Is something answered on the entry point `traefik`?
pub(super) fn is_own(entry_point: &str, manual_routing: bool) -> bool {
    entry_point == OWN_ENTRY_POINT && !manual_routing
}

/// Adds the entry point `traefik` on port 8080, if it is not written.
pub(super) fn add_own_entry_point(entry_points: &mut BTreeMap<String, EntryPoint>) {
    entry_points
        .entry(OWN_ENTRY_POINT.to_owned())
        .or_insert_with(|| EntryPoint {
            address: ":8080".to_owned(),
            ..EntryPoint::default()
        });
}
