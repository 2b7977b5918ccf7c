//! The proxy: Pingora's callbacks, each a few lines that adapt, call ring 1, and adapt back.
//!
//! Life of a request: `early_request_filter` sets what the connection may cost, `request_filter` normalises
//! and routes, `proxy_upstream_filter` chooses a server (or answers 503 and keeps the connection),
//! `upstream_peer` hands out the peer and, after a failed connect, chooses again, `response_filter` sets
//! the cookie and goes back through the middlewares, `logging` ends the lease.

mod admission;
mod client;
mod context;
mod dialling;
mod door;
mod entry_point;
mod failure;
mod handshake;
mod internals;
mod kept;
mod mirror;
mod page;
mod patience;
mod ping;
mod replay;
mod retry;
mod rewrite;
mod second;
mod through;
mod traced;
mod tries;
mod watched;

pub use context::Context;
pub use door::{Inside, service};
pub use entry_point::{EntryPoint, EntryPoints, InvalidEntryPoint};
pub use internals::Internals;
pub use mirror::Mirrors;
pub use ping::Ping;
pub use retry::{LOOKS, MAX_ATTEMPTS};

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use crate::routing::Snapshot;
use crate::stop::Stop;
use admission::Admission;
use client::Client;
use failure::Failure;
use kept::Budgets;
use mirror::Queue;
use watched::Watched;

/// The reverse proxy of all entry points.
pub struct Edge {
    snapshot: Arc<ArcSwap<Snapshot>>,
    entry_points: Arc<EntryPoints>,
    /// Name of this machine for `X-Forwarded-Server`.
    machine: HeaderValue,
    internals: Internals,
    /// Memory for requests that may have to be sent a second time.
    budgets: Budgets,
    /// Sends what Pingora's proxy cannot.
    client: Arc<Client>,
    /// Where requests leave copies for mirrors.
    mirrors: Queue,
    stop: Arc<Stop>,
}

impl Edge {
    /// Where requests find what leads them.
    fn published(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.snapshot)
    }

    /// A proxy led by whatever `snapshot` holds when a request arrives, and the workers that send the copies
    /// it makes.
    #[must_use]
    pub fn new(
        snapshot: Arc<ArcSwap<Snapshot>>,
        entry_points: Arc<EntryPoints>,
        machine: HeaderValue,
        internals: Internals,
        stop: Arc<Stop>,
        conf: &ServerConf,
    ) -> (Self, Mirrors) {
        let client = Arc::new(Client::new(conf));
        let (mirrors, workers) = mirror::start(Arc::clone(&client));
        let edge = Self {
            snapshot,
            entry_points,
            machine,
            internals,
            budgets: Budgets::default(),
            client,
            mirrors,
            stop,
        };
        (edge, workers)
    }
}

#[async_trait]
impl ProxyHttp for Edge {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::default()
    }

    /// No modules: Pingora's default is a disabled compression that costs five allocations a request.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        patience::header_came(!session.as_mut().is_body_empty());
        let entry_point = self.entry_points.at(session.server_addr());
        ctx.watched = Watched::begin(self.internals.observer, session, entry_point.index()).map(Box::new);
        entry_point.limits().apply(session);
        let has_grown_old = |age| patience::visit().is_some_and(|visit| visit.born().elapsed() >= age);
        if self.stop.is_leaving() || entry_point.limits().max_age().is_some_and(has_grown_old) {
            session.set_keepalive(None);
        }
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let entry_point = self.entry_points.at(session.server_addr());
        match admission::admit(session, ctx, entry_point, &self.snapshot, &self.machine) {
            Admission::Route(route) => {
                if let Some(watched) = &mut ctx.watched {
                    watched.asks_for(session.req_header(), Some(&route));
                }
                let internal = route.service.internal();
                let goes_through = !route.chain.is_empty();
                ctx.routed(route);
                if goes_through {
                    // Middlewares see, and may change, what piton states of the client's origin.
                    ctx.state_origin(session.req_header_mut(), entry_point, &self.machine)?;
                    if through::enter(session, ctx).await? {
                        return Ok(true);
                    }
                }
                match internal {
                    Some(internal) => self.internals.answer(internal, session, ctx).await,
                    None => Ok(false),
                }
            }
            Admission::Answer(page) => {
                if let Some(watched) = &mut ctx.watched {
                    watched.asks_for(session.req_header(), None);
                }
                page.send(session, ctx).await?;
                Ok(true)
            }
        }
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        let Err(denial) = ctx
            .place(&session.req_header().headers, &self.budgets, &self.snapshot)
            .await
        else {
            return Ok(true);
        };
        if let Some(page) = Failure::from(denial).page() {
            page.send(session, ctx).await?;
        }
        Ok(false)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        let peer = retry::next_peer(session, ctx, &self.budgets, &self.snapshot).await;
        if let Some(watched) = &mut ctx.watched {
            watched.dials();
        }
        if peer.is_ok() {
            ctx.trace_attempt();
        }
        peer
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: std::os::unix::io::RawFd,
        _digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        if !reused {
            ctx.was_connected();
        }
        Ok(())
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        ctx: &mut Context,
        error: Box<Error>,
    ) -> Box<Error> {
        retry::after_failed_connect(ctx, peer, error)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Context,
        connection_reused: bool,
    ) -> Box<Error> {
        retry::after_broken_exchange(session, ctx, error, connection_reused)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let forwarded = self.entry_points.at(session.server_addr()).forwarded();
        let facts = ctx.facts(retry::is_websocket(&session.req_header().headers), &self.machine);
        if !ctx.origin_is_stated {
            forwarded.state(request, &facts, ctx.origin_is_clean)?;
        }
        let none_before = ctx.origin_is_clean;
        if !ctx.hides_client() {
            forwarded.append_client(request, &facts, none_before)?;
        }
        ctx.trace_request(request)?;
        ctx.begin(request, !session.as_mut().is_body_empty());
        if ctx.closes_connection {
            rewrite::close_connection(request)?;
        }
        if let Some(watched) = &mut ctx.watched {
            watched.sends();
        }
        match ctx.server() {
            Some(server) => rewrite::for_server(request, server),
            None => Ok(()),
        }
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        if end_of_stream {
            patience::body_came();
        }
        let entry_point = self.entry_points.at(session.server_addr());
        let read = ctx.read(body.as_ref());
        let passed = match entry_point.limits().is_body_too_large(read) {
            true => Err(Failure::BodyTooLarge),
            false => ctx.keep(body.as_ref(), end_of_stream),
        };
        passed.map_err(|failure| {
            ctx.failed(failure);
            Error::explain(ErrorType::HTTPStatus(413), "the body is too large").into_down()
        })
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let status = response.status;
        ctx.watch_answer(response);
        if failure::is_final(status) && ctx.is_watched(status) && replay::is_possible(session, ctx) {
            ctx.discard(status);
            return Err(replay::discarded(status));
        }
        ctx.answered(status);
        rewrite::response(response);
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        if !failure::is_final(response.status) {
            if ctx.is_watched_at_all() {
                rewrite::say_nothing(response);
            }
            return Ok(());
        }
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            // What follows may be silent for longer than a request may take to arrive.
            session.set_read_timeout(None);
            patience::socket(ctx.end_of_socket(&self.snapshot, &self.stop));
        } else {
            patience::answer_began();
            if self.stop.is_leaving() {
                // The request came before the signal did.
                session.set_keepalive(None);
            }
        }
        rewrite::add_cookies(response, ctx.take_cookies())?;
        through::leave(session, ctx.passage_mut(), response)?;
        rewrite::for_old_clients(session.req_header().version, response);
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        if end_of_stream {
            patience::answer_ended();
        }
        if let Some(passage) = ctx.passage_mut() {
            *body = through::pass(passage, body.take(), end_of_stream)?;
        }
        Ok(None)
    }

    /// Trailers end a body as well.
    async fn response_trailer_filter(
        &self,
        _session: &mut Session,
        trailers: &mut HeaderMap,
        ctx: &mut Context,
    ) -> Result<Option<Bytes>> {
        patience::answer_ended();
        ctx.watch_trailers(trailers);
        match ctx.passage_mut() {
            Some(passage) => through::pass(passage, None, true),
            None => Ok(None),
        }
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, ctx: &mut Context) -> FailToProxy {
        let failure = if ctx.is_failing_over() {
            match replay::answer(&self.client, session, ctx, &self.budgets, &self.snapshot).await {
                Ok(()) => return replay::DONE,
                Err(failure) => {
                    ctx.failed(failure);
                    failure
                }
            }
        } else {
            ctx.failure().unwrap_or_else(|| Failure::of(error))
        };
        failure.answer(session, ctx).await
    }

    /// Failures of servers and clients are no errors of piton: they are logged at debug level only.
    fn suppress_error_log(&self, _session: &Session, ctx: &Context, error: &Error) -> bool {
        if Failure::of(error) == Failure::Internal && ctx.failure().is_none() {
            tracing::error!(
                service = ctx.service_name(),
                "piton could not serve a request: {error}"
            );
        }
        tracing::debug!(
            service = ctx.service_name(),
            server = ctx.server_url(),
            "request failed: {error}"
        );
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        ctx: &Context,
        error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        tracing::debug!(service = ctx.service_name(), "trying again: {error}");
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Context) {
        let failure = ctx.failure().or_else(|| error.map(Failure::of));
        let client_left = failure == Some(Failure::ClientLeft);
        ctx.tell_end(session, failure);
        ctx.end(&self.mirrors, client_left);
    }
}
