//! Walking into lists, maps and structs.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess};

use super::deserializer::{NodeDeserializer, Place};
use super::error::Error;
use super::state::{Id, id_of};
use crate::config::node::{Entry, Node};
use crate::config::problem::{Position, Problem, did_you_mean};
use crate::config::secret;

/// Keys of earlier versions of Traefik, by the struct they stood in, and what is written today.
const RENAMED: &[(&str, &str, &str)] = &[
    ("Docker", "swarmMode", "that was Traefik 2; use providers.swarm"),
    (
        "Docker",
        "swarmModeRefreshSeconds",
        "that was Traefik 2; use refreshSeconds of providers.swarm",
    ),
];

/// An empty list.
pub(super) struct EmptySeq;

impl<'de> SeqAccess<'de> for EmptySeq {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, _seed: S) -> Result<Option<S::Value>, Error> {
        Ok(None)
    }
}

/// An empty block.
pub(super) struct EmptyMap;

impl<'de> MapAccess<'de> for EmptyMap {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, _seed: S) -> Result<Option<S::Value>, Error> {
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, _seed: S) -> Result<S::Value, Error> {
        Err(Error::Said("a value without its key".to_owned()))
    }
}

/// The items of a list.
pub(super) struct ItemAccess<'a> {
    list: NodeDeserializer<'a>,
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
    /// Whom to blame for all items together, when they are parts of one text.
    blamed: Option<Id>,
}

impl<'a> ItemAccess<'a> {
    pub(super) fn new(list: NodeDeserializer<'a>, items: &'a [Node]) -> Self {
        Self {
            list,
            items: items.iter().enumerate(),
            blamed: None,
        }
    }

    pub(super) fn split_from(list: NodeDeserializer<'a>, items: &'a [Node]) -> Self {
        Self {
            blamed: Some(list.id),
            ..Self::new(list, items)
        }
    }
}

impl<'de> SeqAccess<'de> for ItemAccess<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let place = self.blamed.map_or(Place::Item, |_| Place::Part);
        for (index, node) in self.items.by_ref() {
            // A label is one text, and its problems name it.
            let path = if self.list.state.in_labels() {
                *self.list.path
            } else {
                self.list.path.index(index)
            };
            let item = NodeDeserializer {
                node,
                id: self.blamed.unwrap_or_else(|| id_of(node)),
                place,
                path: &path,
                ..self.list
            };
            if self.blamed.is_none() && item.state.is_broken(item.id) {
                continue;
            }
            if node.is_null() {
                item.report("this item of the list is empty", Some("remove it".to_owned()));
                continue;
            }
            let value = seed
                .deserialize(item)
                .map_err(|error| item.state.blame(&item, error))?;
            return Ok(Some(value));
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a map: any key, kept as written.
pub(super) struct KeyAccess<'a> {
    map: NodeDeserializer<'a>,
    entries: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'a> KeyAccess<'a> {
    pub(super) fn new(map: NodeDeserializer<'a>, entries: &'a [Entry]) -> Self {
        Self {
            map,
            entries: entries.iter(),
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for KeyAccess<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let state = self.map.state;
        let counts = |entry: &&Entry| !entry.node.is_null() && !state.is_broken(id_of(&entry.node));
        self.current = self.entries.by_ref().find(counts);
        match self.current {
            Some(entry) => seed.deserialize(text(&entry.key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        value_of(&self.map, self.current.take(), Place::Item, seed)
    }
}

/// The entries of a struct: keys it knows, in any case.
pub(super) struct StructAccess<'a> {
    map: NodeDeserializer<'a>,
    entries: std::slice::Iter<'a, Entry>,
    name: &'static str,
    fields: &'static [&'static str],
    /// Fields met, with the place of their keys.
    met: Vec<(&'static str, Position)>,
    current: Option<(&'a Entry, &'static str)>,
}

impl<'a> StructAccess<'a> {
    pub(super) fn new(
        map: NodeDeserializer<'a>,
        entries: &'a [Entry],
        name: &'static str,
        fields: &'static [&'static str],
    ) -> Self {
        Self {
            map,
            entries: entries.iter(),
            name,
            fields,
            met: Vec::new(),
            current: None,
        }
    }

    /// The field a key stands for; otherwise the key is reported.
    fn field(&mut self, entry: &Entry) -> Option<&'static str> {
        let state = self.map.state;
        let is_meant = |field: &&'static str| {
            let key = state.dialect.key_of(self.name, field);
            key.eq_ignore_ascii_case(&entry.key)
        };
        let field = self.fields.iter().copied().find(is_meant);
        // In labels a known field is looked at all the same, as Traefik does.
        if let Some(instead) = self.without_effect(entry)
            && (field.is_none() || !state.in_labels())
        {
            self.report_without_effect(entry, instead);
            return None;
        }
        let Some(field) = field else {
            self.report_unknown(entry);
            return None;
        };
        if entry.node.is_null() {
            return None;
        }
        if let Some((_, first)) = self.met.iter().find(|(met, _)| *met == field) {
            let place = first
                .known()
                .map(|first| format!(" (first at {first})"))
                .unwrap_or_default();
            self.report(entry, || {
                Problem::error("", format!("{:?} is given twice{place}", entry.key))
                    .hint("keys match in any case")
            });
            return None;
        }
        self.met.push((field, entry.key_at));
        Some(field)
    }

    /// Is the key of this entry accepted without effect? Then the answer says what to do instead.
    fn without_effect(&self, entry: &Entry) -> Option<&'static str> {
        self.map.state.dialect.without_effect(self.name, &entry.key)
    }

    fn report_without_effect(&self, entry: &Entry, instead: &str) {
        let place = self.map.state.dialect.place();
        self.report(entry, || {
            Problem::warning("", format!("{:?} has no effect in {place}", entry.key)).hint(instead)
        });
    }

    fn report_unknown(&self, entry: &Entry) {
        let key = &entry.key;
        let known = self.map.state.dialect.keys(self.name, self.fields);
        let guess = did_you_mean(key, known.iter().copied());
        let renamed = RENAMED
            .iter()
            .find(|(name, old, _)| *name == self.name && old.eq_ignore_ascii_case(key));
        if guess.is_none() && renamed.is_none() && secret::HOLDERS.contains(&self.name) {
            return self.report_unshown(entry, &known);
        }
        self.report(entry, || {
            if self.map.state.in_labels() && key.starts_with('[') {
                let block = self.map.path.last_key();
                return Problem::error("", format!("{block:?} is not a list in labels"))
                    .hint(format!("write {block} without {key}"));
            }
            let hint = match (renamed, guess) {
                (Some((_, _, now)), _) => (*now).to_owned(),
                (None, Some(guess)) => format!("did you mean {guess:?}?"),
                (None, None) => format!("known here: {}", super::scalar::listed(&known)),
            };
            // Traefik drops a key without a value before it looks at the key.
            if entry.node.is_null() {
                return Problem::warning("", format!("unknown key {key:?} is ignored: it has no value"))
                    .hint(hint);
            }
            Problem::error("", format!("unknown key {key:?}")).hint(hint)
        });
    }

    /// Reports a key that may be a part of a secret: with the path of its block, and without itself. An error in any
    /// case, since nobody could tell which of the keys has no effect.
    fn report_unshown(&self, entry: &Entry, known: &[&str]) {
        self.map.state.report(id_of(&entry.node), || {
            Problem::error(
                self.map.path.text(),
                "a key that is not known here, and may hold a secret",
            )
            .hint(format!(
                "known here: {}; mind the space behind the colon",
                super::scalar::listed(known)
            ))
            .at(entry.key_at)
        });
    }

    /// Reports a key, and so drops its value.
    fn report(&self, entry: &Entry, problem: impl FnOnce() -> Problem) {
        self.map.state.report(id_of(&entry.node), || Problem {
            key_path: self.map.path.key(&entry.key).text(),
            ..problem().at(entry.key_at)
        });
    }
}

impl<'de> MapAccess<'de> for StructAccess<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        while let Some(entry) = self.entries.next() {
            if self.map.state.is_broken(id_of(&entry.node)) {
                continue;
            }
            if let Some(field) = self.field(entry) {
                self.current = Some((entry, field));
                return seed.deserialize(text(field)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((entry, field)) = self.current.take() else {
            return value_of(&self.map, None, Place::Field, seed);
        };
        let is_list = self.map.state.dialect.key_of(self.name, field) == field;
        let place = if is_list { Place::Field } else { Place::OneItem };
        let Some(instead) = self.without_effect(entry) else {
            return value_of(&self.map, Some(entry), place, seed);
        };
        let idle = NodeDeserializer {
            is_idle: true,
            ..self.map
        };
        let value = value_of(&idle, Some(entry), place, seed)?;
        if !self.map.is_idle {
            self.report_without_effect(entry, instead);
        }
        Ok(value)
    }
}

fn text(text: &str) -> StrDeserializer<'_, Error> {
    text.into_deserializer()
}

/// Decodes the value of an entry, and blames it for what its type says.
pub(super) fn value_of<'de, S: DeserializeSeed<'de>>(
    map: &NodeDeserializer<'_>,
    entry: Option<&Entry>,
    place: Place,
    seed: S,
) -> Result<S::Value, Error> {
    let Some(entry) = entry else {
        return Err(Error::Said("a value without its key".to_owned()));
    };
    let path = map.path.key(&entry.key);
    let value = NodeDeserializer {
        node: &entry.node,
        id: id_of(&entry.node),
        place,
        path: &path,
        ..*map
    };
    seed.deserialize(value)
        .map_err(|error| map.state.blame(&value, error))
}
