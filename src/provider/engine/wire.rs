//! The few fields of an engine's answers that routing needs. Everything else is skipped while it is read, and nothing that
//! an engine may leave out, or say in a way of its own, refuses the rest.

mod container;
mod event;
mod swarm;

pub use container::{Inspect, Run, Summary};
pub use event::{Change, Event, Signal};
pub use swarm::{Network, Node, Service, Task};

use serde::{Deserialize, Deserializer};

use crate::config::Moment;

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

/// When something was made, in milliseconds of Unix time. What has no time that can be read counts as the youngest.
fn unix_milliseconds(text: &str) -> i64 {
    let moment = Moment::parse(text).map(Moment::as_unix_milliseconds);
    let milliseconds = moment.and_then(|time| i64::try_from(time).ok());
    milliseconds.unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_readable_time_is_the_youngest() {
        assert_eq!(unix_milliseconds("1970-01-01T00:00:01.5Z"), 1500);
        for text in ["", "yesterday"] {
            assert_eq!(unix_milliseconds(text), i64::MAX, "{text:?}");
        }
    }
}
