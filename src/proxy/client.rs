//! Requests that piton sends by itself: copies for mirrors, and what a failover sends once more.

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, header};
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
    ) -> Result<Answer> {
        rewrite::for_server(&mut head, server)?;
        frame(&mut head, length)?;
        let peer = self.peer(server).await?;
        let (mut session, _) = self.connector.get_http_session(&peer).await?;
        if session.as_http2().is_some() {
            make_h2(&mut head)?;
        }
        session.write_request_header(Box::new(head)).await?;
        for chunk in chunks {
            session.write_request_body(chunk.clone(), false).await?;
        }
        session.finish_request_body().await?;
        loop {
            session.read_response_header().await?;
            let status = session.response_header().map(|response| response.status);
            if status.is_some_and(|status| !status.is_informational()) {
                return Ok(Answer { session, peer });
            }
        }
    }

    async fn peer(&self, server: &Server) -> Result<HttpPeer> {
        let upstream = server.upstream();
        let unknown = || Error::explain(ErrorType::ConnectError, "the server's name has no address");
        let address = address_of(upstream.address()).await.ok_or_else(unknown)?;
        let mut peer = upstream.peer(address);
        upstream.bound_idle(&mut peer, server.state().in_flight());
        Ok(peer)
    }

    /// The answer was read to its end: its connection can serve again.
    pub(super) async fn release(&self, answer: Answer) {
        let Answer { session, peer } = answer;
        let idle = peer.options.idle_timeout;
        self.connector.release_http_session(session, &peer, idle).await;
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
fn make_h2(head: &mut RequestHeader) -> Result<()> {
    let invalid = ErrorType::InvalidHTTPHeader;
    let host = head.remove_header(&header::HOST);
    let host = host.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
    let authority = Authority::try_from(host).or_err(invalid.clone(), "host of a request")?;
    let target = head.uri.path_and_query().cloned();
    let uri = http::Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(target.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build();
    head.set_uri(uri.or_err(invalid, "target of a request")?);
    Ok(())
}
