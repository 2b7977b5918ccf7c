//! A request as routing and balancing see it: borrowed, normalised, free of Pingora types.

pub mod target;

use std::net::IpAddr;

use http::HeaderMap;

/// The facts of one request that rules, selectors and cookies may look at.
///
/// The proxy builds it once per request; everything in it is borrowed, so looking costs no allocation.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// The method exactly as sent (`GET`; `get` is another method).
    pub method: &'a str,
    /// Canonical host: lower case, without port, brackets or surrounding space; may end in one dot
    /// (traefik-core 4.3). Empty when the request names none.
    pub host: &'a str,
    /// The routing path: percent-decoded except for reserved characters (traefik-core 4.3).
    pub path: &'a str,
    /// The raw query without `?`, if the target had one.
    pub query: Option<&'a str>,
    /// Header fields as received.
    pub headers: &'a HeaderMap,
    /// Address of the directly connected client; `None` when it is not an IP (a unix socket).
    pub client: Option<IpAddr>,
}
