//! Which requests get a line.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::Ended;
use crate::config::install::access_log::{self, statuses};

/// `accessLog.filters`: whoever says yes first decides; with none of them every request gets its line.
#[derive(Debug, Default)]
pub(super) struct Filter {
    statuses: Vec<RangeInclusive<u16>>,
    retried: bool,
    longer: Option<Duration>,
}

impl Filter {
    pub(super) fn new(written: Option<&access_log::Filters>) -> Self {
        let Some(written) = written else {
            return Self::default();
        };
        Self {
            // The static configuration was checked.
            statuses: written
                .status_codes
                .iter()
                .filter_map(|text| statuses(text))
                .collect(),
            retried: written.retry_attempts,
            longer: written.min_duration.positive(),
        }
    }

    pub(super) fn takes(&self, ended: &Ended<'_>) -> bool {
        let is_silent = self.statuses.is_empty() && !self.retried && self.longer.is_none();
        is_silent
            || self.statuses.iter().any(|range| range.contains(&ended.status))
            || (self.retried && ended.retries > 0)
            || self
                .longer
                .is_some_and(|longer| Duration::from_micros(ended.micros()) > longer)
    }
}
