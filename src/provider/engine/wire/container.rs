//! Containers as `GET /containers/json` and `GET /containers/{id}/json` print them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use super::{Signal, nullable, unix_milliseconds};
use crate::provider::containers::{Addresses, Binding, Container, Health, Life, NetworkMode, Port};

/// One container of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Summary {
    /// Its id.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    names: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    ports: Vec<ListedPort>,
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    state: String,
    #[serde(deserialize_with = "nullable")]
    status: String,
    #[serde(deserialize_with = "nullable")]
    host_config: HostConfig,
    #[serde(deserialize_with = "nullable")]
    network_settings: ListedNetworks,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedPort {
    #[serde(rename = "IP", deserialize_with = "nullable")]
    ip: String,
    #[serde(deserialize_with = "nullable")]
    private_port: u32,
    #[serde(deserialize_with = "nullable")]
    public_port: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedNetworks {
    #[serde(deserialize_with = "nullable")]
    networks: BTreeMap<String, Option<Endpoint>>,
}

impl Summary {
    /// A number that stays the same as long as nothing changed that routing cares for. The status says `Up 3 minutes`, so
    /// of that only the health counts.
    #[must_use]
    pub fn fingerprint(mut self) -> u64 {
        self.status = match self.status.find('(') {
            Some(start) if self.state == "running" => self.status.split_off(start),
            _ => String::new(),
        };
        self.names.sort_unstable();
        self.ports.sort_unstable();
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// One run of a container, from its start to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run(String);

/// One container, looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Inspect {
    /// Its id.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    created: String,
    #[serde(deserialize_with = "nullable")]
    state: State,
    #[serde(deserialize_with = "nullable")]
    config: Config,
    #[serde(deserialize_with = "nullable")]
    host_config: HostConfig,
    #[serde(deserialize_with = "nullable")]
    network_settings: NetworkSettings,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    #[serde(deserialize_with = "nullable")]
    status: String,
    #[serde(deserialize_with = "nullable")]
    started_at: String,
    health: Option<HealthState>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HealthState {
    #[serde(deserialize_with = "nullable")]
    status: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    stop_signal: Signal,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    #[serde(deserialize_with = "nullable")]
    network_mode: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(deserialize_with = "nullable")]
    ports: BTreeMap<String, Option<Vec<PortBinding>>>,
    #[serde(deserialize_with = "nullable")]
    networks: BTreeMap<String, Option<Endpoint>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PortBinding {
    #[serde(deserialize_with = "nullable")]
    host_ip: String,
    #[serde(deserialize_with = "nullable")]
    host_port: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(rename = "IPAddress", deserialize_with = "nullable")]
    v4: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "nullable")]
    v6: String,
}

impl Inspect {
    /// The signal by which it is told to stop.
    #[must_use]
    pub fn stop_signal(&self) -> Signal {
        self.config.stop_signal.clone()
    }

    /// When its process was started, as the engine writes it: what tells one run of it from the next.
    #[must_use]
    pub fn run(&self) -> Run {
        Run(self.state.started_at.clone())
    }

    /// As neutral data.
    #[must_use]
    pub fn into_container(self) -> Container {
        let name = self.name.trim_start_matches('/').to_owned();
        Container {
            title: format!("container {name:?}"),
            created: unix_milliseconds(&self.created),
            life: match self.state.status.as_str() {
                "running" => Life::Running,
                // Podman's word for a container that was told to stop.
                "stopping" => Life::Stopping,
                _ => Life::Stopped,
            },
            health: self
                .state
                .health
                .map_or(Health::Unchecked, |health| health.read()),
            network_mode: self.host_config.network_mode(),
            ports: ports(&self.network_settings.ports),
            networks: networks(self.network_settings.networks),
            virtual_address: false,
            labels: self.config.labels.into(),
            id: self.id,
            name,
        }
    }
}

impl HealthState {
    fn read(&self) -> Health {
        match self.status.as_str() {
            "healthy" => Health::Healthy,
            "unhealthy" => Health::Unhealthy,
            "" | "none" => Health::Unchecked,
            _ => Health::Starting,
        }
    }
}

impl HostConfig {
    fn network_mode(&self) -> NetworkMode {
        match self.network_mode.as_str() {
            "host" => NetworkMode::Host,
            mode => match mode.strip_prefix("container:") {
                Some(other) => NetworkMode::Container(other.to_owned()),
                None => NetworkMode::Own,
            },
        }
    }
}

/// Ports by number; `8080/tcp` and `8080/udp` are one.
fn ports(written: &BTreeMap<String, Option<Vec<PortBinding>>>) -> Vec<Port> {
    let mut ports: BTreeMap<u16, Vec<Binding>> = BTreeMap::new();
    for (key, bindings) in written {
        let number = key.split('/').next().unwrap_or_default();
        if let Ok(number) = number.parse() {
            let bindings = bindings.iter().flatten().filter_map(PortBinding::read);
            ports.entry(number).or_default().extend(bindings);
        }
    }
    ports
        .into_iter()
        .map(|(number, bindings)| Port { number, bindings })
        .collect()
}

impl PortBinding {
    fn read(&self) -> Option<Binding> {
        Some(Binding {
            ip: self.host_ip.parse().ok(),
            port: self.host_port.parse().ok()?,
        })
    }
}

fn networks(written: BTreeMap<String, Option<Endpoint>>) -> BTreeMap<String, Addresses> {
    let read =
        |(name, endpoint): (String, Option<Endpoint>)| (name, endpoint.unwrap_or_default().addresses());
    written.into_iter().map(read).collect()
}

impl Endpoint {
    fn addresses(&self) -> Addresses {
        Addresses {
            v4: self.v4.parse().ok(),
            v6: self.v6.parse().ok(),
        }
    }
}

/// The address before the length of a prefix, as swarm writes it: `10.0.1.3/24`.
pub(super) fn address(text: &str) -> Addresses {
    let ip = text.split('/').next().unwrap_or_default().parse::<IpAddr>();
    let (v4, v6): (Option<Ipv4Addr>, Option<Ipv6Addr>) = match ip {
        Ok(IpAddr::V4(v4)) => (Some(v4), None),
        Ok(IpAddr::V6(v6)) => (None, Some(v6)),
        Err(_) => (None, None),
    };
    Addresses { v4, v6 }
}
