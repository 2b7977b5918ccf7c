//! What labels declare, packed: an engine may have thousands of containers, and a map keeps room for eleven of each.

use std::collections::BTreeMap;

use super::protocol::{Router, Service};
use crate::config::dynamic::{Configuration, Middleware, http, tcp, tls, udp};

/// Resources in the order of their names.
pub(super) type Named<T> = Box<[(String, T)]>;

/// A configuration, as far as labels can declare one.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Requests.
    pub http: Declarations<http::Router, http::Service>,
    /// What happens to requests on the way.
    pub http_middlewares: Named<Middleware>,
    /// TCP connections.
    pub tcp: Declarations<tcp::Router, tcp::Service>,
    /// What happens to connections on the way.
    pub tcp_middlewares: Named<tcp::Middleware>,
    /// UDP datagrams.
    pub udp: Declarations<udp::Router, udp::Service>,
    /// Where certificates are kept.
    pub tls_stores: Named<tls::Store>,
}

/// Routers and services of one protocol.
#[derive(Debug)]
pub(super) struct Declarations<R, S> {
    /// Routers; those without a service have the only one that is declared, if there is one.
    pub routers: Named<R>,
    /// Services.
    pub services: Named<S>,
}

impl From<Configuration> for Declared {
    fn from(Configuration { http, tcp, udp, tls }: Configuration) -> Self {
        Self {
            http: Declarations::new(http.routers, http.services),
            http_middlewares: packed(http.middlewares),
            tcp: Declarations::new(tcp.routers, tcp.services),
            tcp_middlewares: packed(tcp.middlewares),
            udp: Declarations::new(udp.routers, udp.services),
            tls_stores: packed(tls.stores),
        }
    }
}

impl<R: Router, S: Service> Declarations<R, S> {
    fn new(mut routers: BTreeMap<String, R>, services: BTreeMap<String, S>) -> Self {
        let mut names = services.keys();
        if let (Some(only), None) = (names.next(), names.next()) {
            for router in routers.values_mut().filter(|router| router.service().is_empty()) {
                router.service_mut().clone_from(only);
            }
        }
        Self {
            routers: packed(routers),
            services: packed(services),
        }
    }

    /// Is nothing declared?
    pub(super) const fn is_empty(&self) -> bool {
        self.routers.is_empty() && self.services.is_empty()
    }
}

impl<R, S> Default for Declarations<R, S> {
    fn default() -> Self {
        Self {
            routers: Named::default(),
            services: Named::default(),
        }
    }
}

fn packed<T>(map: BTreeMap<String, T>) -> Named<T> {
    map.into_iter().collect()
}
