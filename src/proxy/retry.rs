//! Attempts: which server is next, and whether a failure may be tried again.
//!
//! - A connect that failed sent nothing: another server, for any method (design: difference 1).
//! - An exchange that broke before any answer: only for methods that promise to change nothing, or with
//!   an `Idempotency-Key`, and only while the whole body is still at hand (RFC 9110 section 9.2.2; Go's
//!   transport does the same).
//! - Everything is bounded: in attempts, and by a deadline of twice the dial timeout.

use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use pingora::upstreams::peer::{ALPN, HttpPeer};
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::Session;

use super::context::Context;
use super::failure::Failure;
use crate::clock;
use crate::resolve::look_up;
use crate::upstream::{Address, Upstream};

/// Connects that may fail in one request. Below Pingora's own limit of attempts, which the server
/// configuration sets to [`MAX_ATTEMPTS`].
const MAX_FAILED_CONNECTS: u32 = 12;

/// Exchanges that may break in one request.
const MAX_BROKEN_EXCHANGES: u32 = 2;

/// All attempts of one request; what Pingora's `max_retries` is set to.
pub const MAX_ATTEMPTS: usize = (MAX_FAILED_CONNECTS + MAX_BROKEN_EXCHANGES + 2) as usize;

/// The peer of the next attempt: the server already chosen, or another.
pub(super) async fn next_peer(session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
    loop {
        if ctx.choice().is_none() && !ctx.choose(&session.req_header().headers) {
            return Err(nobody_left(ctx));
        }
        let Some(server) = ctx.server().cloned() else {
            return Err(nobody_left(ctx));
        };
        let upstream = server.upstream();
        match address_of(upstream).await {
            Some(address) => return Ok(Box::new(peer(session, ctx, upstream, address))),
            None => {
                ctx.attempt_failed(Failure::BadGateway);
                ctx.give_up_server();
            }
        }
    }
}

/// The error that ends the request: what the last server failed with, or that there was none.
fn nobody_left(ctx: &Context) -> Box<Error> {
    debug_assert!(ctx.choice().is_none());
    Error::explain(ErrorType::HTTPStatus(502), "no server left to try").into_up()
}

/// The server's address; a name that was never found is looked up now.
async fn address_of(upstream: &Upstream) -> Option<SocketAddr> {
    if let Some(known) = upstream.address().current() {
        return Some(known);
    }
    match upstream.address() {
        Address::Fixed(address) => Some(*address),
        Address::Named(resolved) => {
            look_up(resolved).await;
            resolved.current()
        }
    }
}

fn peer(session: &Session, ctx: &Context, upstream: &Upstream, address: SocketAddr) -> HttpPeer {
    let mut peer = upstream.peer(address);
    if session.is_upgrade_req() {
        // WebSockets are HTTP/1.1 and may be silent for longer than a header may take.
        peer.options.alpn = ALPN::H1;
        peer.options.read_timeout = None;
    }
    if ctx.failed_connects > 0 {
        let left = deadline(upstream).map(|deadline| {
            let spent = Duration::from_micros(clock::now().saturating_sub(ctx.began));
            deadline.saturating_sub(spent).max(Duration::from_millis(1))
        });
        if let (Some(left), Some(dial)) = (left, peer.options.connection_timeout) {
            peer.options.connection_timeout = Some(dial.min(left));
            peer.options.total_connection_timeout = Some(dial.min(left));
        }
    }
    peer
}

/// Time for all connects of a request together.
fn deadline(upstream: &Upstream) -> Option<Duration> {
    upstream.dial_timeout().map(|dial| 2 * dial)
}

/// A connect failed: on to the name's next address, or to another server.
pub(super) fn after_failed_connect(ctx: &mut Context, mut error: Box<Error>) -> Box<Error> {
    ctx.attempt_failed(Failure::of_server(error.etype()));
    ctx.failed_connects += 1;
    let Some(server) = ctx.server().cloned() else {
        error.set_retry(false);
        return error;
    };
    let spent = Duration::from_micros(clock::now().saturating_sub(ctx.began));
    let in_time = deadline(server.upstream()).is_none_or(|deadline| spent < deadline);
    error.set_retry(in_time && ctx.failed_connects < MAX_FAILED_CONNECTS);
    if !try_next_address(ctx, server.upstream()) {
        ctx.give_up_server();
    }
    error
}

/// Moves a host name on to its next address; false when all of them failed in this request.
fn try_next_address(ctx: &mut Context, upstream: &Upstream) -> bool {
    let Address::Named(resolved) = upstream.address() else {
        return false;
    };
    if let Some(bad) = resolved.current() {
        resolved.skip(bad);
    }
    ctx.failed_addresses += 1;
    ctx.failed_addresses < resolved.count()
}

/// An exchange broke on an established connection.
pub(super) fn after_broken_exchange(
    session: &mut Session,
    ctx: &mut Context,
    mut error: Box<Error>,
    connection_reused: bool,
) -> Box<Error> {
    let by_server = *error.esource() == ErrorSource::Upstream;
    if !by_server || ctx.was_answered() {
        error.set_retry(false);
        return error;
    }
    ctx.attempt_failed(Failure::of_server(error.etype()));
    ctx.broken_exchanges += 1;
    let again = is_connection_loss(error.etype())
        && ctx.broken_exchanges <= MAX_BROKEN_EXCHANGES
        && is_safe_to_repeat(session);
    error.set_retry(again);
    // A pooled connection that the server had closed says nothing about the server: once more there, on
    // a new connection. Otherwise elsewhere.
    if !(connection_reused && ctx.broken_exchanges == 1) {
        ctx.give_up_server();
    }
    error
}

fn is_connection_loss(kind: &ErrorType) -> bool {
    matches!(
        kind,
        ErrorType::ConnectionClosed
            | ErrorType::ReadError
            | ErrorType::WriteError
            | ErrorType::H2Error
            | ErrorType::H2Downgrade
            | ErrorType::InvalidH2
    )
}

fn is_safe_to_repeat(session: &mut Session) -> bool {
    let request = session.req_header();
    let safe = matches!(
        request.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    ) || request.headers.contains_key("idempotency-key");
    safe && !session.as_ref().retry_buffer_truncated() && session.response_written().is_none()
}
