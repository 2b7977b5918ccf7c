//! Go's regular expressions mean here what they mean there. The expectations are those of Go 1.26.

use super::super::regexp::compile;

#[test]
fn go_patterns_keep_their_meaning() {
    for (pattern, text, expected) in [
        (r"^\d$", "3", true),
        (r"^\d$", "٣", false),
        (r"^\w$", "é", false),
        (r"^\W$", "é", true),
        (r"^\s$", "\u{b}", false),
        (r"a\b", "aé", true),
        (r"é\B", "éé", true),
        (r"^.$", "é", true),
        ("^.$", "\n", false),
        ("(?s)^.$", "\n", true),
        ("^[a&&b]$", "&", true),
        ("^[+--]$", ",", true),
        ("^[[]$", "[", true),
        ("^[]a]$", "]", true),
        ("^[^]a]$", "]", false),
        ("^[a-]$", "-", true),
        (r"^[\d-]$", "-", true),
        (r"^[^\D]$", "7", true),
        ("^[[:alpha:]0]$", "0", true),
        ("^[[:^alpha:]]$", "a", false),
        ("^a{2}$", "aa", true),
        ("^a{,2}$", "a{,2}", true),
        ("^a{02}$", "a{02}", true),
        ("^{a}$", "{a}", true),
        ("^a}]$", "a}]", true),
        (r"^\<\_\-$", "<_-", true),
        (r"^\Qa.b*\E+$", "a.b**", true),
        (r"^\x41\x{e9}\101\0$", "AéA\0", true),
        (r"^\pL\p{^Lu}\P{^Lu}$", "aaA", true),
        ("^(?P<a>x)(?<b>y)(?i:Z)$", "xyz", true),
        ("(?)a#b c", "a#b c", true),
        ("^(|a)*?$", "aa", true),
        ("a$", "a\n", false),
        ("(?m)a$", "a\n", true),
    ] {
        let regex = compile(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
        assert_eq!(regex.is_match(text), expected, "{pattern} on {text:?} is {regex}");
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in [
        "a**",
        "a+*?",
        "a{2}{3}",
        "*",
        "a|*",
        "(",
        ")",
        "[",
        "[]",
        "[b-a]",
        "[a--b]",
        "[a-\\d]",
        "\\",
        "\\Z",
        "\\1",
        "\\8",
        "\\C",
        "\\x4",
        "\\x{}",
        "\\x{110000}",
        "\\p{Nope}",
        "\\p",
        "[[:nope:]]",
        "(?x)a",
        "(?=a)",
        "(?!a)",
        "(?P=a)",
        "(?P<>a)",
        "(?i",
        "a{1001}",
        "a{2,1}",
        "a{99999999999}",
    ] {
        let why = compile(pattern)
            .err()
            .unwrap_or_else(|| panic!("{pattern} compiles"));
        assert!(why.starts_with("error parsing regexp: "), "{why}");
        assert!(!why.contains('\n'), "{why}");
    }
}

#[test]
fn a_pattern_that_grows_too_large_is_refused() {
    let why = compile(r"(\pL{100}){1000}").unwrap_err();
    assert!(why.contains("size limit"), "{why}");
    assert!(compile(&"(".repeat(30_000)).is_err());
    assert!(compile(&format!("{}a{}", "(".repeat(20_000), ")".repeat(20_000))).is_err());
}
