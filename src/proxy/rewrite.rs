//! What is changed on messages that pass: the request on its way to the server, the response on its way
//! back (traefik-core 6.1 to 6.3).

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Version, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use smallvec::SmallVec;

use crate::balance::Server;
use crate::service::Cookies;
use crate::upstream::Upstream;

/// Adapts the request to the chosen server; called once per attempt, on a copy.
pub(super) fn for_server(request: &mut RequestHeader, server: &Server) -> Result<()> {
    let upstream = server.upstream();
    let host_is_missing = !request.headers.contains_key(header::HOST) && request.uri.authority().is_none();
    if server.terms().own_host || host_is_missing {
        request.insert_header(header::HOST, upstream.host_header().clone())?;
        if request.uri.authority().is_some() {
            origin_form(request);
        }
    }
    put_base_path_before(request, upstream);
    join_cookies(request)
}

/// The connection of this request is not to be kept: Pingora closes it then, whatever the server says. A tunnel is
/// closed anyway, and HTTP/2 has no such field.
pub(super) fn close_connection(request: &mut RequestHeader) -> Result<()> {
    if request.version == Version::HTTP_2 || request.headers.contains_key(header::UPGRADE) {
        return Ok(());
    }
    request.insert_header(header::CONNECTION, "close")
}

/// Leaves only path and query in the target.
fn origin_form(request: &mut RequestHeader) {
    let target = request.uri.path_and_query().cloned();
    request.set_uri(target.unwrap_or_else(|| PathAndQuery::from_static("/")).into());
}

/// `preservePath`: the server's own path, one slash, the request's (traefik-core 3).
fn put_base_path_before(request: &mut RequestHeader, upstream: &Upstream) {
    let Some(base) = upstream.base_path() else {
        return;
    };
    let target = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let mut parts = request.uri.clone().into_parts();
    parts.path_and_query = format!("{base}{target}").parse().ok();
    if let Ok(uri) = http::Uri::from_parts(parts) {
        request.set_uri(uri);
    }
}

/// HTTP/2 clients may split the cookies over several fields; HTTP/1.1 servers want one (RFC 9113 8.2.3).
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    let mut fields = request.headers.get_all(header::COOKIE).iter();
    let (Some(_), Some(_)) = (fields.next(), fields.next()) else {
        return Ok(());
    };
    let all: Vec<&[u8]> = request
        .headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    // Parts of valid values joined by "; " are a valid value.
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        request.insert_header(header::COOKIE, joined)?;
    }
    Ok(())
}

/// Takes the fields off that belong to the connection between server and piton (RFC 9110 section 7.6.1).
/// `Connection` and the framing are Pingora's own business. One pass over the names: usually there is none.
pub(super) fn response(response: &mut ResponseHeader) {
    // The version is piton's, not the server's (RFC 9110 section 6.2): a client that reads "HTTP/1.0" gives
    // its connection up.
    response.set_version(Version::HTTP_11);
    let mut found: SmallVec<[HeaderName; 2]> = response
        .headers
        .keys()
        .filter(|name| is_hop_by_hop(name))
        .cloned()
        .collect();
    if response.headers.contains_key(header::CONNECTION) {
        found.extend(nominated(response));
    }
    for name in found {
        response.remove_header(&name);
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    // By length first: most names are sorted out without a look at their bytes.
    match name.as_str().len() {
        2 => *name == header::TE,
        10 => name.as_str() == "keep-alive",
        16 => name.as_str() == "proxy-connection",
        18 => *name == header::PROXY_AUTHENTICATE,
        19 => *name == header::PROXY_AUTHORIZATION,
        _ => false,
    }
}

/// Fields named in `Connection`, without those that frame the message or switch protocols.
fn nominated(response: &ResponseHeader) -> SmallVec<[HeaderName; 2]> {
    response
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|token| token.trim().parse::<HeaderName>().ok())
        .filter(|name| ![header::UPGRADE, header::TRANSFER_ENCODING, header::CONTENT_LENGTH].contains(name))
        .collect()
}

/// Adds piton's cookies before the application's own, which stay: Traefik's order (traefik-core 1.4). Of two
/// with one name browsers keep the last, so the application has the last word.
pub(super) fn add_cookies(response: &mut ResponseHeader, cookies: Cookies) -> Result<()> {
    if cookies.is_empty() {
        return Ok(());
    }
    let own: SmallVec<[HeaderValue; 2]> = response
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    if !own.is_empty() {
        response.remove_header(&header::SET_COOKIE);
    }
    for cookie in cookies.into_iter().chain(own) {
        response.append_header(header::SET_COOKIE, cookie)?;
    }
    Ok(())
}

/// An informational answer of a service whose final answer may be discarded says nothing: it would not be
/// the client's business any more (traefik-core 2.7).
pub(super) fn say_nothing(response: &mut ResponseHeader) {
    let names: SmallVec<[HeaderName; 4]> = response.headers.keys().cloned().collect();
    for name in names {
        response.remove_header(&name);
    }
}

/// HTTP/1.0 knows no chunks: the end of the connection ends the body (pingora-0.9 1.4).
pub(super) fn for_old_clients(version: Version, response: &mut ResponseHeader) {
    if version < Version::HTTP_11 {
        response.remove_header(&header::TRANSFER_ENCODING);
    }
}
