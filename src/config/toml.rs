//! TOML to the positioned tree.

use ::toml::Spanned;
use ::toml::de::{DeInteger, DeTable, DeValue, Error};

use super::node::{Entry, Node, Value};
use super::problem::{Position, Problem};
use super::text;
use super::yaml::MAX_NODES;

/// Reads a TOML text. Dates and times become the text they are.
///
/// Errors: too big, not UTF-8, binary, or not TOML. The parser itself bounds how deep a text may nest, and TOML has no
/// aliases, so it is enough to bound what may stand in the text.
pub fn parse(bytes: &[u8]) -> Result<Node, Problem> {
    let text = text::of_bytes(bytes)?;
    if values_at_most(text) > MAX_NODES {
        let message = format!("the document is too big: it may hold more than {MAX_NODES} values");
        return Err(Problem::error("", message));
    }
    let places = Places::of(text);
    let root = DeTable::parse(text).map_err(|error| syntax(&places, &error))?;
    Ok(Node::new(Position::new(1, 1), table(root.into_inner(), &places)))
}

/// No value is without one of these characters before it or behind it.
fn values_at_most(text: &str) -> usize {
    text.bytes()
        .filter(|byte| matches!(byte, b'=' | b',' | b'['))
        .count()
}

fn syntax(places: &Places<'_>, error: &Error) -> Problem {
    // The parser's message may hold several lines.
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = Problem::error("", format!("not valid TOML: {message}"));
    match error.span() {
        Some(span) => problem.at(places.at(span.start)),
        None => problem,
    }
}

/// The entries in the order written: the parser sorts them by name.
fn table(table: DeTable<'_>, places: &Places<'_>) -> Value {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| {
            let key_at = places.at(key.span().start);
            let node = node(value, key_at, places);
            Entry {
                key: key.into_inner().into_owned(),
                key_at,
                node,
            }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_at);
    Value::Map(entries)
}

/// `key_at` stands for tables, which begin where their header is, not where the first value is.
fn node(value: Spanned<DeValue<'_>>, key_at: Position, places: &Places<'_>) -> Node {
    let at = places.at(value.span().start);
    match value.into_inner() {
        DeValue::String(text) => Node::new(at, Value::Scalar(text.into_owned())),
        DeValue::Integer(integer) => Node::new(at, Value::Scalar(decimal(&integer))),
        DeValue::Float(float) => Node::new(at, Value::Scalar(float.as_str().to_owned())),
        DeValue::Boolean(value) => Node::new(at, Value::Scalar(value.to_string())),
        DeValue::Datetime(datetime) => Node::new(at, Value::Scalar(datetime.to_string())),
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| {
                let item_at = places.at(item.span().start);
                node(item, item_at, places)
            });
            Node::new(at, Value::Seq(items.collect()))
        }
        DeValue::Table(entries) => Node::new(key_at, table(entries, places)),
    }
}

/// Decimal digits, whatever base was written; what does not fit stays as written and is refused by its type.
fn decimal(integer: &DeInteger<'_>) -> String {
    i128::from_str_radix(integer.as_str(), integer.radix())
        .map_or_else(|_| integer.to_string(), |number| number.to_string())
}

/// Byte offsets to places, without counting from the start each time: a line may be the whole text.
struct Places<'t> {
    text: &'t [u8],
    /// Where each line begins.
    lines: Vec<usize>,
    /// Characters before every [`STRIDE`]th byte.
    characters: Vec<usize>,
}

const STRIDE: usize = 1024;

impl<'t> Places<'t> {
    fn of(text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let mut before = 0;
        let characters = text.as_bytes().chunks(STRIDE).map(|chunk| {
            let here = before;
            before += characters_in(chunk);
            here
        });
        Self {
            text: text.as_bytes(),
            characters: characters.collect(),
            lines: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    fn at(&self, byte: usize) -> Position {
        let byte = byte.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self
            .characters_before(byte)
            .saturating_sub(self.characters_before(start))
            + 1;
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position::new(number(line), number(column))
    }

    fn characters_before(&self, byte: usize) -> usize {
        let Some(known) = self.characters.get(byte / STRIDE) else {
            return self.text.get(..byte).map_or(0, characters_in);
        };
        let from = byte / STRIDE * STRIDE;
        known + self.text.get(from..byte).map_or(0, characters_in)
    }
}

/// A character starts at every byte that does not continue one.
fn characters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}
