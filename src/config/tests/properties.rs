//! Whatever stands in a file, reading it ends in a value or in problems.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::config::dynamic;
use crate::config::install;
use crate::config::node::{Entry, Node, Value};
use crate::config::{Notation, Position, Span, decode, toml, yaml};

/// Pieces of YAML, TOML and Traefik that together come closer to trouble than letters do.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("http:\n  ".to_owned()),
        Just("  routers:\n".to_owned()),
        Just("services: ".to_owned()),
        Just("loadBalancer: ".to_owned()),
        Just("servers:\n - url: x\n".to_owned()),
        Just("sticky: {cookie: {}}\n".to_owned()),
        Just("[http.routers.a]\n".to_owned()),
        Just("rule = \"x\"\n".to_owned()),
        Just("entryPoints: a,b\n".to_owned()),
        Just("entryPoints: {web: {address: ':80'}}\n".to_owned()),
        Just("threads: 4\n".to_owned()),
        Just("&a ".to_owned()),
        Just("*a ".to_owned()),
        Just("<<: ".to_owned()),
        Just("!!str ".to_owned()),
        Just("|\n ".to_owned()),
        Just(">-\n".to_owned()),
        Just("---\n".to_owned()),
        Just("- ".to_owned()),
        Just("? ".to_owned()),
        Just(": ".to_owned()),
        Just("#".to_owned()),
        Just("\"\"\"".to_owned()),
        "[ \\t\\n{}\\[\\],:'\"=%@`]{1,4}",
        "\\PC{0,6}",
    ]
}

fn piecework() -> impl Strategy<Value = String> {
    vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

/// Any tree, with keys that decoders know among others.
fn node() -> impl Strategy<Value = Node> {
    let text = prop_oneof![
        Just("true".to_owned()),
        Just(String::new()),
        Just("5s".to_owned()),
        Just("70000".to_owned()),
        "[a-z,-]{0,8}",
    ];
    let leaf = prop_oneof![Just(Value::Null), text.prop_map(Value::Scalar)];
    let key = prop_oneof![
        proptest::sample::select(vec![
            "http",
            "routers",
            "services",
            "middlewares",
            "loadBalancer",
            "servers",
            "url",
            "weight",
            "sticky",
            "Cookie",
            "tls",
            "healthcheck",
            "interval",
            "headers",
            "plugin",
            "weighted",
            "rateLimit",
            "errors",
            "status",
            "tcp",
            "udp",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z]{1,6}",
    ];
    let tree = leaf.prop_recursive(8, 64, 6, move |inner| {
        let item = inner
            .clone()
            .prop_map(|value| Node::new(Position::UNKNOWN, value));
        let entry = (key.clone(), item.clone()).prop_map(|(key, node)| Entry::new(key, node));
        prop_oneof![
            vec(item, 0..5).prop_map(Value::Seq),
            vec(entry, 0..6).prop_map(Value::Map)
        ]
    });
    tree.prop_map(|value| Node::new(Position::UNKNOWN, value))
}

/// The same tree as `serde_yaml` sees it: without places, and with the last of equal keys.
fn to_yaml(node: &Node) -> serde_yaml::Value {
    match &node.value {
        Value::Null => serde_yaml::Value::Null,
        Value::Scalar(text) => text.as_str().into(),
        Value::Seq(items) => serde_yaml::Value::Sequence(items.iter().map(to_yaml).collect()),
        Value::Map(entries) => {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.as_str().into(), to_yaml(&entry.node)));
            serde_yaml::Value::Mapping(pairs.collect())
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..400)) {
        for notation in [Notation::Yaml, Notation::Toml] {
            let _ = dynamic::read(&bytes, notation, None);
            let _ = install::read(&bytes, notation, None);
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in piecework()) {
        for notation in [Notation::Yaml, Notation::Toml] {
            let _ = dynamic::read(text.as_bytes(), notation, None);
            let _ = install::read(text.as_bytes(), notation, None);
        }
    }

    #[test]
    fn any_tree_is_decoded_without_a_panic_and_with_a_bounded_answer(node in node()) {
        let mut problems = Vec::new();
        let _: dynamic::Configuration = decode::decode(&node, "", &mut problems);
        prop_assert!(problems.len() <= decode::MAX_PROBLEMS + 1);
    }

    #[test]
    fn decoding_a_tree_again_says_the_same_again(node in node()) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let once: dynamic::Configuration = decode::decode(&node, "", &mut first);
        let twice: dynamic::Configuration = decode::decode(&node, "", &mut second);
        prop_assert_eq!(once, twice);
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_tree_written_as_yaml_is_read_back(node in node()) {
        let wanted = to_yaml(&node);
        let text = serde_yaml::to_string(&wanted).unwrap();
        let read = yaml::parse(text.as_bytes()).map_err(|problem| TestCaseError::fail(format!("{text}\n{problem}")))?;
        prop_assert_eq!(to_yaml(&read), wanted);
    }

    #[test]
    fn a_span_printed_is_read_back(nanos in any::<i64>()) {
        let span = Span::nanoseconds(nanos);
        prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
    }

    #[test]
    fn any_text_is_a_span_or_a_refusal(text in "[-+0-9.a-z\u{b5}]{0,24}") {
        let _ = text.parse::<Span>();
    }

    #[test]
    fn any_place_in_a_text_has_a_position(text in "\\PC{0,40}", byte in 0_usize..60) {
        let _ = Position::of_byte(&text, byte);
        let _ = toml::parse(text.as_bytes());
    }
}
