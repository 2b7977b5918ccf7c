//! A load balancer over servers.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::level::Bond;
use super::{Ask, Choice, Level, Refusal};
use crate::balance::{Lease, Pool, Server, Session, Tried, Wall};
use crate::config::dynamic::http::{HealthCheck, OnLoss, Service as Written};
use crate::sticky::{Moved, Outcome, Verdict};
use crate::upstream::Transport;

/// Servers behind a selector.
#[derive(Debug)]
pub struct Servers {
    /// What was configured, its `loadBalancer`; equal configuration means that this value is kept over a reload.
    pub written: Arc<Written>,
    /// How its servers are connected to; part of what "equal" means.
    pub transport: Transport,
    /// The servers and the selector.
    pub pool: Pool,
    /// Stickiness, when switched on.
    pub level: Option<Level>,
    /// How long the holder of a cookie waits for a place at a full server.
    pub max_wait: Duration,
}

/// Where a request's session is.
enum Home {
    /// Nowhere: it is a new one.
    None(Outcome),
    /// At this server, entered.
    Here {
        lease: Lease,
        rewritten: Option<HeaderValue>,
        verdict: Verdict,
    },
    /// At this server, which cannot be used now.
    Lost {
        server: Arc<Server>,
        why: Moved,
        /// Keeps its cookie alive meanwhile.
        renewal: Option<HeaderValue>,
    },
}

impl Home {
    fn lost(server: &Arc<Server>, bond: Bond, why: Moved) -> Self {
        Self::Lost {
            server: Arc::clone(server),
            why,
            renewal: bond.renewal(),
        }
    }
}

impl Servers {
    /// The active check, when configured.
    #[must_use]
    pub fn health_check(&self) -> Option<&HealthCheck> {
        self.written.load_balancer.as_ref()?.health_check.as_ref()
    }

    /// Is there no server left at `now` that a session could be at?
    pub(super) fn is_gone(&self, now: Wall) -> bool {
        let mut servers = self.pool.servers().iter();
        servers.all(|server| server.terms().drain.is_over(now))
    }

    pub(super) fn choose(&self, ask: &Ask<'_>, away: Option<&str>) -> Result<Choice, Refusal> {
        let nothing = Outcome::default();
        let Some(level) = &self.level else {
            let (_, lease) = self.newcomer(ask).ok_or(Refusal::NoServer(nothing))?;
            return Ok(Choice::new(lease, None, nothing));
        };
        let (lost, outcome) = match self.home(level, ask)? {
            Home::Here {
                lease,
                rewritten,
                verdict,
            } => {
                let rewritten = rewritten.filter(|_| away.is_none());
                return Ok(Choice::new(lease, rewritten, Outcome::stays(verdict)));
            }
            Home::None(outcome) => (None, outcome),
            Home::Lost { server, renewal, why } => {
                (Some((server, renewal)), Outcome::moves(Verdict::Down, why))
            }
        };
        match (lost, level.on_loss(), away) {
            (Some(_), OnLoss::Fail, _) => Err(Refusal::SessionLost),
            (Some((home, renewal)), OnLoss::Detour, above) => {
                let outcome = Outcome {
                    verdict: Some(Verdict::Detour),
                    ..outcome
                };
                let lease = self.stand_in(home.identity(), ask);
                let lease = lease.ok_or(Refusal::NoServer(outcome))?;
                Ok(Choice::new(lease, renewal.filter(|_| above.is_none()), outcome))
            }
            (_, _, Some(home)) => {
                let lease = self.stand_in(home, ask).ok_or(Refusal::NoServer(outcome))?;
                Ok(Choice::new(lease, None, outcome))
            }
            (_, _, None) => {
                let (index, lease) = self.newcomer(ask).ok_or(Refusal::NoServer(outcome))?;
                Ok(Choice::new(lease, level.bind(index, ask), outcome))
            }
        }
    }

    /// The server that the request's cookie names. Draining servers keep their sessions: only "up" is asked
    /// here, and whether there is a place.
    fn home(&self, level: &Level, ask: &Ask<'_>) -> Result<Home, Refusal> {
        let bond = match level.bond(ask) {
            Ok(bond) => bond,
            Err(verdict) => return Ok(Home::None(Outcome::of_stranger(verdict))),
        };
        let Some(server) = self.pool.servers().get(bond.index as usize) else {
            return Ok(Home::None(Outcome::of_stranger(Verdict::Unknown)));
        };
        if server.terms().drain.is_over(ask.wall) {
            let outcome = Outcome::moves(Verdict::Draining, Moved::Drained);
            return Ok(Home::None(outcome));
        }
        if ask.attempts.has_tried(server) {
            return Ok(Home::lost(server, bond, Moved::Tried));
        }
        if !server.state().is_up(ask.draw.now) {
            return Ok(Home::lost(server, bond, Moved::Down));
        }
        match Lease::try_new(server, Session::Known, ask.draw.now) {
            Some(lease) => Ok(Home::Here {
                lease,
                rewritten: bond.rewritten,
                verdict: match server.takes_new_sessions() {
                    true => bond.verdict,
                    false => Verdict::Draining,
                },
            }),
            None if ask.attempts.has_waited() || self.max_wait.is_zero() => {
                Ok(Home::lost(server, bond, Moved::Full))
            }
            None => Err(Refusal::Full {
                server: Arc::clone(server),
                max_wait: self.max_wait,
            }),
        }
    }

    /// A server for a new session, entered.
    fn newcomer(&self, ask: &Ask<'_>) -> Option<(u32, Lease)> {
        let tried = self.positions_tried(ask);
        let index = self.pool.pick(&ask.draw, &tried)?;
        let server = self.pool.servers().get(index as usize)?;
        if server.accepts(&ask.draw)
            && let Some(lease) = Lease::try_new(server, Session::New, ask.draw.now)
        {
            return Some((index, lease));
        }
        self.second_choice(ask, tried)
    }

    /// The way when the first pick is full or in its slow start: everybody who is, is out of the question.
    #[cold]
    fn second_choice(&self, ask: &Ask<'_>, mut excluded: Tried) -> Option<(u32, Lease)> {
        // A slow start shares with others; where there are no others it takes all.
        for must_accept in [true, false] {
            loop {
                let picked = self.pool.pick_among(&ask.draw, |index, server| {
                    !excluded.contains(&index)
                        && server.has_room()
                        && (!must_accept || server.accepts(&ask.draw))
                });
                let Some(index) = picked else { break };
                if let Some(lease) = self.enter(index, ask) {
                    return Some((index, lease));
                }
                // Somebody was faster.
                excluded.push(index);
            }
        }
        None
    }

    /// Who serves a session while the one called `home` is away, entered.
    fn stand_in(&self, home: &str, ask: &Ask<'_>) -> Option<Lease> {
        let mut excluded = self.positions_tried(ask);
        loop {
            let index = self.pool.stand_in(home, &ask.draw, |index, server| {
                !excluded.contains(&index) && server.has_room()
            })?;
            if let Some(lease) = self.enter(index, ask) {
                return Some(lease);
            }
            excluded.push(index);
        }
    }

    /// A new session's place at server `index`.
    fn enter(&self, index: u32, ask: &Ask<'_>) -> Option<Lease> {
        let server = self.pool.servers().get(index as usize)?;
        Lease::try_new(server, Session::New, ask.draw.now)
    }

    fn positions_tried(&self, ask: &Ask<'_>) -> Tried {
        if !ask.attempts.any_tried() {
            return Tried::new();
        }
        let all = (0_u32..).zip(self.pool.servers());
        all.filter(|(_, server)| ask.attempts.has_tried(server))
            .map(|(index, _)| index)
            .collect()
    }
}
