//! Which hosts a rule can match at all, so that an index can skip the rules of other hosts.

use super::Expr;
use super::matcher::Matcher;

/// The hosts for which a rule has a chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSet {
    /// Any host may match, and so may a request without one.
    Any,
    /// Only hosts that fit one of these can match: sorted, without duplicates. Empty when nothing ever matches.
    Only(Vec<HostPattern>),
}

/// One argument of `Host` that means particular hosts, in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This host: lower case, without trailing dot.
    Exact(String),
    /// `*.` and this suffix: hosts with exactly one label more than the suffix.
    Wildcard(String),
}

/// What an argument of `Host` stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HostArgument {
    /// `*`: whatever the request names.
    Any,
    /// A host or a wildcard.
    Pattern(HostPattern),
    /// `*` anywhere else than as a whole first label: Traefik takes it and never matches (traefik-core 4.3).
    Never,
}

/// The hosts for which `expr` has a chance.
pub(super) fn of(expr: &Expr) -> HostSet {
    match expr {
        Expr::Is(Matcher::Host(pattern)) => HostSet::Only(vec![pattern.clone()]),
        Expr::Is(Matcher::Never) => HostSet::Only(Vec::new()),
        Expr::Is(_) | Expr::Not(_) => HostSet::Any,
        Expr::All(parts) => parts.iter().map(of).fold(HostSet::Any, narrower),
        Expr::Any(parts) => union(parts.iter().map(of)),
    }
}

/// Both have to match: either set alone is a correct answer, the smaller one a better answer.
fn narrower(a: HostSet, b: HostSet) -> HostSet {
    match (a, b) {
        (HostSet::Any, other) | (other, HostSet::Any) => other,
        (HostSet::Only(a), HostSet::Only(b)) => HostSet::Only(if breadth(&b) < breadth(&a) { b } else { a }),
    }
}

/// How much a list of patterns lets through: fewer wildcards first, then fewer patterns.
fn breadth(patterns: &[HostPattern]) -> (usize, usize) {
    let wild = patterns
        .iter()
        .filter(|pattern| matches!(pattern, HostPattern::Wildcard(_)));
    (wild.count(), patterns.len())
}

fn union(sets: impl Iterator<Item = HostSet>) -> HostSet {
    let mut all = Vec::new();
    for set in sets {
        match set {
            HostSet::Any => return HostSet::Any,
            HostSet::Only(patterns) => all.extend(patterns),
        }
    }
    all.sort_unstable();
    all.dedup();
    HostSet::Only(all)
}

/// `host` without the dot that may end a fully qualified name.
fn without_root(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

// === impl HostSet ===

impl HostSet {
    /// Whether a request for canonical `host` may match.
    pub fn admits(&self, host: &str) -> bool {
        match self {
            HostSet::Any => true,
            HostSet::Only(patterns) => patterns.iter().any(|pattern| pattern.matches(host)),
        }
    }
}

// === impl HostPattern ===

impl HostPattern {
    /// Whether canonical `host` (it may end in one dot) fits.
    pub fn matches(&self, host: &str) -> bool {
        if host.is_empty() {
            return false;
        }
        let host = without_root(host);
        match self {
            HostPattern::Exact(exact) => host == exact,
            HostPattern::Wildcard(suffix) => host.split_once('.').is_some_and(|(_, rest)| rest == suffix),
        }
    }
}

// === impl HostArgument ===

impl HostArgument {
    /// Reads the argument of a `Host`.
    pub(super) fn new(written: &str) -> Self {
        let lower = written.to_ascii_lowercase();
        let host = without_root(&lower);
        match host.strip_prefix('*').map(|rest| (rest, rest.strip_prefix('.'))) {
            None => Self::Pattern(HostPattern::Exact(host.to_string())),
            Some(("", _)) => Self::Any,
            Some((_, Some(suffix))) => Self::Pattern(HostPattern::Wildcard(suffix.to_string())),
            Some((_, None)) => Self::Never,
        }
    }
}
