//! A request through the middlewares of its router, and its answer back: what ring 1 decides, done with Pingora's
//! session.

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

/// Requests that are verified or wait for that, at most: more are answered 503, so that guessing takes nobody's time for
/// long.
static WAITING: Semaphore = Semaphore::const_new(64);

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
            is_tls: ctx.is_tls(),
            reads_chunks: session.req_header().version >= http::Version::HTTP_11,
            secret,
        };
        match passage.advance(session.req_header_mut(), &ask) {
            Progress::Through => break None,
            Progress::Answer(answer) => break Some(answer),
            Progress::Wait(time) => sleep(Duration::from_micros(time)).await,
            Progress::Verify(trial) => {
                let Some((trial, is_right)) = verify(trial).await? else {
                    break Some(passage.too_busy());
                };
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

/// Verifies a password beside the threads that serve; `None` when too many are waiting for that.
async fn verify(trial: Trial) -> Result<Option<(Trial, bool)>> {
    let failed = || Error::new(ErrorType::InternalError);
    let Ok(_waiting) = WAITING.try_acquire() else {
        return Ok(None);
    };
    // It is never closed.
    let _turn = TRIALS.acquire().await.map_err(|_| failed())?;
    let verified = spawn_blocking(move || {
        let is_right = trial.is_right();
        (trial, is_right)
    });
    verified.await.map(Some).map_err(|_| failed())
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
