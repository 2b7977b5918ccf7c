//! Where in the files a key path stands: for problems that are found only once names are resolved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Source;
use crate::config::{Node, Notation, Problem, Value};

/// The trees of all files.
pub struct Places {
    files: Vec<(PathBuf, Node)>,
}

impl Places {
    /// Reads the files again; those that cannot be read have been reported before.
    #[must_use]
    pub fn of(source: &Source) -> Self {
        let tree = |path: PathBuf| {
            let bytes = crate::disk::read_bytes(&path).ok()?;
            let node = Notation::of_path(&path)?.parse(&bytes).ok()?;
            Some((path, node))
        };
        let files = source.files().unwrap_or_default();
        Self {
            files: files.into_iter().filter_map(tree).collect(),
        }
    }

    /// Puts `problem` at the file and place of an item, or of `key` (`servers[1].url`) within it as far as
    /// that exists.
    #[must_use]
    pub fn place(&self, problem: Problem, item: &[&str], key: &str) -> Problem {
        let found = self.files.iter().find_map(|(path, root)| {
            let item = item.iter().try_fold(root, |node, key| child(node, key))?;
            Some((path, deepest(item, key)))
        });
        match found {
            Some((path, node)) => problem.at(node.at).in_file(&Arc::<Path>::from(path.as_path())),
            None => problem,
        }
    }
}

/// The node at `key` below `node`, or the last one on the way that exists.
fn deepest<'n>(mut node: &'n Node, key: &str) -> &'n Node {
    for part in key.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        match child(node, part) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => {
            let entry = entries.iter().find(|entry| entry.key == key);
            let entry = entry.or_else(|| entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)));
            entry.map(|entry| &entry.node)
        }
        Value::Seq(items) => items.get(key.parse::<usize>().ok()?),
        Value::Null | Value::Scalar(_) => None,
    }
}
