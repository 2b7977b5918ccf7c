//! TOML to the tree.

use crate::config::toml::parse;
use crate::config::{Node, Position, Value};

fn tree(text: &str) -> Node {
    parse(text.as_bytes()).unwrap_or_else(|problem| panic!("{text}\n{problem}"))
}

fn refused(text: impl AsRef<[u8]>) -> String {
    parse(text.as_ref()).expect_err("a problem").to_string()
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    match node.get(key).map(|node| &node.value) {
        Some(Value::Scalar(text)) => text,
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn every_single_value_is_text_and_numbers_are_decimal() {
    let node = tree(
        "a = 1_000\nb = 0x1F\nc = 1.5\nd = true\ne = \"x\"\nf = 1979-05-27T07:32:00Z\ng = -3\nh = 0o17\ni = '''\ny'''\n",
    );
    for (key, expected) in [
        ("a", "1000"),
        ("b", "31"),
        ("c", "1.5"),
        ("d", "true"),
        ("e", "x"),
        ("f", "1979-05-27T07:32:00Z"),
        ("g", "-3"),
        ("h", "15"),
        ("i", "y"),
    ] {
        assert_eq!(text(&node, key), expected);
    }
}

#[test]
fn keys_come_in_the_order_written_with_their_places() {
    let node = tree("z = 1\na = \"\u{e4}\"\n[http.routers.app]\n  rule = \"x\"\n");
    let keys: Vec<_> = node
        .entries()
        .iter()
        .map(|entry| (entry.key.as_str(), entry.key_at))
        .collect();
    assert_eq!(
        keys,
        [
            ("z", Position::new(1, 1)),
            ("a", Position::new(2, 1)),
            ("http", Position::new(3, 2))
        ]
    );
    let app = node
        .get("http")
        .unwrap()
        .get("routers")
        .unwrap()
        .get("app")
        .unwrap();
    assert_eq!(app.entries()[0].key_at, Position::new(4, 3));
    assert_eq!(app.entries()[0].node.at, Position::new(4, 10));
}

#[test]
fn columns_count_characters_in_a_long_line() {
    let text = format!(
        "a = \"{}\"\nb = [\"{}\", 1]\n",
        "\u{e4}".repeat(5000),
        "\u{f6}".repeat(3000)
    );
    let node = tree(&text);
    let Some(Value::Seq(items)) = node.get("b").map(|node| node.value.clone()) else {
        panic!()
    };
    assert_eq!(items[1].at, Position::new(2, 6 + 3000 + 4));
}

#[test]
fn an_empty_text_is_an_empty_map() {
    assert!(tree("").entries().is_empty());
    assert!(tree("# comment\n").entries().is_empty());
}

#[test]
fn a_syntax_error_has_a_place() {
    assert!(refused("a = 1\nb = \n").starts_with("2:5: error: not valid TOML"));
    assert!(refused("a = 1\na = 2\n").starts_with("2:1: error: not valid TOML: duplicate key"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert_eq!(
        refused(b"a = \"\xff\""),
        "1:6: error: the file is not UTF-8 text; save it as UTF-8"
    );
}

#[test]
fn deep_nesting_is_refused() {
    assert!(refused("a = ".to_owned() + &"[".repeat(100_000)).contains("error"));
    assert!(refused("a.".repeat(100_000) + "a = 1").contains("error"));
    assert!(refused(format!("[{}a]", "a.".repeat(100_000))).contains("error"));
}
