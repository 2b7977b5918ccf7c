//! Events to nodes, with a stack of its own: how deep a text nests is the text's business, not the thread's.

use std::collections::HashMap;

use saphyr_parser::{ScalarStyle, Tag};

use super::mapping::Mapping;
use super::{MAX_DEPTH, MAX_EXPANDED_BYTES, MAX_NODES};
use crate::config::node::{Node, Value};
use crate::config::problem::{Position, Problem};

/// What is under construction.
#[derive(Debug, Default)]
pub(super) struct Builder {
    open: Vec<Frame>,
    /// Finished nodes that have an anchor, by the parser's number for it.
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
    expanded_bytes: usize,
}

#[derive(Debug)]
struct Frame {
    at: Position,
    anchor: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

impl Builder {
    /// The document; null when there was none.
    pub(super) fn finish(self) -> Node {
        self.root.unwrap_or_default()
    }

    pub(super) fn scalar(
        &mut self,
        at: Position,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Problem> {
        self.count(at, 1)?;
        let is_null = is_null(text, style, tag);
        if !is_null {
            self.refuse_second_document(at)?;
        }
        if let Some(Frame {
            content: Content::Mapping(mapping),
            ..
        }) = self.open.last_mut()
            && mapping.wants_key()
        {
            let merges = text == "<<" && style == ScalarStyle::Plain && tag.is_none();
            mapping.key(at, text, merges);
            // A key may be an anchor as well.
            return self.remember(anchor, || Node::new(at, Value::Scalar(text.to_owned())));
        }
        let value = if is_null {
            Value::Null
        } else {
            Value::Scalar(text.to_owned())
        };
        self.add(anchor, Node::new(at, value))
    }

    pub(super) fn open_sequence(&mut self, at: Position, anchor: usize) -> Result<(), Problem> {
        self.open(at, anchor, Content::Sequence(Vec::new()))
    }

    pub(super) fn open_mapping(&mut self, at: Position, anchor: usize) -> Result<(), Problem> {
        self.open(at, anchor, Content::Mapping(Mapping::default()))
    }

    fn open(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), Problem> {
        self.count(at, 1)?;
        self.refuse_second_document(at)?;
        self.refuse_as_key(at)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.open.push(Frame { at, anchor, content });
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let value = match frame.content {
            Content::Sequence(items) => Value::Seq(items),
            Content::Mapping(mapping) => Value::Map(mapping.finish()?),
        };
        self.add(frame.anchor, Node::new(frame.at, value))
    }

    /// Puts a copy of the anchored node here. It keeps its place: that is where its text is.
    pub(super) fn alias(&mut self, at: Position, anchor: usize) -> Result<(), Problem> {
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "an alias of a node that it is itself a part of";
            return Err(Problem::error("", message).at(at));
        };
        let size = Size::of(node);
        if self.open.len() + size.depth > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.spend(at, &size)?;
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Ok(());
        };
        if let Some(Frame {
            content: Content::Mapping(mapping),
            ..
        }) = self.open.last_mut()
            && mapping.wants_key()
        {
            let Value::Scalar(text) = node.value else {
                return Err(not_a_key(at));
            };
            mapping.key(at, &text, false);
            return Ok(());
        }
        self.add(0, node)
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, anchor: usize, node: Node) -> Result<(), Problem> {
        if anchor > 0 {
            self.spend(node.at, &Size::of(&node))?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|frame| &mut frame.content) {
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping(mapping)) => mapping.value(node)?,
            // Later documents are null here; the first one counts.
            None => {
                self.root.get_or_insert(node);
            }
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: impl FnOnce() -> Node) -> Result<(), Problem> {
        if anchor > 0 {
            let node = node();
            self.spend(node.at, &Size::of(&node))?;
            self.anchors.insert(anchor, node);
        }
        Ok(())
    }

    // === bounds ===

    fn count(&mut self, at: Position, nodes: usize) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(too_many(at));
        }
        Ok(())
    }

    /// Pays for a copy before it is made.
    fn spend(&mut self, at: Position, size: &Size) -> Result<(), Problem> {
        self.count(at, size.nodes)?;
        self.expanded_bytes = self.expanded_bytes.saturating_add(size.bytes);
        if self.expanded_bytes > MAX_EXPANDED_BYTES {
            return Err(too_many(at));
        }
        Ok(())
    }

    fn refuse_second_document(&self, at: Position) -> Result<(), Problem> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(
                Problem::error("", "a second YAML document begins here; only one is allowed")
                    .at(at)
                    .hint(
                        "Traefik would drop it in silence: join the documents, or use a directory of files",
                    ),
            );
        }
        Ok(())
    }

    fn refuse_as_key(&self, at: Position) -> Result<(), Problem> {
        match self.open.last().map(|frame| &frame.content) {
            Some(Content::Mapping(mapping)) if mapping.wants_key() => Err(not_a_key(at)),
            _ => Ok(()),
        }
    }
}

/// How much a node is.
struct Size {
    nodes: usize,
    bytes: usize,
    /// Levels of lists and maps; 0 for a single value.
    depth: usize,
}

impl Size {
    /// Walks a finished node; those are at most [`MAX_DEPTH`] deep.
    fn of(node: &Node) -> Self {
        let mut size = Self {
            nodes: 1,
            bytes: 0,
            depth: 0,
        };
        match &node.value {
            Value::Null => {}
            Value::Scalar(text) => size.bytes = text.len(),
            Value::Seq(items) => {
                size.depth = 1;
                items.iter().for_each(|item| size.include(&Self::of(item)));
            }
            Value::Map(entries) => {
                size.depth = 1;
                for entry in entries {
                    size.bytes += entry.key.len();
                    size.include(&Self::of(&entry.node));
                }
            }
        }
        size
    }

    fn include(&mut self, part: &Self) {
        self.nodes += part.nodes;
        self.bytes += part.bytes;
        self.depth = self.depth.max(part.depth + 1);
    }
}

/// Null is plain and says so, or is tagged so; anything in quotes is text.
fn is_null(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => tag.suffix == "null",
        Some(tag) if tag.handle == "!" || tag.handle.is_empty() => false,
        _ => style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL"),
    }
}

fn too_deep(at: Position) -> Problem {
    Problem::error(
        "",
        format!("lists and maps are nested more than {MAX_DEPTH} levels deep"),
    )
    .at(at)
}

fn too_many(at: Position) -> Problem {
    let message = format!(
        "the document is too big: more than {MAX_NODES} values, or too much text, once aliases are expanded"
    );
    Problem::error("", message).at(at)
}

fn not_a_key(at: Position) -> Problem {
    Problem::error("", "a list or a map cannot be a key").at(at)
}
