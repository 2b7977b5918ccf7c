//! From the positioned tree to types: one serde deserializer that knows Traefik's rules once (traefik-providers 1.1, 2.1).
//!
//! Labels mean the same as a file but for what the modules `dialect` and `labels` hold.
//!
//! | rule | here |
//! |---|---|
//! | keys of structs match in any case, keys of maps keep theirs | `access` |
//! | an unknown key is an error, with a guess at what was meant | `access` |
//! | null drops its key | `access` |
//! | an empty block is an error unless its type is [`AllowEmpty`](super::AllowEmpty) | `deserializer` |
//! | text where a list is wanted is split at commas | `deserializer` |
//! | numbers, booleans, durations from text | `scalar` |
//! | keys that count only in files or only in labels | `dialect` |
//! | shapes that only labels have | `labels` |
//!
//! **All problems in one run.** A bad value is reported, and a stand-in of the wanted type lets decoding go on. When anything
//! was reported the tree is decoded again with the reported nodes treated as absent, so that the result is what the file
//! would mean without its mistakes; a node once reported is never looked at again, so nothing is reported twice.

mod access;
mod deserializer;
mod dialect;
mod error;
mod labels;
mod path;
mod scalar;
mod state;

use serde::de::DeserializeOwned;

use super::node::Node;
use super::problem::Problem;
use deserializer::NodeDeserializer;
use dialect::Dialect;
use path::Path;
use state::State;

/// Problems reported by one call at most; a file with more is beyond reading anyway.
pub const MAX_PROBLEMS: usize = 100;

/// Decodes a tree that came from a file.
///
/// `base` is the key path of `node` itself (`http.services.app`, or empty for a root); problems are appended in file order.
/// What comes back is the configuration without the reported parts: use it only if no error was added.
pub fn decode<T: DeserializeOwned + Default>(node: &Node, base: &str, problems: &mut Vec<Problem>) -> T {
    decode_in(Dialect::File, node, base, problems)
}

/// Decodes a tree that came from labels; see [`labels`](super::labels) for what it looks like.
pub(super) fn decode_labels<T: DeserializeOwned + Default>(
    node: &Node,
    base: &str,
    problems: &mut Vec<Problem>,
) -> T {
    decode_in(Dialect::Labels, node, base, problems)
}

fn decode_in<T: DeserializeOwned + Default>(
    dialect: Dialect,
    node: &Node,
    base: &str,
    problems: &mut Vec<Problem>,
) -> T {
    let state = State::new(dialect);
    let path = Path::root(base);
    let result = passes(node, &path, &state);
    problems.extend(state.into_problems());
    result
}

/// Keeps as many problems as one call reports, and says so.
pub(super) fn cut(problems: &mut Vec<Problem>) {
    if problems.len() > MAX_PROBLEMS {
        problems.truncate(MAX_PROBLEMS);
        problems.push(too_many());
    }
}

fn too_many() -> Problem {
    Problem::error(
        "",
        format!("more than {MAX_PROBLEMS} problems; the others are not shown"),
    )
}

/// Decodes until a pass finds nothing new. Each pass but the last drops at least one node for good, and one that drops
/// nodes without reporting any is the last but one, so there are few.
fn passes<T: DeserializeOwned + Default>(node: &Node, path: &Path<'_>, state: &State) -> T {
    loop {
        let before = state.dropped();
        let deserializer = NodeDeserializer::root(node, path, state);
        if state.is_broken(deserializer.id) {
            return T::default();
        }
        let result = T::deserialize(deserializer).map_err(|error| state.blame(&deserializer, error));
        match result {
            Ok(value) if state.dropped() == before => return value,
            _ if state.dropped() == before || state.is_full() => return T::default(),
            _ => {}
        }
    }
}
