//! Services of services (traefik-core 2.5 to 2.8).

use serde::{Deserialize, Serialize};

use super::Sticky;
use crate::config::{AllowEmpty, encode};

/// `weighted`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weighted {
    /// The children.
    pub services: Vec<WeightedChild>,
    /// Stickiness between children.
    pub sticky: Option<Sticky>,
    /// Presence propagates health between children and parents.
    pub health_check: AllowEmpty<Marker>,
}

/// `highestRandomWeight`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HighestRandomWeight {
    /// The children.
    pub services: Vec<WeightedChild>,
    /// Presence propagates health.
    pub health_check: AllowEmpty<Marker>,
}

/// A child and its share.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WeightedChild {
    /// Service name; as written it is the sticky identity.
    pub name: String,
    /// Share.
    #[serde(serialize_with = "encode::always")]
    pub weight: i64,
}

impl Default for WeightedChild {
    fn default() -> Self {
        Self {
            name: String::new(),
            weight: 1,
        }
    }
}

/// `mirroring`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirroring {
    /// The service whose answer counts.
    pub service: String,
    /// Copy bodies too?
    #[serde(serialize_with = "encode::always")]
    pub mirror_body: bool,
    /// Largest body copied, in bytes; negative means no limit.
    #[serde(serialize_with = "encode::always")]
    pub max_body_size: i64,
    /// The copies.
    pub mirrors: Vec<Mirror>,
    /// Presence propagates health.
    pub health_check: AllowEmpty<Marker>,
}

impl Default for Mirroring {
    fn default() -> Self {
        Self {
            service: String::new(),
            mirror_body: true,
            max_body_size: -1,
            mirrors: Vec::new(),
            health_check: AllowEmpty::default(),
        }
    }
}

/// One mirror.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirror {
    /// Service name.
    pub name: String,
    /// Share of requests copied, 0 to 100.
    pub percent: i64,
}

/// `failover`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Failover {
    /// The service that normally answers.
    pub service: String,
    /// The spare.
    pub fallback: String,
    /// Presence propagates health.
    pub health_check: AllowEmpty<Marker>,
    /// Answers that count as failure.
    pub errors: Option<FailoverErrors>,
}

/// `failover.errors`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailoverErrors {
    /// Codes and ranges: `500`, `500-504`.
    pub status: Vec<String>,
    /// Largest request body kept for the replay; negative means no limit.
    #[serde(serialize_with = "encode::always")]
    pub max_request_body_bytes: i64,
}

impl Default for FailoverErrors {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            max_request_body_bytes: -1,
        }
    }
}

/// An empty object whose presence is its meaning.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Marker {}
