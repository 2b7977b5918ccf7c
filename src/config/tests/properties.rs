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

/// Pieces of labels.
fn label() -> impl Strategy<Value = (String, String)> {
    let part = prop_oneof![
        4 => proptest::sample::select(vec![
            "http", "HTTP", "tcp", "udp", "routers", "Services", "middlewares", "app", "App", "b",
            "loadbalancer", "server", "servers", "port", "sticky", "cookie", "tls", "domains", "domains[0]",
            "domains[10]", "main", "weighted", "entrypoints", "entrypoints[1]", "plugin", "headers",
            "sign", "keys[0]", "keys", "secret", "drainuntil", "healthcheck", "priority",
        ])
        .prop_map(str::to_owned),
        1 => "[\\[\\].a-zA-Zß\u{0}]{0,4}",
        1 => "\\PC{0,3}",
    ];
    let key = vec(part, 0..9).prop_map(|parts| format!("traefik.{}", parts.join(".")));
    let value = prop_oneof![
        Just(String::new()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("5".to_owned()),
        "\\PC{0,8}"
    ];
    (key, value)
}

/// Keys of a dynamic configuration and values that are right there. `=` stands before names, whose letters count.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "http.routers.=App.rule",
        &["Host(`a`)", "PathPrefix(`/x.y`) && !Method(`GET`)"],
    ),
    ("http.routers.=App.entryPoints", &["web", "web, websecure"]),
    ("http.routers.=App.priority", &["0", "-7", "42"]),
    ("http.routers.=App.tls.certResolver", &["le"]),
    ("http.routers.=App.tls.domains.[0].main", &["a.example"]),
    ("http.routers.=App.tls.domains.[0].sans", &["b.example,c.example"]),
    ("http.routers.=App.tls.domains.[1].main", &["d.example"]),
    ("http.routers.=b.service", &["s@file"]),
    ("http.routers.=b.tls", &["true", "false", ""]),
    ("http.services.=s.loadBalancer.strategy", &["p2c", "leasttime"]),
    ("http.services.=s.loadBalancer.passHostHeader", &["true", "f"]),
    (
        "http.services.=s.loadBalancer.servers.url",
        &["http://10.0.0.1:80", "h2c://[::1]:80/x"],
    ),
    ("http.services.=s.loadBalancer.servers.weight", &["0", "3"]),
    ("http.services.=s.loadBalancer.servers.id", &["one"]),
    ("http.services.=s.loadBalancer.servers.drain", &["true"]),
    (
        "http.services.=s.loadBalancer.servers.drainUntil",
        &["2026-11-22T12:00:00Z"],
    ),
    ("http.services.=s.loadBalancer.sticky.cookie.name", &["c"]),
    ("http.services.=s.loadBalancer.sticky.cookie.httpOnly", &["true"]),
    ("http.services.=s.loadBalancer.sticky.cookie.maxAge", &["3600"]),
    (
        "http.services.=s.loadBalancer.sticky.cookie.sign.keys.[0].secret",
        &["s"],
    ),
    ("http.services.=s.loadBalancer.sticky.onLoss", &["detour", "FAIL"]),
    (
        "http.services.=s.loadBalancer.healthCheck.interval",
        &["5", "1m30s"],
    ),
    (
        "http.services.=s.loadBalancer.healthCheck.headers.=X-Foo",
        &["", "a,b"],
    ),
    ("http.services.=s.loadBalancer.slowStart", &["30s"]),
    ("http.middlewares.=m.headers.customRequestHeaders.=X-A", &["1"]),
    ("http.middlewares.=m.stripPrefix.prefixes", &["/a", "/a,/b"]),
    ("http.middlewares.=n.compress", &["true", "no"]),
    ("tcp.routers.=t.rule", &["HostSNI(`*`)"]),
    ("tcp.services.=t.loadBalancer.servers.tls", &["true"]),
    ("udp.routers.=u.entryPoints", &["dns"]),
    ("tls.stores.=default.defaultGeneratedCert.resolver", &["le"]),
];

/// One of the fields above as a label and as in a file.
type Written = ((String, String), (Vec<String>, String));

/// Some of the fields, each with one of its values; keys in letters of any size, and each of them always in the same:
/// capitals come first by bytes, and that would be another order of items.
fn fields() -> impl Strategy<Value = Vec<Written>> {
    let one = (0..FIELDS.len(), any::<proptest::sample::Index>());
    (vec(one, 0..FIELDS.len()), any::<u64>()).prop_map(|(chosen, capitals)| {
        let mut by_field = std::collections::BTreeMap::new();
        for (field, value) in chosen {
            let (path, values) = FIELDS[field];
            by_field.insert(path, written(path, value.get::<&str>(values), capitals));
        }
        by_field.into_values().collect()
    })
}

fn written(path: &str, value: &str, capitals: u64) -> Written {
    let sized = |(index, letter): (usize, char)| match capitals >> (index % 64) & 1 {
        0 => letter,
        _ => letter.to_ascii_uppercase(),
    };
    let in_label = |part: &str| match part.strip_prefix('=') {
        Some(name) => name.to_owned(),
        None => part
            .replace("servers", "server")
            .char_indices()
            .map(sized)
            .collect(),
    };
    let key: Vec<String> = path.split('.').map(in_label).collect();
    let key = format!("traefik.{}", key.join(".")).replace(".[", "[");
    let in_file = path.replace(".servers.", ".servers.[0].").replace('=', "");
    let in_file = in_file.split('.').map(str::to_owned).collect();
    ((key, value.to_owned()), (in_file, value.to_owned()))
}

/// The fields as a tree of YAML; keys in brackets are items.
fn file(fields: &[Written]) -> serde_yaml::Value {
    use serde_yaml::Value;
    fn put(node: &mut Value, path: &[String], value: &str) {
        let Some((key, rest)) = path.split_first() else {
            *node = value.into();
            return;
        };
        let Value::Mapping(entries) = node else {
            panic!("{key} below a value");
        };
        let child = entries
            .entry(key.as_str().into())
            .or_insert_with(|| Value::Mapping(serde_yaml::Mapping::new()));
        put(child, rest, value);
    }
    fn with_lists(node: Value) -> Value {
        match node {
            Value::Mapping(entries) => {
                let is_list = entries.keys().any(|key| key.as_str().unwrap().starts_with('['));
                if is_list {
                    return Value::Sequence(entries.into_iter().map(|(_, item)| with_lists(item)).collect());
                }
                Value::Mapping(
                    entries
                        .into_iter()
                        .map(|(key, node)| (key, with_lists(node)))
                        .collect(),
                )
            }
            value => value,
        }
    }
    let mut root = Value::Mapping(serde_yaml::Mapping::new());
    for (_, (path, value)) in fields {
        put(&mut root, path, value);
    }
    with_lists(root)
}

proptest! {
    #[test]
    fn any_labels_are_read_without_a_panic_and_with_a_bounded_answer(labels in vec(label(), 0..30)) {
        let pairs = || labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (configuration, problems) = dynamic::from_labels(pairs());
        prop_assert!(problems.len() <= 2 * decode::MAX_PROBLEMS + 2);
        // Engines hand labels out in any order.
        let backwards = pairs().collect::<Vec<_>>().into_iter().rev();
        prop_assert_eq!(dynamic::from_labels(backwards), (configuration, problems));
    }

    #[test]
    fn labels_mean_what_the_same_file_means(fields in fields()) {
        let labels = fields.iter().map(|((key, value), _)| (key.as_str(), value.as_str()));
        let (by_labels, problems) = dynamic::from_labels(labels);
        prop_assert_eq!(super::lines(&problems), Vec::<String>::new());
        let text = serde_yaml::to_string(&file(&fields)).unwrap();
        let (by_file, warnings) = dynamic::read(text.as_bytes(), Notation::Yaml, None)
            .map_err(|problems| TestCaseError::fail(format!("{text}\n{problems:?}")))?;
        prop_assert_eq!(super::lines(&warnings), Vec::<String>::new());
        prop_assert_eq!(by_labels, by_file, "{}", text);
    }

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
