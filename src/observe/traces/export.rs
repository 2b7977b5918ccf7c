//! The task that brings spans to the collector: OTLP over HTTP, in JSON. Nobody waits for it, and it waits for nobody for
//! long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::span::{Span, body, resource};
use crate::config::install::Tracing;
use crate::config::install::tracing::OtlpHttp;
use crate::observe::metrics::DROPPED_SPANS;

/// Spans that one request brings.
const BATCH: usize = 512;

/// How long spans are collected after the first of them.
const COLLECT: Duration = Duration::from_millis(500);

/// How long the collector may take for one request, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// What the task and those that give spans to it have in common.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Spans that were taken into the queue, and those that were brought or lost since.
    pub(super) given: AtomicU64,
    pub(super) done: AtomicU64,
    /// Told when the process is about to end.
    pub(super) hurry: Notify,
}

/// Brings spans to the collector.
#[derive(Debug)]
pub(super) struct Exporter {
    spans: mpsc::Receiver<Span>,
    progress: Arc<Progress>,
    resource: Value,
    address: String,
    target: Uri,
    fields: HeaderMap,
}

/// A connection to the collector.
type Session = SendRequest<Full<Bytes>>;

impl Exporter {
    /// As the static configuration says, which was checked.
    pub(super) fn new(written: &Tracing, spans: mpsc::Receiver<Span>, progress: Arc<Progress>) -> Self {
        let http = written.http();
        let uri: Uri = http.endpoint.parse().unwrap_or_default();
        let authority = uri.authority().map_or("localhost", |it| it.as_str());
        let port = uri.port_u16().unwrap_or(80);
        let host = uri.host().unwrap_or("localhost");
        let target = uri.path_and_query().cloned();
        Self {
            spans,
            progress,
            resource: resource(&written.service_name, &written.resource_attributes),
            address: format!("{host}:{port}"),
            fields: fields(&http, authority),
            target: target.map(Uri::from).unwrap_or_default(),
        }
    }

    /// Does it until nobody gives spans any more.
    pub(super) async fn run(mut self) {
        let (mut session, mut failed) = (None, 0_u64);
        let mut batch = Vec::with_capacity(BATCH);
        while self.collect(&mut batch).await {
            let count = batch.len() as u64;
            let body = Bytes::from(body(&self.resource, &batch));
            batch.clear();
            let sent = timeout(PATIENCE, self.send(session.take(), body)).await;
            match sent.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}"))) {
                Ok(kept) => {
                    session = kept;
                    if failed > 0 {
                        tracing::info!(after = failed, "the collector of traces takes spans again");
                    }
                    failed = 0;
                }
                Err(reason) => {
                    failed += 1;
                    if failed.is_power_of_two() {
                        let collector = &self.address;
                        tracing::warn!(collector, failed, "spans could not be sent: {reason}");
                    }
                    DROPPED_SPANS.fetch_add(count, Ordering::Relaxed);
                }
            }
            self.progress.done.fetch_add(count, Ordering::Release);
        }
    }

    /// The next spans; false when there will be none.
    async fn collect(&mut self, batch: &mut Vec<Span>) -> bool {
        let Some(first) = self.spans.recv().await else {
            return false;
        };
        batch.push(first);
        let mut end = std::pin::pin!(sleep(COLLECT));
        while batch.len() < BATCH {
            let left = BATCH - batch.len();
            tokio::select! {
                count = self.spans.recv_many(batch, left) => if count == 0 { break },
                () = &mut end => break,
                () = self.progress.hurry.notified() => {
                    while batch.len() < BATCH && let Ok(span) = self.spans.try_recv() {
                        batch.push(span);
                    }
                    // The next batch does not wait either.
                    self.progress.hurry.notify_one();
                    break;
                }
            }
        }
        true
    }

    /// Sends a batch; the connection, if it can be used again. One that was kept may have ended meanwhile: then once more on
    /// a new one.
    async fn send(&self, kept: Option<Session>, body: Bytes) -> Result<Option<Session>, String> {
        let answered = match kept.filter(|kept| !kept.is_closed()) {
            Some(kept) => self.send_by(kept, body.clone()).await.ok(),
            None => None,
        };
        let (status, session) = match answered {
            Some(answered) => answered,
            None => self.send_by(self.connect().await?, body).await?,
        };
        match status.is_success() {
            true => Ok(session),
            false => Err(format!("it answers {status}")),
        }
    }

    async fn connect(&self) -> Result<Session, String> {
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let (session, connection) = handshake(TokioIo::new(stream)).await.map_err(words)?;
        // What goes wrong there is told by the request that waits.
        tokio::spawn(async { drop(connection.await) });
        Ok(session)
    }

    /// The answer's status, and the connection if it can be used again.
    async fn send_by(
        &self,
        mut session: Session,
        body: Bytes,
    ) -> Result<(StatusCode, Option<Session>), String> {
        session.ready().await.map_err(words)?;
        let mut request = Request::post(self.target.clone())
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        request.headers_mut().clone_from(&self.fields);
        let answer = session.send_request(request).await.map_err(words)?;
        let status = answer.status();
        let rest = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        Ok((status, rest.is_ok().then_some(session)))
    }
}

fn words(error: hyper::Error) -> String {
    error.to_string()
}

/// Fields of every request to the collector; those that are written win.
fn fields(http: &OtlpHttp, authority: &str) -> HeaderMap {
    let mut fields = HeaderMap::new();
    if let Ok(host) = HeaderValue::from_str(authority) {
        fields.insert(HOST, host);
    }
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("piton/", env!("CARGO_PKG_VERSION"));
    fields.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &http.headers {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value.expose()))
        {
            value.set_sensitive(true);
            fields.insert(name, value);
        }
    }
    fields
}
