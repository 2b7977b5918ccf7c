//! A request through the middlewares of its router, and its answer back: what ring 1 decides, done with Pingora's
//! session.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorType, OrErr, Result};
use pingora_proxy::Session;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::context::Context;
use super::page;
use crate::clock;
use crate::middleware::{Answer, Ask, FieldName, Fields, Passage, Progress, Request, Trial};

/// Passwords that are verified at a time: it is slow on purpose, and requests shall not wait for it.
static TRIALS: Semaphore = Semaphore::const_new(4);

/// Requests that wait for that, at most: more are answered 503, so that guessing takes nobody's time for long.
const MOST_WAITING: usize = 64;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A request that waits.
struct Waiting;

impl Waiting {
    fn new() -> Option<Self> {
        let waiting = Self;
        let others = WAITING.fetch_add(1, Ordering::Relaxed);
        (others < MOST_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Fields for RequestHeader {
    fn fields(&self) -> &HeaderMap {
        &self.headers
    }

    fn set(&mut self, name: &FieldName, value: HeaderValue) {
        // A name that was parsed is one.
        let _ = self.insert_header(name.written(), value);
    }

    fn add(&mut self, name: &FieldName, value: HeaderValue) {
        let _ = self.append_header(name.written(), value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.remove_header(name);
    }
}

impl Request for RequestHeader {
    fn method(&self) -> &Method {
        &self.method
    }

    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn set_uri(&mut self, uri: Uri) {
        RequestHeader::set_uri(self, uri);
    }
}

impl Fields for ResponseHeader {
    fn fields(&self) -> &HeaderMap {
        &self.headers
    }

    fn set(&mut self, name: &FieldName, value: HeaderValue) {
        let _ = self.insert_header(name.written(), value);
    }

    fn add(&mut self, name: &FieldName, value: HeaderValue) {
        let _ = self.append_header(name.written(), value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.remove_header(name);
    }
}

/// Sends the request through the middlewares of its route. True when one of them has answered it.
///
/// # Errors
/// When the client cannot be written to.
pub(super) async fn enter(session: &mut Session, ctx: &mut Context) -> Result<bool> {
    let Some(mut passage) = ctx.passage() else {
        return Ok(false);
    };
    let secret = clock::secret();
    let answer = loop {
        let ask = Ask {
            now: clock::now(),
            client: ctx.client(),
            is_tls: is_tls(session),
            reads_chunks: session.req_header().version >= http::Version::HTTP_11,
            secret,
        };
        match passage.advance(session.req_header_mut(), &ask) {
            Progress::Through => break None,
            Progress::Answer(answer) => break Some(answer),
            Progress::Wait(time) => sleep(Duration::from_micros(time)).await,
            Progress::Verify(trial) => {
                let (trial, is_right) = verify(trial).await?;
                if let Some(answer) = passage.tried(&trial, is_right, session.req_header_mut()) {
                    break Some(answer);
                }
            }
        }
    };
    ctx.passed(passage, &session.req_header().method);
    match answer {
        None => Ok(false),
        Some(answer) => send(session, ctx, answer).await.map(|()| true),
    }
}

/// Verifies a password beside the threads that serve.
async fn verify(trial: Trial) -> Result<(Trial, bool)> {
    let failed = |_| Error::new(ErrorType::InternalError);
    let waiting = Waiting::new().ok_or_else(|| {
        Error::explain(
            ErrorType::HTTPStatus(503),
            "too many passwords are being verified",
        )
        .into_down()
    })?;
    // It is never closed.
    let _turn = TRIALS
        .acquire()
        .await
        .map_err(|_| Error::new(ErrorType::InternalError))?;
    drop(waiting);
    let verified = spawn_blocking(move || {
        let is_right = trial.is_right();
        (trial, is_right)
    });
    verified.await.map_err(failed)
}

fn is_tls(session: &Session) -> bool {
    let digest = session.digest();
    digest.is_some_and(|digest| digest.ssl_digest.is_some())
}

async fn send(session: &mut Session, ctx: &mut Context, answer: Answer) -> Result<()> {
    let mut response = ResponseHeader::build(answer.status, Some(answer.fields.len() + 2))?;
    for (name, value) in &answer.fields {
        Fields::add(&mut response, name, value.clone());
    }
    page::write(session, ctx, response, answer.body).await
}

/// Sends the header of a final answer back through the middlewares that its request has come through.
///
/// # Errors
/// None in practice.
pub(super) fn leave(
    session: &Session,
    passage: Option<&mut Passage>,
    response: &mut ResponseHeader,
) -> Result<()> {
    let Some(passage) = passage else {
        return Ok(());
    };
    passage.leave(session.req_header(), response.status, response);
    if passage.is_compressing() && !session.is_http2() {
        response.insert_header(header::TRANSFER_ENCODING, "chunked")?;
    }
    Ok(())
}

/// Sends a part of a body back, through the encoder if there is one.
///
/// # Errors
/// When the encoder fails: what was sent so far cannot be completed.
pub(super) fn pass(passage: &mut Passage, part: Option<Bytes>, is_last: bool) -> Result<Option<Bytes>> {
    let passed = passage.pass(part, is_last);
    passed.or_err(ErrorType::InternalError, "compressing an answer")
}
