//! Services, tasks, nodes and networks of a swarm.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::container::address;
use super::{nullable, unix_milliseconds};
use crate::provider::containers::{Addresses, Container, Health, Labels, Life, NetworkMode};

/// One service of `GET /services`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Service {
    /// Its id.
    #[serde(rename = "ID", deserialize_with = "nullable")]
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    created_at: String,
    #[serde(deserialize_with = "nullable")]
    spec: ServiceSpec,
    #[serde(deserialize_with = "nullable")]
    endpoint: Endpoint,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ServiceSpec {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(rename = "VirtualIPs", deserialize_with = "nullable")]
    virtual_ips: Vec<VirtualIp>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct VirtualIp {
    #[serde(rename = "NetworkID", deserialize_with = "nullable")]
    network: String,
    #[serde(rename = "Addr", deserialize_with = "nullable")]
    address: String,
}

/// One task of `GET /tasks`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Task {
    #[serde(rename = "ID", deserialize_with = "nullable")]
    id: String,
    /// The service it belongs to.
    #[serde(rename = "ServiceID", deserialize_with = "nullable")]
    pub service: String,
    /// The node it was given to.
    #[serde(rename = "NodeID", deserialize_with = "nullable")]
    pub node: String,
    #[serde(deserialize_with = "nullable")]
    slot: u64,
    #[serde(deserialize_with = "nullable")]
    status: TaskStatus,
    #[serde(deserialize_with = "nullable")]
    desired_state: String,
    #[serde(deserialize_with = "nullable")]
    networks_attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TaskStatus {
    #[serde(deserialize_with = "nullable")]
    state: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attachment {
    #[serde(deserialize_with = "nullable")]
    network: AttachedNetwork,
    #[serde(deserialize_with = "nullable")]
    addresses: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AttachedNetwork {
    #[serde(deserialize_with = "nullable")]
    spec: NetworkSpec,
    #[serde(deserialize_with = "nullable")]
    driver_state: Driver,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSpec {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    ingress: bool,
    #[serde(deserialize_with = "nullable")]
    scope: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Driver {
    #[serde(deserialize_with = "nullable")]
    name: String,
}

/// One node of `GET /nodes`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Node {
    /// Its id.
    #[serde(rename = "ID", deserialize_with = "nullable")]
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    status: NodeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeStatus {
    #[serde(deserialize_with = "nullable")]
    state: String,
}

/// One network of `GET /networks`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    /// Its id.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// Is it the one that publishes ports of the swarm?
    #[serde(deserialize_with = "nullable")]
    pub ingress: bool,
}

impl Service {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Takes out its labels: those of the service, never those of its containers.
    #[must_use]
    pub fn take_labels(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.spec.labels)
    }

    /// As one container behind its virtual addresses, whose networks are `names` by id.
    #[must_use]
    pub fn at_virtual_address(&self, labels: &Labels, names: &BTreeMap<&str, &Network>) -> Container {
        let virtual_ips = self.endpoint.virtual_ips.iter();
        let networks = virtual_ips.filter_map(|ip| {
            let network = names
                .get(ip.network.as_str())
                .filter(|network| !network.ingress)?;
            Some((network.name.clone(), address(&ip.address)))
        });
        Container {
            id: self.id.clone(),
            title: format!("service {:?}", self.name()),
            networks: networks.collect(),
            virtual_address: true,
            ..self.bare(labels, Life::Running)
        }
    }

    /// A container with what all of its containers share.
    fn bare(&self, labels: &Labels, life: Life) -> Container {
        Container {
            id: String::new(),
            name: self.spec.name.clone(),
            title: String::new(),
            created: unix_milliseconds(&self.created_at),
            labels: labels.clone(),
            life,
            health: Health::Unchecked,
            network_mode: NetworkMode::Own,
            ports: Vec::new(),
            networks: BTreeMap::new(),
            virtual_address: false,
        }
    }
}

impl Task {
    /// Does it run, or will it?
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        let runs = self.status.state == "running";
        let ended = ["complete", "shutdown", "failed", "rejected", "remove", "orphaned"];
        let is_over = ended.contains(&self.status.state.as_str());
        match self.desired_state.as_str() {
            "running" => !runs && !is_over,
            _ => runs,
        }
    }

    /// As a container of `service`; `None` when it serves nobody.
    #[must_use]
    pub fn into_container(self, service: &Service, labels: &Labels) -> Option<Container> {
        if self.status.state != "running" {
            return None;
        }
        let life = match self.desired_state.as_str() {
            "running" => Life::Running,
            _ => Life::Stopping,
        };
        let number = match self.slot {
            0 => self.id.clone(),
            slot => slot.to_string(),
        };
        let attachments = self.networks_attachments.into_iter();
        Some(Container {
            title: format!("task \"{}.{number}\"", service.name()),
            networks: attachments.filter_map(Attachment::read).collect(),
            id: self.id,
            ..service.bare(labels, life)
        })
    }
}

impl Node {
    /// Is it gone, as far as the manager knows? A manager that is new does not know of any for a while (`unknown`).
    #[must_use]
    pub fn is_dead(&self) -> bool {
        matches!(self.status.state.as_str(), "down" | "disconnected")
    }
}

impl Attachment {
    /// Name and address; `None` for a network whose addresses lead to other tasks, or only to this machine.
    fn read(self) -> Option<(String, Addresses)> {
        let AttachedNetwork { spec, driver_state } = self.network;
        let is_of_swarm = spec.scope == "swarm" || driver_state.name == "overlay";
        if spec.ingress || !is_of_swarm {
            return None;
        }
        let addresses = self.addresses.iter().map(|text| address(text));
        let both = addresses.fold(Addresses::default(), |both, one| Addresses {
            v4: both.v4.or(one.v4),
            v6: both.v6.or(one.v6),
        });
        Some((spec.name, both))
    }
}
