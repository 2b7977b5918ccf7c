//! Asking: one connection per session, answers of bounded size and time, events line by line.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use pingora_rustls::{RootCertStore, TlsConnector, load_platform_certs_incl_env_into_store};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::access::Place;
use super::wire::{Event, Version};
use super::{Access, EngineError};
use crate::upstream::Tls;

/// Largest answer, in bytes: a listing of some twenty thousand containers.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// An answer from which on it is parsed on another thread, in bytes.
const LARGE: usize = 256 * 1024;
/// Longest line of the event stream, in bytes.
const MAX_EVENT: usize = 1024 * 1024;
/// Longest words of an engine that are repeated, in characters.
const MAX_WORDS: usize = 300;
/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// Silence after which a connection over a network is probed, so that one whose other end is gone is noticed.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The newest version of the API that piton was written for; what it reads is there since 1.24.
const NEWEST: (u32, u32) = (1, 51);

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An engine that answered once.
#[derive(Clone)]
pub struct Client {
    access: Arc<Access>,
    /// What stands before every path: `/v1.41`.
    version: String,
}

/// One connection to it; requests follow each other.
pub struct Session {
    client: Client,
    sender: SendRequest<Empty<Bytes>>,
}

/// The engine's events, as they happen.
pub struct Events {
    path: String,
    body: Incoming,
    buffer: BytesMut,
    /// Keeps the connection.
    _session: Session,
}

impl Client {
    /// Asks the engine for the version it speaks.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn connect(access: &Arc<Access>) -> Result<Self, EngineError> {
        let mut client = Self {
            access: Arc::clone(access),
            version: String::new(),
        };
        client.version = match &access.version {
            Some(version) => format!("/v{version}"),
            None => {
                let offered: Version = client.session().await?.get("/version").await?;
                format!("/v{}", agreed(&offered))
            }
        };
        Ok(client)
    }

    /// A new connection.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn session(&self) -> Result<Session, EngineError> {
        let unreachable = |reason: String| EngineError::Unreachable(reason);
        let stream = timeout(CONNECT, connect(&self.access))
            .await
            .map_err(|_| unreachable(format!("no connection within {CONNECT:?}")))?
            .map_err(unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        // What goes wrong there is told by the request that waits.
        tokio::spawn(async { drop(connection.await) });
        Ok(Session {
            client: self.clone(),
            sender,
        })
    }

    /// Subscribes to events; what happens from now on will be among them.
    ///
    /// # Errors
    /// When the engine refuses, or does not answer.
    pub async fn events(&self, filters: &str) -> Result<Events, EngineError> {
        let path = self.path(&format!("/events?filters={}", encoded(filters)));
        let mut session = self.session().await?;
        let limit = self.access.patience;
        let response = within(limit, &without_query(&path), session.respond(&path)).await?;
        Ok(Events {
            path: without_query(&path),
            body: response.into_body(),
            buffer: BytesMut::new(),
            _session: session,
        })
    }

    /// A path of the version that was agreed on, below what the endpoint puts before every path.
    fn path(&self, path: &str) -> String {
        let prefix = match &self.access.place {
            Place::Tcp { prefix, .. } => prefix.as_str(),
            Place::Socket(_) => "",
        };
        format!("{prefix}{}{path}", self.version)
    }
}

impl Session {
    /// Can it be used again?
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// The answer to one question.
    ///
    /// # Errors
    /// When there is none, none in time, or none that can be read. The session is of no use then, unless the engine itself
    /// refused.
    pub async fn get<T: DeserializeOwned + Send + 'static>(&mut self, path: &str) -> Result<T, EngineError> {
        let path = self.client.path(path);
        let limit = self.client.access.patience;
        let body = within(limit, &path, async {
            let response = self.respond(&path).await?;
            read(response.into_body(), MAX_ANSWER, &path).await
        });
        let body = body.await?;
        let parsed = match body.len() {
            // A listing of thousands would keep everything else on this thread waiting.
            LARGE.. => spawn_blocking(move || parse(&body))
                .await
                .unwrap_or_else(|error| Err(error.to_string())),
            _ => parse(&body),
        };
        parsed.map_err(|reason| EngineError::Garbage { path, reason })
    }

    /// Sends a request, and returns the head of an answer that is none of an error.
    async fn respond(&mut self, path: &str) -> Result<Response<Incoming>, EngineError> {
        let broken = |error: hyper::Error| EngineError::Broken {
            path: without_query(path),
            reason: words(&error),
        };
        self.sender.ready().await.map_err(broken)?;
        let request = self.request(path)?;
        let response = self.sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = read(response.into_body(), MAX_EVENT, path)
            .await
            .unwrap_or_default();
        Err(EngineError::Refused {
            path: without_query(path),
            status: status.as_u16(),
            message: refusal(&body, status),
        })
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>, EngineError> {
        let access = &self.client.access;
        let host = match &access.place {
            Place::Socket(_) => "docker".to_owned(),
            Place::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Place::Tcp { host, port, .. } => format!("{host}:{port}"),
        };
        let mut request = Request::get(path)
            .header(HOST, host)
            .header(USER_AGENT, concat!("piton/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/json");
        if let Some(authorization) = &access.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.body(Empty::new()).map_err(|error| EngineError::Broken {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }
}

impl Events {
    /// The next event. Nothing is lost when it is not waited for to the end.
    ///
    /// # Errors
    /// When the stream ends, the connection breaks, or what comes is no event.
    pub async fn next(&mut self) -> Result<Event, EngineError> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return match serde_json::from_slice(&line) {
                    Ok(event) => Ok(event),
                    Err(error) => Err(self.garbage(format!("an event: {:?}", error.classify()))),
                };
            }
            if self.buffer.len() > MAX_EVENT {
                return Err(self.garbage(format!("an event longer than {MAX_EVENT} bytes")));
            }
            match self.body.frame().await {
                None => {
                    return Err(EngineError::Broken {
                        path: self.path.clone(),
                        reason: "the engine ended the stream".to_owned(),
                    });
                }
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(error)) => {
                    return Err(EngineError::Broken {
                        path: self.path.clone(),
                        reason: words(&error),
                    });
                }
            }
        }
    }

    fn garbage(&self, reason: String) -> EngineError {
        EngineError::Garbage {
            path: self.path.clone(),
            reason,
        }
    }
}

/// Not serde's own words about a mistake: they may quote what was found, a password in a label for one.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        format!(
            "line {}, column {}: {:?}",
            error.line(),
            error.column(),
            error.classify()
        )
    })
}

/// A path as messages name it: filters are long, and always the same.
fn without_query(path: &str) -> String {
    path.split('?').next().unwrap_or_default().to_owned()
}

async fn within<T>(
    limit: Duration,
    path: &str,
    work: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    let timed_out = |_| EngineError::TimedOut {
        path: path.to_owned(),
        limit,
    };
    timeout(limit, work).await.map_err(timed_out)?
}

async fn read(body: Incoming, limit: usize, path: &str) -> Result<Bytes, EngineError> {
    let collected = Limited::new(body, limit).collect().await;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(EngineError::Garbage {
            path: path.to_owned(),
            reason: format!("more than {} MiB", limit / 1024 / 1024),
        }),
        Err(error) => Err(EngineError::Broken {
            path: path.to_owned(),
            reason: words(&*error),
        }),
    }
}

async fn connect(access: &Access) -> Result<Box<dyn Stream>, String> {
    match &access.place {
        Place::Socket(path) => UnixStream::connect(path)
            .await
            .map(|stream| Box::new(stream) as Box<dyn Stream>)
            .map_err(|error| socket_words(path, &error)),
        Place::Tcp { host, port, .. } => {
            let stream = TcpStream::connect((host.as_str(), *port))
                .await
                .map_err(|error| error.to_string())?;
            keep_alive(&stream);
            match &access.tls {
                Some(tls) => Ok(Box::new(over_tls(tls, host, stream).await?)),
                None => Ok(Box::new(stream)),
            }
        }
    }
}

fn socket_words(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            format!(
                "{}: {error}: run piton as a member of the group that owns it",
                path.display()
            )
        }
        std::io::ErrorKind::NotFound => format!("{}: there is no such socket", path.display()),
        _ => format!("{}: {error}", path.display()),
    }
}

/// The other end may vanish without a word, and an event stream is silent for hours.
fn keep_alive(stream: &TcpStream) {
    let probes = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(Duration::from_secs(10));
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::debug!("no keepalive towards the engine: {error}");
    }
}

async fn over_tls(
    tls: &Tls,
    host: &str,
    stream: TcpStream,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, String> {
    let config = tls.config(&roots_of_system)?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host:?} is no name for TLS"))?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| format!("TLS: {error}"))
}

fn roots_of_system() -> Result<Arc<RootCertStore>, String> {
    let mut store = RootCertStore::empty();
    load_platform_certs_incl_env_into_store(&mut store).map_err(|error| error.to_string())?;
    Ok(Arc::new(store))
}

/// The newest version that both sides know, or the oldest that the engine still speaks.
fn agreed(offered: &Version) -> String {
    let numbers = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    let newest = numbers(&offered.api_version).map_or(NEWEST, |theirs| theirs.min(NEWEST));
    let (major, minor) = numbers(&offered.min_api_version).map_or(newest, |oldest| oldest.max(newest));
    format!("{major}.{minor}")
}

/// What an engine says about its refusal, cut and on one line.
fn refusal(body: &[u8], status: StatusCode) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let said = match serde_json::from_slice::<Said>(body) {
        Ok(said) => said.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.is_empty() {
        true => status.canonical_reason().unwrap_or("no words").to_owned(),
        false => words.chars().take(MAX_WORDS).collect(),
    }
}

/// An error with what is behind it: hyper's own words alone say little.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A query value, percent-encoded.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_of_both_versions_is_spoken_unless_the_engine_has_given_it_up() {
        let agreed = |newest: &str, oldest: &str| {
            super::agreed(&Version {
                api_version: newest.to_owned(),
                min_api_version: oldest.to_owned(),
            })
        };
        assert_eq!(agreed("1.41", "1.12"), "1.41");
        assert_eq!(agreed("1.99", "1.44"), "1.51");
        assert_eq!(agreed("2.0", "1.60"), "1.60");
        assert_eq!(agreed("garbage", ""), "1.51");
    }

    #[test]
    fn a_refusal_is_told_in_one_line_and_cut() {
        let told = |body: &[u8]| refusal(body, StatusCode::NOT_FOUND);
        assert_eq!(
            told(br#"{"message":"No such container: x"}"#),
            "No such container: x"
        );
        assert_eq!(told(b"<html>\n<p>no</p>"), "<html> <p>no</p>");
        assert_eq!(told(b""), "Not Found");
        assert_eq!(told(&[b'x'; 5000]).len(), MAX_WORDS);
    }

    #[test]
    fn filters_are_encoded() {
        assert_eq!(encoded(r#"{"a":["b c"]}"#), "%7B%22a%22%3A%5B%22b%20c%22%5D%7D");
    }
}
