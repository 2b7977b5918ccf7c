//! YAML to the positioned tree, bounded in size, depth and expansion.
//!
//! Read as Go's `yaml.v3` reads for Traefik: merge keys (`<<`) count, a key given twice is an error, tags say nothing except
//! `!!str` and `!!null`. One difference: `yaml.v3` takes the first of several documents and drops the others in silence;
//! here that is an error.

mod builder;
mod mapping;

use saphyr_parser::{Event, Parser, ScanError, Span};

use super::node::Node;
use super::problem::{Position, Problem};
use super::text;
use builder::Builder;

/// Levels of lists and maps within each other, after aliases are expanded.
pub const MAX_DEPTH: usize = 64;
/// Nodes of a document, after aliases are expanded.
pub const MAX_NODES: usize = 1_000_000;
/// Bytes of keys and values that aliases and anchors may add.
pub const MAX_EXPANDED_BYTES: usize = 64 * 1024 * 1024;

/// Reads a YAML text. An empty one, or one of comments alone, is null.
///
/// Errors: too big, not UTF-8, binary, not YAML, more than one document, or beyond the bounds above.
pub fn parse(bytes: &[u8]) -> Result<Node, Problem> {
    let text = text::of_bytes(bytes)?;
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(text, &error))?;
        feed(&mut builder, event, span)?;
    }
    Ok(builder.finish())
}

fn feed(builder: &mut Builder, event: Event<'_>, span: Span) -> Result<(), Problem> {
    let at = position(span);
    match event {
        Event::Scalar(value, style, anchor, tag) => builder.scalar(at, &value, style, anchor, tag.as_deref()),
        Event::Alias(anchor) => builder.alias(at, anchor),
        Event::SequenceStart(anchor, _) => builder.open_sequence(at, anchor),
        Event::MappingStart(anchor, _) => builder.open_mapping(at, anchor),
        Event::SequenceEnd | Event::MappingEnd => builder.close(),
        Event::Nothing
        | Event::StreamStart
        | Event::StreamEnd
        | Event::DocumentStart(_)
        | Event::DocumentEnd => Ok(()),
    }
}

fn position(span: Span) -> Position {
    from_zero_column(span.start.line(), span.start.col())
}

/// The parser counts lines from 1 and columns from 0.
fn from_zero_column(line: usize, column: usize) -> Position {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position::new(number(line.max(1)), number(column.saturating_add(1)))
}

fn syntax(text: &str, error: &ScanError) -> Problem {
    let at = from_zero_column(error.marker().line(), error.marker().col());
    Problem::error("", format!("not valid YAML: {}", error.info()))
        .at(at)
        .maybe_hint(guess(text, at, error.info()).map(str::to_owned))
}

/// The mistakes people make, looked for around the place where the parser gave up, then by what it says.
fn guess(text: &str, at: Position, info: &str) -> Option<&'static str> {
    let line = at.line as usize;
    let mut near = text
        .lines()
        .skip(line.saturating_sub(2))
        .take(2)
        .map(|line| line.trim_start_matches(' '));
    if near.clone().any(|line| line.starts_with('\t')) {
        return Some("a line begins with a tab; YAML is indented with spaces");
    }
    if near.any(|line| {
        line.split_once(": ")
            .map_or(line, |(_, value)| value.trim_start())
            .starts_with(['`', '@', '%'])
    }) {
        return Some("a value that begins with `, @ or % stands in quotes");
    }
    SAID.iter()
        .find(|(said, _)| info.contains(said))
        .map(|(_, hint)| *hint)
}

/// What the parser says, and what is mostly behind it.
const SAID: &[(&str, &str)] = &[
    (
        "did not find expected key",
        "look at the indentation of this line and of the one before",
    ),
    (
        "mapping values are not allowed",
        "look for a colon without a space behind it, or for a value with a colon that wants quotes",
    ),
    ("unexpected end of stream", "a quote is not closed"),
    (
        "expected ',' or",
        "a bracket is not closed, or a comma is missing",
    ),
    (
        "unknown anchor",
        "an alias (*name) stands behind its anchor (&name); a value that begins with * stands in quotes",
    ),
];
