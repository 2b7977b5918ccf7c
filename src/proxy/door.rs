//! The door of a connection: what comes in by it, how long it stays, and who is still inside when the process stops.
//!
//! A proxy with a connector of its own comes out of Pingora only as a service, and cannot be put behind a door of
//! that service. But it hands out connections that it takes for a protocol of somebody else: so it is told to take
//! all of them for that, and each gets its door.
//!
//! At the end Pingora would drop every connection that waits for a request, also one whose client is just
//! sending it. Here such a connection lingers first; whoever runs the service must not let Pingora clean it up,
//! but wait for [`Inside::emptied`] instead.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::protocols::{ALPN, Stream};
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use pingora::services::listening::Service;
use pingora_proxy::{HttpProxy, ProcessCustomSession, ProxyServiceBuilder};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::entry_point::EntryPoint;
use super::patience::{self, Allowance, Awaited};
use super::{Edge, EntryPoints, handshake};
use crate::connection::{Arrived, Kind, Visit, Watched, arrive};
use crate::dial::Dialer;
use crate::observe::Observer;
use crate::routing::Snapshot;
use crate::stop::Stop;

/// How often it is looked whether the last connection has gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often in a row there has to be none.
const LOOKS: u32 = 5;

/// Bytes of fields that the requests under way on one HTTP/2 connection may have together: each costs memory several times
/// over, and 250 requests of 64 KiB would be a lot for one client.
const FIELDS_UNDER_WAY: usize = 2 * 1024 * 1024;

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
    observer: &'static Observer,
) -> Service<HttpProxy<Edge, Dialer>> {
    let published = edge.published();
    let enter: ProcessCustomSession<Edge, Dialer> =
        Arc::new(move |proxy, stream: Stream, shutdown: &ShutdownWatch| {
            let (entry_points, inside) = (Arc::clone(&entry_points), inside.clone());
            let published = Arc::clone(&published);
            let shutdown = shutdown.clone();
            Box::pin(async move {
                let entry_point = entry_points.at(local_address(&stream).as_ref());
                let metrics = observer.metrics.as_ref();
                let _counted = metrics.and_then(|metrics| metrics.connected(entry_point.index()));
                let (door, stream) = Door::open(proxy, entry_point, &published, inside, stream).await?;
                door.serve(stream, shutdown).await
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

fn local_address(stream: &Stream) -> Option<pingora::protocols::l4::socket::SocketAddr> {
    stream.get_socket_digest()?.local_addr().cloned()
}

fn peer_address(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    Some(digest.peer_addr()?.as_inet()?.ip().to_canonical())
}

/// Bytes of a request's fields.
fn size(request: &RequestHeader) -> usize {
    let fields = request.headers.iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len());
    request.raw_path().len() + fields.sum::<usize>()
}

/// Pingora's proxy, for one connection.
struct Door {
    proxy: Arc<HttpProxy<Edge, Dialer>>,
    inside: Inside,
    visit: Arc<Visit>,
    options: HttpServerOptions,
    h2: H2Options,
    /// Time for a request to come.
    read: Option<Duration>,
    max_age: Option<Duration>,
    max_requests: Option<u32>,
    /// Requests that came over HTTP/2.
    requests: AtomicU32,
    /// The last of the requests that may come has come.
    is_last: Notify,
}

impl Door {
    /// Lets a connection in; `None` when there is no room, or when it does not say in time what it is.
    async fn open(
        proxy: Arc<HttpProxy<Edge, Dialer>>,
        entry_point: &EntryPoint,
        published: &ArcSwap<Snapshot>,
        inside: Inside,
        stream: Stream,
    ) -> Option<(Arc<Self>, Stream)> {
        let born = Instant::now();
        let limits = entry_point.limits();
        let mut place = entry_point.crowd().enter()?;
        // Before it says anything, unless it is one that may speak for others.
        let peer = peer_address(&stream);
        let speaks_for_others = |peer| {
            entry_point
                .proxy_protocol()
                .is_some_and(|trust| trust.includes(peer))
        };
        if peer.is_some_and(|peer| !speaks_for_others(peer) && !place.belongs_to(peer)) {
            return None;
        }
        let Arrived { stream, kind, client } =
            within_patience(&inside, limits.read(), arrival(entry_point, stream)).await?;
        if !client.is_none_or(|client| place.belongs_to(client)) {
            return None;
        }
        let stream: Stream = match kind {
            Kind::Plain => Box::new(stream),
            Kind::Tls => {
                let shaken = handshake::accept(stream, published, entry_point);
                let left = limits.read().map(|read| read.saturating_sub(born.elapsed()));
                let left = left.unwrap_or(Duration::MAX).min(handshake::AT_MOST);
                Box::new(within_patience(&inside, Some(left), shaken).await?)
            }
        };
        let visit = Arc::new(Visit::new(limits.bounds(), born, place));
        let mut options = HttpServerOptions::default();
        options.h2_idle_timeout = Some(limits.idle());
        let door = Self {
            proxy,
            inside,
            visit: Arc::clone(&visit),
            options,
            h2: limits.h2(),
            read: limits.read(),
            max_age: limits.max_age(),
            max_requests: limits.max_requests(),
            requests: AtomicU32::new(0),
            is_last: Notify::new(),
        };
        Some((Arc::new(door), Box::new(Watched::new(stream, visit))))
    }

    /// Serves the connection to its end.
    async fn serve(self: &Arc<Self>, stream: Stream, mut shutdown: ShutdownWatch) -> Option<Stream> {
        if stream.selected_alpn_proto() != Some(ALPN::H2) {
            return self.process_new(stream, &shutdown).await;
        }
        // Only its own watch tells a connection of HTTP/2 that the next request is to come by another one.
        let (leave, leaves) = watch::channel(false);
        let mut served = std::pin::pin!(self.process_new(stream, &leaves));
        tokio::select! {
            ended = &mut served => return ended,
            _ = shutdown.wait_for(|stopping| *stopping) => {}
            () = self.grown_old() => {}
            () = self.is_last.notified() => {}
        }
        leave.send_replace(true);
        served.await
    }

    /// Returns when the connection has had requests long enough.
    async fn grown_old(&self) {
        match self.max_age {
            Some(age) => tokio::time::sleep_until(self.visit.born() + age).await,
            None => std::future::pending().await,
        }
    }

    /// Counts a request of HTTP/2.
    fn count(&self) {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if self.max_requests.is_some_and(|most| before + 1 == most) {
            self.is_last.notify_one();
        }
    }
}

/// The first bytes of a connection.
async fn arrival(entry_point: &EntryPoint, stream: Stream) -> Option<Arrived> {
    let trust = entry_point.proxy_protocol();
    let trust = trust.map(|trust| |address| trust.includes(address));
    let arrived = arrive(stream, trust).await;
    arrived
        .map_err(|error| {
            tracing::debug!(
                entry_point = entry_point.name(),
                "a connection ended early: {error}"
            )
        })
        .ok()
}

/// `None` when it takes longer than a client may, or the process stops.
async fn within_patience<T>(
    inside: &Inside,
    limit: Option<Duration>,
    arrival: impl Future<Output = Option<T>>,
) -> Option<T> {
    let arrival = async {
        match limit {
            Some(limit) => timeout_at(Instant::now() + limit, arrival).await.ok()?,
            None => arrival.await,
        }
    };
    tokio::select! {
        biased;
        arrived = arrival => arrived,
        () = inside.stop.patience() => None,
    }
}

#[async_trait]
impl HttpServerApp for Door {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let mut _held = None;
        let awaited = if session.is_http2() {
            self.count();
            // Without them the stream is reset.
            _held = Some(self.visit.hold(size(session.req_header()), FIELDS_UNDER_WAY)?);
            Awaited::Nothing
        } else {
            self.visit.await_header();
            // Pipelining is off until the first request of a connection switches it on for good.
            match session.pipelining_enabled() {
                false => Awaited::Greeting,
                true => Awaited::Header,
            }
        };
        let allowance = Allowance {
            read: self.read,
            awaited,
        };
        let exchange = self.proxy.process_new_http(session, shutdown);
        let idle = self.inside.stop.patience();
        patience::within(allowance, Arc::clone(&self.visit), exchange, idle).await
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.h2.clone())
    }

    /// Not the proxy's own: they would send the connection round to another door.
    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}
