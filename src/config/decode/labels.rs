//! What labels do and no file can: a value and keys for one block, names for the items of a list, texts in place of blocks.

use serde::de::{DeserializeSeed, SeqAccess, Visitor};

use super::access::value_of;
use super::deserializer::{NodeDeserializer, Place, is_presence};
use super::error::Error;
use super::scalar;
use super::state::id_of;
use crate::config::node::Entry;
use crate::config::problem::Problem;

/// The items of a list in labels: each has a name, whose number means nothing.
pub(super) struct NamedItemAccess<'a> {
    list: NodeDeserializer<'a>,
    entries: std::slice::Iter<'a, Entry>,
}

impl<'a> NamedItemAccess<'a> {
    pub(super) fn new(list: NodeDeserializer<'a>, entries: &'a [Entry]) -> Self {
        let entries = entries.iter();
        Self { list, entries }
    }
}

impl<'de> SeqAccess<'de> for NamedItemAccess<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let list = self.list;
        let counts = |entry: &&Entry| !list.state.is_broken(id_of(&entry.node));
        let Some(entry) = self.entries.by_ref().find(counts) else {
            return Ok(None);
        };
        let value = value_of(&list, Some(entry), Place::Named, seed)?;
        if counts(&entry) {
            list.note_own_value();
        }
        Ok(Some(value))
    }
}

/// The one item of a list that labels write without a list.
pub(super) struct OneItem<'a>(pub(super) Option<NodeDeserializer<'a>>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.0.take().map(|item| seed.deserialize(item)).transpose()
    }
}

impl<'a> NodeDeserializer<'a> {
    /// Drops this node with a warning.
    fn drop_without_effect(&self, hint: String) {
        if self.is_idle {
            self.state.hide(self.id);
        } else {
            self.state.report(self.id, || {
                Problem::warning(self.path.text(), "this has no effect in a label").hint(hint)
            });
        }
    }

    /// In labels: says that the value of a key with keys below it has no effect.
    pub(super) fn note_own_value(&self) {
        if let Some(own) = &self.node.own {
            self.note_value(own, "what stands below it counts");
        }
    }

    /// Says that the text of a block has no effect, and not what it is: it may be a password in the wrong place.
    fn note_value(&self, text: &str, hint: &str) {
        if !self.is_idle && !is_presence(text) {
            self.state.note(self.id, || {
                Problem::warning(self.path.text(), "the value has no effect: this is a block").hint(hint)
            });
        }
    }

    /// In labels: a single value in place of a block that is no field. Traefik drops it; what is left is an empty block,
    /// or nothing where it stands for a whole list.
    pub(super) fn bare_label(&self, text: &str, children: &[&'static str]) {
        let listed = scalar::listed(children);
        match self.place {
            Place::Part => {
                let first = children.first().copied().unwrap_or_default();
                self.drop_without_effect(format!("write {}[0].{first}=...", self.path.last_key()));
            }
            Place::Named => {
                let list = self.path.key_above();
                self.note_value(text, &format!("write {listed} below {list}[0]"));
            }
            _ => self.note_value(text, &format!("write {listed} below it")),
        }
    }

    /// In labels: `tls=false` with `tls.options=x`.
    pub(super) fn is_switched_off(&self) -> bool {
        self.node.own.as_deref().is_some_and(|own| !is_presence(own))
    }

    /// A block switched off: what stands below it is looked at, and the block counts as absent from the next pass on.
    pub(super) fn switched_off<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_some(Self {
            place: Place::Item,
            is_idle: true,
            ..self
        })?;
        self.state.hide(self.id);
        Ok(value)
    }

    /// The items of a list in labels. Those of a list of single values are errors; the list's own text is its value.
    pub(super) fn named_items<'de, V: Visitor<'de>>(
        self,
        entries: &'a [Entry],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let counts = |entry: &Entry| !self.state.is_broken(id_of(&entry.node));
        if entries.iter().any(counts) {
            return visitor.visit_seq(NamedItemAccess::new(self, entries));
        }
        self.split(self.node.own.as_deref().unwrap_or_default(), visitor)
    }
}

/// Does Traefik take this for a list where it knows no type? The first key decides.
pub(super) fn begins_a_list(entries: &[Entry]) -> bool {
    entries.first().is_some_and(|entry| entry.key.starts_with('['))
}
