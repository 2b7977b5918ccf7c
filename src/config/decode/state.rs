//! What is remembered between passes: the problems, and the nodes they are about.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::MAX_PROBLEMS;
use super::deserializer::NodeDeserializer;
use super::error::Error;
use crate::config::node::Node;
use crate::config::problem::Problem;

/// Which node: its address, good for as long as the tree is borrowed.
pub(super) type Id = usize;

/// The identity of a node.
pub(super) fn id_of(node: &Node) -> Id {
    std::ptr::from_ref(node).addr()
}

/// Problems found so far.
#[derive(Debug, Default)]
pub(super) struct State {
    problems: RefCell<Vec<Problem>>,
    broken: RefCell<HashSet<Id>>,
    reported: Cell<usize>,
}

impl State {
    /// Has this node been reported? Then it counts as absent.
    pub(super) fn is_broken(&self, id: Id) -> bool {
        self.broken.borrow().contains(&id)
    }

    /// How many nodes have been reported.
    pub(super) fn reported(&self) -> usize {
        self.reported.get()
    }

    /// Are there too many problems to go on?
    pub(super) fn is_full(&self) -> bool {
        self.reported.get() > MAX_PROBLEMS
    }

    /// Reports a node once. The problem is made only if it is going to be kept.
    pub(super) fn report(&self, id: Id, problem: impl FnOnce() -> Problem) {
        if self.broken.borrow_mut().insert(id) {
            self.reported.set(self.reported.get() + 1);
            if self.reported.get() <= MAX_PROBLEMS {
                self.problems.borrow_mut().push(problem());
            }
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
            problems.push(Problem::error(
                "",
                format!("more than {MAX_PROBLEMS} problems; the others are not shown"),
            ));
        }
        problems
    }
}
