//! Labels to the one tree, and so to types (traefik-providers 2.1).
//!
//! | rule | here |
//! |---|---|
//! | which labels are looked at, how many, in which order | this file |
//! | dots, brackets, the root | `grammar` |
//! | names in any case, order of lists | `tree` |
//! | `server`, values without effect, blocks switched off | [`decode`], in the dialect of labels |
//!
//! Lists are maps in this tree, with the keys `[0]`, `[10]`, `[2]` in the order of their labels: what is a list only the
//! wanted type knows, and the number is a name and no index.

mod grammar;
mod tree;

use serde::de::DeserializeOwned;

use super::decode;
use super::problem::Problem;
use tree::Label;

/// Labels looked at.
pub const MAX_LABELS: usize = 10_000;
/// Bytes of one key.
pub const MAX_KEY_BYTES: usize = 4096;
/// Bytes of all keys and values together. Traefik has no bounds; Kubernetes allows a quarter of this for annotations.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Levels below the root.
pub const MAX_DEPTH: usize = 64;

/// Reads the labels that begin with one of `prefixes`, in any case, as one value below `traefik`.
///
/// A prefix is plain text: `traefik.enable` takes `traefik.enabled` too, which is an unknown key then. Problems name the
/// label as written in `key_path`. When one of them is an error, nothing of the value may be used.
pub fn read<'l, T: DeserializeOwned + Default>(
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    prefixes: &[&str],
) -> (T, Vec<Problem>) {
    read_below("traefik", labels, prefixes)
}

fn read_below<'l, T: DeserializeOwned + Default>(
    root: &str,
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    prefixes: &[&str],
) -> (T, Vec<Problem>) {
    let labels = match chosen(labels, prefixes) {
        Ok(labels) if labels.is_empty() => return (T::default(), Vec::new()),
        Ok(labels) => labels,
        Err(problem) => return (T::default(), vec![problem]),
    };
    let mut problems = Vec::new();
    let mut parsed = Vec::with_capacity(labels.len());
    for (rank, (key, value)) in labels.iter().enumerate() {
        match grammar::parts(root, key) {
            Ok(parts) => parsed.push(Label::new(rank, key, parts, value)),
            Err(problem) => problems.push(problem),
        }
    }
    decode::cut(&mut problems);
    let node = tree::of(parsed, &mut problems);
    let mut decoded = Vec::new();
    let value = decode::decode_labels(&node, root, &mut decoded);
    problems.extend(decoded.into_iter().map(|problem| as_written(problem, &labels)));
    (value, problems)
}

/// The labels to look at, by the bytes of their keys: that order decides which spelling and which item comes first.
fn chosen<'l>(
    labels: impl IntoIterator<Item = (&'l str, &'l str)>,
    prefixes: &[&str],
) -> Result<Vec<(&'l str, &'l str)>, Problem> {
    let begins = |key: &str, prefix: &str| {
        key.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let mut chosen: Vec<(&str, &str)> = labels
        .into_iter()
        .filter(|(key, _)| prefixes.iter().any(|prefix| begins(key, prefix)))
        // One more is enough to know that there are too many.
        .take(MAX_LABELS + 1)
        .collect();
    if chosen.len() > MAX_LABELS {
        return Err(Problem::error("", format!("more than {MAX_LABELS} labels")));
    }
    let bytes: usize = chosen.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        let message = format!("the labels have {bytes} bytes; {MAX_BYTES} are allowed");
        return Err(Problem::error("", message));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

/// The same problem, with the letters of the label that it is about: in the tree a key has one spelling for all labels.
fn as_written(problem: Problem, labels: &[(&str, &str)]) -> Problem {
    let path = problem.key_path.as_str();
    let begins = |key: &str| {
        let (start, rest) = key.split_at_checked(path.len())?;
        start.eq_ignore_ascii_case(path).then(|| rest.chars().next())
    };
    let is_whole = |(key, _): &&(&str, &str)| begins(key) == Some(None);
    let is_below = |(key, _): &&(&str, &str)| matches!(begins(key), Some(Some('.' | '[')));
    // Of two spellings of one label the last one counts.
    let label = labels
        .iter()
        .rfind(is_whole)
        .or_else(|| labels.iter().find(is_below));
    match label.and_then(|(key, _)| key.get(..path.len())) {
        Some(written) => problem.about(written),
        None => problem,
    }
}
