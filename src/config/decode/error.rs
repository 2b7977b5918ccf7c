//! The error serde wants. It never leaves the decoder: [`State`](super::state::State) turns it into a problem.

use std::fmt;

use serde::de;

/// Why a value could not be made.
#[derive(Debug)]
pub(super) enum Error {
    /// Said by a type itself; nobody has reported it yet.
    Said(String),
    /// Reported already, with its place.
    Reported,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(message) => f.write_str(message),
            Self::Reported => f.write_str("reported"),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::Said(message.to_string())
    }
}
