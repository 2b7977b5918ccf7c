//! Addresses of entry points: `[host]:port[/tcp|/udp]` (traefik-core 5.2).

use std::fmt;

/// Where an entry point listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Host name or address, an IPv6 one without brackets; empty means all interfaces.
    pub host: String,
    /// Port; 0 lets the kernel choose.
    pub port: u16,
    /// TCP unless written otherwise.
    pub protocol: Protocol,
}

/// The transport protocol of an entry point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The default.
    #[default]
    Tcp,
    /// `/udp`
    Udp,
}

/// Why a text is not the address of an entry point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Something other than `/tcp` or `/udp` at the end.
    #[error("{address:?} has an invalid protocol: {protocol:?} is not tcp or udp")]
    Protocol {
        /// The whole text.
        address: String,
        /// What stands behind the slash.
        protocol: String,
    },
    /// No colon.
    #[error("{0:?} has no port")]
    NoPort(String),
    /// Not a number from 0 to 65535.
    #[error("{address:?} has an invalid port: {port:?} is not a number from 0 to 65535")]
    Port {
        /// The whole text.
        address: String,
        /// What stands behind the last colon.
        port: String,
    },
    /// An IPv6 address without brackets, or a stray bracket.
    #[error("{0:?} has an invalid host: an IPv6 address stands in brackets")]
    Host(String),
}

/// Reads an address as Traefik writes it.
pub fn parse_address(text: &str) -> Result<Address, InvalidAddress> {
    let (host_port, protocol) = match text.split_once('/') {
        Some((host_port, protocol)) => (host_port, parse_protocol(text, protocol)?),
        None => (text, Protocol::Tcp),
    };
    let (host, port) = host_port
        .rsplit_once(':')
        .ok_or_else(|| InvalidAddress::NoPort(text.to_owned()))?;
    // Rust would take a sign here.
    let port = Some(port)
        .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|port| port.parse().ok())
        .ok_or_else(|| InvalidAddress::Port {
            address: text.to_owned(),
            port: port.to_owned(),
        })?;
    let host = parse_host(host).ok_or_else(|| InvalidAddress::Host(text.to_owned()))?;
    Ok(Address { host, port, protocol })
}

fn parse_protocol(address: &str, protocol: &str) -> Result<Protocol, InvalidAddress> {
    match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        _ => Err(InvalidAddress::Protocol {
            address: address.to_owned(),
            protocol: protocol.to_owned(),
        }),
    }
}

/// The host without brackets; what stands in brackets must be IPv6, and nothing else may hold a colon.
fn parse_host(host: &str) -> Option<String> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => {
            // A zone (`fe80::1%eth0`) is not part of the address proper.
            let address = inside.split_once('%').map_or(inside, |(address, _)| address);
            address.parse::<std::net::Ipv6Addr>().ok()?;
            Some(inside.to_owned())
        }
        None if host.contains([':', '[', ']', ' ']) => None,
        None => Some(host.to_owned()),
    }
}

impl fmt::Display for Address {
    /// `host:port`, brackets around IPv6, without the protocol.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
