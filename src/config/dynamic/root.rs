//! Root keys of a dynamic file: which are ours, which belong to the static configuration, which are nobody's.

use crate::config::decode::MAX_PROBLEMS;
use crate::config::install::keys;
use crate::config::node::{Entry, Node, Value};
use crate::config::problem::{Problem, did_you_mean};

/// The root keys of the dynamic configuration.
pub const DYNAMIC_KEYS: &[&str] = &["http", "tcp", "udp", "tls"];

/// Is this a root key of the dynamic configuration, in any case?
pub fn is_dynamic(key: &str) -> bool {
    DYNAMIC_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// The tree with the dynamic keys alone. Traefik skips all others without a word; a key that nobody knows is worth one,
/// because `https:` or `serivces:` would otherwise remove every route in silence.
pub(super) fn of_dynamic(root: Node, problems: &mut Vec<Problem>) -> Node {
    let entries = match root.value {
        Value::Map(entries) => entries,
        Value::Null => Vec::new(),
        _ => {
            let message = format!(
                "expected {} at the top, found {}",
                DYNAMIC_KEYS.join(", "),
                root.kind()
            );
            problems.push(Problem::error("", message).at(root.at));
            Vec::new()
        }
    };
    let (ours, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| is_dynamic(&entry.key));
    let nobodys_keys = others.iter().filter(|entry| !keys::is_static(&entry.key));
    problems.extend(nobodys_keys.take(MAX_PROBLEMS).map(nobodys));
    Node::new(root.at, Value::Map(ours))
}

fn nobodys(entry: &Entry) -> Problem {
    let hint = match did_you_mean(&entry.key, DYNAMIC_KEYS.iter().copied().chain(keys::all_static())) {
        Some(guess) => format!("did you mean {guess:?}?"),
        None => format!("known at the top: {}", DYNAMIC_KEYS.join(", ")),
    };
    Problem::warning(&entry.key, format!("unknown key {:?} is ignored", entry.key))
        .at(entry.key_at)
        .hint(hint)
}
