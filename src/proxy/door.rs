//! The door of a connection: how long a client may take to say what it wants.
//!
//! Pingora bounds each read of a header but not the whole (pingora-0.9 5.4), and with times of its own: a
//! client that says nothing, half a header, or a byte now and then would hold its connection. Here the first
//! header of a connection must have come within `readTimeout`; later ones are bounded by `idleTimeout`.
//!
//! A proxy with a connector of its own comes out of Pingora only as a service, and cannot be put behind a door of
//! that service. But it hands out connections that it takes for a protocol of somebody else: so it is told to take
//! all of them for that, and each gets its door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;
use pingora_proxy::{HttpProxy, ProcessCustomSession, ProxyServiceBuilder};
use tokio::time::timeout;

use super::{Edge, EntryPoints};
use crate::dial::Dialer;

tokio::task_local! {
    /// Set once the header of the request under way is complete.
    static HEADER_CAME: Arc<AtomicBool>;
}

/// The service of all entry points: `edge` behind a door for each connection.
#[must_use]
pub fn service(
    conf: &Arc<ServerConf>,
    edge: Edge,
    entry_points: Arc<EntryPoints>,
) -> Service<HttpProxy<Edge, Dialer>> {
    let enter: ProcessCustomSession<Edge, Dialer> =
        Arc::new(move |proxy, stream: Stream, shutdown: &ShutdownWatch| {
            let door = Arc::new(Door {
                proxy,
                entry_points: Arc::clone(&entry_points),
            });
            let shutdown = shutdown.clone();
            Box::pin(async move { door.process_new(stream, &shutdown).await })
        });
    let mut options = HttpServerOptions::default();
    options.force_custom = true;
    ProxyServiceBuilder::new(conf, edge)
        .name("proxy")
        .custom(Dialer::new(conf), enter)
        .server_options(options)
        .build()
}

/// Pingora's proxy behind a limit of time for the first header.
struct Door {
    proxy: Arc<HttpProxy<Edge, Dialer>>,
    entry_points: Arc<EntryPoints>,
}

/// To be called when a header is complete.
pub(super) fn header_came() {
    // Without a limit nobody waits for it.
    let _ = HEADER_CAME.try_with(|came| came.store(true, Ordering::Relaxed));
}

#[async_trait]
impl HttpServerApp for Door {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        // Pipelining is off until the first request of a connection switches it on for good.
        let is_first = !session.is_http2() && !session.pipelining_enabled();
        let limits = self.entry_points.at(session.server_addr()).limits();
        let Some(limit) = limits.read().filter(|_| is_first) else {
            return self.proxy.process_new_http(session, shutdown).await;
        };
        let came = Arc::new(AtomicBool::new(false));
        let exchange = self.proxy.process_new_http(session, shutdown);
        let mut exchange = Box::pin(HEADER_CAME.scope(Arc::clone(&came), exchange));
        match timeout(limit, &mut exchange).await {
            Ok(done) => done,
            Err(_) if came.load(Ordering::Relaxed) => exchange.await,
            // Dropping the exchange closes the connection, as Go does.
            Err(_) => None,
        }
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.proxy.h2_options()
    }

    /// None: the proxy's own would send the connection round to another door.
    fn server_options(&self) -> Option<&HttpServerOptions> {
        None
    }
}
