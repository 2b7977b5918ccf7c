//! The deserializer over one node.

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::access::{EmptyMap, EmptySeq, ItemAccess, KeyAccess, StructAccess};
use super::error::Error;
use super::labels::{NamedItemAccess, OneItem, begins_a_list};
use super::path::Path;
use super::scalar;
use super::state::{Id, State, id_of};
use crate::config::node::{Node, Value};
use crate::config::problem::{Problem, did_you_mean};
use crate::config::secret;
use crate::config::units::Span;
use crate::config::{AllowEmpty, parse_bool};

/// Where a node stands. Traefik forbids empty blocks only as fields: `services: {app: {}}` is a service without a type, but
/// `services: {}` an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The value of a struct's field.
    Field,
    /// The root, an entry of a map, an item of a list.
    Item,
    /// A part of a text that is a list.
    Part,
    /// In labels: an item of a list, by its name.
    Named,
    /// In labels: the one item of a list.
    OneItem,
}

/// A node on its way to a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeDeserializer<'a> {
    pub(super) node: &'a Node,
    /// The node blamed: this one, or the text it was split from.
    pub(super) id: Id,
    pub(super) place: Place,
    pub(super) path: &'a Path<'a>,
    pub(super) state: &'a State,
    /// Is it a part of what has no effect? Then its keys are checked, and its values are not.
    pub(super) is_idle: bool,
}

impl<'a> NodeDeserializer<'a> {
    /// The start.
    pub(super) fn root(node: &'a Node, path: &'a Path<'a>, state: &'a State) -> Self {
        Self {
            node,
            id: id_of(node),
            place: Place::Item,
            path,
            state,
            is_idle: false,
        }
    }

    /// Records that this node is wrong.
    pub(super) fn report(&self, message: impl Into<String>, hint: Option<String>) {
        self.state.report(self.id, || {
            Problem::error(self.path.text(), message)
                .at(self.node.at)
                .maybe_hint(hint)
        });
    }

    /// Records that the value of this node is wrong; nobody cares where it has no effect.
    fn refuse(&self, message: impl Into<String>, hint: Option<String>) {
        if self.is_idle {
            self.state.hide(self.id);
        } else {
            self.report(message, hint);
        }
    }

    /// The text of a single value; anything else is reported.
    fn text(&self, wanted: &str) -> Option<&'a str> {
        let Value::Scalar(text) = &self.node.value else {
            self.report(format!("expected {wanted}, found {}", self.node.kind()), None);
            return None;
        };
        if self.place == Place::Named {
            // Traefik drops it without a word, and its router serves without the middleware, or at other entry points.
            let hint = format!("write {}=a,b", self.path.key_above());
            self.refuse("this has no effect in a label", Some(hint));
            return None;
        }
        Some(text)
    }

    /// Text made into something; what cannot be is reported and `None`.
    fn parsed<V>(&self, wanted: &str, parse: impl FnOnce(&str) -> Result<V, scalar::Refusal>) -> Option<V> {
        match parse(self.text(wanted)?) {
            Ok(value) => Some(value),
            Err(refusal) => {
                self.refuse(refusal.message, refusal.hint);
                None
            }
        }
    }

    fn signed(&self, min: i64, max: i64) -> i64 {
        self.parsed("a whole number", |text| scalar::signed(text, min, max))
            .unwrap_or(0)
    }

    fn unsigned(&self, max: u64) -> u64 {
        self.parsed("a whole number", |text| scalar::unsigned(text, max))
            .unwrap_or(0)
    }

    /// A block that has nothing in it where Traefik wants something.
    fn report_standalone(&self, children: &str, may_show: bool) {
        let key = self.path.last_key();
        let found = match &self.node.value {
            // Labels hold passwords where their parent is written alone: `basicauth=name:hash`.
            Value::Scalar(text) if !text.is_empty() && may_show && !self.state.in_labels() => {
                format!(", found {text:?}")
            }
            _ => String::new(),
        };
        self.report(
            format!("{key:?} cannot be a standalone element{found}"),
            Some(format!("write {children} below it, or remove it")),
        );
    }

    /// Reports a block of the wrong kind; `children` says what belongs below it, `may_show` whether what stands there
    /// instead may be told.
    fn report_block(&self, children: &str, may_show: bool) {
        match self.node.value {
            Value::Seq(_) => self.report(format!("expected {children}, found a list"), None),
            _ if self.is_field() => self.report_standalone(children, may_show),
            _ => self.report(format!("expected {children}, found {}", self.node.kind()), None),
        }
    }

    /// Does Traefik want something below this block?
    const fn is_field(&self) -> bool {
        matches!(self.place, Place::Field | Place::OneItem)
    }

    fn allow_empty<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            Value::Scalar(text) if is_presence(text) => {
                visitor.visit_some(MapAccessDeserializer::new(EmptyMap))
            }
            Value::Scalar(_) => visitor.visit_none(),
            Value::Map(_) if self.is_switched_off() => self.switched_off(visitor),
            // Inside, the block may be empty.
            Value::Map(_) => visitor.visit_some(Self {
                place: Place::Item,
                ..self
            }),
            Value::Seq(_) => {
                self.report("expected keys and values, {} or true, found a list", None);
                visitor.visit_none()
            }
        }
    }

    /// The items of a list written as one text.
    pub(super) fn split<'de, V: Visitor<'de>>(self, text: &str, visitor: V) -> Result<V::Value, Error> {
        // To Traefik that is a label without effect, and so the default stays.
        if text.is_empty() && self.state.in_labels() {
            self.state.hide(self.id);
            return visitor.visit_seq(EmptySeq);
        }
        let Some(items) = scalar::split_list(text, self.node.at) else {
            self.report("too many commas for a list written as one text", None);
            return visitor.visit_seq(EmptySeq);
        };
        // The items are new nodes, but it is this one that is wrong if one of them is.
        let outer = NodeDeserializer { ..self };
        visitor.visit_seq(ItemAccess::split_from(outer, &items))
    }

    fn span<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let span: Option<Span> = self.parsed("a duration", scalar::span);
        // The visitor gets the text back: it alone can make the value.
        let text = span.unwrap_or_default().to_string();
        visitor.visit_str(&text)
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty: $by:ident($($bound:expr),+);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            // In range by the bounds given; the fallback is unreachable.
            visitor.$visit(<$number>::try_from(self.$by($($bound),+)).unwrap_or_default())
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar(text) => visitor.visit_str(text),
            Value::Seq(items) => visitor.visit_seq(ItemAccess::new(self, items)),
            Value::Map(entries) if self.state.in_labels() && begins_a_list(entries) => {
                visitor.visit_seq(NamedItemAccess::new(self, entries))
            }
            Value::Map(entries) => visitor.visit_map(KeyAccess::new(self, entries)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.parsed("true or false", |text| {
            parse_bool(text).ok_or_else(|| scalar::Refusal {
                message: format!("{text:?} is not true or false"),
                hint: None,
            })
        });
        visitor.visit_bool(value.unwrap_or_default())
    }

    numbers! {
        deserialize_i8 visit_i8 i8: signed(i8::MIN.into(), i8::MAX.into());
        deserialize_i16 visit_i16 i16: signed(i16::MIN.into(), i16::MAX.into());
        deserialize_i32 visit_i32 i32: signed(i32::MIN.into(), i32::MAX.into());
        deserialize_i64 visit_i64 i64: signed(i64::MIN, i64::MAX);
        deserialize_u8 visit_u8 u8: unsigned(u8::MAX.into());
        deserialize_u16 visit_u16 u16: unsigned(u16::MAX.into());
        deserialize_u32 visit_u32 u32: unsigned(u32::MAX.into());
        deserialize_u64 visit_u64 u64: unsigned(u64::MAX);
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.parsed("a number", scalar::float).unwrap_or_default())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text("a single value").unwrap_or_default())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            AllowEmpty::<()>::NAME => self.allow_empty(visitor),
            Span::NAME => self.span(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.place == Place::OneItem {
            return visitor.visit_seq(OneItem(Some(self)));
        }
        match &self.node.value {
            Value::Null => visitor.visit_seq(EmptySeq),
            Value::Seq(items) => visitor.visit_seq(ItemAccess::new(self, items)),
            Value::Scalar(text) => self.split(text, visitor),
            Value::Map(entries) if self.state.in_labels() => self.named_items(entries, visitor),
            Value::Map(_) => {
                let hint = "begin each item with \"- \", or write [a, b]".to_owned();
                self.report("expected a list, found keys and values", Some(hint));
                visitor.visit_seq(EmptySeq)
            }
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(entries) if !self.is_field() || !entries.is_empty() => {
                self.note_own_value();
                visitor.visit_map(KeyAccess::new(self, entries))
            }
            Value::Null => visitor.visit_map(EmptyMap),
            _ => {
                self.report_block("names and values", true);
                visitor.visit_map(EmptyMap)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(entries) if !self.is_field() || !entries.is_empty() => {
                self.note_own_value();
                visitor.visit_map(StructAccess::new(self, entries, name, fields))
            }
            Value::Null => visitor.visit_map(EmptyMap),
            Value::Scalar(text) if self.state.in_labels() && !self.is_field() => {
                self.bare_label(text, &self.state.dialect.keys(name, fields));
                visitor.visit_map(EmptyMap)
            }
            _ => {
                let children = scalar::listed(&self.state.dialect.keys(name, fields));
                self.report_block(&children, !secret::HOLDERS.contains(&name));
                visitor.visit_map(EmptyMap)
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let wanted = scalar::listed(variants);
        let text = self.text(&wanted).unwrap_or_default();
        let known = variants.iter().find(|variant| variant.eq_ignore_ascii_case(text));
        if known.is_none() {
            let hint =
                did_you_mean(text, variants.iter().copied()).map(|guess| format!("did you mean {guess:?}?"));
            self.refuse(format!("{text:?} is not one of {wanted}"), hint);
        }
        let variant = known.or_else(|| variants.first()).copied().unwrap_or_default();
        let variant: StrDeserializer<'_, Error> = variant.into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit_struct tuple_struct identifier
    }
}

/// Does this text say no more than that a block is there?
pub(super) fn is_presence(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("true")
}
