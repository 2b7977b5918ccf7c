//! One container, or one task of a swarm service, as far as routing cares.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Labels;

/// A container, a task, or (behind a virtual address) a whole service.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// The engine's id of it: unique, and the tie-break of every order.
    pub id: String,
    /// Its name without the leading `/`; of a task the name of its service.
    pub name: String,
    /// What messages call it, such as `container "web-1"` or `task "web.2"`.
    pub title: String,
    /// When it was made, in milliseconds of Unix time: of two definitions the older one stays.
    pub created: i64,
    /// Labels; of a task those of its service.
    pub labels: Labels,
    /// Does it serve?
    pub life: Life,
    /// What its health check says.
    pub health: Health,
    /// Whose network it uses.
    pub network_mode: NetworkMode,
    /// Its ports, exposed or published, by number.
    pub ports: Vec<Port>,
    /// The networks it is attached to, by name.
    pub networks: BTreeMap<String, Addresses>,
    /// Its addresses are virtual: behind each the engine balances over all tasks of a service.
    pub virtual_address: bool,
}

/// Where in its life a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It runs and was told to stop.
    Stopping,
    /// It does not run, or is paused.
    Stopped,
}

/// What the health check of a container says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It has none.
    Unchecked,
    /// Not known yet.
    Starting,
    /// Good.
    Healthy,
    /// Bad.
    Unhealthy,
}

/// Whose network a container uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkMode {
    /// Its own.
    Own,
    /// The machine's.
    Host,
    /// That of another container, by id or name.
    Container(String),
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its number inside the container.
    pub number: u16,
    /// Where it is published on the machine.
    pub bindings: Vec<Binding>,
}

/// Where a port is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The machine's address; `None` when the engine gives none that is one.
    pub ip: Option<IpAddr>,
    /// The machine's port.
    pub port: u16,
}

/// The addresses of a container in one network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addresses {
    /// IPv4.
    pub v4: Option<Ipv4Addr>,
    /// Global IPv6.
    pub v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// The one to use: IPv4 where there is one.
    #[must_use]
    pub fn first(self) -> Option<IpAddr> {
        self.v4.map(IpAddr::V4).or(self.v6.map(IpAddr::V6))
    }
}
