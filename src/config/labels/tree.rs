//! Names to the tree: labels that begin alike share their nodes.

use crate::config::decode::MAX_PROBLEMS;
use crate::config::node::{Entry, Node, Value};
use crate::config::problem::Problem;

/// One label.
#[derive(Debug)]
pub(super) struct Label<'l> {
    /// Its place among all labels, by the bytes of their keys.
    rank: usize,
    key: &'l str,
    parts: Vec<&'l str>,
    /// The parts as they are compared: without case.
    folded: Vec<String>,
    value: &'l str,
}

impl<'l> Label<'l> {
    pub(super) fn new(rank: usize, key: &'l str, parts: Vec<&'l str>, value: &'l str) -> Self {
        Self {
            rank,
            key,
            folded: parts.iter().map(|part| folded(part)).collect(),
            parts,
            value,
        }
    }
}

/// The tree below the root. A name keeps the spelling of its first label; of the same label in several spellings the last
/// one counts, as in Traefik.
pub(super) fn of(mut labels: Vec<Label<'_>>, problems: &mut Vec<Problem>) -> Node {
    // Labels of one node stand together then, its own first.
    labels.sort_by(|a, b| a.folded.cmp(&b.folded));
    node(&labels, 0, problems)
}

/// The node that these labels share, `depth` levels below the root; at most as deep as a label may be.
fn node(labels: &[Label<'_>], depth: usize, problems: &mut Vec<Problem>) -> Node {
    let own = labels.partition_point(|label| label.parts.len() <= depth);
    let (own, below) = labels.split_at_checked(own).unwrap_or((labels, &[]));
    let text = own.split_last().map(|(last, others)| {
        let room = MAX_PROBLEMS.saturating_sub(problems.len());
        problems.extend(others.iter().take(room).map(|other| overruled(other, last)));
        last.value.to_owned()
    });
    if below.is_empty() {
        return text.map(Node::scalar).unwrap_or_default();
    }
    let mut entries: Vec<(usize, Entry)> = below
        .chunk_by(|a, b| a.folded.get(depth) == b.folded.get(depth))
        .filter_map(|group| {
            let first = group.iter().min_by_key(|label| label.rank)?;
            let name = *first.parts.get(depth)?;
            Some((first.rank, Entry::new(name, node(group, depth + 1, problems))))
        })
        .collect();
    entries.sort_by_key(|(rank, _)| *rank);
    let entries = entries.into_iter().map(|(_, entry)| entry).collect();
    Node {
        value: Value::Map(entries),
        own: text,
        ..Node::default()
    }
}

fn overruled(label: &Label<'_>, by: &Label<'_>) -> Problem {
    Problem::warning(
        label.key,
        "the label has no effect: it is given again in other letters",
    )
    .hint(format!("{} counts", by.key))
}

/// Without case, letter by letter as Go's `EqualFold`, as near as the standard library comes to it.
fn folded(text: &str) -> String {
    text.chars().map(folded_letter).collect()
}

fn folded_letter(letter: char) -> char {
    // It has a capital that is another letter's: Go holds the two apart.
    if letter == '\u{131}' {
        return letter;
    }
    let capital = single(letter.to_uppercase()).unwrap_or(letter);
    single(capital.to_lowercase()).unwrap_or(capital)
}

/// The letter, if it is one.
fn single(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}
