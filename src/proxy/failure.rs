//! Every failure and the answer a client gets for it: one table (traefik-core 6.4).

use http::StatusCode;
use pingora::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session};

use super::context::Context;
use super::page::{self, Page};

/// Why a request gets no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// Nobody is up and open.
    NoServer,
    /// Its session's server is lost, and nobody else may serve it.
    SessionLost,
    /// Its body could not be sent to a fallback.
    BodyTooLarge,
}

/// Why a request could not be answered by a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Refused, reset, unreachable, unknown host, closed before an answer.
    BadGateway,
    /// Connecting, the TLS handshake or the answer's header took too long.
    Timeout,
    /// The server cannot be understood or trusted: TLS verification, malformed answer.
    Unusable,
    /// The client sent something that is not HTTP.
    BadRequest,
    /// The client sent a body more slowly than allowed.
    RequestTimeout,
    /// The client left; nobody reads an answer.
    ClientLeft,
    /// The server of its session is lost, and nobody else may serve it (`onLoss: fail`).
    SessionLost,
    /// Nobody is up and open.
    NoServer,
    /// The body could not be sent to a fallback.
    BodyTooLarge,
    /// Something in piton.
    Internal,
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::NoServer => Self::NoServer,
            Denial::SessionLost => Self::SessionLost,
            Denial::BodyTooLarge => Self::BodyTooLarge,
        }
    }
}

/// Is a response with this status the last one of its request? A switch of protocols is.
pub(super) fn is_final(status: StatusCode) -> bool {
    !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS
}

impl Failure {
    /// What `error` was.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error.esource() {
            ErrorSource::Downstream => Self::of_client(error.etype()),
            ErrorSource::Upstream => Self::of_server(error.etype()),
            ErrorSource::Internal | ErrorSource::Unset => Self::Internal,
        }
    }

    fn of_client(kind: &ErrorType) -> Self {
        match kind {
            ErrorType::ReadTimedout => Self::RequestTimeout,
            ErrorType::ConnectionClosed
            | ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::WriteTimedout => Self::ClientLeft,
            _ => Self::BadRequest,
        }
    }

    /// What an error of the server's side was.
    #[must_use]
    pub fn of_server(kind: &ErrorType) -> Self {
        match kind {
            ErrorType::ConnectTimedout
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::ReadTimedout
            | ErrorType::WriteTimedout => Self::Timeout,
            ErrorType::TLSHandshakeFailure
            | ErrorType::TLSWantX509Lookup
            | ErrorType::InvalidCert
            | ErrorType::HandshakeError
            | ErrorType::InvalidHTTPHeader
            | ErrorType::H1Error
            | ErrorType::InvalidH2 => Self::Unusable,
            _ => Self::BadGateway,
        }
    }

    /// The page for it; `None` when nobody would read one.
    pub(super) fn page(self) -> Option<Page> {
        let (status, body) = match self {
            Self::BadGateway => (StatusCode::BAD_GATEWAY, "Bad Gateway"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"),
            Self::Unusable | Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
            Self::NoServer => return Some(page::NO_AVAILABLE_SERVER),
            Self::SessionLost => return Some(page::SESSION_LOST),
            Self::BodyTooLarge => return Some(page::BODY_TOO_LARGE),
            Self::ClientLeft => return None,
        };
        Some(Page::bare(status, body))
    }

    /// Answers, unless a response is under way already: that can only be cut.
    pub(super) async fn answer(self, session: &mut Session, ctx: &mut Context) -> FailToProxy {
        let under_way = session
            .response_written()
            .is_some_and(|response| is_final(response.status));
        let page = self.page().filter(|_| !under_way);
        let error_code = page.as_ref().map_or(0, |page| page.status().as_u16());
        if let Some(page) = page {
            // Pingora closes the connection after a failure; the client is told.
            session.set_keepalive(None);
            if let Err(error) = page.send(session, ctx).await {
                tracing::debug!("client left before its error page: {error}");
            }
        }
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_server_failure_has_its_status() {
        for (kind, status) in [
            (ErrorType::ConnectRefused, 502),
            (ErrorType::ConnectNoRoute, 502),
            (ErrorType::ConnectError, 502),
            (ErrorType::ConnectionClosed, 502),
            (ErrorType::ReadError, 502),
            (ErrorType::WriteError, 502),
            (ErrorType::ConnectTimedout, 504),
            (ErrorType::TLSHandshakeTimedout, 504),
            (ErrorType::ReadTimedout, 504),
            (ErrorType::TLSHandshakeFailure, 500),
            (ErrorType::InvalidCert, 500),
            (ErrorType::InvalidHTTPHeader, 500),
        ] {
            let error = Error::explain(kind, "test").into_up();
            let page = Failure::of(&error).page().unwrap();
            assert_eq!(page.status(), status, "{error}");
        }
    }

    #[test]
    fn a_client_that_left_gets_no_page() {
        let error = Error::explain(ErrorType::ConnectionClosed, "test").into_down();
        assert!(Failure::of(&error).page().is_none());
    }
}
