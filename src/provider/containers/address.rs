//! Where the servers of a container are: port and address in Traefik's order (traefik-providers 3, "Server address").

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::remark::Notes;
use super::{Container, Flavour, NetworkMode, Options};
use crate::config::Level;

/// Longest chain of `network_mode: container:…`.
const MAX_CHAIN: usize = 16;

/// All containers of the engine, for those that use the network of another.
#[derive(Debug, Default)]
pub(super) struct Neighbours<'c>(HashMap<&'c str, &'c Container>);

impl<'c> Neighbours<'c> {
    /// By id and by name; nothing, when none of them uses the network of another.
    pub(super) fn among(containers: &[&'c Container]) -> Self {
        let shares = |container: &&Container| matches!(container.network_mode, NetworkMode::Container(_));
        if !containers.iter().any(shares) {
            return Self::default();
        }
        let names = containers
            .iter()
            .map(|container| (container.name.as_str(), *container));
        let ids = containers
            .iter()
            .map(|container| (container.id.as_str(), *container));
        Self(names.chain(ids).collect())
    }
}

/// Why there is no address to connect to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// No port is written, and none can be found out.
    NoPort,
    /// Anything else.
    Because(String),
}

/// Where one container is. Its address is looked for once, however many servers it has.
#[derive(Debug)]
pub(super) struct Whereabouts<'c> {
    container: &'c Container,
    /// Wanted network; empty for any.
    network: &'c str,
    options: &'c Options,
    neighbours: &'c Neighbours<'c>,
    ip: Option<Result<IpAddr, String>>,
}

impl<'c> Whereabouts<'c> {
    /// Of `container`, in the network that its label names, if it names one.
    pub(super) fn new(
        container: &'c Container,
        network: Option<&'c str>,
        options: &'c Options,
        neighbours: &'c Neighbours<'c>,
    ) -> Self {
        Self {
            container,
            network: network.unwrap_or(&options.network),
            options,
            neighbours,
            ip: None,
        }
    }

    /// Address and port of a server whose label says `port`, or nothing.
    pub(super) fn find(&mut self, port: &str, notes: &mut Notes<'_>) -> Result<SocketAddr, Unreachable> {
        let port = self.port(port)?;
        if let Some(bound) = port.and_then(|port| self.binding(port, notes)) {
            return Ok(bound);
        }
        let ip = self.ip(notes).map_err(Unreachable::Because)?;
        Ok(SocketAddr::new(ip, port.ok_or(Unreachable::NoPort)?))
    }

    /// The port as written, or the lowest of the container.
    fn port(&self, written: &str) -> Result<Option<u16>, Unreachable> {
        if written.is_empty() {
            return Ok(self.container.ports.iter().map(|port| port.number).min());
        }
        let number = written.parse().ok().filter(|&number| number != 0);
        let why = || Unreachable::Because(format!("{written:?} is no port; write one from 1 to 65535"));
        number.map(Some).ok_or_else(why)
    }

    /// Where `port` is published on the machine, when that is wanted and known.
    fn binding(&self, port: u16, notes: &mut Notes<'_>) -> Option<SocketAddr> {
        // A swarm says nothing about bindings.
        if !self.options.use_bind_port_ip || self.options.provider == Flavour::Swarm {
            return None;
        }
        let ports = &self.container.ports;
        let published = ports.iter().filter(|known| known.number == port);
        let binding = published.flat_map(|known| &known.bindings).next();
        match binding.map(|binding| (binding.ip, binding.port)) {
            Some((Some(ip), port)) if !ip.is_unspecified() => return Some(SocketAddr::new(ip, port)),
            Some(_) => notes.add(
                Level::Info,
                format!("port {port} is published at no certain address: its own address and port are used"),
            ),
            None => notes.add(
                Level::Info,
                format!("port {port} is not published: its own address and port are used"),
            ),
        }
        None
    }

    fn ip(&mut self, notes: &mut Notes<'_>) -> Result<IpAddr, String> {
        if let Some(known) = &self.ip {
            return known.clone();
        }
        let mut search = Search {
            options: self.options,
            neighbours: self.neighbours,
            passed: Vec::new(),
        };
        let found = search.ip(self.container, self.network, notes);
        let found = found.map_err(|why| format!("unable to find the IP address: {why}"));
        self.ip = Some(found.clone());
        found
    }
}

/// The way through the containers whose networks are shared.
struct Search<'c> {
    options: &'c Options,
    neighbours: &'c Neighbours<'c>,
    /// Ids of those before.
    passed: Vec<&'c str>,
}

impl<'c> Search<'c> {
    fn ip(
        &mut self,
        container: &'c Container,
        network: &str,
        notes: &mut Notes<'_>,
    ) -> Result<IpAddr, String> {
        if !network.is_empty()
            && let Some(addresses) = container.networks.get(network)
        {
            // Even in host mode, and even when there is none: what is named counts.
            let none = || format!("{} has none in network {network:?}", container.title);
            return addresses.first().ok_or_else(none);
        }
        match &container.network_mode {
            NetworkMode::Host => {
                if !network.is_empty() {
                    notes.warn(format!(
                        "{} is not in network {network:?}: the machine's address is used",
                        self.subject(container)
                    ));
                }
                Ok(self.options.host)
            }
            NetworkMode::Container(other) => self.of_other(container, other, network, notes),
            NetworkMode::Own => self.any(container, network, notes),
        }
    }

    fn of_other(
        &mut self,
        container: &'c Container,
        other: &str,
        network: &str,
        notes: &mut Notes<'_>,
    ) -> Result<IpAddr, String> {
        self.passed.push(&container.id);
        let Some(&next) = self.neighbours.0.get(other) else {
            return Err(format!(
                "it uses the network of container {other:?}, which is not there"
            ));
        };
        if self.passed.contains(&next.id.as_str()) {
            return Err(format!(
                "it uses the network of {}, which uses its own in turn",
                next.title
            ));
        }
        if self.passed.len() > MAX_CHAIN {
            return Err(format!(
                "more than {MAX_CHAIN} containers use the network of the next"
            ));
        }
        let extras = next.labels.extras(self.options.provider);
        let extras = extras.map_err(|why| {
            format!(
                "it uses the network of {}, whose labels are wrong: {why}",
                next.title
            )
        })?;
        match extras.network.unwrap_or(&self.options.network) {
            "" => self.ip(next, network, notes),
            own => self.ip(next, own, notes),
        }
    }

    /// Who a remark is about, if not the container that it is made for.
    fn subject(&self, container: &'c Container) -> &'c str {
        if self.passed.is_empty() {
            "it"
        } else {
            &container.title
        }
    }

    /// The first by name: Traefik takes any, another one at each look.
    fn any(&self, container: &'c Container, wanted: &str, notes: &mut Notes<'_>) -> Result<IpAddr, String> {
        let networks = container.networks.iter();
        let mut found = networks.filter_map(|(name, addresses)| Some((name, addresses.first()?)));
        let swarm = self.options.provider == Flavour::Swarm;
        let Some((first, ip)) = found.next() else {
            if container.virtual_address {
                return Err(
                    "it has no virtual address (endpoint mode dnsrr, or no overlay network); remove label \
                     traefik.swarm.lbswarm"
                        .to_owned(),
                );
            }
            let hint = if swarm {
                "; attach its service to an overlay network"
            } else {
                ""
            };
            return Err(format!("{} has none in any network{hint}", container.title));
        };
        if !wanted.is_empty() {
            notes.warn(format!(
                "{} is not in network {wanted:?}, maybe the prefix of its project is missing: {first:?} is used",
                self.subject(container)
            ));
            return Ok(ip);
        }
        let others: Vec<&str> = found.map(|(name, _)| name.as_str()).collect();
        if !others.is_empty() {
            let provider = if swarm { "swarm" } else { "docker" };
            notes.warn(format!(
                "{} is in several networks and none is named: {first:?} is used, not {}; write label \
                 traefik.{provider}.network",
                self.subject(container),
                others.join(", ")
            ));
        }
        Ok(ip)
    }
}
