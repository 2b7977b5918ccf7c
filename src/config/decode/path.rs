//! Where in the tree decoding stands, as a chain of stack frames: free until a problem asks for the text.

/// One step down from the root.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    /// The start: a key path of its own, empty at the root of a file.
    pub(super) const fn root(base: &'p str) -> Self {
        Self {
            parent: None,
            step: Step::Key(base),
        }
    }

    /// Below a key.
    pub(super) const fn key(&'p self, key: &'p str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// In a list, counted from 0.
    pub(super) const fn index(&'p self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    /// `http.services.app.loadBalancer.servers[1].url`
    pub(super) fn text(&self) -> String {
        let mut text = self.parent.map(Path::text).unwrap_or_default();
        match self.step {
            Step::Key(key) => {
                // Labels name the items of a list: `domains[0]`.
                let is_item = key.starts_with('[') && key.ends_with(']');
                if !text.is_empty() && !key.is_empty() && !is_item {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Index(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
        }
        text
    }

    /// The last key of the block that this stands in.
    pub(super) fn key_above(&self) -> &str {
        self.parent.map_or("", Path::last_key)
    }

    /// The last key, for messages: `servers` for `servers[1]`.
    pub(super) fn last_key(&self) -> &str {
        match (self.step, self.parent) {
            (Step::Key(key), _) => key.rsplit('.').next().unwrap_or(key),
            (Step::Index(_), Some(parent)) => parent.last_key(),
            (Step::Index(_), None) => "",
        }
    }
}
