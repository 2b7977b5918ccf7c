//! The service of the entry points, from its first to its last moment.

use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{ServiceReadyNotifier, ServiceWithDependents};
use tokio::sync::watch;

use crate::handover::Arrival;
use crate::observe::Observer;
use crate::proxy::Inside;
use crate::routing::Snapshot;

/// How long the end of the process waits for spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// How long the end of the process waits for lines of the access log to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Begins with what the process before knew, if this one takes over. Ends the process when nobody is
/// inside any more: Pingora would sleep for the whole grace period, idle or not.
pub(super) struct Gate<S> {
    inner: S,
    inside: Inside,
    arrival: Option<Arrival>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    sockets: Arc<OnceLock<ListenFds>>,
    observer: &'static Observer,
}

impl<S: ServiceWithDependents> Gate<S> {
    /// A gate before `inner`. It shows Pingora's table of listening sockets to whoever holds `sockets`.
    pub(super) fn new(
        inner: S,
        inside: Inside,
        arrival: Option<Arrival>,
        snapshot: Arc<ArcSwap<Snapshot>>,
        sockets: Arc<OnceLock<ListenFds>>,
        observer: &'static Observer,
    ) -> Self {
        Self {
            inner,
            inside,
            arrival,
            snapshot,
            sockets,
            observer,
        }
    }

    /// Adopts what the old process tells, and tells it when this one is ready, before anybody else hears it.
    async fn arrive(&mut self, ready: ServiceReadyNotifier) -> ServiceReadyNotifier {
        let Some(arrival) = self.arrival.take() else {
            return ready;
        };
        let welcome = arrival.receive(&self.snapshot.load()).await;
        let (sender, mut is_ready) = watch::channel(false);
        tokio::spawn(async move {
            if is_ready.wait_for(|is_ready| *is_ready).await.is_ok() {
                welcome.ready();
            }
            ready.notify_ready();
        });
        ServiceReadyNotifier::new(sender)
    }
}

#[async_trait]
impl<S: ServiceWithDependents> ServiceWithDependents for Gate<S> {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
        ready: ServiceReadyNotifier,
    ) {
        if let Some(fds) = &fds {
            let _ = self.sockets.set(Arc::clone(fds));
        }
        let ready = self.arrive(ready).await;
        let (now, mut stopping) = (shutdown.clone(), shutdown.clone());
        tokio::select! {
            // First, so that the service inside does not get to its own end: there Pingora drops every
            // connection that waits for a request. Its tasks that accept end by the same watch.
            biased;
            // Looked at each time anew: the tasks that accept may hear of it, end and wake this one before the
            // next line hears.
            () = poll_fn(|_| if *now.borrow() { Poll::Ready(()) } else { Poll::Pending }) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
            () = self.inner.start_service(fds, shutdown, listeners_per_fd, ready) => {}
        }
        self.inside.emptied().await;
        if let Some(traces) = &self.observer.traces {
            traces.flush(LAST_SPANS).await;
        }
        if let Some(access) = &self.observer.access {
            access.flush(LAST_LINES);
        }
        std::process::exit(0);
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn threads(&self) -> Option<usize> {
        self.inner.threads()
    }

    fn listen_addresses(&self) -> Option<Vec<String>> {
        self.inner.listen_addresses()
    }
}
