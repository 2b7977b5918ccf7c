//! Attempts: which server is next, and whether a failure may be tried again.
//!
//! - A connect that failed sent nothing: another server, for any method (design: difference 1).
//! - An exchange that broke before any answer: only for methods that promise to change nothing, or with
//!   an `Idempotency-Key`, and only while the whole body is still at hand (RFC 9110 section 9.2.2; Go's
//!   transport does the same).
//! - Everything is bounded: in attempts, and by a deadline of twice the dial timeout.

use std::net::SocketAddr;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, Method, header};
use pingora::upstreams::peer::{ALPN, HttpPeer};
use pingora::{Error, ErrorSource, ErrorType, Result, RetryType};
use pingora_proxy::Session;
use tokio::time::sleep;

use super::context::Context;
use super::dialling::{Dialling, Times};
use super::failure::{Denial, Failure};
use super::kept::Budgets;
use crate::clock;
use crate::resolve::address_of;
use crate::routing::Snapshot;
use crate::upstream::{Address, Upstream};

/// Connects that may fail in one request: when many containers end at once, those that are left are to be found. Below
/// Pingora's own limit of attempts, which the server configuration sets to [`MAX_ATTEMPTS`].
const MAX_FAILED_CONNECTS: u32 = 32;

/// Exchanges that may break in one request. A request that breaks whoever serves it is not to go round them all.
const MAX_BROKEN_EXCHANGES: u32 = 3;

/// Wait before a request is sent again after its second broken exchange, and again after the third: when many servers
/// end at once, the configuration says in that time which.
const LET_IT_SETTLE: Duration = Duration::from_millis(150);

/// Attempts that are none to Pingora's users: looks at a server in the middle of connecting.
pub const LOOKS: usize = Dialling::MOST_LOOKS as usize;

/// All attempts of one request; what Pingora's `max_retries` is set to.
pub const MAX_ATTEMPTS: usize = (MAX_FAILED_CONNECTS + MAX_BROKEN_EXCHANGES + 2) as usize + LOOKS;

/// The peer of the next attempt: the server already chosen, or another.
pub(super) async fn next_peer(
    session: &mut Session,
    ctx: &mut Context,
    budgets: &Budgets,
    published: &ArcSwap<Snapshot>,
) -> Result<Box<HttpPeer>> {
    if std::mem::take(&mut ctx.is_to_settle) {
        sleep(LET_IT_SETTLE).await;
        // That was no connecting.
        ctx.began = clock::now();
    }
    ctx.pause().await;
    loop {
        if ctx.choice().is_none()
            && let Err(denial) = ctx.place(&session.req_header().headers, budgets, published).await
        {
            // That everybody left was tried in vain is told by what the last of them did.
            if denial != Denial::NoServer || ctx.failure().is_none() {
                ctx.failed(denial.into());
            }
            return Err(gave_up("no server is left to try"));
        }
        let Some(server) = ctx.server().cloned() else {
            return Err(gave_up("no server is left to try"));
        };
        let upstream = server.upstream();
        if let Some(address) = address_of(upstream.address()).await {
            return Ok(Box::new(peer(session, ctx, upstream, address)));
        }
        ctx.failed(Failure::BadGateway);
        ctx.give_up_server();
        if !may_connect_again(ctx, upstream) || !ctx.may_try_again() {
            return Err(gave_up("too many servers have no address"));
        }
    }
}

/// The error that ends a request whose servers all failed; the context knows with what.
fn gave_up(why: &'static str) -> Box<Error> {
    Error::explain(ErrorType::HTTPStatus(502), why).into_up()
}

fn peer(session: &Session, ctx: &mut Context, upstream: &Upstream, address: SocketAddr) -> HttpPeer {
    let mut peer = upstream.peer(address);
    if is_websocket(&session.req_header().headers) {
        // WebSockets are HTTP/1.1 and may be silent for longer than a header may take.
        if !matches!(peer.options.alpn, ALPN::Custom(_)) {
            peer.options.alpn = ALPN::H1;
        }
        peer.options.read_timeout = None;
    }
    let in_flight = ctx.server().map_or(0, |server| server.state().in_flight());
    ctx.closes_connection = upstream.bound_idle(&mut peer, in_flight);
    let mut limit = peer.options.connection_timeout;
    if ctx.failed_connects > 0 {
        let left = deadline(upstream).map(|deadline| deadline.saturating_sub(connecting_for(ctx)));
        limit = limit.zip(left).map(|(dial, left)| dial.min(left));
    }
    // Pingora's own TLS client takes its handshake out of the time for TCP.
    let cannot_be_cut = peer.is_tls() && !matches!(peer.options.alpn, ALPN::Custom(_));
    let times = ctx.dialling.next(limit, cannot_be_cut, clock::now());
    peer.options.connection_timeout = times.connect;
    peer.options.total_connection_timeout = times.whole;
    peer
}

/// Does the client ask to switch to WebSocket (RFC 6455 section 4.1)?
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Time for all connects of a request together.
fn deadline(upstream: &Upstream) -> Option<Duration> {
    upstream.dial_timeout().map(|dial| 2 * dial)
}

fn connecting_for(ctx: &Context) -> Duration {
    Duration::from_micros(clock::now().saturating_sub(ctx.began))
}

/// Counts a failed connect; is there another one in it?
fn may_connect_again(ctx: &mut Context, upstream: &Upstream) -> bool {
    ctx.failed_connects += 1;
    let in_time = deadline(upstream).is_none_or(|deadline| connecting_for(ctx) < deadline);
    in_time && ctx.failed_connects < MAX_FAILED_CONNECTS
}

/// A connect to `peer` failed: on to the name's next address, or to another server.
pub(super) fn after_failed_connect(ctx: &mut Context, peer: &HttpPeer, mut error: Box<Error>) -> Box<Error> {
    if is_to_be_gone_on_with(ctx, peer, &error) {
        error.set_retry(true);
        return error;
    }
    ctx.complain(&error);
    ctx.failed(Failure::of_server(error.etype()));
    let Some(server) = ctx.server().cloned() else {
        error.set_retry(false);
        return error;
    };
    let again = may_connect_again(ctx, server.upstream());
    if again && try_next_address(ctx, server.upstream(), peer) {
        error.set_retry(true);
        return error;
    }
    ctx.give_up_server();
    error.set_retry(again && ctx.may_try_again());
    error
}

/// Was it only time for a look at the server, and it is still there?
fn is_to_be_gone_on_with(ctx: &mut Context, peer: &HttpPeer, error: &Error) -> bool {
    let times = Times {
        connect: peer.options.connection_timeout,
        whole: peer.options.total_connection_timeout,
    };
    let is_there = ctx
        .server()
        .is_some_and(|server| server.state().is_up(clock::now()));
    *error.etype() == ErrorType::ConnectTimedout && ctx.dialling.goes_on(times, is_there)
}

/// Moves a host name on from the address that failed; false when all of them failed in this request.
fn try_next_address(ctx: &mut Context, upstream: &Upstream, peer: &HttpPeer) -> bool {
    let Address::Named(resolved) = upstream.address() else {
        return false;
    };
    if let Some(bad) = peer._address.as_inet() {
        resolved.skip(*bad);
    }
    ctx.failed_addresses += 1;
    ctx.dialling.turn();
    ctx.failed_addresses < resolved.count()
}

/// An exchange broke on an established connection.
pub(super) fn after_broken_exchange(
    session: &mut Session,
    ctx: &mut Context,
    mut error: Box<Error>,
    connection_reused: bool,
) -> Box<Error> {
    if ctx.is_failing_over() {
        // Beyond what Pingora keeps of a body, piton's own client takes over.
        error.set_retry(!session.as_ref().retry_buffer_truncated());
        return error;
    }
    let by_server = *error.esource() == ErrorSource::Upstream;
    if !by_server || ctx.was_answered() {
        error.set_retry(false);
        return error;
    }
    if !connection_reused {
        ctx.complain(&error);
    }
    ctx.failed(Failure::of_server(error.etype()));
    ctx.broken_exchanges += 1;
    // HTTP/2 servers say when they have not processed a request (RFC 9113 section 8.7).
    let unprocessed = *error.etype() == ErrorType::H2Error && matches!(error.retry, RetryType::Decided(true));
    let repeatable = is_whole(session) && (unprocessed || promises_to_change_nothing(session));
    let again =
        is_connection_loss(error.etype()) && repeatable && ctx.broken_exchanges <= MAX_BROKEN_EXCHANGES;
    // A pooled connection that the server had closed, or a request that it did not process, say nothing
    // about the server: once more there, on a new connection. Otherwise elsewhere.
    let is_the_same_try = (connection_reused || unprocessed) && ctx.broken_exchanges == 1;
    error.set_retry(again && (is_the_same_try || ctx.may_try_again()));
    if !is_the_same_try {
        ctx.give_up_server();
    }
    ctx.is_to_settle = ctx.broken_exchanges > 1;
    // The wait for an answer was no connecting.
    ctx.began = clock::now();
    ctx.dialling.turn();
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

/// Is the whole request still at hand, and nothing of an answer sent?
fn is_whole(session: &Session) -> bool {
    !session.as_ref().retry_buffer_truncated() && session.response_written().is_none()
}

/// Is the request one that may be sent twice?
pub(super) fn promises_to_change_nothing(session: &Session) -> bool {
    let request = session.req_header();
    matches!(
        request.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    ) || request.headers.contains_key("idempotency-key")
}
