//! Events, as far as they can change where requests go.

use std::fmt;

use serde::Deserialize;

use super::nullable;

/// One event of `GET /events`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Event {
    #[serde(rename = "Type", deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    action: String,
    #[serde(deserialize_with = "nullable")]
    actor: Actor,
}

/// Attributes are the labels of the container besides, so only two are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Actor {
    #[serde(rename = "ID", deserialize_with = "nullable")]
    id: String,
    #[serde(rename = "Attributes", deserialize_with = "nullable")]
    attributes: Attributes,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(deserialize_with = "nullable")]
    signal: Signal,
    #[serde(deserialize_with = "nullable")]
    container: String,
}

/// What an event means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Something about a container changed: it has to be looked at.
    Container(String),
    /// A container ended.
    Ended(String),
    /// A signal was sent to a container.
    Signalled(String, Signal),
    /// A container is no more.
    Removed(String),
    /// A service or a node of the swarm changed.
    Swarm,
}

impl Event {
    /// What it means; `None` for what changes nothing.
    #[must_use]
    pub fn change(self) -> Option<Change> {
        let Actor { id, attributes } = self.actor;
        match (self.kind.as_str(), self.action.as_str()) {
            ("container", "start" | "stop" | "pause" | "unpause" | "rename") => Some(Change::Container(id)),
            // `died` and `remove` are Podman's words.
            ("container", "die" | "died") => Some(Change::Ended(id)),
            ("container", "kill") => Some(Change::Signalled(id, attributes.signal)),
            ("container", "destroy" | "remove") => Some(Change::Removed(id)),
            ("container", action) if action.starts_with("health_status") => Some(Change::Container(id)),
            ("network", "connect" | "disconnect") => Some(Change::Container(attributes.container)),
            ("service" | "node", _) => Some(Change::Swarm),
            _ => None,
        }
    }
}

/// A signal, by number where it has a known one: engines write `15`, `SIGTERM` and `TERM`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Signal(String);

impl Signal {
    const TERM: &str = "15";

    /// Does it ask a container to end whose own signal for that is `stop_signal`? SIGKILL does not ask: the end itself
    /// follows at once.
    #[must_use]
    pub fn asks_to_end(&self, stop_signal: &Self) -> bool {
        let own = match stop_signal.0.as_str() {
            "" => Self::TERM,
            written => written,
        };
        [Self::TERM, own].contains(&self.0.as_str())
    }
}

impl From<String> for Signal {
    fn from(written: String) -> Self {
        const NAMES: &[(&str, &str)] = &[
            ("HUP", "1"),
            ("INT", "2"),
            ("QUIT", "3"),
            ("KILL", "9"),
            ("USR1", "10"),
            ("USR2", "12"),
            ("TERM", Signal::TERM),
            ("WINCH", "28"),
            ("PWR", "30"),
            ("RTMIN+3", "37"),
        ];
        let upper = written.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let known = NAMES.iter().find(|(known, _)| *known == name);
        Self(known.map_or(name, |(_, number)| number).to_owned())
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signal {}", self.0)
    }
}
