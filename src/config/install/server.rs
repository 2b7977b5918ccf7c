//! Pingora's keys: handed on in the types its `ServerConf` wants.

use serde_yaml::{Mapping, Value as Yaml};

use super::keys::Kind;
use crate::config::node::{Entry, Node, Value};
use crate::config::parse_bool;
use crate::config::problem::Problem;

/// Adds one key. Text becomes a number or a boolean only where Pingora wants one: `user: 1000` stays a name.
pub(super) fn add(
    server: &mut Mapping,
    key: &'static str,
    kind: Kind,
    entry: &Entry,
    problems: &mut Vec<Problem>,
) {
    if server.contains_key(key) {
        problems.push(Problem::error(&entry.key, format!("{:?} is given twice", entry.key)).at(entry.key_at));
        return;
    }
    match convert(&entry.node, kind) {
        Ok(Some(value)) => {
            server.insert(Yaml::from(key), value);
        }
        Ok(None) => {}
        Err(wanted) => {
            let found = match &entry.node.value {
                Value::Scalar(text) => format!("{text:?}"),
                _ => entry.node.kind().to_owned(),
            };
            problems.push(
                Problem::error(&entry.key, format!("expected {wanted}, found {found}")).at(entry.node.at),
            );
        }
    }
}

/// The value, or what was wanted; null drops the key, except where it means something to Pingora.
fn convert(node: &Node, kind: Kind) -> Result<Option<Yaml>, &'static str> {
    if node.is_null() {
        return Ok((kind == Kind::CountOrNull).then_some(Yaml::Null));
    }
    let value = match kind {
        Kind::Count | Kind::CountOrNull => number(node).map(Yaml::from).ok_or("a whole number from 0"),
        Kind::Positive => number(node)
            .filter(|number| *number > 0)
            .map(Yaml::from)
            .ok_or("a whole number from 1"),
        Kind::Switch => text(node)
            .and_then(parse_bool)
            .map(Yaml::from)
            .ok_or("true or false"),
        Kind::Text => text(node).map(Yaml::from).ok_or("a text"),
        Kind::Texts => texts(node).ok_or("a list of texts"),
    }?;
    Ok(Some(value))
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(text) => Some(text),
        _ => None,
    }
}

fn number(node: &Node) -> Option<u64> {
    text(node)?.parse().ok()
}

fn texts(node: &Node) -> Option<Yaml> {
    let Value::Seq(items) = &node.value else {
        return None;
    };
    let items: Option<Vec<Yaml>> = items.iter().map(|item| text(item).map(Yaml::from)).collect();
    items.map(Yaml::Sequence)
}
