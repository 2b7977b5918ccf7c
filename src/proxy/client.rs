//! Requests that piton sends by itself: copies for mirrors, and what a failover sends once more.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Version, header};
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, OrErr, Result};

use super::rewrite;
use crate::balance::Server;
use crate::dial::Dialer;
use crate::resolve::address_of;

/// A client with connections of its own.
pub(super) struct Client {
    connector: Connector<Dialer>,
}

/// How far a request came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was sent.
    Unsent,
    /// Some or all was sent: the server may have acted on it.
    Sent {
        /// On a connection that was kept, which the server may have closed meanwhile.
        reused: bool,
    },
}

/// A request that got no answer.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) error: Box<Error>,
    pub(super) stage: Stage,
}

impl Broken {
    /// A failure before anything was sent.
    pub(super) fn unsent(error: Box<Error>) -> Self {
        Self {
            error,
            stage: Stage::Unsent,
        }
    }
}

/// An answer whose header has come.
pub(super) struct Answer {
    pub(super) session: HttpSession,
    peer: HttpPeer,
}

impl Client {
    /// A client with the settings that requests have.
    pub(super) fn new(conf: &ServerConf) -> Self {
        Self {
            connector: Connector::new_custom(
                Some(ConnectorOptions::from_server_conf(conf)),
                Dialer::new(conf),
            ),
        }
    }

    /// Sends a request to `server` and waits for the final header of the answer. `head` is a request as
    /// Pingora's proxy would send it, before it is adapted to a server; the body is all of `chunks`, of
    /// `length` bytes together.
    pub(super) async fn send(
        &self,
        server: &Server,
        mut head: RequestHeader,
        chunks: &[Bytes],
        length: u64,
    ) -> Result<Answer, Broken> {
        rewrite::for_server(&mut head, server).map_err(Broken::unsent)?;
        frame(&mut head, length).map_err(Broken::unsent)?;
        let (peer, closes) = self.peer(server).await.map_err(Broken::unsent)?;
        let connected = self.connector.get_http_session(&peer).await;
        let (mut session, reused) = connected.map_err(Broken::unsent)?;
        // Pingora's proxy sets them, its connector does not.
        session.set_read_timeout(peer.options.read_timeout);
        session.set_write_timeout(peer.options.write_timeout);
        if session.as_http2().is_some() {
            make_h2(&mut head, peer.is_tls()).map_err(Broken::unsent)?;
        } else {
            // It may have been on its way to an HTTP/2 server before.
            head.set_version(Version::HTTP_11);
            if closes {
                rewrite::close_connection(&mut head).map_err(Broken::unsent)?;
            }
        }
        match exchange(&mut session, head, chunks).await {
            Ok(()) => Ok(Answer { session, peer }),
            Err(error) => Err(Broken {
                error,
                stage: Stage::Sent { reused },
            }),
        }
    }

    /// The peer, and whether its connection is not to be kept.
    async fn peer(&self, server: &Server) -> Result<(HttpPeer, bool)> {
        let upstream = server.upstream();
        let unknown = || Error::explain(ErrorType::ConnectError, "the server's name has no address");
        let address = address_of(upstream.address()).await.ok_or_else(unknown)?;
        let mut peer = upstream.peer(address);
        let closes = upstream.bound_idle(&mut peer, server.state().in_flight());
        Ok((peer, closes))
    }

    /// The answer was read to its end: its connection can serve again.
    pub(super) async fn release(&self, answer: Answer) {
        let Answer { session, peer } = answer;
        let idle = peer.options.idle_timeout;
        self.connector.release_http_session(session, &peer, idle).await;
    }
}

/// Sends a request and reads up to the final header of its answer.
async fn exchange(session: &mut HttpSession, head: RequestHeader, chunks: &[Bytes]) -> Result<()> {
    session.write_request_header(Box::new(head)).await?;
    for chunk in chunks {
        session.write_request_body(chunk.clone(), false).await?;
    }
    session.finish_request_body().await?;
    loop {
        session.read_response_header().await?;
        let status = session.response_header().map(|response| response.status);
        if status.is_some_and(|status| !status.is_informational()) {
            return Ok(());
        }
    }
}

/// A body that is all there has a length; one that is not there has none to speak of.
fn frame(head: &mut RequestHeader, length: u64) -> Result<()> {
    head.remove_header(&header::TRANSFER_ENCODING);
    head.remove_header(&header::EXPECT);
    let had_length = head.remove_header(&header::CONTENT_LENGTH).is_some();
    if length > 0 || had_length {
        head.insert_header(header::CONTENT_LENGTH, HeaderValue::from(length))?;
    }
    Ok(())
}

/// HTTP/2 has the host in the target (RFC 9113 section 8.3.1).
fn make_h2(head: &mut RequestHeader, is_tls: bool) -> Result<()> {
    let invalid = ErrorType::InvalidHTTPHeader;
    let host = head.remove_header(&header::HOST);
    let host = host.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
    let authority = Authority::try_from(host).or_err(invalid.clone(), "host of a request")?;
    let target = head.uri.path_and_query().cloned();
    let uri = http::Uri::builder()
        .scheme(if is_tls { "https" } else { "http" })
        .authority(authority)
        .path_and_query(target.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build();
    head.set_uri(uri.or_err(invalid, "target of a request")?);
    Ok(())
}
