//! What there is to say about an object: for the log, and as an Event on it.

use super::{Id, Kind};
use crate::config;

/// What there is to say about one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remark {
    /// What it is about.
    pub about: About,
    /// What is said.
    pub said: config::Remark,
}

/// An object that a remark is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct About {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub id: Id,
    /// Its `metadata.uid`; empty when it is not there.
    pub uid: Box<str>,
}
