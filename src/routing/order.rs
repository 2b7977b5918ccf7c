//! The order in which services need each other: servers first, what stands on them after; and the circles that
//! have no such order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Merged;
use super::tree::children;
use crate::config::{provider_of, qualify};

/// Services with the ones they need before them.
pub(super) struct Order<'m> {
    pub(super) names: Vec<&'m str>,
    /// Why a service that leads back to itself, or to one that does, cannot be.
    pub(super) circles: HashMap<&'m str, String>,
}

impl<'m> Order<'m> {
    /// Walks down from every service of `wanted`, to others of them, without recursion: generated configurations may be
    /// deep.
    pub(super) fn of(merged: &'m Merged, wanted: &'m BTreeSet<Arc<str>>) -> Self {
        let mut order = Self {
            names: Vec::with_capacity(wanted.len()),
            circles: HashMap::new(),
        };
        let mut seen: HashMap<&str, bool> = HashMap::with_capacity(wanted.len());
        for start in wanted {
            let start = &**start;
            if seen.contains_key(start) {
                continue;
            }
            let mut way = vec![Step::to(merged, wanted, start)];
            seen.insert(start, false);
            while let Some(step) = way.last_mut() {
                let Some(child) = step.children.pop() else {
                    seen.insert(step.name, true);
                    order.names.push(step.name);
                    way.pop();
                    continue;
                };
                match seen.get(child) {
                    None => {
                        seen.insert(child, false);
                        way.push(Step::to(merged, wanted, child));
                    }
                    Some(false) => order.note_circle(&way, child),
                    Some(true) => {}
                }
            }
        }
        order
    }

    /// The last step of `way` leads back to `again`, which is on it.
    fn note_circle(&mut self, way: &[Step<'m>], again: &str) {
        let meets = way.iter().position(|step| step.name == again).unwrap_or(0);
        for (at, step) in way.iter().enumerate().rev() {
            if self.circles.contains_key(step.name) {
                // So it is for all above it.
                return;
            }
            // From a service in the circle once round it; from one above it down and once round.
            let round = way.iter().take(at.max(meets) + 1).skip(meets);
            let names = way.iter().skip(at).chain(round).map(|step| step.name);
            let names: Vec<&str> = names.collect();
            let text = format!(
                "could not instantiate service {}: recursion detected in service:{}",
                step.name,
                path(&names)
            );
            self.circles.insert(step.name, text);
        }
    }
}

/// Names on the way, some of them left out when they are many.
fn path(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    match names {
        [head @ .., before, last] if names.len() > SHOWN => {
            let head: Vec<&str> = head.iter().take(SHOWN - 2).copied().collect();
            format!("{}->...->{before}->{last}", head.join("->"))
        }
        _ => names.join("->"),
    }
}

/// A service on the way down, and its children still to be visited.
struct Step<'m> {
    name: &'m str,
    children: Vec<&'m str>,
}

impl<'m> Step<'m> {
    fn to(merged: &'m Merged, wanted: &'m BTreeSet<Arc<str>>, name: &'m str) -> Self {
        let provider = provider_of(name).unwrap_or_default();
        let written = merged.services.get(name);
        let named = written.into_iter().flat_map(|written| children(written));
        // Only those that are wanted: the names of the set live as long as it.
        let known = named.filter_map(|child| wanted.get(&*qualify(child, provider)).map(|name| &**name));
        Self {
            name,
            children: known.collect(),
        }
    }
}
