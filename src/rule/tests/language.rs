//! Operators, strings, line breaks, errors (traefik-core 4.2, 4.8).

use super::super::{MAX_NESTING, MAX_RULE_BYTES, default_priority};
use super::{get, no, refused, rule, yes};

/// Asserts which of the paths `/a`, `/b`, `/c` on hosts `x`, `y` a rule takes, as `x/a`.
#[track_caller]
fn takes(text: &str, expected: &[&str]) {
    let compiled = rule(text);
    let all = ["x/a", "x/b", "x/c", "y/a", "y/b", "y/c"];
    let taken: Vec<&str> = all
        .into_iter()
        .filter(|request| {
            let (host, path) = request.split_at(1);
            get(host, path).satisfies(&compiled)
        })
        .collect();
    assert_eq!(taken, expected, "{text}");
}

#[test]
fn operators_have_the_precedence_of_go() {
    takes("Host(`x`) && PathPrefix(`/a`)", &["x/a"]);
    takes(
        "Host(`x`) || Host(`y`)",
        &["x/a", "x/b", "x/c", "y/a", "y/b", "y/c"],
    );
    takes(
        "Host(`x`) || Host(`y`) && Path(`/b`)",
        &["x/a", "x/b", "x/c", "y/b"],
    );
    takes(
        "Path(`/b`) && Host(`y`) || Host(`x`)",
        &["x/a", "x/b", "x/c", "y/b"],
    );
    takes("(Host(`x`) || Host(`y`)) && Path(`/b`)", &["x/b", "y/b"]);
    takes("!Host(`x`) && Path(`/a`)", &["y/a"]);
    takes("!Host(`x`) || Path(`/a`)", &["x/a", "y/a", "y/b", "y/c"]);
}

#[test]
fn negation_is_pushed_through_groups() {
    takes("!Host(`x`)", &["y/a", "y/b", "y/c"]);
    takes("!(Host(`x`) || Path(`/a`))", &["y/b", "y/c"]);
    takes("!(Host(`x`) && Path(`/a`))", &["x/b", "x/c", "y/a", "y/b", "y/c"]);
    takes("!(Host(`x`) && !Path(`/a`))", &["x/a", "y/a", "y/b", "y/c"]);
    takes("!Host(`x`) || !Path(`/a`)", &["x/b", "x/c", "y/a", "y/b", "y/c"]);
    takes("!(!(Host(`x`) && Path(`/a`)))", &["x/a"]);
    takes("!!Host(`x`)", &["x/a", "x/b", "x/c"]);
    takes("! ! !Host(`x`)", &["y/a", "y/b", "y/c"]);
}

#[test]
fn matchers_have_four_spellings() {
    let request = get("example.com", "/");
    for name in ["HostRegexp", "hostregexp", "HOSTREGEXP", "Hostregexp"] {
        yes(&format!("{name}(`^example`)"), &request);
    }
    for name in ["hostRegexp", "HOSTregexp", "HostREGEXP"] {
        let message = refused(&format!("{name}(`^example`)")).message;
        assert_eq!(
            message,
            format!("unsupported function: {name}; did you mean `HostRegexp`?")
        );
    }
}

#[test]
fn strings_are_raw_or_escaped() {
    yes(r"Path(`/a\n`)", &get("", r"/a\n"));
    yes("Path(`/a\r\n`)", &get("", "/a\n"));
    yes(
        r#"Path("/a\x41\u00e9\U0001F600\101\\\"")"#,
        &get("", "/aAé😀A\\\""),
    );
    yes(r#"Path("/\a\b\f\n\r\t\v")"#, &get("", "/\x07\x08\x0c\n\r\t\x0b"));
    yes(r#"Path("/\xc3\xa9")"#, &get("", "/é"));
    for (text, says) in [
        (r#"Path("/\xff")"#, "UTF-8"),
        (r#"Path("/\q")"#, r"unknown escape sequence `\q`"),
        (r#"Path("/\d")"#, "backtick"),
        (r#"Path("/\ud800")"#, "invalid Unicode code point"),
        (r#"Path("/\777")"#, "over 255"),
        (r#"Path("/\x4")"#, "illegal character in escape"),
        ("Path(\"/a\n\")", "not terminated"),
        ("Path(`/a)", "not terminated"),
        ("Path(`/a`) /* ", "comment not terminated"),
    ] {
        let message = refused(text).message;
        assert!(message.contains(says), "{text}: {message}");
    }
}

#[test]
fn space_and_comments_go_anywhere_between_tokens() {
    takes(
        "\t Host (\n`x` ,\n) &&/* both */Path( `/a` ) // the end\n",
        &["x/a"],
    );
}

#[test]
fn a_line_break_may_follow_an_operator_but_not_precede_one() {
    takes("Host(`x`) &&\n  Path(`/a`)", &["x/a"]);
    takes(
        "(\nHost(`x`) ||\n!\nPath(`/a`))\n\n",
        &["x/a", "x/b", "x/c", "y/b", "y/c"],
    );
    for text in [
        "Host(`x`)\n  && Path(`/a`)",
        "(Host(`x`)\n&& Path(`/a`))",
        "Host(`x`) // x\n && Path(`/a`)",
    ] {
        let message = refused(text).message;
        assert!(
            message.contains("line break") && message.contains("`&&` cannot start the next line"),
            "{message}"
        );
    }
    assert!(refused("Host(`x`\n)").message.contains("line break"));
    assert!(refused("Host\n(`x`)").message.contains("bare word"));
    assert_eq!(refused("Host(`x`)\n  && Path(`/a`)").offset, 9);
}

#[test]
fn errors_say_what_would_be_right() {
    for (text, offset, says) in [
        ("", 0, "empty rule"),
        (" \n", 0, "empty rule"),
        ("Host", 0, "a matcher needs arguments in parentheses"),
        (
            "Host(`a`) and Path(`/`)",
            10,
            "expected `&&`, `||` or the end of the rule, found `and`",
        ),
        ("Host(`a`) & Path(`/`)", 10, "the operator is `&&`"),
        ("Host(`a`) | Path(`/`)", 10, "the operator is `||`"),
        ("not Host(`a`)", 0, "use `!`"),
        ("Host(`a`) &&", 12, "found the end of the rule"),
        ("(Host(`a`)", 10, "expected `&&`, `||` or `)`"),
        ("Host(`a`))", 9, "found `)`"),
        ("`a`", 0, "found a string"),
        ("Host(example.com)", 5, "put it in backticks: Host(`example.com`)"),
        (
            "Host(my-app.example.com) || Host(`b`)",
            5,
            "Host(`my-app.example.com`)",
        ),
        ("Path(/a/b)", 5, "Path(`/a/b`)"),
        ("ClientIP(10.0.0.1)", 9, "ClientIP(`10.0.0.1`)"),
        (
            "Host('example.com')",
            5,
            "single quotes do not make a string; use backticks: Host(`example.com`)",
        ),
        ("'a'", 0, "single quotes"),
        ("Host(`a` `b`)", 9, "expected `,` or `)`"),
        ("Host(,)", 5, "expected a string"),
        (
            "Host()",
            0,
            "no args for matcher Host; write for example Host(`example.com`)",
        ),
        ("Host(``)", 0, "empty args for matcher Host, []"),
        ("Query(`q`, ``)", 0, "empty args for matcher Query, [q ]"),
        (
            "Path(`/`) && Host(`a`, `b`)",
            13,
            "unexpected number of parameters; got 2, expected one of [1]",
        ),
        ("Host(`a`, `b`)", 0, "write Host(`a`) || Host(`b`)"),
        ("Header(`a`)", 0, "got 1, expected one of [2]"),
        ("Query(`a`, `b`, `c`)", 0, "got 3, expected one of [1 2]"),
        (
            "Headers(`a`, `b`)",
            0,
            "unsupported function: Headers; did you mean `Header`?",
        ),
        ("HostSNI(`*`)", 0, "did you mean `Host`?"),
        (
            "Foo(`a`)",
            0,
            "unsupported function: Foo; matchers are ClientIP, Header",
        ),
        ("Path(`a`)", 0, "path \"a\" does not start with a '/'"),
        ("PathPrefix(`a`)", 0, "path \"a\" does not start with a '/'"),
        (
            "Host(`exämple.com`)",
            0,
            "invalid value \"exämple.com\" for Host matcher, non-ASCII",
        ),
        ("HostRegexp(`ä`)", 0, "for HostRegexp matcher, non-ASCII"),
        ("Header(`a b`, `c`)", 0, "invalid header name"),
        (
            "ClientIP(`10.0.0.0/33`)",
            0,
            "initializing IP checker for ClientIP matcher",
        ),
        (
            "PathRegexp(`(`)",
            0,
            "compiling PathRegexp matcher: error parsing regexp",
        ),
        ("Host(`a\0`)", 7, "NUL"),
    ] {
        let error = refused(text);
        assert!(error.message.contains(says), "{text}: {error}");
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
    assert!(refused("Host(`a`) x").to_string().ends_with("(at byte 10)"));
}

#[test]
fn nesting_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}Host(`x`){}", "(".repeat(depth), ")".repeat(depth));
    takes(&nested(MAX_NESTING), &["x/a", "x/b", "x/c"]);
    let error = refused(&nested(MAX_NESTING + 1));
    assert_eq!(error.offset, MAX_NESTING);
    assert!(error.message.contains("nest deeper than 128"));
    assert!(
        refused(&"(".repeat(MAX_RULE_BYTES))
            .message
            .contains("nest deeper")
    );
    assert!(
        refused(&"!".repeat(MAX_RULE_BYTES))
            .message
            .contains("end of the rule")
    );
    assert!(
        refused(&" ".repeat(MAX_RULE_BYTES + 1))
            .message
            .contains("the limit is 65536")
    );
    let chain = vec!["!Host(`x`)"; 5000].join("&&");
    no(&chain, &get("x", "/"));
    yes(&chain, &get("y", "/"));
    takes(
        &format!("{}Host(`x`)", "!".repeat(60_000)),
        &["x/a", "x/b", "x/c"],
    );
}

#[test]
fn the_default_priority_is_the_length_in_bytes() {
    assert_eq!(default_priority("Host(`example.org`)"), 19);
    assert_eq!(default_priority("Path(`/é`)"), 11);
}
