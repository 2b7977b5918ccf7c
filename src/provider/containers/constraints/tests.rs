//! What expressions let in, and what is said about those that are none.

use super::*;

fn allows(expression: &str) -> bool {
    let labels = [("env", "prod"), ("team", "web.a"), ("empty", "")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Constraints::parse(expression).unwrap().allow(&labels.into())
}

fn error(expression: &str) -> (usize, String) {
    let InvalidConstraints { offset, message } = Constraints::parse(expression).unwrap_err();
    (offset, message)
}

#[test]
fn an_empty_expression_lets_every_container_in() {
    assert!(allows(""));
    assert!(allows(" \n\t"));
    assert!(Constraints::default().allow(&BTreeMap::new()));
}

#[test]
fn a_label_is_compared_whole_and_with_case() {
    assert!(allows("Label(`env`, `prod`)"));
    assert!(!allows("Label(`env`, `pro`)"));
    assert!(!allows("Label(`env`, `Prod`)"));
    assert!(!allows("Label(`Env`, `prod`)"));
}

#[test]
fn a_label_that_is_not_there_is_empty() {
    assert!(allows("Label(`nothing`, ``)"));
    assert!(allows("LabelRegex(`nothing`, `^$`)"));
    assert!(!allows("Label(`nothing`, `x`)"));
}

#[test]
fn a_pattern_matches_anywhere_unless_anchored() {
    assert!(allows("LabelRegex(`team`, `eb`)"));
    // Go's dialect: braces that count nothing are text, and `\Q..\E` quotes.
    assert!(!allows("LabelRegex(`team`, `w{x}`)"));
    assert!(allows(r"LabelRegex(`team`, `\Qweb\E`)"));
    assert!(!allows("LabelRegex(`team`, `^eb`)"));
    assert!(allows(r#"LabelRegex("team", "b\\.a$")"#));
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_both() {
    let (yes, no) = ("Label(`env`,`prod`)", "Label(`env`,`x`)");
    for (expression, expected) in [
        (format!("{yes} || {no} && {no}"), true),
        (format!("({yes} || {no}) && {no}"), false),
        (format!("!{no} && {yes}"), true),
        (format!("!({no} || {yes})"), false),
        (format!("!!{yes}"), true),
        (format!("{no} || {no} || {yes}"), true),
        (format!("{yes} && {yes} && {no}"), false),
        (format!("{yes}\n  && {yes}"), true),
    ] {
        assert_eq!(allows(&expression), expected, "{expression}");
    }
}

#[test]
fn both_kinds_of_strings_are_known() {
    assert!(allows("Label(\"env\", `prod`)"));
    assert!(error(r#"Label("env, `x`)"#).1.contains("not closed"));
    assert_eq!(error(r#"Label("\d", `x`)"#).0, 7);
}

#[test]
fn a_pattern_that_is_none_is_an_error_at_its_byte() {
    let (offset, message) = error("LabelRegex(`a`, `(x`)");
    assert_eq!(offset, 16);
    assert!(message.starts_with("error parsing regexp: "), "{message}");
    assert!(!message.contains('\n'));
    assert!(error("LabelRegex(`a`, `(x{999}){999}`)").1.contains("size limit"));
}

#[test]
fn what_is_no_expression_is_refused_with_its_byte_and_advice() {
    for (expression, offset, says) in [
        ("Tag(`a`)", 0, "providers whose services have tags"),
        ("!TagRegex(`a`)", 1, "Label(`key`, `value`)"),
        ("LabelRegexp(`a`, `b`)", 0, "called LabelRegex"),
        ("label(`a`, `b`)", 0, "unsupported function `label`"),
        ("Label(`a`, `b`) == true", 16, "no such operator"),
        ("Label(`a`, `b`) AND Label(`a`, `b`)", 16, "the operator is `&&`"),
        ("NOT Label(`a`, `b`)", 0, "the operator is `!`"),
        ("Label(`a`, `b`) & Label(`a`, `b`)", 16, "the operator is `&&`"),
        ("Label(`a`, `b`) | Label(`a`, `b`)", 16, "the operator is `||`"),
        ("Label('a', `b`)", 6, "single quotes"),
        ("Label(a, `b`)", 6, "a string in backticks"),
        ("Label(`a`)", 9, "a second string"),
        ("Label(`a`, `b`, `c`)", 14, "expected `)`"),
        ("Label", 5, "`(` after Label"),
        ("(Label(`a`, `b`)", 16, "`)`, found the end"),
        ("Label(`a`, `b`))", 15, "the end, found `)`"),
        ("Label(`a`, `b`) Label(`a`, `b`)", 16, "found `Label`"),
        ("Label(`a`, `b`) &&", 18, "found the end"),
        ("()", 1, "found `)`"),
        ("`a`", 0, "found a string"),
        ("Label(`a`, `b`) != x", 16, "no such operator"),
        ("é", 0, "`é`"),
    ] {
        let (at, message) = error(expression);
        assert!(
            at == offset && message.contains(says),
            "{expression}: {at}: {message}"
        );
    }
}

#[test]
fn length_and_nesting_are_bounded() {
    let nested = |levels: usize| {
        let text = format!("{}Label(`a`,`b`){}", "(".repeat(levels), ")".repeat(levels));
        Constraints::parse(&text)
    };
    assert!(nested(MAX_NESTING).is_ok());
    assert!(
        nested(MAX_NESTING + 1)
            .unwrap_err()
            .message
            .contains("nest deeper")
    );
    let many = "!".repeat(MAX_BYTES - 20) + "Label(`a`,`b`)";
    assert!(Constraints::parse(&many).is_ok());
    assert!(error(&" ".repeat(MAX_BYTES + 1)).1.contains("the limit is"));
}
