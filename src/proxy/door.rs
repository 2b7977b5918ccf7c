//! The door of a connection: how long a client may take to say what it wants.
//!
//! Pingora bounds each read of a header but not the whole (pingora-0.9 5.4), and with times of its own: a
//! client that says nothing, half a header, or a byte now and then would hold its connection. Here the first
//! header of a connection must have come within `readTimeout`; later ones are bounded by `idleTimeout`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokio::time::timeout;

use super::{Edge, EntryPoints};

tokio::task_local! {
    /// Set once the header of the request under way is complete.
    static HEADER_CAME: Arc<AtomicBool>;
}

/// Pingora's proxy behind a limit of time for the first header.
pub struct Door {
    proxy: Arc<HttpProxy<Edge>>,
    entry_points: Arc<EntryPoints>,
}

impl Door {
    /// A door to `proxy`, with the limits of its entry points.
    #[must_use]
    pub fn new(proxy: HttpProxy<Edge>, entry_points: Arc<EntryPoints>) -> Self {
        Self {
            proxy: Arc::new(proxy),
            entry_points,
        }
    }
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

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.proxy.server_options()
    }

    async fn http_cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}
