//! The few fields of an engine's answers that routing needs. Everything else is skipped while it is read, and nothing that
//! an engine may leave out, or say in a way of its own, refuses the rest.

mod container;
mod event;
mod swarm;

pub use container::{Inspect, Run, Summary};
pub use event::{Change, Event, Signal};
pub use swarm::{Network, Service, Task};

use serde::{Deserialize, Deserializer};

/// `GET /version`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Version {
    /// The newest version of the API that the engine speaks.
    #[serde(deserialize_with = "nullable")]
    pub api_version: String,
    /// The oldest one.
    #[serde(rename = "MinAPIVersion", deserialize_with = "nullable")]
    pub min_api_version: String,
}

/// Go writes an empty map, list or pointer as `null`.
fn nullable<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
