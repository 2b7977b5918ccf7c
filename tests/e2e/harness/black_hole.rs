//! A server that does not accept, for a while or for ever.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

/// A listener that never answers a connect: its queue is full.
pub struct BlackHole {
    address: SocketAddr,
    listener: Socket,
    /// What fills the queue.
    held: Vec<Socket>,
}

impl BlackHole {
    pub fn new() -> Self {
        let stream = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = stream();
        listener
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let address: SockAddr = listener.local_addr().unwrap();
        let mut held = Vec::new();
        for _ in 0..8 {
            let client = stream();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&address);
            held.push(client);
        }
        let address = address.as_socket().unwrap();
        let refused = TcpStream::connect_timeout(&address, Duration::from_millis(100));
        assert!(refused.is_err(), "the queue is full");
        Self {
            address,
            listener,
            held,
        }
    }

    /// Where nobody answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Is anybody waiting for it to accept?
    pub fn is_called(&self) -> bool {
        // State 02 is SYN_SENT; the address is little-endian, as in memory.
        let there = format!("0100007F:{:04X} 02", self.address.port());
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        table.lines().any(|line| line.contains(&there))
    }

    /// From now on it accepts, and answers every connection once.
    pub fn open(self, name: &'static str) {
        drop(self.held);
        thread::spawn(move || {
            while let Ok((stream, _)) = self.listener.accept() {
                let mut stream = TcpStream::from(stream);
                thread::spawn(move || {
                    use std::io::{Read, Write};
                    if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{name}",
                            name.len()
                        );
                        let _ = stream.write_all(answer.as_bytes());
                    }
                });
            }
        });
    }
}
