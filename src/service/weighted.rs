//! Services by weight, or by the client's address (traefik-core 2.5).

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Ask, Choice, Level, Refusal, Service};
use crate::balance::{Micros, Shares};
use crate::config::dynamic::http::OnLoss;
use crate::sticky::{Moved, Outcome, Verdict};

/// A child as its parent knows it.
#[derive(Debug, Clone)]
pub struct Child {
    name: String,
    service: Arc<Service>,
}

impl Child {
    /// `service` under the name it was written with: that is its sticky identity.
    #[must_use]
    pub fn new(name: String, service: Arc<Service>) -> Self {
        Self { name, service }
    }

    /// The name as written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it stands for.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }
}

/// How a new session finds its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// In turn, by weight.
    Turn,
    /// By a hash of the client's address.
    Client,
}

/// Children and their shares.
#[derive(Debug)]
pub struct Weighted {
    children: Box<[Child]>,
    shares: Shares,
    by: By,
    level: Option<Level>,
}

impl Weighted {
    /// `children` with `shares` in the same order; `level` is the stickiness between them.
    #[must_use]
    pub fn new(children: Vec<Child>, shares: Shares, by: By, level: Option<Level>) -> Self {
        Self {
            children: children.into(),
            shares,
            by,
            level,
        }
    }

    /// The children, by position.
    #[must_use]
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// Whose turn it is.
    #[must_use]
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Stickiness between the children, when switched on.
    #[must_use]
    pub fn level(&self) -> Option<&Level> {
        self.level.as_ref()
    }

    pub(super) fn is_open(&self, now: Micros) -> bool {
        (0_u32..)
            .zip(&self.children)
            .any(|(index, child)| self.shares.has_share(index) && child.service.is_open(now))
    }

    pub(super) fn choose(&self, ask: &Ask<'_>, home: Option<&str>) -> Result<Choice, Refusal> {
        let Some(level) = &self.level else {
            let (_, choice) = self.newcomer(ask, None, home)?;
            return Ok(choice);
        };
        // A child without a usable server is a lost one: nobody wants a 503 beside a healthy sibling.
        let bond = level.bond(ask).and_then(|bond| match self.child(bond.index) {
            Some(child) => Ok((child, bond)),
            None => Err(Verdict::Unknown),
        });
        let (lost, outcome) = match bond {
            Err(verdict) => (None, Outcome::of_stranger(verdict)),
            Ok((child, bond)) => match child.service.choose_as(ask, home) {
                Ok(choice) => {
                    let here = Outcome::stays(bond.verdict);
                    return Ok(choice.under(bond.rewritten.filter(|_| home.is_none()), here));
                }
                // All its servers count as removed: so does it.
                Err(Refusal::NoServer(_)) if child.service.is_gone(ask.wall) => {
                    (None, Outcome::moves(Verdict::Draining, Moved::Drained))
                }
                Err(Refusal::NoServer(below)) => {
                    let why = below.moved.unwrap_or(Moved::Down);
                    (Some(bond), Outcome::moves(Verdict::Down, why))
                }
                Err(refusal) => return Err(refusal),
            },
        };
        match (lost, level.on_loss()) {
            (Some(_), OnLoss::Fail) => Err(Refusal::SessionLost),
            (Some(away), OnLoss::Detour) => {
                let name = self.child(away.index).map(Child::name);
                let outcome = Outcome {
                    verdict: Some(Verdict::Detour),
                    ..outcome
                };
                let (_, choice) = self.newcomer(ask, Some(away.index), name)?;
                Ok(choice.under(away.renewal().filter(|_| home.is_none()), outcome))
            }
            (lost, _) => {
                let lost = lost.map(|bond| bond.index);
                let (index, choice) = self.newcomer(ask, lost, home)?;
                let cookie = if home.is_none() {
                    level.bind(index, ask)
                } else {
                    None
                };
                Ok(choice.under(cookie, outcome))
            }
        }
    }

    fn child(&self, index: u32) -> Option<&Child> {
        self.children.get(index as usize)
    }

    /// A child for a request without a home here, and the choice made below it. `lost` has failed it already;
    /// `home` is the name of the one, here or above, that somebody shall stand in for.
    fn newcomer(
        &self,
        ask: &Ask<'_>,
        lost: Option<u32>,
        home: Option<&str>,
    ) -> Result<(u32, Choice), Refusal> {
        let mut failed: SmallVec<[u32; 8]> = lost.into_iter().collect();
        let level = std::ptr::from_ref(self).addr();
        let mut before = ask.attempts.child_of(level);
        loop {
            let open = |index: u32| {
                !failed.contains(&index)
                    && self
                        .child(index)
                        .is_some_and(|child| child.service.is_open(ask.draw.now))
            };
            let next = match (self.by, home) {
                _ if before.is_some() => before.take(),
                (By::Turn, Some(home)) => self.shares.stand_in(ask.draw.client, home, open),
                (By::Turn, None) => self.shares.in_turn(open),
                (By::Client, _) => self.shares.by_client(ask.draw.client, open),
            };
            let (index, child) = next
                .and_then(|index| Some((index, self.child(index)?)))
                .ok_or(Refusal::NoServer(Outcome::default()))?;
            match child.service.choose_as(ask, home) {
                Ok(mut choice) => {
                    if !choice.extra.watched.is_empty() {
                        choice.extra.path.push((level, index));
                    }
                    return Ok((index, choice));
                }
                // Its servers are full, or were tried.
                Err(Refusal::NoServer(_)) => failed.push(index),
                Err(refusal) => return Err(refusal),
            }
        }
    }
}
