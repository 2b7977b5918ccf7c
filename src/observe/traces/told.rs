//! What spans tell, by OpenTelemetry's conventions for HTTP.

use http::uri::Authority;
use http::{HeaderMap, HeaderName, Version, header};

use super::Traces;
use super::span::Attributes;
use crate::observe::Ended;

/// Name of the span of a request whose method is none of HTTP's.
pub(super) const UNKNOWN: &str = "HTTP";

/// Methods that may name a span: others are as many as clients like.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Tells the method; the name of its span.
pub(super) fn method(attributes: &mut Attributes, method: &str) -> &'static str {
    match METHODS.iter().find(|known| **known == method) {
        Some(known) => {
            attributes.text("http.request.method", known);
            known
        }
        None => {
            attributes.text("http.request.method", "_OTHER");
            attributes.text("http.request.method_original", method);
            UNKNOWN
        }
    }
}

/// Tells where a request goes.
pub(super) fn authority(attributes: &mut Attributes, authority: &str, scheme: &str) {
    let Ok(authority) = authority.parse::<Authority>() else {
        return;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let of_scheme = if scheme == "https" { 443 } else { 80 };
    attributes.text("server.address", host);
    attributes.number("server.port", authority.port_u16().unwrap_or(of_scheme).into());
}

/// Tells what the client asked for; the name of the span.
pub(super) fn request(attributes: &mut Attributes, ended: &Ended<'_>, traces: &Traces) -> &'static str {
    let name = method(attributes, ended.method);
    let scheme = if ended.place.tls.is_some() {
        "https"
    } else {
        "http"
    };
    attributes.text("url.scheme", scheme);
    attributes.text("url.path", ended.uri.path());
    if let Some(query) = ended.uri.query() {
        attributes.text("url.query", &traces.query(query));
    }
    let field = ended.headers.get(header::HOST);
    let field = field.and_then(|host| host.to_str().ok());
    if let Some(host) = ended.uri.authority().map(Authority::as_str).or(field) {
        authority(attributes, host, scheme);
    }
    let version = match ended.version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    attributes.text("network.protocol.version", version);
    if let Some(client) = ended.place.client {
        let address = client.ip().to_canonical().to_string();
        attributes.text("client.address", &address);
        attributes.number("client.port", client.port().into());
        attributes.text("network.peer.address", &address);
        attributes.number("network.peer.port", client.port().into());
    }
    let agent = ended.headers.get(header::USER_AGENT);
    if let Some(agent) = agent.and_then(|agent| agent.to_str().ok()) {
        attributes.text("user_agent.original", agent);
    }
    attributes.number("http.request.body.size", ended.request_bytes);
    capture(attributes, "request", &traces.request_headers, ended.headers);
    attributes.text("entry_point", ended.place.name);
    if let Some(routed) = &ended.routed {
        attributes.text("traefik.router.name", routed.router);
        attributes.text("traefik.service.name", routed.service);
    }
    name
}

/// Tells what the client got; true when that was a failure of this side.
pub(super) fn answer(attributes: &mut Attributes, ended: &Ended<'_>, traces: &Traces) -> bool {
    attributes.number("http.response.status_code", ended.status.into());
    attributes.number("http.response.body.size", ended.response_bytes);
    if let Some(headers) = ended.response_headers {
        capture(attributes, "response", &traces.response_headers, headers);
    }
    if let Some(verdict) = ended.outcome.verdict {
        attributes.text("piton.sticky.result", verdict.name());
    }
    let is_error = ended.status >= 500;
    if is_error {
        attributes.text("error.type", &ended.status.to_string());
    }
    is_error
}

fn capture(attributes: &mut Attributes, of: &str, names: &[HeaderName], headers: &HeaderMap) {
    for name in names {
        let values = headers.get_all(name).iter();
        let values = values.map(http::HeaderValue::as_bytes);
        attributes.texts(format!("http.{of}.header.{name}"), values);
    }
}
