//! Servers on threads, scripted request by request.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use socket2::Socket;

use super::reserve_at;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Request line and fields, byte for byte, without the empty line.
    pub head: String,
    /// As sent, framing included.
    pub body: Vec<u8>,
    /// Which connection of this server it came by, from 1.
    pub connection: usize,
    /// Which request of that connection it is, from 1.
    pub turn: usize,
}

impl Received {
    /// `GET /path HTTP/1.1`.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The target of the request line.
    pub fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The one value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} came {} times: {}", all.len(), self.head);
        all.first().copied()
    }
}

/// What becomes of the connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next request may come.
    Keep,
    /// It is closed in order.
    Close,
    /// It is reset.
    Reset,
}

type Script = dyn Fn(&Received, &mut TcpStream) -> Then + Send + Sync;

struct Shared {
    script: Box<Script>,
    stopping: AtomicBool,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    received: Mutex<Vec<Received>>,
    panics: Mutex<Vec<String>>,
}

/// A server; stopped when dropped. Its port is its own also while it is dead.
pub struct Server {
    _port: Socket,
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers every request with its name, as body and as `X-Server`.
    pub fn named(name: &'static str) -> Self {
        Self::scripted(move |_, stream| {
            respond_with(stream, 200, &[&format!("X-Server: {name}")], name);
            Then::Keep
        })
    }

    /// The same at another address of this machine; port 0 is a free one.
    pub fn named_at(address: SocketAddr, name: &str) -> Self {
        let name = name.to_owned();
        Self::scripted_at(address, move |_, stream| {
            respond_with(stream, 200, &[&format!("X-Server: {name}")], &name);
            Then::Keep
        })
    }

    /// Answers every request as `script` says.
    pub fn scripted(script: impl Fn(&Received, &mut TcpStream) -> Then + Send + Sync + 'static) -> Self {
        Self::scripted_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script)
    }

    /// The same at another address of this machine.
    pub fn scripted_at(
        address: SocketAddr,
        script: impl Fn(&Received, &mut TcpStream) -> Then + Send + Sync + 'static,
    ) -> Self {
        let (port, address) = reserve_at(address);
        let listener = TcpListener::bind(address).unwrap();
        let mut server = Self {
            _port: port,
            address,
            shared: Arc::new(Shared {
                script: Box::new(script),
                stopping: AtomicBool::new(false),
                connections: AtomicUsize::new(0),
                open: Mutex::default(),
                received: Mutex::default(),
                panics: Mutex::default(),
            }),
            accepting: None,
        };
        server.accept(listener);
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Everything received so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The last request received.
    pub fn last(&self) -> Received {
        self.received().pop().expect("the server was asked")
    }

    /// Dies: nothing listens any more, every connection ends at once.
    pub fn kill(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; its listener closes with it.
        let _ = TcpStream::connect(self.address);
        accepting.join().expect("the accepting thread");
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Comes back at the same address.
    pub fn restart(&mut self) {
        self.kill();
        self.shared.stopping.store(false, Ordering::SeqCst);
        let listener = TcpListener::bind(self.address).expect("the port is still free");
        self.accept(listener);
    }

    fn accept(&mut self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                shared.open.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&shared);
                thread::spawn(move || converse(&shared, stream, number));
            }
        }));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let panics = self.shared.panics.lock().unwrap().join("; ");
        if !panics.is_empty() && !thread::panicking() {
            panic!("a scripted server failed: {panics}");
        }
    }
}

/// One connection, to its end.
fn converse(shared: &Shared, mut stream: TcpStream, connection: usize) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    for turn in 1.. {
        let Some((head, body)) = next_request(&mut stream, &mut buffer) else {
            return;
        };
        let request = Received {
            head,
            body,
            connection,
            turn,
        };
        shared.received.lock().unwrap().push(request.clone());
        let then = catch_unwind(AssertUnwindSafe(|| (shared.script)(&request, &mut stream)));
        match then {
            Ok(Then::Keep) => {}
            Ok(Then::Close) => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Ok(Then::Reset) => {
                let socket = socket2::SockRef::from(&stream);
                let _ = socket.set_linger(Some(std::time::Duration::ZERO));
                forget(shared, &stream);
                return;
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                shared
                    .panics
                    .lock()
                    .unwrap()
                    .push(text.unwrap_or_else(|| "panic".to_owned()));
                return;
            }
        }
    }
}

/// Closes the second handle of a stream: a reset is sent only when the last one goes.
fn forget(shared: &Shared, stream: &TcpStream) {
    let peer = stream.peer_addr().ok();
    shared
        .open
        .lock()
        .unwrap()
        .retain(|open| open.peer_addr().ok() != peer);
}

fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer)?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end + 4);
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let body = if lower.contains("\r\ntransfer-encoding: chunked") {
        let end = loop {
            if let Some(end) = buffer.windows(5).position(|window| window == b"0\r\n\r\n") {
                break end + 5;
            }
            more(stream, buffer)?;
        };
        buffer.drain(..end).collect()
    } else {
        let length = length.map_or(0, |length| length.trim().parse().unwrap());
        while buffer.len() < length {
            more(stream, buffer)?;
        }
        buffer.drain(..length).collect()
    };
    Some((head, body))
}

fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 16 * 1024];
    match stream.read(&mut chunk) {
        Ok(0) | Err(_) => None,
        Ok(count) => {
            buffer.extend_from_slice(&chunk[..count]);
            Some(())
        }
    }
}

/// Writes a response with a length. A client that left is the client's business.
pub fn respond(stream: &mut TcpStream, status: u16, body: &str) {
    respond_with(stream, status, &[], body);
}

/// The same with more fields.
pub fn respond_with(stream: &mut TcpStream, status: u16, fields: &[&str], body: &str) {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n", body.len());
    for field in fields {
        text.push_str(field);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    let _ = stream.write_all(text.as_bytes());
}
