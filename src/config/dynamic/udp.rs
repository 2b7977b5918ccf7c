//! `udp:` of the dynamic configuration: parsed strictly so that files written for Traefik load.

use serde::{Deserialize, Serialize};

use crate::config::Named;

use super::http::WeightedChild;

/// Everything under `udp:`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Udp {
    /// Which entry points lead to which service, by name.
    pub routers: Named<Router>,
    /// Where datagrams go, by name.
    pub services: Named<Service>,
}

/// One UDP router; it has no rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    /// Entry points it listens on; empty means all UDP ones.
    pub entry_points: Vec<String>,
    /// Name of the service.
    pub service: String,
}

/// One UDP service: exactly one of the fields shall be present.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Servers behind a balancer.
    pub load_balancer: Option<LoadBalancer>,
    /// Other services, by weight.
    pub weighted: Option<Weighted>,
}

/// `loadBalancer` of a UDP service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// The servers.
    pub servers: Vec<UdpServer>,
}

/// One UDP server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UdpServer {
    /// `host:port`.
    pub address: String,
    /// In labels only: the container's port.
    #[serde(skip_serializing)]
    pub port: String,
}

/// `weighted` of a UDP service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weighted {
    /// The children.
    pub services: Vec<WeightedChild>,
}
