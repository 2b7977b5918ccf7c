//! Is there anything to print?

use std::fmt;

use serde::ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::config::AllowEmpty;

/// What a value would be printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Null,
    /// A single value or a list that is zero or empty.
    Zero,
    /// A map without entries, or a struct of which nothing would be printed: what Traefik's reader refuses.
    Blank,
    /// Something.
    Filled,
}

impl Found {
    pub(super) fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        value.serialize(Probe).unwrap_or(Self::Filled)
    }

    const fn zero_if(is_zero: bool) -> Answer {
        if is_zero { Ok(Self::Zero) } else { FILLED }
    }
}

/// An error is the short way to say [`Found::Filled`]: nobody needs to look at the rest.
type Answer = Result<Found, fmt::Error>;
const FILLED: Answer = Err(fmt::Error);

struct Probe;

macro_rules! numbers {
    ($($method:ident $number:ty,)*) => {$(
        fn $method(self, value: $number) -> Answer {
            Found::zero_if(value == <$number>::default())
        }
    )*};
}

impl Serializer for Probe {
    type Ok = Found;
    type Error = fmt::Error;
    type SerializeSeq = Parts;
    type SerializeTuple = Impossible<Found, fmt::Error>;
    type SerializeTupleStruct = Impossible<Found, fmt::Error>;
    type SerializeTupleVariant = Impossible<Found, fmt::Error>;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Impossible<Found, fmt::Error>;

    numbers! {
        serialize_bool bool,
        serialize_i8 i8,
        serialize_i16 i16,
        serialize_i32 i32,
        serialize_i64 i64,
        serialize_u8 u8,
        serialize_u16 u16,
        serialize_u32 u32,
        serialize_u64 u64,
        serialize_f32 f32,
        serialize_f64 f64,
    }

    fn serialize_char(self, _: char) -> Answer {
        FILLED
    }

    fn serialize_str(self, text: &str) -> Answer {
        Found::zero_if(text.is_empty())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Answer {
        Found::zero_if(bytes.is_empty())
    }

    fn serialize_none(self) -> Answer {
        Ok(Found::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Answer {
        FILLED
    }

    fn serialize_unit(self) -> Answer {
        Ok(Found::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Answer {
        Ok(Found::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Answer {
        Found::zero_if(index == 0)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Answer {
        if name == AllowEmpty::<()>::NAME {
            return FILLED;
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Answer {
        FILLED
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, fmt::Error> {
        Ok(Parts(Found::Zero))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, fmt::Error> {
        Ok(Parts(Found::Blank))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, fmt::Error> {
        Ok(Parts(Found::Blank))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}

/// Parts of a value, and what it is when none of them is anything.
struct Parts(Found);

impl SerializeSeq for Parts {
    type Ok = Found;
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), fmt::Error> {
        Err(fmt::Error)
    }

    fn end(self) -> Answer {
        Ok(self.0)
    }
}

impl SerializeMap for Parts {
    type Ok = Found;
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), fmt::Error> {
        Err(fmt::Error)
    }

    fn end(self) -> Answer {
        Ok(self.0)
    }
}

impl SerializeStruct for Parts {
    type Ok = Found;
    type Error = fmt::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        match Found::of(value) {
            Found::Filled => Err(fmt::Error),
            Found::Null | Found::Zero | Found::Blank => Ok(()),
        }
    }

    fn end(self) -> Answer {
        Ok(self.0)
    }
}
