//! From types to what Traefik's API prints: which fields are left out, and what is never shown (traefik-core 8.1).
//!
//! The model derives its `Serialize`, and [`Shown`] adds Go's `omitempty` once for all of it:
//!
//! | field | printed |
//! |---|---|
//! | zero: `false`, `0`, `""`, `0s`, an empty list or map, the first variant of an enum | no |
//! | a struct with nothing in it | no |
//! | an `Option` (Go's pointer) that is there | yes, also when zero |
//! | [`AllowEmpty`](super::AllowEmpty) that is there | yes, also as `{}` |
//! | `always`: its default is not zero | yes |
//!
//! What is printed can be read again and means the same, but for what is hidden. Therefore a block that may not stand alone
//! is printed with its zeros when it holds nothing else, where Traefik would print `{}`.

mod hide;
mod probe;
mod shaper;

use serde::{Serialize, Serializer};

pub(super) use hide::{header_values, hidden, key_or_path, of_plugins, url, user_hashes};
use shaper::Shaper;

/// A part of the model as Traefik's API prints it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a, T: ?Sized>(pub &'a T);

impl<T: Serialize + ?Sized> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Shaper::new(serializer))
    }
}

/// A field that is printed whatever it holds, because its absence would mean something else than zero.
pub(super) fn always<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(value)
}
