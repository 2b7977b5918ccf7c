//! Ports that nobody else gets.

use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A free port of 127.0.0.1, kept as long as the socket lives: a bound socket that does not listen lets
/// those in that set `SO_REUSEADDR` as it does, and connecting is refused while none of them is there.
pub fn reserve() -> (Socket, SocketAddr) {
    reserve_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// The same at another IPv4 address of this machine; port 0 is a free one.
pub fn reserve_at(address: SocketAddr) -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}
