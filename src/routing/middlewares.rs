//! All middlewares of a configuration: each built when it is another than before, and chains of them laid flat
//! (traefik-core 7).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::report::Item;
use super::{Ground, Merged, Snapshot};
use crate::config::dynamic::Middleware;
use crate::config::{Named, provider_of, qualify};
use crate::middleware::{Built, Chain, MAX_STEPS, Step, build, is_same_in_files};

/// How deep chains may be in chains.
const MAX_DEPTH: usize = 32;

/// Names looked at for one chain: chains of empty chains would have no steps and no end.
const MAX_LOOKS: usize = 4096;

/// All middlewares, built.
#[derive(Default)]
pub(super) struct Middlewares {
    /// Those that are one step, where they work.
    pub(super) steps: Named<Step>,
    /// Those that work, each as the steps it is.
    pub(super) enabled: Named<Chain>,
    /// Why the others do not.
    pub(super) broken: Named<String>,
    /// What became of each.
    pub(super) report: Named<Item>,
    /// Names of those that are others now.
    pub(super) changed: BTreeSet<Arc<str>>,
}

impl Middlewares {
    /// Builds what is another than in `known`. What stays as written goes on with what it remembers.
    pub(super) fn compile(merged: &Merged, ground: &Ground, known: Option<&Snapshot>) -> Self {
        let mut all = known.map_or_else(Self::default, |known| Self {
            steps: known.steps.clone(),
            enabled: known.chains.clone(),
            broken: known.broken_middlewares.clone(),
            report: known.report.middlewares.clone(),
            changed: BTreeSet::new(),
        });
        let (steps, enabled, broken) = (all.steps.clone(), all.enabled.clone(), all.broken.clone());
        let nothing = Named::new();
        let before = known.map_or(&nothing, |known| &known.merged.middlewares);
        let mut suspects: BTreeSet<Arc<str>> = before
            .differences(&merged.middlewares)
            .map(|difference| Arc::clone(difference.name()))
            .collect();
        suspects.extend(names_of_files(merged));
        if suspects.is_empty() {
            return all;
        }
        let chains = merged
            .middlewares
            .iter()
            .filter(|(_, written)| written.chain.is_some());
        suspects.extend(chains.map(|(name, _)| Arc::clone(name)));
        for name in &suspects {
            all.steps.remove(name);
            all.enabled.remove(name);
            all.broken.remove(name);
            all.report.remove(name);
        }
        for name in &suspects {
            if let Some(written) = merged.middlewares.get(name) {
                let same = before.get(name).filter(|old| *old == written);
                let old = same.and_then(|_| steps.get(name));
                let item = all.build(name, written, old, ground);
                all.report.insert(Arc::clone(name), item);
            }
        }
        for name in &suspects {
            all.lay_flat(name, merged, &enabled);
        }
        let differences = enabled.replacements(&all.enabled);
        all.changed = differences
            .map(|difference| Arc::clone(difference.name()))
            .collect();
        let reasons = broken.differences(&all.broken);
        all.changed
            .extend(reasons.map(|difference| Arc::clone(difference.name())));
        all
    }

    /// Builds a step; a chain waits until all steps are there. `old` was built from the same words.
    fn build(
        &mut self,
        name: &Arc<str>,
        written: &Middleware,
        old: Option<&Arc<Step>>,
        ground: &Ground,
    ) -> Item {
        let mut item = Item::default();
        let mut notes = Vec::new();
        match build(name, written, &*ground.files, &mut notes) {
            Ok(Built::Step(step)) => {
                let same = old.filter(|old| is_same_in_files(old, written, &*ground.files) == Ok(true));
                self.steps
                    .insert(Arc::clone(name), Arc::clone(same.unwrap_or(&step)));
            }
            Ok(Built::Chain(_)) => {}
            // Nothing is written otherwise: a file cannot be read again.
            Err(mistake) => match old {
                Some(old) => {
                    item.warn(mistake.key, format!("{}; the users in use stay", mistake.text));
                    self.steps.insert(Arc::clone(name), Arc::clone(old));
                }
                None => {
                    self.broken.insert(Arc::clone(name), mistake.text.clone());
                    item.disable(mistake.key, mistake.text);
                }
            },
        }
        for note in notes {
            item.warn(note.key, note.text);
        }
        item
    }

    /// Makes the chain of the middleware called `name`, if it works; the one `before` is taken if it is the same.
    fn lay_flat(&mut self, name: &Arc<str>, merged: &Merged, before: &Named<Chain>) {
        if !merged.middlewares.contains_key(name) || self.broken.contains_key(name) {
            return;
        }
        let mut way = Way {
            all: self,
            merged,
            names: Vec::new(),
            steps: Vec::new(),
            looks: 0,
        };
        let walked = way.walk(name);
        let chain = Chain::new(way.steps);
        match walked {
            Ok(()) => match before.get(name).filter(|old| ***old == chain) {
                Some(old) => self.enabled.insert(Arc::clone(name), Arc::clone(old)),
                None => self.enabled.insert(Arc::clone(name), chain),
            },
            Err(reason) => {
                if let Some(item) = self.report.get_mut(name) {
                    item.disable("chain", &reason);
                }
                self.broken.insert(Arc::clone(name), reason);
            }
        }
    }

    /// The steps of the middleware called `name`.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn get(&self, name: &str) -> Result<&Arc<Chain>, String> {
        self.enabled.get(name).ok_or_else(|| match self.broken.get(name) {
            Some(reason) => format!("middleware {name:?} cannot be used: {reason}"),
            None => format!("middleware {name:?} does not exist"),
        })
    }
}

/// Middlewares that may be others though they are written the same.
fn names_of_files(merged: &Merged) -> impl Iterator<Item = Arc<str>> + '_ {
    let naming = merged
        .middlewares
        .iter()
        .filter(|(_, written)| written.named_files().any(|name| !name.is_empty()));
    naming.map(|(name, _)| Arc::clone(name))
}

/// The way down from a chain to its steps.
struct Way<'a> {
    all: &'a Middlewares,
    merged: &'a Merged,
    /// Chains on the way.
    names: Vec<&'a str>,
    steps: Vec<Arc<Step>>,
    looks: usize,
}

impl<'a> Way<'a> {
    fn walk(&mut self, name: &str) -> Result<(), String> {
        self.looks += 1;
        if self.looks > MAX_LOOKS {
            return Err(format!("more than {MAX_LOOKS} middlewares are named below it"));
        }
        let Some((name, written)) = self.merged.middlewares.get_key_value(name) else {
            return Err(format!("middleware {name:?} does not exist"));
        };
        if self.names.contains(&&**name) {
            let way = self.names.join("->");
            return Err(format!(
                "could not instantiate middleware {name}: recursion detected in {way}->{name}"
            ));
        }
        let Some(chain) = written.chain.as_ref().filter(|_| written.kinds().len() == 1) else {
            return self.step(name);
        };
        if self.names.len() >= MAX_DEPTH {
            return Err(format!("chains are nested deeper than {MAX_DEPTH} levels"));
        }
        self.names.push(name);
        let provider = provider_of(name).unwrap_or_default();
        for child in &chain.middlewares {
            self.walk(&qualify(child, provider))?;
        }
        self.names.pop();
        Ok(())
    }

    fn step(&mut self, name: &Arc<str>) -> Result<(), String> {
        let Some(step) = self.all.steps.get(name) else {
            let reason = self.all.broken.get(name);
            let reason = reason.map_or("", |reason| reason.as_str());
            return Err(format!("middleware {name:?} cannot be used: {reason}"));
        };
        if self.steps.len() >= MAX_STEPS {
            return Err(format!("it has more than {MAX_STEPS} middlewares"));
        }
        self.steps.push(Arc::clone(step));
        Ok(())
    }
}
