//! What a request leaves behind for whoever looks on: collected on its way, told once when it is over.

use std::net::SocketAddr;

use http::{HeaderMap, Method, StatusCode, Uri, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::context::Context;
use super::failure::{Failure, is_final};
use super::handshake;
use crate::balance::{Micros, Wall};
use crate::clock;
use crate::meter::{Protocol, Tls};
use crate::observe::{AccessLog, Ended, Observer, Place, Routed, Trace};
use crate::routing::{Observed, Route};

/// The client left before its answer, as nginx and Traefik say it.
const CLIENT_LEFT: u16 = 499;

/// The last status that gRPC has: unauthenticated.
const MAX_GRPC_STATUS: u16 = 16;

/// What is known of a request that is looked at.
pub(super) struct Watched {
    observer: &'static Observer,
    began: Micros,
    wall: Wall,
    entry_point: usize,
    client: Option<SocketAddr>,
    protocol: Protocol,
    method: Method,
    version: Version,
    /// Its target, where a line will name it.
    uri: Uri,
    /// When a server was first looked for.
    asked: Option<Micros>,
    /// When the connect under way began.
    dialled: Micros,
    /// When the attempt under way was sent; `None` after its first byte.
    sent: Option<Micros>,
    origin_status: Option<StatusCode>,
    origin_headers: Option<HeaderMap>,
    grpc_status: Option<u16>,
    /// The trace that it is a part of, once it is known where the request goes.
    pub(super) trace: Option<Trace>,
}

/// How a request ended.
struct Close<'a> {
    uri: &'a Uri,
    headers: &'a HeaderMap,
    tls: Option<Tls>,
    response: Option<&'a ResponseHeader>,
    status: u16,
    request_bytes: u64,
    response_bytes: u64,
}

impl Watched {
    /// The request of `session` begins at entry point number `entry_point`; `None` when nobody looks.
    pub(super) fn begin(observer: &'static Observer, session: &Session, entry_point: usize) -> Option<Self> {
        if !observer.is_on() {
            return None;
        }
        let request = session.req_header();
        Some(Self {
            observer,
            began: clock::now(),
            wall: clock::wall(),
            entry_point,
            client: session
                .client_addr()
                .and_then(|address| address.as_inet())
                .copied(),
            protocol: Protocol::of(&request.headers),
            method: request.method.clone(),
            version: request.version,
            uri: Uri::default(),
            asked: None,
            dialled: 0,
            sent: None,
            origin_status: None,
            origin_headers: None,
            grpc_status: None,
            trace: None,
        })
    }

    /// The target is as clean as it will be; what middlewares make of it is nobody's business.
    pub(super) fn asks_for(&mut self, request: &RequestHeader, route: Option<&Route>) {
        let is_internal = route.is_some_and(|route| route.service.internal().is_some());
        let traces = self.observer.traces.as_ref().filter(|traces| {
            let is_wanted = !is_internal || traces.add_internals();
            is_wanted && self.observed(route).tracing
        });
        self.trace = traces.map(|traces| traces.begin(&request.headers, clock::now()));
        if self.observer.access.is_some() || self.trace.as_ref().is_some_and(Trace::is_sampled) {
            self.uri = request.uri.clone();
        }
    }

    /// Who may look.
    fn observed(&self, route: Option<&Route>) -> Observed {
        let at = self.observer.entry_point(self.entry_point).observed();
        route.map_or(at, |route| at.unless(route.observes))
    }

    /// A server is looked for.
    pub(super) fn asked(&mut self, now: Micros) {
        self.asked.get_or_insert(now);
    }

    /// A connect begins.
    pub(super) fn dials(&mut self) {
        self.dialled = clock::now();
    }

    /// The attempt under way is sent.
    pub(super) fn sends(&mut self) {
        self.sent = Some(clock::now());
    }
}

impl Context {
    /// A new connection to the chosen server was made.
    pub(super) fn was_connected(&self) {
        let Some(watched) = &self.watched else { return };
        if let (Some(metrics), Some(leaf)) = (&watched.observer.metrics, self.leaf()) {
            metrics.connected_to(leaf, clock::now().saturating_sub(watched.dialled));
        }
    }

    /// A header came from the server.
    pub(super) fn watch_answer(&mut self, response: &ResponseHeader) {
        let Some(watched) = &mut self.watched else { return };
        let sent = watched.sent.take();
        if is_final(response.status) {
            watched.origin_status = Some(response.status);
            let access = watched.observer.access.as_ref();
            if access.is_some_and(AccessLog::wants_origin_headers) {
                watched.origin_headers = Some(response.headers.clone());
            }
            self.watch_trailers(&response.headers);
        }
        let metrics = self
            .watched
            .as_ref()
            .and_then(|watched| watched.observer.metrics.as_ref());
        if let (Some(sent), Some(metrics), Some(leaf)) = (sent, metrics, self.leaf()) {
            metrics.first_byte(leaf, clock::now().saturating_sub(sent));
        }
    }

    /// Fields that may hold the status of gRPC: it comes last, or at once when there is nothing else.
    pub(super) fn watch_trailers(&mut self, fields: &HeaderMap) {
        if let Some(watched) = &mut self.watched {
            let status = fields
                .get("grpc-status")
                .and_then(|status| status.to_str().ok()?.parse().ok());
            // Numbers that mean nothing are one (2: unknown): servers shall not make series at will.
            let status = status.map(|status: u16| if status > MAX_GRPC_STATUS { 2 } else { status });
            watched.grpc_status = status.or(watched.grpc_status);
        }
    }

    /// The request is over.
    pub(super) fn tell_end(&mut self, session: &Session, failure: Option<Failure>) {
        let Some(mut watched) = self.watched.take() else {
            return;
        };
        let response = session
            .response_written()
            .filter(|response| is_final(response.status));
        let status = match (response, failure) {
            (Some(response), _) => response.status.as_u16(),
            (None, Some(Failure::ClientLeft) | None) => CLIENT_LEFT,
            (None, Some(_)) => 500,
        };
        let uri = std::mem::take(&mut watched.uri);
        let close = Close {
            uri: &uri,
            headers: &session.req_header().headers,
            tls: handshake::of(session).map(|agreed| agreed.words),
            response,
            status,
            request_bytes: session.body_bytes_read() as u64,
            response_bytes: session.body_bytes_sent() as u64,
        };
        self.tell(&mut watched, &close);
    }

    fn tell(&self, watched: &mut Watched, close: &Close<'_>) {
        let observer = watched.observer;
        let trace = watched.trace.take();
        let at = observer.entry_point(watched.entry_point);
        let route = self.route();
        let server = self.server().or_else(|| self.last_tried());
        let ended = Ended {
            began: watched.began,
            wall: watched.wall,
            ended: clock::now(),
            place: Place {
                entry_point: watched.entry_point,
                name: at.name(),
                client: watched.client,
                tls: close.tls,
            },
            method: watched.method.as_str(),
            uri: close.uri,
            version: watched.version,
            headers: close.headers,
            protocol: watched.protocol,
            request_bytes: close.request_bytes,
            routed: route.map(|route| Routed {
                router: &route.name,
                service: route.service.name(),
            }),
            leaf: self.leaf(),
            server: server.map(|server| &**server),
            outcome: self.outcome,
            retries: self.retries(),
            asked: watched.asked,
            origin_status: watched.origin_status.map(|status| status.as_u16()),
            origin_headers: watched.origin_headers.as_ref(),
            status: close.status,
            response_headers: close.response.map(|response| &response.headers),
            response_bytes: close.response_bytes,
            grpc_status: watched.grpc_status,
            is_internal: route.is_some_and(|route| route.service.internal().is_some()),
            observed: watched.observed(route),
        };
        observer.ended(&ended, trace);
    }
}

/// What Pingora did not bring to its end: a panic, an exchange that a deadline cut. Its header is lost by then.
impl Drop for Context {
    fn drop(&mut self) {
        let Some(mut watched) = self.watched.take() else {
            return;
        };
        let uri = std::mem::take(&mut watched.uri);
        let close = Close {
            uri: &uri,
            headers: &HeaderMap::new(),
            tls: None,
            response: None,
            status: if std::thread::panicking() {
                500
            } else {
                CLIENT_LEFT
            },
            request_bytes: 0,
            response_bytes: 0,
        };
        self.tell(&mut watched, &close);
    }
}
