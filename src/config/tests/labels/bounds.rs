//! How many, how long, and what no message shows.

use super::{borrowed, config, said};
use crate::config::decode;
use crate::config::labels::{MAX_BYTES, MAX_KEY_BYTES, MAX_LABELS};

#[test]
fn ten_thousand_labels_are_read_and_one_more_is_not() {
    let labels: Vec<(String, &str)> = (0..=MAX_LABELS)
        .map(|number| (format!("traefik.http.routers.r{number}.rule"), "x"))
        .collect();
    let mut labels = borrowed(&labels);
    assert_eq!(said(&labels), ["error: more than 10000 labels"]);
    labels.pop();
    assert_eq!(config(&labels).http.routers.len(), 10_000);
}

#[test]
fn labels_are_bounded_in_length_and_depth() {
    let rule = "x".repeat(MAX_BYTES);
    let said_of = |key: &str| said(&[(key, "x")]);
    assert_eq!(
        said(&[("traefik.http.routers.a.rule", &rule)]),
        ["error: the labels have 1048603 bytes; 1048576 are allowed"]
    );
    assert!(said_of(&format!("other.{}", "x".repeat(2 * MAX_BYTES))).is_empty());
    let long = format!("traefik.http.routers.{}.rule", "r".repeat(MAX_KEY_BYTES));
    assert_eq!(
        said_of(&long),
        [format!(
            "error: traefik.http.routers.{}...: the label is 4122 bytes long; 4096 are allowed",
            "r".repeat(59)
        )]
    );
    let deep = |levels| format!("traefik.http.middlewares.m.plugin{}", ".p".repeat(levels));
    assert!(said_of(&deep(60)).is_empty());
    assert_eq!(
        said_of(&deep(61)),
        [format!("error: {}: a label of more than 64 levels", deep(61))]
    );
}

#[test]
fn a_control_character_in_a_label_is_refused_and_not_printed() {
    assert_eq!(
        said(&[("traefik.http.routers.a\nb\0.rule", "x")]),
        [r"error: traefik.http.routers.a\nb\0.rule: a control character in a label"]
    );
}

#[test]
fn letters_beyond_ascii_are_names_like_others() {
    assert_eq!(
        config(&[("traefik.http.routers.日本.rule", "x")]).http.routers["日本"].rule,
        "x"
    );
    assert_eq!(said(&[("traefik.http.routers.日本.règle", "x")]).len(), 1);
    assert!(config(&[("traefik.htt日", "x"), ("日", "x")]).is_empty());
}

#[test]
fn labels_full_of_problems_are_cut() {
    for key in [".", ".rulee", ".priority"] {
        let labels: Vec<(String, &str)> = (0..500)
            .map(|number| (format!("traefik.http.routers.r{number}{key}"), "x"))
            .collect();
        let said = said(&borrowed(&labels));
        assert_eq!(said.len(), decode::MAX_PROBLEMS + 1, "{key}");
        assert_eq!(
            said.last().unwrap(),
            "error: more than 100 problems; the others are not shown"
        );
    }
}

#[test]
fn no_mistake_in_a_label_shows_a_secret() {
    let secret = "correct-horse-battery-staple-0123456789";
    let cookie = "traefik.http.services.app.loadbalancer.sticky.cookie";
    for key in [
        "sign",
        "sign.secret",
        "sign.keys",
        "sign.keys[0]",
        "sign.keys.secret",
        "sign.keys[0].secrt",
        "sign.keys[0].password",
        "sign.keys[0].secret.x",
        "sign.keys[0].secret[0]",
    ] {
        let key = format!("{cookie}.{key}");
        for labels in [
            vec![(key.clone(), secret)],
            vec![(key.clone(), secret), (format!("{key}.x"), "y")],
        ] {
            let said = said(&borrowed(&labels));
            assert!(!said.is_empty(), "{labels:?}");
            assert!(!said.iter().any(|line| line.contains("horse")), "{said:?}");
        }
    }
    for key in ["sign", "sign.keys[0]"] {
        let said = said(&[(&format!("{cookie}.{key}.{secret}"), "x")]);
        assert!(said.len() == 1 && !said[0].contains("horse"), "{said:?}");
    }
    let users = said(&[("traefik.http.middlewares.a.basicauth", "admin:$apr1$H6uskkkW$IgX")]);
    assert!(users.len() == 1 && !users[0].contains("admin"), "{users:?}");
}
