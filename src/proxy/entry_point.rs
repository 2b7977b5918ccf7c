//! Entry points: what piton makes of a connection and of a request before routing.

mod forwarded;
mod limits;
mod trust;

pub use forwarded::{Facts, ForwardedHeaders, address_value};
pub use limits::Limits;
pub use trust::{InvalidTrust, Trust};

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use pingora::http::RequestHeader;
use pingora::protocols::l4::socket::SocketAddr as Socket;
use smallvec::SmallVec;

use crate::config::install;
use crate::connection::Crowd;
use crate::request::target::clean_query;

/// What is done with request headers whose names have an underscore (traefik-core 4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Underscores {
    /// Passed on.
    Keep,
    /// Removed.
    Delete,
    /// The request is answered 400.
    Reject,
}

impl Underscores {
    /// The strategy called `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "keep" => Some(Self::Keep),
            "delete" => Some(Self::Delete),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }
}

/// Why an entry point cannot be used as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntryPoint {
    /// `underscoreHeadersStrategy`.
    #[error("underscoreHeadersStrategy {0:?} is unknown; use keep, delete or reject")]
    Underscores(String),
    /// `forwardedHeaders` or `proxyProtocol`.
    #[error(transparent)]
    Trust(#[from] InvalidTrust),
}

/// One entry point, ready for requests.
#[derive(Debug)]
pub struct EntryPoint {
    name: String,
    index: usize,
    limits: Limits,
    forwarded: ForwardedHeaders,
    /// Whose PROXY header counts; `None` where none is read.
    proxy_protocol: Option<Trust>,
    crowd: Arc<Crowd>,
    underscores: Underscores,
    sanitize_path: bool,
    encode_query_semicolons: bool,
}

impl EntryPoint {
    /// The entry point called `name`, number `index` among all, from what was written.
    ///
    /// # Errors
    /// When a value is none that exists.
    pub fn new(
        name: &str,
        index: usize,
        written: &install::EntryPoint,
        global: &install::Global,
    ) -> Result<Self, InvalidEntryPoint> {
        let strategy = &written.http.underscore_headers_strategy;
        let underscores =
            Underscores::parse(strategy).ok_or_else(|| InvalidEntryPoint::Underscores(strategy.clone()))?;
        Ok(Self {
            name: name.to_owned(),
            index,
            limits: Limits::new(written),
            forwarded: ForwardedHeaders::new(&written.forwarded_headers, global)?,
            proxy_protocol: written
                .proxy_protocol
                .as_ref()
                .map(|written| Trust::new("proxyProtocol", written.insecure, &written.trusted_ips))
                .transpose()?,
            crowd: Arc::new(Limits::crowd(written)),
            underscores,
            sanitize_path: written.http.sanitize_path,
            encode_query_semicolons: written.http.encode_query_semicolons,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number: the position of its table in a snapshot.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// What a connection may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whose PROXY header counts; `None` where none is read.
    #[must_use]
    pub fn proxy_protocol(&self) -> Option<&Trust> {
        self.proxy_protocol.as_ref()
    }

    /// Its connections.
    #[must_use]
    pub fn crowd(&self) -> &Arc<Crowd> {
        &self.crowd
    }

    /// How `X-Forwarded-*` is handled.
    #[must_use]
    pub fn forwarded(&self) -> &ForwardedHeaders {
        &self.forwarded
    }

    /// Are `..`, `.` and `//` resolved before routing?
    #[must_use]
    pub fn sanitizes_path(&self) -> bool {
        self.sanitize_path
    }

    /// The query with its semicolons made harmless (traefik-core 4.7, step 5).
    #[must_use]
    pub fn clean_query<'q>(&self, query: &'q str) -> Cow<'q, str> {
        if self.encode_query_semicolons && query.contains(';') {
            Cow::Owned(query.replace(';', "%3B"))
        } else {
            clean_query(query)
        }
    }

    /// Applies the underscore strategy; `None` when the request shall be refused.
    pub fn screen_underscores(&self, request: &mut RequestHeader) -> Option<()> {
        if self.underscores == Underscores::Keep {
            return Some(());
        }
        let found: SmallVec<[_; 4]> = request
            .headers
            .keys()
            .filter(|name| name.as_str().contains('_'))
            .cloned()
            .collect();
        if self.underscores == Underscores::Reject && !found.is_empty() {
            return None;
        }
        for name in found {
            request.remove_header(&name);
        }
        Some(())
    }
}

/// All entry points, found by the local address of a connection.
#[derive(Debug)]
pub struct EntryPoints {
    first: EntryPoint,
    others: Vec<EntryPoint>,
    addresses: Vec<SocketAddr>,
}

impl EntryPoints {
    /// `entry_points` (by index) with the addresses they are bound to. `None` when there is none.
    #[must_use]
    pub fn new(entry_points: Vec<EntryPoint>, addresses: Vec<SocketAddr>) -> Option<Self> {
        let mut entry_points = entry_points.into_iter();
        Some(Self {
            first: entry_points.next()?,
            others: entry_points.collect(),
            addresses,
        })
    }

    /// The entry point that a connection with this local address came in by.
    #[must_use]
    pub fn at(&self, local: Option<&Socket>) -> &EntryPoint {
        if self.others.is_empty() {
            return &self.first;
        }
        let local = local.and_then(|address| address.as_inet());
        let index = local.and_then(|local| self.position(local)).unwrap_or(0);
        index
            .checked_sub(1)
            .and_then(|index| self.others.get(index))
            .unwrap_or(&self.first)
    }

    /// Exact address first, then a wildcard one on the same port.
    fn position(&self, local: &SocketAddr) -> Option<usize> {
        let same_port = |address: &&SocketAddr| address.port() == local.port();
        let exact = |address: &SocketAddr| {
            address.port() == local.port() && address.ip() == local.ip().to_canonical()
        };
        self.addresses.iter().position(exact).or_else(|| {
            self.addresses
                .iter()
                .position(|address| same_port(&address) && address.ip().is_unspecified())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_points(addresses: &[&str]) -> EntryPoints {
        let written = install::EntryPoint::default();
        let global = install::Global::default();
        let all = (0..addresses.len())
            .map(|index| EntryPoint::new(&format!("e{index}"), index, &written, &global).unwrap());
        let bound = addresses.iter().map(|text| text.parse().unwrap());
        EntryPoints::new(all.collect(), bound.collect()).unwrap()
    }

    #[test]
    fn a_connection_belongs_to_the_entry_point_it_came_in_by() {
        let all = entry_points(&["[::]:80", "127.0.0.1:81", "0.0.0.0:81"]);
        let name = |local: &str| {
            let local: SocketAddr = local.parse().unwrap();
            all.at(Some(&Socket::from(local))).name().to_owned()
        };
        assert_eq!(name("10.0.0.1:80"), "e0");
        assert_eq!(name("127.0.0.1:81"), "e1");
        assert_eq!(name("[::ffff:127.0.0.1]:81"), "e1");
        assert_eq!(name("10.0.0.1:81"), "e2");
    }
}
