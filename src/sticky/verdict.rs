//! What became of a request's cookie, for whoever looks on.

use super::{Lookup, Refusal};

/// What became of a request's cookie at the level that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Its server answers.
    Hit,
    /// There was none: a new session.
    New,
    /// Its value stands for nobody (any more).
    Unknown,
    /// Its server answers, though the value has an older form.
    Legacy,
    /// Its server cannot be used.
    Down,
    /// Its server is being taken out of service: it answers still, or its time is over.
    Draining,
    /// Signed, and older than allowed.
    Expired,
    /// Signed by somebody else, or not signed where it has to be.
    BadSignature,
    /// Its server cannot be used, and somebody stands in until it is back.
    Detour,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Hit,
        Self::New,
        Self::Unknown,
        Self::Legacy,
        Self::Down,
        Self::Draining,
        Self::Expired,
        Self::BadSignature,
        Self::Detour,
    ];

    /// As a metric's label, and in the access log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::New => "new",
            Self::Unknown => "unknown",
            Self::Legacy => "legacy",
            Self::Down => "down",
            Self::Draining => "draining",
            Self::Expired => "expired",
            Self::BadSignature => "bad_signature",
            Self::Detour => "detour",
        }
    }
}

impl From<Lookup> for Verdict {
    /// What the cookie alone says: of a known server, that it answers.
    fn from(lookup: Lookup) -> Self {
        match lookup {
            Lookup::Absent => Self::New,
            Lookup::Unknown | Lookup::Refused(Refusal::Malformed) => Self::Unknown,
            Lookup::Refused(Refusal::Idle | Refusal::TooOld | Refusal::FromTheFuture) => Self::Expired,
            Lookup::Refused(Refusal::UnknownKey | Refusal::BadSignature | Refusal::Plain) => {
                Self::BadSignature
            }
            Lookup::Known { legacy: true, .. } => Self::Legacy,
            Lookup::Known { legacy: false, .. } => Self::Hit,
        }
    }
}

/// Why a session goes on at another server than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moved {
    /// Its server is down.
    Down,
    /// Its server was asked for this request in vain.
    Tried,
    /// The time of its drained server is over.
    Drained,
    /// Its server is full, and the wait for a place was too long.
    Full,
    /// Its server is configured no more.
    Gone,
}

impl Moved {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Down, Self::Tried, Self::Drained, Self::Full, Self::Gone];

    /// As a metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Tried => "tried",
            Self::Drained => "drained",
            Self::Full => "full",
            Self::Gone => "gone",
        }
    }
}

/// What stickiness made of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What became of the cookie; `None` where nothing is sticky.
    pub verdict: Option<Verdict>,
    /// Why the session is not at its own server, if it had one.
    pub moved: Option<Moved>,
}

impl Outcome {
    /// Nothing moved.
    #[must_use]
    pub const fn stays(verdict: Verdict) -> Self {
        Self {
            verdict: Some(verdict),
            moved: None,
        }
    }

    /// The session is not at its own server.
    #[must_use]
    pub const fn moves(verdict: Verdict, why: Moved) -> Self {
        Self {
            verdict: Some(verdict),
            moved: Some(why),
        }
    }

    /// The cookie stood for nobody who could be asked.
    #[must_use]
    pub const fn of_stranger(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Unknown => Self::moves(verdict, Moved::Gone),
            other => Self::stays(other),
        }
    }

    /// What the level above and the one below say together: above decides, unless it only led the way.
    #[must_use]
    pub fn under(self, above: Self) -> Self {
        match above.verdict {
            None | Some(Verdict::Hit) => Self {
                verdict: self.verdict.or(above.verdict),
                ..self
            },
            Some(_) => Self {
                moved: above.moved.or(self.moved),
                ..above
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_level_decides_unless_it_was_a_hit() {
        let below = Outcome::moves(Verdict::Down, Moved::Tried);
        assert_eq!(below.under(Outcome::default()), below);
        assert_eq!(below.under(Outcome::stays(Verdict::Hit)), below);
        let above = Outcome::moves(Verdict::Unknown, Moved::Gone);
        assert_eq!(below.under(above), above);
        let hit = Outcome::stays(Verdict::Hit);
        assert_eq!(Outcome::default().under(hit), hit);
    }

    #[test]
    fn every_refusal_has_a_verdict() {
        let of = |refusal| Verdict::from(Lookup::Refused(refusal));
        assert_eq!(of(Refusal::Idle), Verdict::Expired);
        assert_eq!(of(Refusal::TooOld), Verdict::Expired);
        assert_eq!(of(Refusal::UnknownKey), Verdict::BadSignature);
        assert_eq!(of(Refusal::Plain), Verdict::BadSignature);
        assert_eq!(of(Refusal::Malformed), Verdict::Unknown);
    }
}
