//! Who has a name that several want.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Everybody who wants a name, by name; the first has it.
#[derive(Debug)]
pub(super) struct Names<C> {
    claims: HashMap<Arc<str>, BTreeSet<C>>,
    /// Names whose claims, or what stands behind them, have changed.
    changed: BTreeSet<Arc<str>>,
}

impl<C: Ord + Clone + Hash> Names<C> {
    pub(super) fn new() -> Self {
        Self {
            claims: HashMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// `claimant` wants `name`, or what it wants it for is another.
    pub(super) fn claim(&mut self, name: &Arc<str>, claimant: C) {
        self.claims.entry(Arc::clone(name)).or_default().insert(claimant);
        self.changed.insert(Arc::clone(name));
    }

    /// `claimant` does not want `name` any more.
    pub(super) fn release(&mut self, name: &Arc<str>, claimant: &C) {
        if let Some(claims) = self.claims.get_mut(name) {
            claims.remove(claimant);
            if claims.is_empty() {
                self.claims.remove(name);
            }
        }
        self.changed.insert(Arc::clone(name));
    }

    /// Names to be looked at again.
    pub(super) fn take_changed(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.changed)
    }

    /// Everybody who wants it; the first has it.
    pub(super) fn claimants(&self, name: &str) -> impl Iterator<Item = &C> {
        self.claims.get(name).into_iter().flatten()
    }

    /// Who has it.
    pub(super) fn owner(&self, name: &str) -> Option<&C> {
        self.claims.get(name)?.first()
    }
}
