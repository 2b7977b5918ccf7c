//! What a provider has to say about the objects it reads: for the log and the report.

use super::Named;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Only for those who look closely.
    Debug,
    /// Good to know.
    Info,
    /// In use, but something has no effect or is probably not meant.
    Warn,
    /// Something is not in use.
    Error,
}

/// One thing there is to say about an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Remark {
    /// How much it matters.
    pub level: Level,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Everything there is to say, by what messages call the object: `container "web-1"`, `ingress shop/web`.
pub type Remarks = Named<Vec<Remark>>;
