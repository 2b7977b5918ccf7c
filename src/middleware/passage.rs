//! One request on its way through a chain, and the answer on its way back.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use smallvec::SmallVec;

use super::answer::Answer;
use super::auth::{Claim, Trial};
use super::chain::{Chain, Work};
use super::compress::{Encoder, Encoding};
use super::in_flight::Held;
use super::message::{Fields, Request};
use super::rate_limit::{Allowance, RETRY_AFTER};
use super::retry::Retry;
use crate::balance::Micros;

/// What middlewares may know besides the request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Now.
    pub now: Micros,
    /// Address of the directly connected client.
    pub client: Option<IpAddr>,
    /// Does the connection have TLS?
    pub is_tls: bool,
    /// Can the client read a body whose length nobody knows beforehand? HTTP/1.0 cannot.
    pub reads_chunks: bool,
    /// A secret of the process.
    pub secret: &'a [u8; 32],
}

/// What is next.
#[derive(Debug)]
pub enum Progress {
    /// The service.
    Through,
    /// This answer, in the place of the service's.
    Answer(Answer),
    /// The rest of the chain, after so many microseconds.
    Wait(Micros),
    /// The rest of the chain, when [`Passage::tried`] says how this went.
    Verify(Trial),
}

/// What a step knows of a request until its answer comes back.
#[derive(Debug)]
enum Note {
    IsSecure(bool),
    Encoding(Encoding),
}

/// A request on its way.
#[derive(Debug)]
pub struct Passage {
    chain: Arc<Chain>,
    /// How many steps it is inside of.
    entered: usize,
    notes: SmallVec<[(usize, Note); 2]>,
    held: SmallVec<[Held; 1]>,
    retry: Option<Arc<Retry>>,
    encoder: Option<Encoder>,
    path_is_empty: bool,
    hides_client: bool,
}

impl Passage {
    /// Before the first step.
    #[must_use]
    pub fn new(chain: Arc<Chain>) -> Self {
        Self {
            chain,
            entered: 0,
            notes: SmallVec::new(),
            held: SmallVec::new(),
            retry: None,
            encoder: None,
            path_is_empty: false,
            hides_client: false,
        }
    }

    /// Goes on with the next step.
    pub fn advance(&mut self, request: &mut dyn Request, ask: &Ask<'_>) -> Progress {
        let chain = Arc::clone(&self.chain);
        while let Some(step) = chain.steps().get(self.entered) {
            match self.enter(&step.work, request, ask) {
                Ok(Progress::Through) => self.entered += 1,
                Ok(Progress::Wait(time)) => {
                    self.entered += 1;
                    return Progress::Wait(time);
                }
                Ok(other) => return other,
                Err(answer) => return Progress::Answer(answer),
            }
        }
        Progress::Through
    }

    fn enter(&mut self, work: &Work, request: &mut dyn Request, ask: &Ask<'_>) -> Result<Progress, Answer> {
        let answered = |answer: Option<Answer>| answer.map_or(Ok(Progress::Through), Err);
        match work {
            Work::AllowList(list) => answered(list.answer(request.fields(), ask.client)),
            Work::Redirect(redirect) => answered(redirect.answer(request, ask.is_tls)),
            Work::Characters(characters) => answered(characters.answer(request.uri().path())),
            Work::Rewrite(rewrite) => {
                rewrite.apply(request, &mut self.path_is_empty)?;
                Ok(Progress::Through)
            }
            Work::Headers(headers) => {
                let is_secure = headers.enter(request, ask.is_tls, &mut self.hides_client)?;
                self.note(Note::IsSecure(is_secure));
                Ok(Progress::Through)
            }
            Work::RateLimit(limit) => {
                let source = limit.source.of(request, ask.client);
                match limit.take(&source, ask.now) {
                    Allowance::After(0) => Ok(Progress::Through),
                    Allowance::After(time) => Ok(Progress::Wait(time)),
                    Allowance::Refused(answer) => Err(answer),
                }
            }
            Work::InFlight(limit) => {
                let source = limit.source.of(request, ask.client);
                self.held.push(limit.hold(&source)?);
                Ok(Progress::Through)
            }
            Work::Retry(retry) => {
                self.retry = Some(Arc::clone(retry));
                Ok(Progress::Through)
            }
            Work::Compress(compress) => {
                if let Some(encoding) = compress.offer(request).filter(|_| ask.reads_chunks) {
                    self.note(Note::Encoding(encoding));
                }
                Ok(Progress::Through)
            }
            Work::Auth(auth) => match auth.claim(request, ask.secret) {
                Claim::Known(name) => {
                    auth.let_in(request, &name);
                    Ok(Progress::Through)
                }
                Claim::Unverified(trial) => Ok(Progress::Verify(trial)),
                Claim::None => Err(auth.refusal()),
            },
        }
    }

    fn note(&mut self, note: Note) {
        self.notes.push((self.entered, note));
    }

    /// The trial that was asked for went so. The answer, if that is the end.
    pub fn tried(&mut self, trial: &Trial, is_right: bool, request: &mut dyn Request) -> Option<Answer> {
        let chain = Arc::clone(&self.chain);
        let Some(Work::Auth(auth)) = chain.steps().get(self.entered).map(|step| &step.work) else {
            return None;
        };
        if !is_right {
            return Some(auth.refusal());
        }
        auth.let_in(request, trial.name());
        self.entered += 1;
        None
    }

    /// The answer when a trial cannot be had soon.
    #[must_use]
    pub fn too_busy(&self) -> Answer {
        let soon = HeaderValue::from_static("1");
        Answer::of_status(StatusCode::SERVICE_UNAVAILABLE).with(RETRY_AFTER, soon)
    }

    /// Changes the header of the final answer, whoever it is from: steps that the request has not come to have no part
    /// in it. A second answer, after the first could not be sent, is changed as well.
    pub fn leave(&mut self, request: &dyn Request, status: StatusCode, response: &mut dyn Fields) {
        self.encoder = None;
        for (at, step) in self.chain.steps().iter().enumerate().take(self.entered).rev() {
            let note = self
                .notes
                .iter()
                .find(|(noted, _)| *noted == at)
                .map(|(_, note)| note);
            match (&step.work, note) {
                (Work::Headers(headers), Some(Note::IsSecure(is_secure))) => {
                    headers.leave(request, *is_secure, response);
                }
                (Work::Compress(compress), Some(Note::Encoding(encoding))) => {
                    let encoder = compress.start(*encoding, status, response);
                    self.encoder = encoder.or(self.encoder.take());
                }
                _ => {}
            }
        }
    }

    /// Is the body of the answer to go through [`Self::pass`]?
    #[must_use]
    pub fn is_compressing(&self) -> bool {
        self.encoder.is_some()
    }

    /// Compresses a part of the body, if it is to be; what comes out may be nothing yet.
    ///
    /// # Errors
    /// When the encoder fails: the answer cannot be completed.
    pub fn pass(&mut self, part: Option<Bytes>, is_last: bool) -> io::Result<Option<Bytes>> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(part);
        };
        let encoded = encoder.pass(part.as_deref().unwrap_or_default(), is_last)?;
        Ok((!encoded.is_empty()).then_some(encoded))
    }

    /// How the request is tried again, if a middleware says so; the innermost does.
    #[must_use]
    pub fn retry(&self) -> Option<&Arc<Retry>> {
        self.retry.as_ref()
    }

    /// Shall servers not be told the client's address?
    #[must_use]
    pub fn hides_client(&self) -> bool {
        self.hides_client
    }
}
