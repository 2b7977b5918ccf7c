//! A client that writes exactly the bytes it is given.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Longer than anything should take.
const PATIENCE: Duration = Duration::from_secs(12);

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Of the status line.
    pub status: u16,
    /// Status line and fields, names as written, without the empty line.
    pub head: String,
    /// Without the framing.
    pub body: Vec<u8>,
    /// Did the body end as its framing promised?
    pub complete: bool,
}

impl Response {
    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The first value of a field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The `Set-Cookie` fields.
    pub fn cookies(&self) -> Vec<&str> {
        self.all("set-cookie")
    }

    /// The value of the one cookie `sid`.
    pub fn sid(&self) -> Option<&str> {
        let found = self
            .cookies()
            .into_iter()
            .find_map(|cookie| cookie.strip_prefix("sid="));
        found.and_then(|rest| rest.split(';').next())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Head and body with the value of `Date` taken out, for comparison byte by byte.
    pub fn without_date(&self) -> String {
        let mut text = String::new();
        for line in self.head.lines() {
            let is_date = line.to_ascii_lowercase().starts_with("date:");
            text.push_str(if is_date { "Date: *" } else { line });
            text.push_str("\r\n");
        }
        format!("{text}\r\n{}", self.text())
    }
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("piton accepts"))
    }

    /// Connects from another address of this machine.
    pub fn connect_from(from: IpAddr, to: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        socket.connect(&to.into()).expect("piton accepts");
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// How long to wait for the next bytes from now on.
    pub fn set_patience(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).unwrap();
    }

    /// Writes these bytes. That the other side has closed is seen when reading.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends a request and reads its response.
    pub fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> Response {
        let is_head = bytes.as_ref().starts_with(b"HEAD ");
        self.send(bytes);
        self.response(is_head).expect("a response")
    }

    /// The next response.
    pub fn read(&mut self) -> Response {
        self.response(false).expect("a response")
    }

    /// The next response; an error when the connection ends before its head.
    pub fn response(&mut self, is_head: bool) -> io::Result<Response> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.more()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
        let mut response = Response {
            status,
            head,
            body: Vec::new(),
            complete: true,
        };
        if !is_head && status >= 200 && status != 204 && status != 304 {
            self.body(&mut response);
        }
        Ok(response)
    }

    fn body(&mut self, response: &mut Response) {
        if response
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            response.complete = self.chunks(&mut response.body).is_ok();
            return;
        }
        let length = response
            .header("content-length")
            .map(|value| value.parse::<usize>().unwrap());
        match length {
            Some(length) => {
                let read = self.exactly(length);
                response.complete = read.is_ok();
                response.body = read.unwrap_or_else(|_| std::mem::take(&mut self.buffer));
            }
            None => {
                response.complete = loop {
                    match self.more() {
                        Ok(0) => break true,
                        Ok(_) => {}
                        Err(_) => break false,
                    }
                };
                response.body = std::mem::take(&mut self.buffer);
            }
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let line = loop {
                match find(&self.buffer, b"\r\n") {
                    Some(end) => break end,
                    None if self.more()? == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                    None => {}
                }
            };
            let size = String::from_utf8_lossy(&self.buffer[..line]).into_owned();
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            self.buffer.drain(..line + 2);
            let mut chunk = self.exactly(size + 2)?;
            chunk.truncate(size);
            body.extend(chunk);
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// So many bytes.
    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if self.more()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Everything up to and with `end`.
    pub fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(start) = find(&self.buffer, end) {
                return self.buffer.drain(..start + end.len()).collect();
            }
            assert!(self.more().expect("more bytes") > 0, "it ends before {end:?}");
        }
    }

    /// Everything until the other side closes; what came is returned even if it ends in a reset.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.more().is_ok_and(|count| count > 0) {}
        std::mem::take(&mut self.buffer)
    }

    /// Does the other side close within the time, without another byte?
    pub fn is_closed_within(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let read = self.more();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match read {
            Ok(count) => count == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let count = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// One request on its own connection; `fields` are whole lines without their ends.
pub fn request(address: SocketAddr, line: &str, fields: &[&str], body: &[u8]) -> Response {
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: piton.test\r\nConnection: close\r\n");
    for field in fields {
        bytes.push_str(field);
        bytes.push_str("\r\n");
    }
    if !body.is_empty() {
        bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    Client::connect(address).exchange(bytes)
}

/// GET on its own connection.
pub fn get(address: SocketAddr, path: &str) -> Response {
    request(address, &format!("GET {path}"), &[], b"")
}

/// GET of `/` with a `Cookie` header.
pub fn get_as(address: SocketAddr, cookie: &str) -> Response {
    request(address, "GET /", &[&format!("Cookie: {cookie}")], b"")
}
