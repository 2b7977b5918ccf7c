//! From the positioned tree to types: one serde deserializer that knows Traefik's rules once (traefik-providers 1.1, 2.1).
//!
//! | rule | here |
//! |---|---|
//! | keys of structs match in any case, keys of maps keep theirs | `access` |
//! | an unknown key is an error, with a guess at what was meant | `access` |
//! | null drops its key | `access` |
//! | an empty block is an error unless its type is [`AllowEmpty`](super::AllowEmpty) | `deserializer` |
//! | text where a list is wanted is split at commas | `deserializer` |
//! | numbers, booleans, durations from text | `scalar` |
//!
//! **All problems in one run.** A bad value is reported, and a stand-in of the wanted type lets decoding go on. When anything
//! was reported the tree is decoded again with the reported nodes treated as absent, so that the result is what the file
//! would mean without its mistakes; a node once reported is never looked at again, so nothing is reported twice.

mod access;
mod deserializer;
mod error;
mod path;
mod scalar;
mod state;

use serde::de::DeserializeOwned;

use super::node::Node;
use super::problem::Problem;
use deserializer::NodeDeserializer;
use path::Path;
use state::State;

/// Problems reported by one call at most; a file with more is beyond reading anyway.
pub const MAX_PROBLEMS: usize = 100;

/// Decodes a tree.
///
/// `base` is the key path of `node` itself (`http.services.app`, or empty for a root); problems are appended in file order.
/// What comes back is the configuration without the reported parts: use it only if no error was added.
pub fn decode<T: DeserializeOwned + Default>(node: &Node, base: &str, problems: &mut Vec<Problem>) -> T {
    let state = State::default();
    let path = Path::root(base);
    let result = passes(node, &path, &state);
    problems.extend(state.into_problems());
    result
}

/// Decodes until a pass finds nothing new. Each pass but the last reports at least one node, so there are few.
fn passes<T: DeserializeOwned + Default>(node: &Node, path: &Path<'_>, state: &State) -> T {
    loop {
        let before = state.reported();
        let deserializer = NodeDeserializer::root(node, path, state);
        if state.is_broken(deserializer.id) {
            return T::default();
        }
        let result = T::deserialize(deserializer).map_err(|error| state.blame(&deserializer, error));
        match result {
            Ok(value) if state.reported() == before => return value,
            _ if state.reported() == before || state.is_full() => return T::default(),
            _ => {}
        }
    }
}
