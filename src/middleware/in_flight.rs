//! `inFlightReq`: requests at the same time, for each source.

use std::sync::Arc;

use http::StatusCode;

use super::answer::Answer;
use super::shards::Shards;
use super::source::Source;
use crate::config::dynamic::middleware::flow as wire;

/// Limits requests in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    amount: i64,
    pub(super) source: Source,
    counts: Arc<Shards<i64>>,
}

/// A request in flight, counted for as long as this is held.
#[derive(Debug)]
pub(super) struct Held {
    counts: Arc<Shards<i64>>,
    source: Box<str>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut shard = self.counts.of(&self.source);
        if let Some(count) = shard.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                shard.remove(&self.source);
            }
        }
    }
}

impl InFlight {
    /// From `inFlightReq`.
    pub(super) fn new(written: &wire::InFlightReq) -> Result<Self, String> {
        if written.amount < 0 {
            return Err(format!(
                "amount {} is negative; write how many may be in flight",
                written.amount
            ));
        }
        Ok(Self {
            amount: written.amount,
            source: Source::new(written.source_criterion.as_ref(), Source::Host)?,
            counts: Arc::default(),
        })
    }

    /// Counts a request, or answers it. What is remembered is bounded by what is in flight.
    pub(super) fn hold(&self, source: &str) -> Result<Held, Answer> {
        let mut shard = self.counts.of(source);
        let count = shard.get(source).copied().unwrap_or(0);
        if count >= self.amount {
            let text = format!("max connections reached: {}", self.amount);
            return Err(Answer::new(StatusCode::TOO_MANY_REQUESTS, text));
        }
        shard.insert(source.into(), count + 1);
        Ok(Held {
            counts: Arc::clone(&self.counts),
            source: source.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_so_many_at_a_time_and_nothing_is_left_behind() {
        let limit = InFlight::new(&wire::InFlightReq {
            amount: 2,
            source_criterion: None,
        })
        .unwrap();
        let first = limit.hold("a").unwrap();
        let _second = limit.hold("a").unwrap();
        let answer = limit.hold("a").unwrap_err();
        assert_eq!(answer.status, 429);
        assert_eq!(&answer.body[..], b"max connections reached: 2");
        let other = limit.hold("b").unwrap();
        drop(first);
        let again = limit.hold("a").unwrap();
        drop((again, other, _second));
        assert_eq!(limit.counts.len(), 0);
    }

    #[test]
    fn none_may_be_in_flight_where_the_amount_is_zero_and_less_is_a_mistake() {
        let limit = |amount| {
            let source_criterion = None;
            InFlight::new(&wire::InFlightReq {
                amount,
                source_criterion,
            })
        };
        assert!(limit(0).unwrap().hold("a").is_err());
        assert!(limit(-1).unwrap_err().starts_with("amount -1 is negative"));
    }
}
