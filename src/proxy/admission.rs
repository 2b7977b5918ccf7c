//! The first look at a request: is it well-formed, what does it ask for, which service answers?
//! (traefik-core 4.7, outermost step first.)

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Uri, Version, header};
use pingora::http::RequestHeader;
use pingora_proxy::Session;

use super::context::Context;
use super::entry_point::EntryPoint;
use super::handshake;
use super::page::{self, Page};
use crate::request::RequestView;
use crate::request::target::{canonical_host, clean_path, routing_path};
use crate::routing::{Route, Snapshot, Table};
use crate::tls::Options;

/// What shall happen to a request.
pub(super) enum Admission {
    /// The service of this route answers.
    Route(Arc<Route>),
    /// Piton answers.
    Answer(Page),
}

/// Normalises the request in place and finds its service.
pub(super) fn admit(
    session: &mut Session,
    ctx: &mut Context,
    entry_point: &EntryPoint,
    snapshot: &ArcSwap<Snapshot>,
    machine: &HeaderValue,
) -> Admission {
    let agreed = handshake::of(session).map(|agreed| Arc::clone(&agreed.options));
    ctx.met(client_ip(session), agreed.is_some());
    let request = session.req_header_mut();
    if entry_point.limits().header_is_too_large(request) {
        session.set_keepalive(None);
        return Admission::Answer(page::HEADER_TOO_LARGE);
    }
    let normalised = entry_point
        .screen_underscores(request)
        .and_then(|()| normalise(request, entry_point));
    let Some(length) = normalised else {
        return Admission::Answer(page::BAD_REQUEST);
    };
    if entry_point.limits().is_body_too_large(length) {
        session.set_keepalive(None);
        return Admission::Answer(page::BODY_TOO_LARGE);
    }
    if request.method == Method::OPTIONS && request.uri.path() == "*" {
        return Admission::Answer(page::OPTIONS);
    }
    ctx.origin_is_clean = entry_point.forwarded().screen(request, ctx.client());
    let snapshot = snapshot.load();
    let Some(table) = snapshot.table(entry_point.index(), agreed.is_some()) else {
        return Admission::Answer(page::NOT_FOUND);
    };
    // Rules see what piton states of the client's origin (traefik-core 4.7, step 7 before 8). Where no rule
    // looks, it is stated later, on the copy that is sent.
    if table.reads_forwarded() {
        // What cannot be stated now is stated later, or fails there.
        let _ = ctx.state_origin(request, entry_point, machine);
    }
    let host = canonical_host(host_of(request));
    if let Some(options) = &agreed
        && *snapshot.options_of(entry_point.index(), &host) != **options.name()
    {
        return Admission::Answer(page::MISDIRECTED);
    }
    match route(request, &host, ctx.client(), table) {
        // The host's options may be others than the route's, and may have changed since the handshake: nobody comes to
        // a route that demands certificates without having shown one.
        Some(route) if !is_admitted(&route, agreed.as_deref(), &snapshot) => {
            session.set_keepalive(None);
            Admission::Answer(page::MISDIRECTED)
        }
        Some(route) => Admission::Route(route),
        None => Admission::Answer(page::NOT_FOUND),
    }
}

/// Does the handshake meet what the route demands of clients?
fn is_admitted(route: &Route, agreed: Option<&Options>, snapshot: &Snapshot) -> bool {
    let demanded = route.options.as_ref().and_then(|name| snapshot.tls.options(name));
    demanded.is_none_or(|demanded| agreed.is_some_and(|agreed| demanded.admit(agreed)))
}

/// Address of the directly connected client.
fn client_ip(session: &Session) -> Option<IpAddr> {
    let address = session.client_addr().and_then(|address| address.as_inet());
    address.map(|address| address.ip().to_canonical())
}

fn route(request: &RequestHeader, host: &str, client: Option<IpAddr>, table: &Table) -> Option<Arc<Route>> {
    let path = routing_path(request.uri.path()).ok()?;
    let view = RequestView {
        method: request.method.as_str(),
        host,
        path: &path,
        query: request.uri.query(),
        headers: &request.headers,
        client,
    };
    table.find(&view).map(Arc::clone)
}

/// The host asked for: of the target if it names one, else of the `Host` field.
fn host_of(request: &RequestHeader) -> &str {
    let target = request.uri.authority().map(Authority::as_str);
    let field = || request.headers.get(header::HOST)?.to_str().ok();
    target.or_else(field).unwrap_or_default()
}

/// Makes the target an origin-form one with a clean path and query; the bytes that the request says its body has, 0 where
/// it says nothing. `None` for a request that no server should see.
fn normalise(request: &mut RequestHeader, entry_point: &EntryPoint) -> Option<u64> {
    let is_h2 = request.version == Version::HTTP_2;
    let is_absolute = !is_h2 && make_origin_form(request)?;
    let has_host = request.headers.contains_key(header::HOST) || request.uri.authority().is_some();
    if request.version == Version::HTTP_11 && !has_host {
        return None;
    }
    let length = one_length(request)?;
    if request.method == Method::OPTIONS && request.uri.path() == "*" {
        return Some(length);
    }
    let path = clean_path(request.uri.path(), entry_point.sanitizes_path()).ok()?;
    let query = request.uri.query().map(|query| entry_point.clean_query(query));
    let same_query = query.as_deref() == request.uri.query();
    if path == request.uri.path() && same_query && !is_absolute {
        return Some(length);
    }
    let target: PathAndQuery = match &query {
        Some(query) => format!("{path}?{query}").parse().ok()?,
        None => path.parse().ok()?,
    };
    let uri = replaced(&request.uri, target, is_h2)?;
    request.set_uri(uri);
    Some(length)
}

/// Looks at the target as it was sent: true when it was in absolute form, whose host is then in `Host` and
/// whose path is in the URI (Pingora has checked that both hosts are the same). `None` for every other form
/// but origin-form, and for bytes that no target may have.
fn make_origin_form(request: &mut RequestHeader) -> Option<bool> {
    let raw = request.raw_path();
    if !request.raw_path_is_utf8() || raw.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
        return None;
    }
    match raw {
        [b'/', ..] => return Some(false),
        b"*" if request.method == Method::OPTIONS => return Some(false),
        _ => {}
    }
    let absolute = Uri::try_from(raw).ok()?;
    let is_web = matches!(absolute.scheme_str(), Some("http" | "https"));
    let authority = absolute.authority().filter(|_| is_web)?;
    if !request.headers.contains_key(header::HOST) {
        let host = HeaderValue::from_str(authority.as_str()).ok()?;
        request.insert_header(header::HOST, host).ok()?;
    }
    Some(true)
}

/// Of several equal lengths, which Pingora has made sure they are, in one field or in several, one is sent on, as a plain
/// number (RFC 9110 section 8.6). The number; 0 where none is said.
fn one_length(request: &mut RequestHeader) -> Option<u64> {
    let mut lengths = request.headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(first) = lengths.next() else {
        return Some(0);
    };
    let are_several = lengths.next().is_some();
    let written = first.to_str().ok()?;
    let length: u64 = written.split(',').next()?.trim().parse().ok()?;
    let plain = HeaderValue::from(length);
    if are_several || *first != plain {
        request.insert_header(header::CONTENT_LENGTH, plain).ok()?;
    }
    Some(length)
}

/// `uri` with another path and query; scheme and authority stay for HTTP/2 only, where they are fields of
/// their own.
fn replaced(uri: &Uri, target: PathAndQuery, keep_authority: bool) -> Option<Uri> {
    if !keep_authority {
        return Some(target.into());
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    if parts.authority.is_some() && parts.scheme.is_none() {
        parts.scheme = Some(Scheme::HTTP);
    }
    Uri::from_parts(parts).ok()
}
