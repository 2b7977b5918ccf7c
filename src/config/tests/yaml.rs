//! YAML to the tree.

use crate::config::yaml::{MAX_DEPTH, parse};
use crate::config::{Node, Position, Value};

fn tree(text: &str) -> Node {
    parse(text.as_bytes()).unwrap_or_else(|problem| panic!("{text}\n{problem}"))
}

fn refused(text: impl AsRef<[u8]>) -> String {
    parse(text.as_ref()).expect_err("a problem").to_string()
}

/// The text of the value behind a path of keys; items of lists by number.
fn at<'n>(node: &'n Node, path: &[&str]) -> &'n Node {
    path.iter().fold(node, |node, step| match &node.value {
        Value::Seq(items) => items.get(step.parse::<usize>().unwrap()).unwrap(),
        _ => node.get(step).unwrap_or_else(|| panic!("no {step} in {node:?}")),
    })
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    match &at(node, path).value {
        Value::Scalar(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_and_values_know_their_places() {
    let node = tree("http:\n  routers:\n    app: {rule: x}\n    list:\n      - \u{e4} \n      - b\n");
    let [http] = node.entries() else { panic!() };
    assert_eq!(http.key_at, Position::new(1, 1));
    let app = &at(&node, &["http", "routers"]).entries()[0];
    assert_eq!(
        (app.key_at, app.node.at),
        (Position::new(3, 5), Position::new(3, 10))
    );
    assert_eq!(app.node.entries()[0].key_at, Position::new(3, 11));
    assert_eq!(
        at(&node, &["http", "routers", "list", "1"]).at,
        Position::new(6, 9)
    );
}

#[test]
fn every_single_value_is_text() {
    let node = tree(
        "a: 1\nb: 1.50\nc: true\nd: 'x'\ne: 0x1F\nf: 2024-01-01\ng: 08\nh: |\n  one\n  two\ni: >-\n  one\n  two\nj: no\n",
    );
    for (key, expected) in [
        ("a", "1"),
        ("b", "1.50"),
        ("c", "true"),
        ("d", "x"),
        ("e", "0x1F"),
        ("f", "2024-01-01"),
        ("g", "08"),
        ("h", "one\ntwo\n"),
        ("i", "one two"),
        ("j", "no"),
    ] {
        assert_eq!(text(&node, &[key]), expected);
    }
}

#[test]
fn null_is_plain_and_a_quoted_null_is_text() {
    let node = tree(
        "a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: 'null'\ng: \"\"\nh: !!str null\ni: !!null x\nj: ! null\n",
    );
    for key in ["a", "b", "c", "d", "e", "i"] {
        assert!(at(&node, &[key]).is_null(), "{key}");
    }
    assert_eq!(text(&node, &["f"]), "null");
    assert_eq!(text(&node, &["g"]), "");
    assert_eq!(text(&node, &["h"]), "null");
    assert_eq!(text(&node, &["j"]), "null");
}

#[test]
fn other_tags_say_nothing() {
    let node = tree("a: !!int 5\nb: !mine x\nc: !!map {d: e}\n");
    assert_eq!(text(&node, &["a"]), "5");
    assert_eq!(text(&node, &["b"]), "x");
    assert_eq!(text(&node, &["c", "d"]), "e");
}

#[test]
fn nothing_and_comments_alone_are_null() {
    for text in ["", "\n\n", "# a comment\n", "---\n", "---\n...\n", "\u{feff}"] {
        assert!(tree(text).is_null(), "{text:?}");
    }
}

#[test]
fn a_byte_order_mark_is_not_part_of_the_first_key() {
    let node = tree("\u{feff}a: b\n");
    assert_eq!(text(&node, &["a"]), "b");
    assert_eq!(node.entries()[0].key_at, Position::new(1, 1));
}

#[test]
fn windows_line_ends_are_line_ends() {
    let node = tree("a: b\r\nc:\r\n  d: e\r\n");
    assert_eq!(text(&node, &["c", "d"]), "e");
    assert_eq!(at(&node, &["c", "d"]).at, Position::new(3, 6));
}

#[test]
fn aliases_are_copies_with_the_place_of_their_anchor() {
    let node = tree("a: &x {b: c}\nd: *x\ne: [*x, *x]\n");
    assert_eq!(at(&node, &["d"]), at(&node, &["a"]));
    assert_eq!(at(&node, &["e", "1", "b"]).at, Position::new(1, 11));
}

#[test]
fn an_alias_may_be_a_key_when_it_is_a_single_value() {
    let node = tree("a: &x name\nb: {*x : 1}\n");
    assert_eq!(text(&node, &["b", "name"]), "1");
    assert_eq!(
        refused("a: &x [b]\nc: {*x : 1}\n"),
        "2:5: error: a list or a map cannot be a key"
    );
}

#[test]
fn a_merge_key_adds_what_is_not_there() {
    let node = tree(
        "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\none: {<<: *base, b: 9}\ntwo:\n  <<: [*base, *more]\n  d: 5\n",
    );
    assert_eq!(text(&node, &["one", "a"]), "1");
    assert_eq!(text(&node, &["one", "b"]), "9");
    assert_eq!(text(&node, &["two", "b"]), "2");
    assert_eq!(text(&node, &["two", "c"]), "4");
    assert_eq!(text(&node, &["two", "d"]), "5");
    assert!(node.get("two").unwrap().get("<<").is_none());
}

#[test]
fn a_quoted_merge_key_is_a_key() {
    assert_eq!(text(&tree("'<<': x\n"), &["<<"]), "x");
}

#[test]
fn a_merge_key_wants_maps() {
    assert_eq!(
        refused("a: {<<: x}\n"),
        "1:5: error: << wants a map, or a list of maps"
    );
    assert_eq!(
        refused("a: &a {b: c}\nd:\n  <<: *a\n  <<: *a\n"),
        r#"4:3: error: the key "<<" is given twice: at 3:3 and at 4:3"#
    );
}

#[test]
fn a_key_given_twice_is_refused_with_both_places() {
    assert_eq!(
        refused("a:\n  b: 1\n  c: 2\n  b: 3\n"),
        r#"4:3: error: the key "b" is given twice: at 2:3 and at 4:3"#
    );
}

#[test]
fn a_second_document_is_refused() {
    let said = refused("a: b\n---\nc: d\n");
    assert!(
        said.starts_with("3:1: error: a second YAML document begins here"),
        "{said}"
    );
    assert!(refused("---\n---\nc: d\n").contains("second YAML document"));
}

#[test]
fn a_separator_at_the_end_is_no_document() {
    assert_eq!(text(&tree("---\na: b\n---\n"), &["a"]), "b");
    assert_eq!(text(&tree("a: b\n...\n"), &["a"]), "b");
}

#[test]
fn a_syntax_error_has_a_place_and_a_guess() {
    let said = refused("http:\n\trouters: {}\n");
    assert!(said.starts_with("2:2: error: not valid YAML"), "{said}");
    assert!(
        said.ends_with("a line begins with a tab; YAML is indented with spaces"),
        "{said}"
    );
    let said = refused("a:\n  rule: `x`\n");
    assert!(said.starts_with("2:9: error"), "{said}");
    assert!(said.ends_with("stands in quotes"), "{said}");
    let said = refused("a:\n    b: c\n   d: e\n");
    assert!(said.contains("look at the indentation"), "{said}");
}

#[test]
fn an_alias_of_its_own_parent_is_refused() {
    assert_eq!(
        refused("a: &x [1, *x]\n"),
        "1:11: error: an alias of a node that it is itself a part of"
    );
}

#[test]
fn an_unknown_alias_is_refused() {
    assert!(refused("a: *x\n").starts_with("1:4: error: not valid YAML"));
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    assert_eq!(
        refused(b"a: b\nc: \xff\n"),
        "2:4: error: the file is not UTF-8 text; save it as UTF-8"
    );
    assert_eq!(
        refused(b"a: \0"),
        "1:4: error: the file is binary: it holds a zero byte"
    );
    assert!(refused(b"\xff\xfea\0").ends_with("it looks like UTF-16; save it as UTF-8"));
}

#[test]
fn a_huge_text_is_refused() {
    let text = "#".repeat(9 * 1024 * 1024);
    assert!(refused(text).contains("bytes; 8388608 are allowed"));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..40 {
        let copies = vec![format!("*a{}", level - 1); 9].join(",");
        text += &format!("a{level}: &a{level} [{copies}]\n");
    }
    assert!(refused(text).contains("too big"));
}

#[test]
fn a_bomb_of_text_is_refused() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a,".repeat(1000));
    assert!(refused(text).contains("too much text"));
}

#[test]
fn deep_nesting_is_refused_however_it_is_written() {
    let levels = MAX_DEPTH + 1;
    assert!(refused("[".repeat(levels) + &"]".repeat(levels)).contains("levels deep"));
    assert!(refused("- ".repeat(levels) + "x").contains("levels deep"));
    let block: String = (0..levels)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    assert!(refused(block).contains("levels deep"));
    assert!(refused("{a: ".repeat(100_000)).contains("error"));
    // Aliases within aliases would be as deep as their number.
    let half = MAX_DEPTH / 2;
    let by_alias = format!(
        "- &a {}{}\n- {}*a{}\n",
        "[".repeat(half),
        "]".repeat(half),
        "[".repeat(half),
        "]".repeat(half)
    );
    assert!(refused(by_alias).contains("levels deep"));
}

#[test]
fn nesting_within_the_bound_is_read() {
    let text = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert!(parse(text.as_bytes()).is_ok());
}

#[test]
fn a_megabyte_of_garbage_ends_in_a_problem_or_a_value() {
    for piece in [
        "\"", "'", "{", "[", ": ", "- ", "&a ", "*a ", "! ", "%", "? ", "|", ">", "\t", "\u{2028}", "a:\n b",
        "}",
    ] {
        let _ = parse(piece.repeat((1 << 20) / piece.len()).as_bytes());
    }
}
