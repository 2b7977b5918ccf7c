//! Problems as people see them.

use std::path::Path;
use std::sync::Arc;

use crate::config::{Position, Problem, Problems, did_you_mean};

#[test]
fn a_problem_names_file_place_key_cause_and_cure() {
    let file: Arc<Path> = Arc::from(Path::new("conf/app.yaml"));
    let problem = Problem::error("http.routers.app.rulee", "unknown key \"rulee\"")
        .at(Position::new(12, 7))
        .hint("did you mean \"rule\"?")
        .in_file(&file);
    assert_eq!(
        problem.to_string(),
        r#"conf/app.yaml:12:7: error: http.routers.app.rulee: unknown key "rulee"; did you mean "rule"?"#
    );
}

#[test]
fn what_is_not_known_is_not_printed() {
    assert_eq!(Problem::warning("", "odd").to_string(), "warning: odd");
    assert_eq!(
        Problem::error("a.b", "odd").at(Position::UNKNOWN).to_string(),
        "error: a.b: odd"
    );
}

#[test]
fn several_problems_are_one_line_each() {
    let problems = Problems(vec![Problem::error("a", "x"), Problem::warning("b", "y")]);
    assert_eq!(problems.to_string(), "error: a: x\nwarning: b: y");
    assert!(problems.any_error());
}

#[test]
fn slips_are_guessed() {
    let keys = [
        "rule",
        "service",
        "entryPoints",
        "middlewares",
        "priority",
        "tls",
        "loadBalancer",
    ];
    let cases = [
        ("rulee", Some("rule")),
        ("serivce", Some("service")),
        ("entrypoint", Some("entryPoints")),
        ("load_balancer", Some("loadBalancer")),
        ("middleware", Some("middlewares")),
        ("prioritty", Some("priority")),
        ("tsl", Some("tls")),
        ("banana", None),
        ("x", None),
        ("", None),
    ];
    for (word, expected) in cases {
        assert_eq!(did_you_mean(word, keys), expected, "{word}");
    }
}

#[test]
fn a_long_word_is_not_compared() {
    assert_eq!(did_you_mean(&"rule".repeat(1000), ["rule"]), None);
}

#[test]
fn a_byte_offset_is_a_line_and_a_column_in_characters() {
    let text = "a\n\u{e4}\u{f6}b\n";
    assert_eq!(Position::of_byte(text, 0), Position::new(1, 1));
    assert_eq!(Position::of_byte(text, 2), Position::new(2, 1));
    assert_eq!(Position::of_byte(text, 6), Position::new(2, 3));
    assert_eq!(Position::of_byte(text, 8), Position::new(3, 1));
    assert_eq!(Position::of_byte(text, 9999), Position::new(3, 1));
}

#[test]
fn what_may_be_a_key_in_a_wrong_place_is_not_shown() {
    let key = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyMQ==";
    let problem = Problem::error(
        format!("http.services.a.{key}"),
        format!("{key:?} is not a duration"),
    );
    let text = problem.to_string();
    assert!(
        !text.contains("Zm9v") && text.contains("is not a duration"),
        "{text}"
    );
    let text = Problem::warning("a", "unknown key \"secret:abc-def\" is ignored").to_string();
    assert!(text.contains("\"secret:(not shown)\" is ignored"), "{text}");
    let plain = "unknown key \"maxInFlightt\" of http://127.0.0.1:8080/a-long-path/with-many-parts, 30s";
    assert!(Problem::error("a", plain).to_string().contains(plain));
}
