//! Answers that piton writes itself, with exactly Traefik's bodies and headers (traefik-core 2, 4.4, 6.4).

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora_proxy::Session;

use super::context::Context;
use super::patience;
use super::through;

/// Bytes of a body that are written at once.
const PART: usize = 64 * 1024;

/// A short answer from memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    status: StatusCode,
    body: &'static str,
    /// With the two headers that Go's `http.Error` sets.
    typed: bool,
}

/// No router matched.
pub const NOT_FOUND: Page = Page::typed(StatusCode::NOT_FOUND, "404 page not found\n");
/// Every server is down, draining or gone.
pub const NO_AVAILABLE_SERVER: Page = Page::typed(StatusCode::SERVICE_UNAVAILABLE, "no available server\n");
/// The server of a session is lost, and its service says that nobody else may serve it.
pub const SESSION_LOST: Page = Page::typed(
    StatusCode::SERVICE_UNAVAILABLE,
    "the server of this session is not available\n",
);
/// A failover could not send the body again (traefik-core 2.7).
pub const BODY_TOO_LARGE: Page = Page::typed(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large\n");
/// The host is served under other TLS options than those of the connection's handshake (traefik-core 4.5).
pub const MISDIRECTED: Page = Page::typed(StatusCode::MISDIRECTED_REQUEST, "Misdirected Request\n");
/// `OPTIONS *` asks the proxy itself (RFC 9110 section 9.3.7); Go's server answers it before any router.
pub const OPTIONS: Page = Page::bare(StatusCode::OK, "");
/// The request breaks a rule of HTTP or of the entry point.
pub const BAD_REQUEST: Page = Page::typed(StatusCode::BAD_REQUEST, "Bad Request\n");
/// Nobody but the router's middlewares has an answer (traefik-core 5.2).
pub const TEAPOT: Page = Page::bare(StatusCode::IM_A_TEAPOT, "");
/// The header is larger than the entry point allows.
pub const HEADER_TOO_LARGE: Page = Page::typed(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "Request Header Fields Too Large\n",
);

impl Page {
    const fn typed(status: StatusCode, body: &'static str) -> Self {
        Self {
            status,
            body,
            typed: true,
        }
    }

    /// A body without headers about it, as Traefik's proxy errors have.
    #[must_use]
    pub const fn bare(status: StatusCode, body: &'static str) -> Self {
        Self {
            status,
            body,
            typed: false,
        }
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes it, through the middlewares that the request has come through; the connection stays usable.
    ///
    /// # Errors
    /// When the client cannot be written to.
    pub(super) async fn send(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        let mut response = ResponseHeader::build(self.status, Some(4))?;
        response.insert_header(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()))?;
        if self.typed {
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            response.insert_header(header::CONTENT_TYPE, text)?;
            response.insert_header("X-Content-Type-Options", "nosniff")?;
        }
        write(session, ctx, response, Bytes::from_static(self.body.as_bytes())).await
    }
}

/// Writes an answer of piton's own, through the middlewares that the request has come through.
///
/// # Errors
/// When the client cannot be written to.
pub(super) async fn write(
    session: &mut Session,
    ctx: &mut Context,
    mut response: ResponseHeader,
    body: Bytes,
) -> Result<()> {
    let is_head = session.req_header().method == Method::HEAD;
    if !response.headers.contains_key(header::CONTENT_LENGTH) {
        response.insert_header(header::CONTENT_LENGTH, HeaderValue::from(body.len()))?;
    }
    through::leave(session, ctx.passage_mut(), &mut response)?;
    // What is left of the request's body has its own time from here on.
    patience::answer_began();
    patience::answer_ended();
    session.write_response_header(Box::new(response), is_head).await?;
    if !is_head {
        let body = match ctx.passage_mut() {
            Some(passage) => through::pass(passage, Some(body), true)?,
            None => Some(body),
        };
        let mut body = body.unwrap_or_default();
        while body.len() > PART {
            let part = body.split_to(PART);
            session.write_response_body(Some(part), false).await?;
        }
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}
