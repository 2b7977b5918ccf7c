//! Traces: a span for each request and one for each attempt at a server, for a collector that speaks OpenTelemetry.
//!
//! A request that says which trace it belongs to goes on with that one, and its client has decided whether it is sent
//! (W3C Trace Context). Spans wait in a bounded queue for the one task that sends them; when that is behind, spans are
//! dropped and counted, and no request waits.

mod attempt;
mod export;
mod parent;
mod span;
mod told;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Ended;
use super::metrics::DROPPED_SPANS;
use crate::balance::{Micros, Server};
use crate::config::install::Tracing;
use attempt::Attempt;
use export::{Exporter, Progress};
use parent::{Flags, Parent};
pub use parent::{TRACEPARENT, TRACESTATE};
use span::{Attributes, Side, Span};

/// Spans that may wait.
const WAITING: usize = 4096;

/// Bytes of a `tracestate` that are told (W3C Trace Context 3.3.1.5).
const MAX_STATE: usize = 512;

/// How often it is looked whether every span is sent.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Who makes spans, and where they go.
#[derive(Debug)]
pub struct Traces {
    sender: mpsc::Sender<Span>,
    progress: Arc<Progress>,
    /// Until it runs.
    exporter: Mutex<Option<Exporter>>,
    /// Traces are sent whose number is below, as far as they begin here.
    bound: u64,
    /// Parameters of queries whose values are told.
    safe: HashSet<Box<str>>,
    request_headers: Box<[HeaderName]>,
    response_headers: Box<[HeaderName]>,
    add_internals: bool,
}

/// The part of a trace that one request is.
#[derive(Debug)]
pub struct Trace {
    traces: &'static Traces,
    trace: u128,
    parent: Option<u64>,
    span: u64,
    flags: Flags,
    state: Option<String>,
    /// What Unix time was when the clock of the process began, in nanoseconds.
    since: u64,
    attempt: Option<Attempt>,
    /// Attempts that are over.
    attempts: u32,
}

impl Traces {
    /// As the static configuration says, which was checked.
    pub(super) fn new(written: &Tracing) -> Self {
        let (sender, spans) = mpsc::channel(WAITING);
        let progress = Arc::new(Progress::default());
        let names = |names: &[String]| {
            names
                .iter()
                .filter_map(|name| HeaderName::try_from(name).ok())
                .collect()
        };
        let safe = written.safe_query_params.iter();
        Self {
            exporter: Mutex::new(Some(Exporter::new(written, spans, Arc::clone(&progress)))),
            sender,
            progress,
            // Of 63 bits, as OpenTelemetry's own libraries decide it: all of them along the way agree.
            bound: (written.sample_rate * 2_f64.powi(63)) as u64,
            safe: safe.map(|name| name.as_str().into()).collect(),
            request_headers: names(&written.captured_request_headers),
            response_headers: names(&written.captured_response_headers),
            add_internals: written.add_internals,
        }
    }

    /// Sends spans, for as long as the process lives. A second call has nothing to do.
    pub async fn export(&self) {
        let exporter = self
            .exporter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(exporter) = exporter {
            exporter.run().await;
        }
    }

    /// Waits until everything is sent, for `patience` at most.
    pub async fn flush(&self, patience: Duration) {
        let given = self.progress.given.load(Ordering::Acquire);
        self.progress.hurry.notify_one();
        let sent = async {
            while self.progress.done.load(Ordering::Acquire) < given {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // What is not sent by then is lost with the process.
        let _ = timeout(patience, sent).await;
    }

    /// Are requests traced that piton answers itself?
    #[must_use]
    pub fn add_internals(&self) -> bool {
        self.add_internals
    }

    /// A request with these fields is here at `now`.
    #[must_use]
    pub fn begin(&'static self, headers: &HeaderMap, now: Micros) -> Trace {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix = u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX);
        let parent = Parent::of(headers);
        let trace = parent.map_or_else(|| fastrand::u128(1..), |parent| parent.trace);
        let flags = parent.map_or_else(
            || Flags::new((trace as u64) >> 1 < self.bound),
            |parent| parent.flags,
        );
        Trace {
            traces: self,
            trace,
            parent: parent.map(|parent| parent.span),
            span: new_span(),
            state: parent.filter(|_| flags.is_sampled()).and_then(|_| state(headers)),
            flags,
            since: unix.saturating_sub(now.saturating_mul(1000)),
            attempt: None,
            attempts: 0,
        }
    }

    /// A target as it may be told: values of parameters only where they are known to be harmless.
    fn query(&self, query: &str) -> String {
        let mut told = String::with_capacity(query.len());
        for pair in query.split('&') {
            let (name, value) = match pair.split_once('=') {
                Some((name, _)) if !self.safe.contains(name) => (name, Some("REDACTED")),
                Some((name, value)) => (name, Some(value)),
                None => (pair, None),
            };
            if !told.is_empty() {
                told.push('&');
            }
            told.push_str(name);
            if let Some(value) = value {
                let _ = write!(told, "={value}");
            }
        }
        told
    }

    fn give(&self, span: Span) {
        if self.sender.try_send(span).is_ok() {
            self.progress.given.fetch_add(1, Ordering::Release);
            return;
        }
        let dropped = DROPPED_SPANS.fetch_add(1, Ordering::Relaxed) + 1;
        if dropped.is_power_of_two() {
            tracing::warn!(dropped, "the collector of traces is too slow: spans were dropped");
        }
    }
}

impl Trace {
    /// Is it told?
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }

    /// An attempt at `server` begins, unless it goes on.
    pub fn attempt(&mut self, server: &Arc<Server>, now: Micros) {
        if !self.is_sampled()
            || self
                .attempt
                .as_ref()
                .is_some_and(|attempt| attempt.goes_on_at(server))
        {
            return;
        }
        self.attempt_over("_OTHER", now);
        self.attempt = Some(Attempt::new(new_span(), Arc::clone(server), now, self.attempts));
    }

    /// What the server is told about the trace, with a request for `uri`.
    #[must_use]
    pub fn field(&mut self, method: &str, uri: &Uri) -> Option<HeaderValue> {
        let mut span = self.span;
        if let Some(attempt) = &mut self.attempt {
            span = attempt.span();
            let query = uri.query().map(|query| self.traces.query(query));
            attempt.asks_for(method, uri.path(), query.as_deref());
        }
        let Self { trace, flags, .. } = *self;
        Parent { trace, span, flags }.field()
    }

    /// Does it go on with a trace that the client named? Then what other systems say about it is passed on as well.
    #[must_use]
    pub fn is_continued(&self) -> bool {
        self.parent.is_some()
    }

    /// The attempt under way got an answer.
    pub fn answered(&mut self, status: u16) {
        if let Some(attempt) = &mut self.attempt {
            attempt.answered(status);
        }
    }

    /// The attempt under way is over: if it got no answer, because of `reason`.
    pub fn attempt_over(&mut self, reason: &'static str, now: Micros) {
        if let Some(attempt) = self.attempt.take() {
            self.attempts += 1;
            let over = attempt.over(reason);
            self.give(
                over.id,
                Some(self.span),
                Side::Client,
                over.name,
                (over.start, now),
                over.told,
            );
        }
    }

    /// The request is over.
    pub(super) fn ended(mut self, ended: &Ended<'_>) {
        if !self.is_sampled() {
            return;
        }
        let reason = if ended.status == 499 { "canceled" } else { "_OTHER" };
        self.attempt_over(reason, ended.ended);
        let mut attributes = Attributes::default();
        let name = told::request(&mut attributes, ended, self.traces);
        let is_error = told::answer(&mut attributes, ended, self.traces);
        let (id, parent) = (self.span, self.parent);
        self.give(
            id,
            parent,
            Side::Server,
            name,
            (ended.began, ended.ended),
            (attributes, is_error),
        );
    }

    fn give(
        &self,
        id: u64,
        parent: Option<u64>,
        side: Side,
        name: &'static str,
        (start, end): (Micros, Micros),
        (attributes, is_error): (Attributes, bool),
    ) {
        let unix = |at: Micros| self.since.saturating_add(at.saturating_mul(1000));
        self.traces.give(Span {
            trace: self.trace,
            id,
            parent,
            flags: self.flags,
            state: self.state.clone(),
            side,
            name,
            start: unix(start),
            end: unix(end.max(start)),
            attributes,
            is_error,
        });
    }
}

/// A number that no other span has.
fn new_span() -> u64 {
    fastrand::u64(1..)
}

/// What other tracing systems say about the trace.
fn state(headers: &HeaderMap) -> Option<String> {
    let parts = headers.get_all(TRACESTATE).iter();
    let parts: Vec<&str> = parts.filter_map(|value| value.to_str().ok()).collect();
    let state = parts.join(",");
    (!state.is_empty() && state.len() <= MAX_STATE).then_some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traces(sample_rate: f64) -> &'static Traces {
        let written = Tracing {
            sample_rate,
            safe_query_params: vec!["page".to_owned()],
            ..Tracing::default()
        };
        Box::leak(Box::new(Traces::new(&written)))
    }

    #[test]
    fn what_does_not_fit_into_the_queue_is_dropped_and_counted() {
        let traces = traces(1.0);
        let before = DROPPED_SPANS.load(Ordering::Relaxed);
        for _ in 0..WAITING + 3 {
            let trace = traces.begin(&HeaderMap::new(), 1);
            trace.give(
                1,
                None,
                Side::Server,
                "GET",
                (1, 2),
                (Attributes::default(), false),
            );
        }
        assert_eq!(DROPPED_SPANS.load(Ordering::Relaxed) - before, 3);
        assert_eq!(traces.progress.given.load(Ordering::Relaxed), WAITING as u64);
    }

    #[test]
    fn the_share_that_is_sent_is_about_the_one_written() {
        let sampled = |rate: f64| {
            let traces = traces(rate);
            let drawn = (0..1000).filter(|_| traces.begin(&HeaderMap::new(), 1).is_sampled());
            drawn.count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 1000));
        assert!((150..350).contains(&sampled(0.25)), "{}", sampled(0.25));
    }

    #[test]
    fn only_harmless_values_of_queries_are_told() {
        let traces = traces(1.0);
        assert_eq!(
            traces.query("page=2&token=x=y&flag&=v"),
            "page=2&token=REDACTED&flag&=REDACTED"
        );
    }
}
