//! Which hosts a rule can match.

use super::super::{HostPattern, HostSet};
use super::rule;

/// The patterns of a rule, wildcards with their star, or `any`.
fn hosts(text: &str) -> Vec<String> {
    match rule(text).hosts() {
        HostSet::Any => vec!["any".into()],
        HostSet::Only(patterns) => patterns
            .into_iter()
            .map(|pattern| match pattern {
                HostPattern::Exact(host) => host,
                HostPattern::Wildcard(suffix) => format!("*.{suffix}"),
            })
            .collect(),
    }
}

#[test]
fn only_a_plain_host_narrows() {
    assert_eq!(hosts("Host(`A.b.`)"), ["a.b"]);
    assert_eq!(hosts("Host(`*.B`)"), ["*.b"]);
    assert_eq!(hosts("Host(`*b`)"), [""; 0]);
    for text in [
        "Host(`*`)",
        "!Host(`a`)",
        "HostRegexp(`^a$`)",
        "Path(`/`)",
        "Header(`Host`, `a`) || Path(`/`)",
    ] {
        assert_eq!(hosts(text), ["any"], "{text}");
    }
}

#[test]
fn and_takes_the_narrower_side() {
    assert_eq!(hosts("Host(`a`) && Path(`/`)"), ["a"]);
    assert_eq!(hosts("Path(`/`) && Host(`a`)"), ["a"]);
    assert_eq!(hosts("(Host(`a`) || Host(`b`)) && Host(`c`)"), ["c"]);
    assert_eq!(
        hosts("Host(`*.a`) && (Host(`x.a`) || Host(`y.a`))"),
        ["x.a", "y.a"]
    );
}

#[test]
fn or_is_a_union_without_duplicates() {
    assert_eq!(hosts("Host(`b`) || Host(`a`) || Host(`B.`)"), ["a", "b"]);
    assert_eq!(hosts("Host(`b`) || Host(`*x`)"), ["b"]);
    assert_eq!(hosts("Host(`b`) || Path(`/`)"), ["any"]);
}

#[test]
fn negations_that_cancel_out_still_narrow() {
    assert_eq!(hosts("!!Host(`a`)"), ["a"]);
    assert_eq!(hosts("!(!Host(`a`) && !Host(`b`))"), ["a", "b"]);
    assert_eq!(hosts("!(!Host(`a`) || Path(`/`))"), ["a"]);
    assert_eq!(hosts("!(Host(`a`) || Host(`b`))"), ["any"]);
}
