//! The origin servers behind the proxies under load.
//!
//! One thread, no framework and no logging: a load test measures the proxy, so whatever the origin
//! costs is noise. Several servers share the process, each on its own port, and each counts what it
//! has served. The harness reads the counts (`GET /__counts`) to prove that a run went where it
//! was meant to go: to every server, or to one only.
//!
//! This is just enough HTTP/1.1 for well-behaved proxies: `GET` without a body, keep-alive,
//! pipelining, heads split over reads in any way. All else is refused and the connection closed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The longest request head taken, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;

/// The length of the page every request gets, in bytes.
const PAGE_LENGTH: usize = 128;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

const HEAD_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Very light HTTP/1.1 origin servers.
#[derive(Parser)]
struct Args {
    /// Port of the first server, the others follow it; 0 lets the kernel choose each
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Number of servers
    #[arg(long, default_value_t = 3)]
    count: u16,
}

/// One server: what it answers, and how often it has.
struct Origin {
    port: u16,
    /// The whole response, head and page, the same for every request.
    response: Vec<u8>,
    served: AtomicU64,
}

/// What a connection knows: the server it came to, and all of them for their counts.
#[derive(Clone)]
struct View {
    this: Arc<Origin>,
    all: Arc<[Arc<Origin>]>,
}

/// What a request head asks for.
struct Request<'head> {
    target: &'head [u8],
    /// The connection ends with this request.
    last: bool,
}

/// What becomes of a connection after the requests read so far.
#[derive(PartialEq)]
enum Next {
    Read,
    Close,
}

// === impl Origin ===

impl Origin {
    fn new(port: u16) -> Self {
        let text = format!("served by port {port} ");
        let page = format!("{text:.<width$}\n", width = PAGE_LENGTH - 1);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nX-Server: {port}\r\n\r\n",
            page.len()
        );
        Origin {
            port,
            response: [head, page].concat().into_bytes(),
            served: AtomicU64::new(0),
        }
    }
}

// === impl Request ===

impl<'head> Request<'head> {
    /// Reads one head, without the empty line that ends it. `None` is anything this server does not
    /// speak; a request with a body is refused too, since the body would be read as a request.
    fn parse(head: &'head [u8]) -> Option<Self> {
        let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        let mut start = lines.next()?.split(|&byte| byte == b' ');
        let (b"GET", target, version) = (start.next()?, start.next()?, start.next()?) else {
            return None;
        };
        let mut last = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return None,
        };
        for line in lines {
            let mut parts = line.splitn(2, |&byte| byte == b':');
            let (name, value) = (parts.next()?, parts.next()?.trim_ascii());
            if name.eq_ignore_ascii_case(b"connection") {
                last |= value.eq_ignore_ascii_case(b"close");
            } else if has_body(name, value) {
                return None;
            }
        }
        Some(Request { target, last })
    }
}

/// Does this header announce a request body?
fn has_body(name: &[u8], value: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"transfer-encoding")
        || (name.eq_ignore_ascii_case(b"content-length") && value != b"0")
}

/// Answers every complete request in `input`, removes it from there, and leaves the rest.
fn answer(input: &mut Vec<u8>, output: &mut Vec<u8>, view: &View) -> Next {
    let mut rest = input.as_slice();
    let mut next = Next::Read;
    while next == Next::Read
        && let Some((head, behind)) = split_head(rest)
    {
        next = answer_one(head, output, view);
        rest = behind;
    }
    input.drain(..input.len() - rest.len());
    if next == Next::Read && input.len() >= HEAD_LIMIT {
        output.extend_from_slice(HEAD_TOO_LARGE);
        next = Next::Close;
    }
    next
}

/// The first request head in `input`, and what follows the empty line that ends it.
fn split_head(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input
        .windows(END_OF_HEAD.len())
        .position(|window| window == END_OF_HEAD)?;
    let (head, rest) = input.split_at_checked(end)?;
    Some((head, rest.strip_prefix(END_OF_HEAD)?))
}

fn answer_one(head: &[u8], output: &mut Vec<u8>, view: &View) -> Next {
    let Some(request) = Request::parse(head) else {
        output.extend_from_slice(BAD_REQUEST);
        return Next::Close;
    };
    if request.target == b"/__counts" {
        output.extend_from_slice(counts(&view.all).as_bytes());
    } else {
        view.this.served.fetch_add(1, Ordering::Relaxed);
        output.extend_from_slice(&view.this.response);
    }
    if request.last { Next::Close } else { Next::Read }
}

/// The requests served so far by each server, as a JSON object with the ports as names.
fn counts(origins: &[Arc<Origin>]) -> String {
    let member = |origin: &Arc<Origin>| {
        let served = origin.served.load(Ordering::Relaxed);
        format!("\"{}\":{served}", origin.port)
    };
    let members: Vec<String> = origins.iter().map(member).collect();
    let body = format!("{{{}}}\n", members.join(","));
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Serves one connection until either side ends it. `input` never outgrows [`HEAD_LIMIT`]: a read
/// fills at most the capacity it was made with, and [`answer`] closes before it is used up.
async fn serve(mut socket: TcpStream, view: View) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut input = Vec::with_capacity(HEAD_LIMIT);
    let mut output = Vec::new();
    while socket.read_buf(&mut input).await? > 0 {
        let next = answer(&mut input, &mut output, &view);
        socket.write_all(&output).await?;
        output.clear();
        if next == Next::Close {
            break;
        }
    }
    Ok(())
}

/// Takes connections for one server, for ever.
async fn accept(listener: TcpListener, view: View) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        let view = view.clone();
        tokio::spawn(async move {
            // A proxy that goes away mid-request is its own affair; the harness counts its errors.
            let _ = serve(socket, view).await;
        });
    }
}

/// Binds the servers to `first` and the ports after it, or to any ports if `first` is 0.
async fn bind(first: u16, count: u16) -> io::Result<Vec<TcpListener>> {
    let step = u16::from(first != 0);
    let mut listeners = Vec::new();
    for index in 0..count {
        let port = first.saturating_add(index * step);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        listeners.push(TcpListener::bind(address).await?);
    }
    Ok(listeners)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args = Args::parse();
    let listeners = bind(args.port, args.count).await?;
    let ports = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect::<io::Result<Vec<u16>>>()?;
    let all: Arc<[Arc<Origin>]> = ports.into_iter().map(Origin::new).map(Arc::new).collect();

    let mut servers = tokio::task::JoinSet::new();
    for (listener, this) in listeners.into_iter().zip(all.iter().cloned()) {
        println!("listening 127.0.0.1:{}", this.port);
        let all = Arc::clone(&all);
        servers.spawn(accept(listener, View { this, all }));
    }
    match servers.join_next().await {
        Some(Ok(failed)) => failed,
        Some(Err(panicked)) => Err(io::Error::other(panicked)),
        None => Ok(()),
    }
}
