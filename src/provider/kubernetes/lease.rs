//! Who of many replicas writes statuses: a Lease, judged by one's own clock only.
//!
//! A holder writes a new time into the Lease again and again. What that time says is nobody's business, since clocks differ;
//! a holder is gone when the same time has stood there for too long, as seen from here.

use std::time::Duration;

use tokio::time::Instant;

/// How long a holder may say nothing.
pub(super) const DURATION: Duration = Duration::from_secs(15);
/// How often a holder says that it is there, and the others look.
pub(super) const RENEW: Duration = Duration::from_secs(5);
/// How long the holder trusts its own last word: shorter than the others do.
const TRUST: Duration = Duration::from_secs(10);

/// What stands in a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Who holds it; empty for nobody.
    pub(super) holder: String,
    /// When that was said last, by whatever clock.
    pub(super) renewed: String,
}

/// What is to be done with a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Make it: there is none.
    Create,
    /// Take it: nobody holds it any more.
    Take,
    /// Say that one is still there.
    Renew,
    /// Nothing: somebody else holds it.
    Wait,
}

/// One replica's view of who holds a Lease.
#[derive(Debug)]
pub(super) struct Election {
    me: String,
    /// What another holder said last, and since when that stands there.
    other: Option<(Record, Instant)>,
    /// When this replica's own last word was sent that went through.
    held: Option<Instant>,
}

impl Election {
    pub(super) const fn new(me: String) -> Self {
        Self {
            me,
            other: None,
            held: None,
        }
    }

    /// What is to be done about what stands there.
    pub(super) fn heed(&mut self, record: Option<&Record>, now: Instant) -> Step {
        let Some(record) = record else {
            self.held = None;
            return Step::Create;
        };
        if record.holder == self.me {
            self.other = None;
            return Step::Renew;
        }
        self.held = None;
        if record.holder.is_empty() {
            return Step::Take;
        }
        match &self.other {
            Some((seen, since)) if seen == record => match now.duration_since(*since) >= DURATION {
                true => Step::Take,
                false => Step::Wait,
            },
            _ => {
                self.other = Some((record.clone(), now));
                Step::Wait
            }
        }
    }

    /// What was written at `sent` went through.
    pub(super) fn won(&mut self, sent: Instant) {
        self.other = None;
        self.held = Some(sent);
    }

    /// Is it this replica that holds it?
    pub(super) fn is_mine(&self, now: Instant) -> bool {
        self.held.is_some_and(|sent| now.duration_since(sent) < TRUST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: &str, renewed: &str) -> Record {
        Record {
            holder: holder.to_owned(),
            renewed: renewed.to_owned(),
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_one_makes_it_and_holds_it_while_it_renews() {
        let (mut election, now) = (Election::new("a".to_owned()), Instant::now());
        assert_eq!(election.heed(None, now), Step::Create);
        assert!(!election.is_mine(now), "not before it went through");
        election.won(now);
        assert!(election.is_mine(now + 9 * SECOND));
        assert!(
            !election.is_mine(now + 10 * SECOND),
            "long before another may take it"
        );
        assert_eq!(
            election.heed(Some(&record("a", "1")), now + 5 * SECOND),
            Step::Renew
        );
    }

    #[test]
    fn another_is_gone_when_its_word_has_not_changed_for_long_whatever_its_clock_says() {
        let (mut election, now) = (Election::new("a".to_owned()), Instant::now());
        let last_century = record("b", "1970-01-01");
        assert_eq!(election.heed(Some(&last_century), now), Step::Wait);
        assert_eq!(election.heed(Some(&last_century), now + 14 * SECOND), Step::Wait);
        let next = record("b", "1969-12-31");
        assert_eq!(
            election.heed(Some(&next), now + 15 * SECOND),
            Step::Wait,
            "it lives"
        );
        assert_eq!(election.heed(Some(&next), now + 29 * SECOND), Step::Wait);
        assert_eq!(election.heed(Some(&next), now + 30 * SECOND), Step::Take);
    }

    #[test]
    fn who_loses_it_knows_at_once_and_one_that_is_given_up_is_taken_at_once() {
        let (mut election, now) = (Election::new("a".to_owned()), Instant::now());
        election.won(now);
        assert_eq!(election.heed(Some(&record("b", "1")), now + SECOND), Step::Wait);
        assert!(!election.is_mine(now + SECOND));
        assert_eq!(
            election.heed(Some(&record("", "1")), now + 2 * SECOND),
            Step::Take
        );
    }

    #[test]
    fn a_replica_that_comes_back_takes_up_its_own() {
        let mut election = Election::new("a".to_owned());
        assert_eq!(
            election.heed(Some(&record("a", "1")), Instant::now()),
            Step::Renew
        );
    }
}
