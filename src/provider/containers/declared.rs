//! What labels declare, packed: an engine may have thousands of containers, and a map keeps room for eleven of each.

use std::sync::Arc;

use super::protocol::{Router, Service};
use crate::config::Named;
use crate::config::dynamic::{Configuration, Middleware, http, tcp, tls, udp};

/// Resources in the order of their names.
pub(super) type Packed<T> = Box<[(String, T)]>;

/// A configuration, as far as labels can declare one.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Requests.
    pub http: Declarations<http::Router, http::Service>,
    /// What happens to requests on the way.
    pub http_middlewares: Packed<Middleware>,
    /// TCP connections.
    pub tcp: Declarations<tcp::Router, tcp::Service>,
    /// What happens to connections on the way.
    pub tcp_middlewares: Packed<tcp::Middleware>,
    /// UDP datagrams.
    pub udp: Declarations<udp::Router, udp::Service>,
    /// Where certificates are kept.
    pub tls_stores: Packed<tls::Store>,
}

/// Routers and services of one protocol.
#[derive(Debug)]
pub(super) struct Declarations<R, S> {
    /// Routers; those without a service have the only one that is declared, if there is one.
    pub routers: Packed<R>,
    /// Services.
    pub services: Packed<S>,
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
    fn new(routers: Named<R>, services: Named<S>) -> Self {
        let (mut routers, services) = (packed(routers), packed(services));
        if let [(only, _)] = &*services {
            let unlinked = routers
                .iter_mut()
                .filter(|(_, router)| router.service().is_empty());
            unlinked.for_each(|(_, router)| router.service_mut().clone_from(only));
        }
        Self { routers, services }
    }

    /// Is nothing declared?
    pub(super) const fn is_empty(&self) -> bool {
        self.routers.is_empty() && self.services.is_empty()
    }
}

impl<R, S> Default for Declarations<R, S> {
    fn default() -> Self {
        Self {
            routers: Packed::default(),
            services: Packed::default(),
        }
    }
}

fn packed<T: Clone>(named: Named<T>) -> Packed<T> {
    let objects = named.into_iter();
    objects
        .map(|(name, object)| (name.as_ref().to_owned(), Arc::unwrap_or_clone(object)))
        .collect()
}
