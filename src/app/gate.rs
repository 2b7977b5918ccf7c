//! The service of the entry points, from its first to its last moment.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{ServiceReadyNotifier, ServiceWithDependents};

/// Ends the process when the service inside has ended: Pingora would sleep for the whole grace period,
/// idle or not.
pub(super) struct Gate<S> {
    inner: S,
    sockets: Arc<OnceLock<ListenFds>>,
}

impl<S: ServiceWithDependents> Gate<S> {
    /// Shows Pingora's table of listening sockets to whoever holds `sockets`.
    pub(super) fn new(inner: S, sockets: Arc<OnceLock<ListenFds>>) -> Self {
        Self { inner, sockets }
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
        self.inner
            .start_service(fds, shutdown, listeners_per_fd, ready)
            .await;
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
