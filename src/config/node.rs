//! The one tree every notation becomes: YAML, TOML, labels and annotations.
//!
//! A single value is text, as in Traefik's own decoder: what it means is decided by the type it is decoded into. Only
//! "nothing" (`null`, `~`, an empty YAML value) is told apart, because it drops its key.

use super::problem::Position;

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// First character of the value; [`Position::UNKNOWN`] when it came from no file.
    pub at: Position,
    /// The value.
    pub value: Value,
    /// Text given to the key itself although keys stand below it. Only labels can do both.
    pub own: Option<String>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Nothing: the key counts as absent.
    #[default]
    Null,
    /// A single value, as text.
    Scalar(String),
    /// A list.
    Seq(Vec<Node>),
    /// Keys and values, in the order written, without two equal keys.
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as written.
    pub key: String,
    /// First character of the key.
    pub key_at: Position,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// A node at a place.
    pub const fn new(at: Position, value: Value) -> Self {
        Self { at, value, own: None }
    }

    /// A single value that came from no file.
    pub fn scalar(text: impl Into<String>) -> Self {
        Self::new(Position::UNKNOWN, Value::Scalar(text.into()))
    }

    /// A list that came from no file.
    pub const fn seq(items: Vec<Self>) -> Self {
        Self::new(Position::UNKNOWN, Value::Seq(items))
    }

    /// Keys and values that came from no file.
    pub const fn map(entries: Vec<Entry>) -> Self {
        Self::new(Position::UNKNOWN, Value::Map(entries))
    }

    /// Is there nothing here?
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key, compared without regard to ASCII case.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(key))
            .map(|entry| &entry.node)
    }

    /// What this is, in people's words.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::Seq(_) => "a list",
            Value::Map(_) => "keys and values",
        }
    }
}

impl Entry {
    /// A key that came from no file.
    pub fn new(key: impl Into<String>, node: Node) -> Self {
        Self {
            key: key.into(),
            key_at: Position::UNKNOWN,
            node,
        }
    }
}
