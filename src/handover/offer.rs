//! The old process's part.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora::server::{Fds, ListenFds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

use super::{READY, peer, state_path, verdicts};
use crate::clock;
use crate::routing::Snapshot;
use crate::stop::Successor;

/// How long the new process may come after SIGQUIT.
const FOR_A_TAKER: Duration = Duration::from_secs(5);
/// How long it may then take until it accepts.
const FOR_READY: Duration = Duration::from_secs(30);
/// How long a new process has that says nothing: Pingora's time.
const FOR_THE_SILENT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Pingora's protocol silently drops what is more.
const MAX_SOCKETS: usize = 32;
const MAX_KEYS: usize = 2048;

/// What a running process has to offer to the next one.
pub struct Offer {
    upgrade_sock: String,
    sockets: Arc<OnceLock<ListenFds>>,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Offer {
    /// Sockets and verdicts, for whoever listens at `upgrade_sock` when SIGQUIT comes.
    #[must_use]
    pub fn new(
        upgrade_sock: &str,
        sockets: Arc<OnceLock<ListenFds>>,
        snapshot: Arc<ArcSwap<Snapshot>>,
    ) -> Self {
        Self {
            upgrade_sock: upgrade_sock.to_owned(),
            sockets,
            snapshot,
        }
    }

    async fn hand_over(&self) -> Result<(), String> {
        self.wait_for_a_taker().await?;
        // First, so that the other end finds it waiting as soon as it has the sockets.
        let channel = self.connect().await;
        self.send_sockets().await?;
        match channel {
            Ok(channel) => self.tell(channel).await,
            Err(reason) => {
                tracing::warn!("verdicts about servers are not handed over: {reason}");
                sleep(FOR_THE_SILENT).await;
                Ok(())
            }
        }
    }

    async fn wait_for_a_taker(&self) -> Result<(), String> {
        let path = Path::new(&self.upgrade_sock);
        let begin = Instant::now();
        while !peer::is_listening(path)? {
            if begin.elapsed() > FOR_A_TAKER {
                return Err(format!(
                    "no new process listens at {path:?}: start one with `piton -u -c FILE`, then send SIGQUIT again"
                ));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<UnixStream, String> {
        let path = state_path(&self.upgrade_sock);
        let connected = UnixStream::connect(&path).await;
        let channel = connected.map_err(|error| format!("{path:?}: {error}"))?;
        peer::check(&channel).map_err(|error| format!("{path:?}: {error}"))?;
        Ok(channel)
    }

    async fn send_sockets(&self) -> Result<(), String> {
        let sockets = self.sockets.get().cloned();
        let sockets = sockets.ok_or("there are no sockets yet")?;
        let path = self.upgrade_sock.clone();
        // It sleeps between its attempts.
        let sent = tokio::task::spawn_blocking(move || {
            let sockets = sockets.lock();
            fits(&sockets)?;
            let sent = sockets.send_to_sock(path.as_str());
            sent.map_err(|error| format!("sockets cannot be sent to {path:?}: {error}"))
        });
        sent.await.map_err(|error| error.to_string())?.map(drop)
    }

    /// Tells what is known, and listens whether the other end lives on it.
    async fn tell(&self, mut channel: UnixStream) -> Result<(), String> {
        let written = verdicts::write(&self.snapshot.load(), clock::now()).map_err(|e| e.to_string())?;
        let answer = async {
            let sent = channel.write_all(&written).await;
            if let Err(error) = sent.and(channel.shutdown().await) {
                tracing::warn!("verdicts about servers are not handed over: {error}");
            }
            let mut answer = [0; READY.len()];
            channel.read_exact(&mut answer).await.map(|_| answer == READY)
        };
        match timeout(FOR_READY, answer).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err("the new process ended before it served; its log says why".to_owned()),
            Err(_) => Err(format!("the new process did not serve within {FOR_READY:?}")),
        }
    }
}

fn fits(sockets: &Fds) -> Result<(), String> {
    let (keys, _) = sockets.serialize();
    let length: usize = keys.iter().map(|key| key.len() + 1).sum();
    if keys.is_empty() {
        return Err("there are no sockets yet".to_owned());
    }
    if keys.len() > MAX_SOCKETS || length > MAX_KEYS {
        return Err(format!("{} sockets are too many to be handed over", keys.len()));
    }
    Ok(())
}

#[async_trait]
impl Successor for Offer {
    async fn take_over(&self) -> bool {
        tracing::info!("SIGQUIT: handing over");
        match self.hand_over().await {
            Ok(()) => true,
            Err(reason) => {
                tracing::error!("SIGQUIT: {reason}. This process goes on serving");
                false
            }
        }
    }
}
