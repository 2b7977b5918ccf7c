//! Copies for mirrors (traefik-core 2.8): made of a request that is over, sent by workers of their own.
//!
//! Nothing here is ever waited for by a request: a queue that is full, memory that is used up or a mirror that
//! does not answer cost copies, which are counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pingora::http::RequestHeader;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use super::client::{Broken, Client, Stage};
use super::kept::Kept;
use crate::balance::{Draw, Server};
use crate::clock;
use crate::service::{Ask, Attempts, Mirror, Pending};

/// Copies that may wait for a worker, all mirrors together.
const QUEUE: usize = 1024;
/// Copies under way at a time, all mirrors together.
const AT_ONCE: usize = 4096;
/// Copies of one mirror, waiting or under way: one that does not answer leaves the others their places.
const PER_MIRROR: u32 = 256;
/// Longest time for one copy, its answer included.
const LONGEST: Duration = Duration::from_secs(30);
/// Most of an answer that is read; then its connection is closed.
const MAX_ANSWER: usize = 1024 * 1024;

/// One request for one mirror.
struct Copy {
    mirror: Arc<Mirror>,
    _pending: Pending,
    request: Arc<Kept>,
    client: Option<std::net::IpAddr>,
}

/// Where requests leave their copies.
#[derive(Clone)]
pub(super) struct Queue(mpsc::Sender<Copy>);

/// The workers that send copies, as a background service of their own thread.
pub struct Mirrors(Mutex<Option<Workers>>);

struct Workers {
    copies: mpsc::Receiver<Copy>,
    queue: Queue,
    client: Arc<Client>,
}

/// A queue and its workers, which send with `client`.
pub(super) fn start(client: Arc<Client>) -> (Queue, Mirrors) {
    let (sender, copies) = mpsc::channel(QUEUE);
    let queue = Queue(sender);
    let workers = Workers {
        copies,
        queue: queue.clone(),
        client,
    };
    (queue, Mirrors(Mutex::new(Some(workers))))
}

#[async_trait]
impl BackgroundService for Mirrors {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let workers = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(workers) = workers else {
            return;
        };
        tokio::select! {
            () = workers.run() => {}
            _ = shutdown.wait_for(|stopping| *stopping) => {}
        }
    }
}

impl Workers {
    /// Sends copies for ever.
    async fn run(mut self) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(copy) = self.copies.recv().await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let (client, queue) = (Arc::clone(&self.client), self.queue.clone());
            tokio::spawn(async move {
                let sent = timeout(LONGEST, copy.send(&client, &queue)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    copy.drop_it("not sent or not answered");
                }
                drop(place);
            });
        }
    }
}

impl Queue {
    /// Leaves `request` for each of `mirrors`.
    pub(super) fn leave(
        &self,
        mirrors: impl IntoIterator<Item = Arc<Mirror>>,
        request: &Arc<Kept>,
        client: Option<std::net::IpAddr>,
    ) {
        for mirror in mirrors {
            let Some(pending) = Pending::enter(&mirror, PER_MIRROR) else {
                count_dropped(&mirror, "too many are under way");
                continue;
            };
            let copy = Copy {
                mirror,
                _pending: pending,
                request: Arc::clone(request),
                client,
            };
            if let Err(full) = self.0.try_send(copy) {
                full.into_inner().drop_it("too many are waiting");
            }
        }
    }
}

/// Counts a copy that is not sent, and says so when the count doubles.
pub(super) fn count_dropped(mirror: &Mirror, why: &str) {
    let dropped = mirror.count_dropped();
    if dropped.is_power_of_two() {
        let service = mirror.service().name();
        tracing::warn!(
            service,
            dropped,
            "copies for a mirror were dropped, the last one because {why}"
        );
    }
}

impl Copy {
    fn drop_it(&self, why: &str) {
        count_dropped(&self.mirror, why);
    }

    async fn send(&self, client: &Client, queue: &Queue) -> Result<(), ()> {
        let head = self.request.head().ok_or(())?;
        let attempts = Attempts::default();
        let ask = Ask {
            headers: &head.headers,
            draw: Draw {
                now: clock::now(),
                entropy: clock::random(),
                client: self.client,
            },
            wall: clock::wall(),
            attempts: &attempts,
        };
        let mut choice = self.mirror.service().choose(&ask).map_err(drop)?;
        // A mirror may have mirrors.
        if !choice.extra.is_empty() {
            queue.leave(choice.extra.mirrors.drain(..), &self.request, self.client);
        }
        let server = Arc::clone(choice.server());
        let mut sent = self.exchange(client, &server, head.clone()).await;
        if let Err(Broken {
            stage: Stage::Sent { reused: true },
            ..
        }) = sent
        {
            // The server had closed the connection meanwhile.
            sent = self.exchange(client, &server, head.clone()).await;
        }
        match sent {
            Ok(()) => {
                choice.lease.first_byte(clock::now());
                Ok(())
            }
            Err(Broken { error, .. }) => {
                choice.lease.failed(clock::now());
                tracing::debug!(service = self.mirror.service().name(), "mirror: {error}");
                Err(())
            }
        }
    }

    async fn exchange(&self, client: &Client, server: &Server, head: RequestHeader) -> Result<(), Broken> {
        let (chunks, length) = match self.mirror.body() {
            Some(_) => (self.request.chunks(), self.request.length()),
            None => (&[][..], 0),
        };
        let mut answer = client.send(server, head, chunks, length).await?;
        let mut read = 0;
        // A body that breaks off is nobody's loss.
        while let Ok(Some(part)) = answer.session.read_response_body().await {
            read += part.len();
            if read > MAX_ANSWER {
                answer.session.shutdown().await;
                return Ok(());
            }
        }
        client.release(answer).await;
        Ok(())
    }
}
