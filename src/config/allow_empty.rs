//! `AllowEmpty`: a block whose mere presence means something.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// An optional block that may stand alone: Traefik's tag `allowEmpty` (traefik-providers 1.1 and 2.1).
///
/// | written | meaning |
/// |---|---|
/// | nothing, or null | absent |
/// | `{}`, `""`, `true` in any case | present, with its defaults |
/// | keys and values | present |
/// | any other single value (`false`, `1`, `yes`) | absent, without a word |
///
/// Any other block is an error when empty. It dereferences to the `Option` inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllowEmpty<T>(pub Option<T>);

impl<T> AllowEmpty<T> {
    /// The name by which the decoder recognises this type.
    pub(crate) const NAME: &'static str = "piton::AllowEmpty";

    /// A block that is present.
    pub const fn present(value: T) -> Self {
        Self(Some(value))
    }

    /// A block that is not there.
    pub const fn absent() -> Self {
        Self(None)
    }

    /// The block, if it is there.
    pub fn into_inner(self) -> Option<T> {
        self.0
    }
}

impl<T> Default for AllowEmpty<T> {
    fn default() -> Self {
        Self::absent()
    }
}

impl<T> From<Option<T>> for AllowEmpty<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<T> Deref for AllowEmpty<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<T> DerefMut for AllowEmpty<T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.0
    }
}

impl<T: Serialize> Serialize for AllowEmpty<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => serializer.serialize_newtype_struct(Self::NAME, value),
            None => serializer.serialize_none(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AllowEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(Self::NAME, AllowEmptyVisitor(PhantomData))
    }
}

struct AllowEmptyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AllowEmptyVisitor<T> {
    type Value = AllowEmpty<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys and values, {} or true")
    }

    fn visit_none<E: de::Error>(self) -> Result<AllowEmpty<T>, E> {
        Ok(AllowEmpty::absent())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<AllowEmpty<T>, D::Error> {
        T::deserialize(deserializer).map(AllowEmpty::present)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<AllowEmpty<T>, D::Error> {
        self.visit_some(deserializer)
    }
}
