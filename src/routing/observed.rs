//! Who may look at a request: what entry points and routers say about it (traefik-core 5.2).

use crate::config::dynamic::http::RouterObservability;

/// What of a request is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Does it get a line in the access log?
    pub access_log: bool,
    /// Is it counted?
    pub metrics: bool,
    /// Is it traced?
    pub tracing: bool,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            access_log: true,
            metrics: true,
            tracing: true,
        }
    }
}

impl Observed {
    /// What an entry point says, for everything that comes in by it.
    #[must_use]
    pub fn at(written: Option<&RouterObservability>) -> Self {
        Self::default().unless(Observes::of(written))
    }

    /// The same where a router says something else.
    #[must_use]
    pub fn unless(self, router: Observes) -> Self {
        Self {
            access_log: router.access_log.unwrap_or(self.access_log),
            metrics: router.metrics.unwrap_or(self.metrics),
            tracing: router.tracing.unwrap_or(self.tracing),
        }
    }
}

/// What a router says about it; nothing means what its entry point says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observes {
    access_log: Option<bool>,
    metrics: Option<bool>,
    tracing: Option<bool>,
}

impl Observes {
    /// What is written.
    #[must_use]
    pub fn of(written: Option<&RouterObservability>) -> Self {
        Self {
            access_log: written.and_then(|written| written.access_logs),
            metrics: written.and_then(|written| written.metrics),
            tracing: written.and_then(|written| written.tracing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_has_the_last_word_and_may_be_silent() {
        let written = |access_logs, metrics| RouterObservability {
            access_logs,
            metrics,
            ..RouterObservability::default()
        };
        let at = Observed::at(Some(&written(Some(false), None)));
        assert!(!at.access_log && at.metrics);
        let unless = at.unless(Observes::of(Some(&written(Some(true), Some(false)))));
        assert!(unless.access_log && !unless.metrics);
        assert_eq!(at.unless(Observes::of(None)), at);
    }
}
