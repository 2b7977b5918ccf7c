//! What is remembered between passes: the problems, and the nodes they are about.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::deserializer::NodeDeserializer;
use super::dialect::Dialect;
use super::error::Error;
use super::{MAX_PROBLEMS, too_many};
use crate::config::node::Node;
use crate::config::problem::Problem;

/// Which node: its address, good for as long as the tree is borrowed.
pub(super) type Id = usize;

/// The identity of a node.
pub(super) fn id_of(node: &Node) -> Id {
    std::ptr::from_ref(node).addr()
}

/// Problems found so far.
#[derive(Debug)]
pub(super) struct State {
    /// Who wrote the tree.
    pub(super) dialect: Dialect,
    problems: RefCell<Vec<Problem>>,
    /// Nodes that count as absent.
    broken: RefCell<HashSet<Id>>,
    /// Nodes about which something was said, and that still count.
    noted: RefCell<HashSet<Id>>,
    reported: Cell<usize>,
}

impl State {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            problems: RefCell::default(),
            broken: RefCell::default(),
            noted: RefCell::default(),
            reported: Cell::default(),
        }
    }

    /// Was this tree written in labels?
    pub(super) fn in_labels(&self) -> bool {
        self.dialect == Dialect::Labels
    }

    /// Has this node been dropped? Then it counts as absent.
    pub(super) fn is_broken(&self, id: Id) -> bool {
        self.broken.borrow().contains(&id)
    }

    /// How many nodes have been dropped.
    pub(super) fn dropped(&self) -> usize {
        self.broken.borrow().len()
    }

    /// Are there too many problems to go on?
    pub(super) fn is_full(&self) -> bool {
        self.reported.get() > MAX_PROBLEMS
    }

    /// Reports a node once, and drops it. The problem is made only if it is going to be kept.
    pub(super) fn report(&self, id: Id, problem: impl FnOnce() -> Problem) {
        if self.broken.borrow_mut().insert(id) {
            self.reported.set(self.reported.get() + 1);
            self.keep(problem);
        }
    }

    /// Drops a node without a word.
    pub(super) fn hide(&self, id: Id) {
        self.broken.borrow_mut().insert(id);
    }

    /// Says something once about a node that still counts.
    pub(super) fn note(&self, id: Id, problem: impl FnOnce() -> Problem) {
        if self.noted.borrow_mut().insert(id) {
            self.keep(problem);
        }
    }

    fn keep(&self, problem: impl FnOnce() -> Problem) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS {
            problems.push(problem());
        }
    }

    /// Reports what a type said about the value it was given.
    pub(super) fn blame(&self, deserializer: &NodeDeserializer<'_>, error: Error) -> Error {
        if let Error::Said(message) = error {
            deserializer.report(message, None);
        }
        Error::Reported
    }

    /// The problems in file order.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let full = self.is_full();
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.position);
        if full {
            problems.push(too_many());
        }
        problems
    }
}
