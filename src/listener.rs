//! Listening sockets: bound here, before anything else starts, so that a port in use is one clear line at
//! once and port 0 has a number; then handed to Pingora, which accepts on them (pingora-0.9 4.5).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{ServiceReadyNotifier, ServiceWithDependents};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;

/// A socket that could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("entry point {name:?}: cannot listen on {address}: {reason}")]
pub struct BindFailure {
    /// Entry point.
    pub name: String,
    /// Address as bound.
    pub address: SocketAddr,
    /// What the system said.
    pub reason: io::Error,
}

/// A bound socket.
#[derive(Debug)]
pub struct Bound {
    /// What Pingora calls it: handed to a new process under this name.
    pub key: String,
    /// The address it has; the port is real even where 0 was asked for.
    pub local: SocketAddr,
    socket: TcpListener,
}

/// Binds `host:port` for the entry point `name`. No host means all addresses of both families.
///
/// # Errors
/// When the system refuses.
pub fn bind(name: &str, host: Option<IpAddr>, port: u16, reuse_port: bool) -> Result<Bound, BindFailure> {
    let address = SocketAddr::new(host.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), port);
    let bound = listen(address, host.is_none(), reuse_port);
    // A machine without IPv6 listens on all IPv4 addresses.
    let (address, bound) = match bound {
        Err(error) if host.is_none() && error.kind() != io::ErrorKind::AddrInUse => {
            let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
            (address, listen(address, false, reuse_port))
        }
        bound => (address, bound),
    };
    let failure = |reason| BindFailure {
        name: name.to_owned(),
        address,
        reason,
    };
    let socket = bound.map_err(failure)?;
    let local = socket.local_addr().map_err(failure)?;
    // Two sockets on port 0 are two sockets.
    let key = if port == 0 { local } else { address };
    Ok(Bound {
        key: key.to_string(),
        local,
        socket,
    })
}

fn listen(address: SocketAddr, both_families: bool, reuse_port: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if both_families {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(reuse_port)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A Pingora service that starts with sockets already bound.
pub struct Front<S> {
    inner: S,
    sockets: Vec<Bound>,
}

impl<S: ServiceWithDependents> Front<S> {
    /// `inner` shall listen on the keys of `sockets`.
    pub fn new(inner: S, sockets: Vec<Bound>) -> Self {
        Self { inner, sockets }
    }
}

#[async_trait]
impl<S: ServiceWithDependents> ServiceWithDependents for Front<S> {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
        ready: ServiceReadyNotifier,
    ) {
        if let Some(fds) = &fds {
            let mut table = fds.lock();
            for bound in self.sockets.drain(..) {
                // Pingora owns the descriptor from here on: it closes it, or hands it on at an upgrade.
                table.add(bound.key, bound.socket.into_raw_fd());
            }
        }
        self.inner
            .start_service(fds, shutdown, listeners_per_fd, ready)
            .await;
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn threads(&self) -> Option<usize> {
        self.inner.threads()
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        self.inner.listen_addresses()
    }
}
