//! The door of a connection: how long a client may take to say what it wants, and who is still inside when
//! the process stops.
//!
//! Pingora bounds each read of a header but not the whole (pingora-0.9 5.4), and with times of its own: a
//! client that says nothing, half a header, or a byte now and then would hold its connection. Here the first
//! header of a connection must have come within `readTimeout`; later ones are bounded by `idleTimeout`.
//!
//! A proxy with a connector of its own comes out of Pingora only as a service, and cannot be put behind a door of
//! that service. But it hands out connections that it takes for a protocol of somebody else: so it is told to take
//! all of them for that, and each gets its door.
//!
//! At the end Pingora would drop every connection that waits for a request, also one whose client is just
//! sending it. Here such a connection lingers first; whoever runs the service must not let Pingora clean it up,
//! but wait for [`Inside::emptied`] instead.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;
use pingora_proxy::{HttpProxy, ProcessCustomSession, ProxyServiceBuilder};
use tokio::time::{sleep, timeout};

use super::{Edge, EntryPoints, handshake};
use crate::dial::Dialer;
use crate::routing::Snapshot;
use crate::stop::Stop;

/// How often it is looked whether the last connection has gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often in a row there has to be none.
const LOOKS: u32 = 5;

tokio::task_local! {
    /// Set once the header of the request under way is complete.
    static HEADER_CAME: Cell<bool>;
}

/// The connections there are.
#[derive(Debug, Clone)]
pub struct Inside {
    stop: Arc<Stop>,
    /// Held by every door, so that its holders are counted for nothing.
    token: Arc<()>,
}

impl Inside {
    /// Nobody yet.
    #[must_use]
    pub fn new(stop: Arc<Stop>) -> Self {
        Self {
            stop,
            token: Arc::new(()),
        }
    }

    /// To be called when accepting has ended. Returns when the last connection has, or the grace period is over.
    pub async fn emptied(&self) {
        self.stop.end_of_accepting();
        let grace = self.stop.grace();
        // This one and the service's.
        let connections = || Arc::strong_count(&self.token).saturating_sub(2);
        let emptied = async {
            // More than once: a connection just accepted may not have come to its door yet.
            let mut empty = 0;
            while empty < LOOKS {
                sleep(LOOK_EVERY).await;
                empty = if connections() == 0 { empty + 1 } else { 0 };
            }
        };
        match timeout(grace, emptied).await {
            Ok(()) => tracing::info!("stopped: every request was answered"),
            Err(_) => match connections() {
                0 => tracing::info!("stopped"),
                cut => tracing::warn!(
                    cut,
                    "the grace period of {grace:?} is over: requests were cut off"
                ),
            },
        }
    }
}

/// The service of all entry points: `edge` behind a door for each connection.
#[must_use]
pub fn service(
    conf: &Arc<ServerConf>,
    edge: Edge,
    entry_points: Arc<EntryPoints>,
    inside: Inside,
) -> Service<HttpProxy<Edge, Dialer>> {
    let published = edge.published();
    let enter: ProcessCustomSession<Edge, Dialer> =
        Arc::new(move |proxy, stream: Stream, shutdown: &ShutdownWatch| {
            let door = Arc::new(Door {
                proxy,
                entry_points: Arc::clone(&entry_points),
                published: Arc::clone(&published),
                inside: inside.clone(),
            });
            let shutdown = shutdown.clone();
            Box::pin(async move {
                let stream = door.open(stream).await?;
                door.process_new(stream, &shutdown).await
            })
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
    published: Arc<ArcSwap<Snapshot>>,
    inside: Inside,
}

impl Door {
    /// The connection as requests come over it, with TLS or without, as the client begins it.
    async fn open(&self, stream: Stream) -> Option<Stream> {
        let digest = stream.get_socket_digest();
        let local = digest.as_ref().and_then(|digest| digest.local_addr());
        let entry_point = self.entry_points.at(local);
        tokio::select! {
            opened = handshake::open(stream, &self.published, entry_point.index()) => {
                opened.inspect_err(|error| tracing::debug!("no connection: {error}")).ok()
            }
            () = self.patience(entry_point.limits().read()) => None,
        }
    }

    /// Returns when a client has had its time to send a header.
    async fn patience(&self, limit: Option<Duration>) {
        let stop = &self.inside.stop;
        match limit {
            Some(limit) => tokio::select! {
                () = sleep(limit) => {}
                () = stop.patience() => {}
            },
            None => stop.patience().await,
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

    /// None: the proxy's own would send the connection round to another door.
    fn server_options(&self) -> Option<&HttpServerOptions> {
        None
    }
}
