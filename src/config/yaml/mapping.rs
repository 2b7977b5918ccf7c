//! One mapping under construction: keys once, merge keys applied.

use std::collections::HashSet;

use crate::config::node::{Entry, Node, Value};
use crate::config::problem::{Position, Problem};

/// The entries so far.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    entries: Vec<Entry>,
    key: Option<Key>,
    merged: Option<(Position, Node)>,
}

#[derive(Debug)]
struct Key {
    at: Position,
    text: String,
    /// Is it `<<`?
    merges: bool,
}

impl Mapping {
    /// Does a key come next, rather than a value?
    pub(super) const fn wants_key(&self) -> bool {
        self.key.is_none()
    }

    /// Takes a key.
    pub(super) fn key(&mut self, at: Position, text: &str, merges: bool) {
        self.key = Some(Key {
            at,
            text: text.to_owned(),
            merges,
        });
    }

    /// Takes the value of the last key.
    pub(super) fn value(&mut self, node: Node) -> Result<(), Problem> {
        let Some(key) = self.key.take() else {
            return Ok(());
        };
        if !key.merges {
            self.entries.push(Entry {
                key: key.text,
                key_at: key.at,
                node,
            });
            return Ok(());
        }
        match &self.merged {
            Some((first, _)) => Err(twice("<<", *first, key.at)),
            None => {
                self.merged = Some((key.at, node));
                Ok(())
            }
        }
    }

    /// The entries in the order written; merged ones follow.
    pub(super) fn finish(mut self) -> Result<Vec<Entry>, Problem> {
        refuse_duplicates(&self.entries)?;
        if let Some((at, node)) = self.merged.take() {
            self.merge(at, node)?;
        }
        Ok(self.entries)
    }

    /// `<<: *a` or `<<: [*a, *b]`: what is written here wins, then the earlier of the list.
    fn merge(&mut self, at: Position, node: Node) -> Result<(), Problem> {
        let sources = match node.value {
            Value::Null => Vec::new(),
            Value::Seq(items) => items,
            value => vec![Node::new(node.at, value)],
        };
        let mut known: HashSet<String> = self.entries.iter().map(|entry| entry.key.clone()).collect();
        for source in sources {
            let Value::Map(entries) = source.value else {
                return Err(Problem::error("", "<< wants a map, or a list of maps").at(at));
            };
            for entry in entries {
                if known.insert(entry.key.clone()) {
                    self.entries.push(entry);
                }
            }
        }
        Ok(())
    }
}

/// Finds a key given twice; sorting needs no copies of keys, of which there may be many.
fn refuse_duplicates(entries: &[Entry]) -> Result<(), Problem> {
    let mut keys: Vec<(&str, Position)> = entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.key_at))
        .collect();
    keys.sort_unstable();
    let duplicate = keys.windows(2).find_map(|pair| match pair {
        [first, second] if first.0 == second.0 => Some((*first, *second)),
        _ => None,
    });
    match duplicate {
        Some(((key, first), (_, second))) => Err(twice(key, first, second)),
        None => Ok(()),
    }
}

fn twice(key: &str, first: Position, second: Position) -> Problem {
    Problem::error(
        "",
        format!("the key {key:?} is given twice: at {first} and at {second}"),
    )
    .at(second)
}
