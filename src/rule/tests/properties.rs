//! Facts about all rules and all requests.

use proptest::prelude::*;

use super::super::{Rule, regexp};
use super::{Request, get};

const LEAVES: [&str; 10] = [
    "Host(`a.x`)",
    "Host(`*.x`)",
    "Host(`*`)",
    "Host(`*x`)",
    "HostRegexp(`^b`)",
    "HostRegexp(`^$`)",
    "Path(`/a`)",
    "PathPrefix(`/`)",
    "Method(`GET`)",
    "Query(`q`, `1`)",
];

const PIECES: [&str; 28] = [
    "Host",
    "Query",
    "Foo",
    "(",
    ")",
    "`a`",
    "\"a\"",
    "\"\\x\"",
    "`",
    "\"",
    ",",
    "!",
    "&&",
    "||",
    "&",
    "\n",
    " ",
    "//",
    "/*",
    "*/",
    "'a'",
    "é",
    "\\",
    "\u{0}",
    "(`/a`)",
    "PathRegexp(`",
    "[{(",
    "\u{a0}",
];

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(&LEAVES[..]).prop_map(str::to_string);
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} || {b})")),
        ]
    })
}

fn requests() -> impl Strategy<Value = Request> {
    let hosts = prop::sample::select(vec!["", "a.x", "a.x.", "b.x", "b.a.x", "x"]);
    let targets = prop::sample::select(vec!["/a", "/a/", "/b?q=1", "/a?q=%31", "/"]);
    let methods = prop::sample::select(vec!["GET", "PUT"]);
    (hosts, targets, methods).prop_map(|(host, target, method)| get(host, target).method(method))
}

fn matches(text: &str, request: &Request) -> bool {
    request.satisfies(&super::rule(text))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Rule::parse(&text);
    }

    #[test]
    fn no_heap_of_tokens_makes_the_parser_panic(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40),
    ) {
        let text = pieces.concat();
        if let Err(error) = Rule::parse(&text) {
            prop_assert!(text.is_char_boundary(error.offset), "{text:?}: {error:?}");
        }
    }

    #[test]
    fn no_pattern_makes_the_translation_panic(pattern in r"[\[\](){}\\^$|?*+:<>a-c0-9,&Qpx-]{0,24}") {
        let _ = regexp::compile(&pattern);
    }

    #[test]
    fn negation_is_negation(a in expressions(), request in requests()) {
        prop_assert_eq!(matches(&format!("!({a})"), &request), !matches(&a, &request));
    }

    #[test]
    fn operators_are_those_of_logic(a in expressions(), b in expressions(), request in requests()) {
        let (left, right) = (matches(&a, &request), matches(&b, &request));
        prop_assert_eq!(matches(&format!("{a} && {b}"), &request), left && right);
        prop_assert_eq!(matches(&format!("{a} || {b}"), &request), left || right);
    }

    #[test]
    fn de_morgan_holds(a in expressions(), b in expressions(), request in requests()) {
        let pairs = [
            (format!("!({a} && {b})"), format!("!({a}) || !({b})")),
            (format!("!({a} || {b})"), format!("!({a}) && !({b})")),
        ];
        for (one, other) in pairs {
            prop_assert_eq!(matches(&one, &request), matches(&other, &request));
        }
    }

    #[test]
    fn a_host_outside_of_the_set_never_matches(text in expressions(), request in requests()) {
        let rule = super::rule(&text);
        prop_assert!(rule.hosts().admits(&request.host) || !request.satisfies(&rule));
    }
}
