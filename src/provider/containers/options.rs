//! What `providers.docker` and `providers.swarm` say about the meaning of containers, read and checked.

use std::net::IpAddr;

use super::{Constraints, DefaultRule};

/// Which of the two providers asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `providers.docker`: containers of one engine.
    Docker,
    /// `providers.swarm`: tasks of services.
    Swarm,
}

/// What containers mean beyond their labels.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who asks.
    pub provider: Flavour,
    /// Are containers used that do not say `traefik.enable`?
    pub exposed_by_default: bool,
    /// What the labels of a container have to satisfy.
    pub constraints: Constraints,
    /// The rule of routers that have none.
    pub default_rule: DefaultRule,
    /// Network whose addresses are used, unless a label names another; empty for any.
    pub network: String,
    /// Prefer the address and port a container is published at.
    pub use_bind_port_ip: bool,
    /// Keep containers whose health is not known yet, without servers.
    pub allow_empty_services: bool,
    /// Address of the machine, for containers on its network.
    pub host: IpAddr,
}
