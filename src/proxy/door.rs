//! The door of a connection: how long a client may take to say what it wants, and who is still inside when
//! the process stops.
//!
//! Pingora bounds each read of a header but not the whole (pingora-0.9 5.4), and with times of its own: a
//! client that says nothing, half a header, or a byte now and then would hold its connection. Here the first
//! header of a connection must have come within `readTimeout`; later ones are bounded by `idleTimeout`.
//!
//! At the end Pingora would drop every connection that waits for a request, also one whose client is just
//! sending it. Here such a connection lingers first. `HttpProxy::http_cleanup` is never called for that reason.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use tokio::time::{sleep, timeout};

use super::{Edge, EntryPoints};
use crate::stop::Stop;

/// How often it is looked whether the last connection has gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

tokio::task_local! {
    /// Set once the header of the request under way is complete.
    static HEADER_CAME: Cell<bool>;
}

/// Pingora's proxy behind a limit of time for the first header.
pub struct Door {
    proxy: Arc<HttpProxy<Edge>>,
    entry_points: Arc<EntryPoints>,
    stop: Arc<Stop>,
    /// Itself. Every connection holds it from accept to close, so its holders are counted for nothing.
    this: OnceLock<Weak<Self>>,
}

impl Door {
    /// A door to `proxy`, with the limits of its entry points.
    #[must_use]
    pub fn new(proxy: HttpProxy<Edge>, entry_points: Arc<EntryPoints>, stop: Arc<Stop>) -> Self {
        Self {
            proxy: Arc::new(proxy),
            entry_points,
            stop,
            this: OnceLock::new(),
        }
    }

    /// Connections there are, once nothing is accepted any more and only Pingora's service holds this too.
    fn connections(&self) -> usize {
        let holders = self.this.get().map_or(1, Weak::strong_count);
        holders.saturating_sub(1)
    }

    async fn emptied(&self) {
        loop {
            // At first too: a connection just accepted may not have come here yet.
            sleep(LOOK_EVERY).await;
            if self.connections() == 0 {
                return;
            }
        }
    }

    /// Returns when a client has had its time to send a header.
    async fn patience(&self, limit: Option<Duration>) {
        match limit {
            Some(limit) => tokio::select! {
                () = sleep(limit) => {}
                () = self.stop.patience() => {}
            },
            None => self.stop.patience().await,
        }
    }
}

/// To be called when a header is complete.
pub(super) fn header_came() {
    let _ = HEADER_CAME.try_with(|came| came.set(true));
}

/// The exchange; `None` when `patience` ends before its header is complete. Dropping the exchange closes the
/// connection, as Go does.
async fn unless_silent<T>(
    exchange: impl Future<Output = Option<T>>,
    patience: impl Future<Output = ()>,
) -> Option<T> {
    let (mut exchange, mut patience) = (pin!(exchange), pin!(patience));
    let both = poll_fn(|context| match exchange.as_mut().poll(context) {
        // A request that is there already costs nothing here, and one under way no second look.
        Poll::Pending if !HEADER_CAME.with(Cell::get) => patience.as_mut().poll(context).map(|()| None),
        outcome => outcome,
    });
    both.await
}

#[async_trait]
impl HttpServerApp for Door {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.this.get_or_init(|| Arc::downgrade(self));
        // Pipelining is off until the first request of a connection switches it on for good.
        let is_first = !session.is_http2() && !session.pipelining_enabled();
        let limits = self.entry_points.at(session.server_addr()).limits();
        let limit = limits.read().filter(|_| is_first);
        let exchange = self.proxy.process_new_http(session, shutdown);
        HEADER_CAME
            .scope(Cell::new(false), unless_silent(exchange, self.patience(limit)))
            .await
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.proxy.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.proxy.server_options()
    }

    /// Called when accepting has ended. Returns when the last connection has, or the grace period is over.
    async fn http_cleanup(&self) {
        self.stop.end_of_accepting();
        let grace = self.stop.grace();
        match timeout(grace, self.emptied()).await {
            Ok(()) => tracing::info!("stopped: every request was answered"),
            Err(_) => match self.connections() {
                0 => tracing::info!("stopped"),
                cut => tracing::warn!(
                    cut,
                    "the grace period of {grace:?} is over: requests were cut off"
                ),
            },
        }
    }
}
