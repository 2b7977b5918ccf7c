//! The rule language of routers, Traefik's v3 syntax: text in, a compiled predicate over requests out
//! (traefik-core 4.2, 4.3).
//!
//! ```text
//! lexer -> parser -> matcher      Rule::parse: once, when configuration changes
//!             |        |- names       the eleven matchers and how they may be spelled
//!             |        |- regexp      Go's regular expressions in the `regex` crate's words
//!             |        `- query       Go's reading of a query string
//!             `-> hosts           Rule::hosts: which hosts can match at all, for the host index
//! ```

mod hosts;
mod lexer;
mod literal;
mod matcher;
mod names;
mod parser;
mod query;
mod regexp;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use self::hosts::{HostPattern, HostSet};
use self::matcher::Matcher;
pub(crate) use self::regexp::{compile as go_regexp, compile_with_groups as go_regexp_with_groups};
use crate::request::RequestView;

/// Longest rule accepted, in bytes.
pub const MAX_RULE_BYTES: usize = 64 * 1024;

/// Deepest nesting of parentheses accepted; parsing and matching recurse once per level.
pub const MAX_NESTING: usize = 128;

/// A compiled rule. Matching it allocates nothing, except to decode an escaped query value or a header that
/// is not UTF-8 for a regular expression.
#[derive(Debug)]
pub struct Rule {
    expr: Expr,
}

/// Why a rule is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} (at byte {offset})")]
pub struct RuleError {
    /// Where in the rule text, in bytes from its start.
    pub offset: usize,
    /// Traefik's words where they are known, and what would be right.
    pub message: String,
}

/// A rule with every negation pushed down to its matchers (De Morgan, as Traefik does it). Chains are flat, so
/// the depth of the tree is that of the parentheses.
#[derive(Debug)]
enum Expr {
    /// `a && b && ..`; true when empty, which the parser never builds.
    All(Vec<Expr>),
    /// `a || b || ..`.
    Any(Vec<Expr>),
    /// One matcher.
    Is(Matcher),
    /// One matcher behind an odd number of `!`.
    Not(Matcher),
}

/// The priority of a router that sets none: the length of its rule in bytes (traefik-core 4.1).
pub fn default_priority(rule_text: &str) -> i64 {
    i64::try_from(rule_text.len()).unwrap_or(i64::MAX)
}

// === impl Rule ===

impl Rule {
    /// Compiles `text`.
    ///
    /// # Errors
    /// Anything Traefik refuses, a rule over [`MAX_RULE_BYTES`] or [`MAX_NESTING`], a header name that is not a
    /// token, and a regular expression whose program would exceed 1 MiB.
    pub fn parse(text: &str) -> Result<Rule, RuleError> {
        if text.len() > MAX_RULE_BYTES {
            let message = format!(
                "the rule has {} bytes, the limit is {MAX_RULE_BYTES}; split it into several routers",
                text.len()
            );
            return Err(RuleError::new(MAX_RULE_BYTES, message));
        }
        if let Some(offset) = text.find('\0') {
            return Err(RuleError::new(offset, "illegal character NUL; remove it"));
        }
        parser::parse(text).map(|expr| Rule { expr })
    }

    /// Whether the request satisfies the rule.
    pub fn matches(&self, req: &RequestView<'_>) -> bool {
        self.expr.matches(req)
    }

    /// Does it look at a header field that `wanted` accepts?
    pub fn reads_header(&self, wanted: impl Fn(&http::HeaderName) -> bool) -> bool {
        self.expr.reads_header(&wanted)
    }

    /// The hosts a request must name for the rule to have a chance.
    ///
    /// A superset: a host in it may still not match, a host outside of it never does.
    pub fn hosts(&self) -> HostSet {
        hosts::of(&self.expr)
    }
}

// === impl Expr ===

impl Expr {
    fn reads_header(&self, wanted: &impl Fn(&http::HeaderName) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.reads_header(wanted)),
            Self::Is(matcher) | Self::Not(matcher) => matcher.header().is_some_and(wanted),
        }
    }

    fn matches(&self, req: &RequestView<'_>) -> bool {
        match self {
            Expr::All(parts) => parts.iter().all(|part| part.matches(req)),
            Expr::Any(parts) => parts.iter().any(|part| part.matches(req)),
            Expr::Is(matcher) => matcher.matches(req),
            Expr::Not(matcher) => !matcher.matches(req),
        }
    }
}

// === impl RuleError ===

impl RuleError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }
}
