//! What happens, for whoever looks on: metrics, the access log and traces.
//!
//! | module | what it is |
//! |---|---|
//! | [`Metrics`] | counters of entry points and routers, and the text that Prometheus reads |
//! | [`AccessLog`] | a line for each request, written by a thread of its own |
//! | [`Traces`] | spans of requests, sent to a collector by a task of its own |
//! | [`Ended`] | a request that is over, as both see it |

mod access;
mod ended;
mod metrics;
mod traces;

pub use access::{AccessLog, InvalidAccessLog};
pub use ended::{Ended, Place, Routed};
pub use metrics::{Connection, Metrics};
pub use traces::{TRACEPARENT, TRACESTATE, Trace, Traces};

use crate::config::install::Install;
use crate::routing::Observed;

/// An entry point, as far as it is looked at.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    name: String,
    observed: Observed,
}

impl Watch {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who may look at what comes in by it.
    #[must_use]
    pub fn observed(&self) -> Observed {
        self.observed
    }
}

/// Everything that looks on. It lives as long as the process: requests refer to it without counting who does.
#[derive(Debug, Default)]
pub struct Observer {
    /// Counters, when `metrics.prometheus` is written.
    pub metrics: Option<Metrics>,
    /// Lines, when `accessLog` is written.
    pub access: Option<AccessLog>,
    /// Spans, when `tracing` is written.
    pub traces: Option<Traces>,
    entry_points: Vec<Watch>,
    nowhere: Watch,
}

impl Observer {
    /// What the static configuration asks for; `entry_points` by number. Opens the access log.
    ///
    /// # Errors
    /// When the access log cannot be opened.
    pub fn new(install: &Install, entry_points: &[String]) -> Result<Self, InvalidAccessLog> {
        let metrics = install.metrics.as_ref();
        let watch = |name: &String| {
            let written = install.entry_points.get(name);
            let observability = written.and_then(|written| written.observability.as_ref());
            Watch {
                name: name.clone(),
                observed: Observed::at(observability),
            }
        };
        Ok(Self {
            entry_points: entry_points.iter().map(watch).collect(),
            nowhere: Watch::default(),
            metrics: metrics.and_then(|written| Metrics::new(written, entry_points)),
            access: install.access_log.as_ref().map(AccessLog::open).transpose()?,
            traces: install.tracing.as_ref().map(Traces::new),
        })
    }

    /// Is anybody looking?
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.metrics.is_some() || self.access.is_some() || self.traces.is_some()
    }

    /// Entry point number `index`.
    #[must_use]
    pub fn entry_point(&self, index: usize) -> &Watch {
        self.entry_points.get(index).unwrap_or(&self.nowhere)
    }

    /// A request is over, which was a part of `trace`.
    pub fn ended(&self, ended: &Ended<'_>, trace: Option<Trace>) {
        if let Some(metrics) = self.metrics.as_ref().filter(|_| ended.observed.metrics) {
            metrics.ended(ended);
        }
        if let Some(access) = self.access.as_ref().filter(|_| ended.observed.access_log) {
            access.ended(ended);
        }
        if let Some(trace) = trace {
            trace.ended(ended);
        }
    }
}
