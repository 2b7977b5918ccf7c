//! What is said about an API server that does not answer: each reason once, and that it is back.

use std::collections::BTreeSet;

use super::NAME;

/// So many reasons are told apart; no more are said.
const MOST: usize = 8;

/// An outage, as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    said: BTreeSet<String>,
}

impl Trouble {
    /// It does not work, for this reason.
    pub(super) fn met(&mut self, reason: &str) {
        if self.said.contains(reason) || self.said.len() >= MOST {
            tracing::debug!(provider = NAME, "still: {reason}");
            return;
        }
        self.said.insert(reason.to_owned());
        // An error: with the default level of the log nobody would know why nothing changes any more.
        tracing::error!(
            provider = NAME,
            "{reason}: asking again, the last configuration stays in use"
        );
    }

    /// Everything works.
    pub(super) fn is_over(&mut self) {
        if !std::mem::take(&mut self.said).is_empty() {
            tracing::info!(provider = NAME, "the API server answers again");
        }
    }
}
