//! Which labels are read, and how their keys are taken apart.

use super::super::lines;
use super::{borrowed, config, in_spite_of_warnings, router_said, said};
use crate::config::labels::read;

// === which labels ===

#[test]
fn other_labels_are_skipped() {
    for key in [
        "traefik.wrong.label",
        "traefik.enable",
        "com.example",
        "",
        "traefik",
        "traefik.",
    ] {
        assert!(config(&[(key, "x")]).is_empty(), "{key}");
    }
}

#[test]
fn a_prefix_is_text_in_any_case_and_needs_no_dot() {
    assert_eq!(
        said(&[("traefik.https.routers.a.rule", "x")]),
        [r#"error: traefik.https: unknown key "https"; did you mean "http"?"#]
    );
    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Extras {
        enable: Option<bool>,
    }
    let extras = |key| read::<Extras>([(key, "true")], &["traefik.enable"]);
    assert_eq!(extras("traefik.ENABLE").0.enable, Some(true));
    assert_eq!(
        lines(&extras("traefik.enabled").1),
        [r#"error: traefik.enabled: unknown key "enabled"; did you mean "enable"?"#]
    );
}

#[test]
fn the_root_matches_in_its_own_case_only() {
    for (key, root) in [
        ("Traefik.http.routers.a.rule", "Traefik"),
        ("TRAEFIK.HTTP.routers.a.rule", "TRAEFIK"),
    ] {
        assert_eq!(
            said(&[(key, "x")]),
            [format!(
                "error: {key}: invalid label root {root}; write traefik: the root matches in this case only"
            )]
        );
    }
}

#[test]
fn the_store_of_certificates_is_the_default_one_alone() {
    let generated = "traefik.tls.stores.default.defaultgeneratedcert.resolver";
    let stores = config(&[
        (generated, "le"),
        ("traefik.tls.stores.other.x", "y"),
        ("traefik.tls.options.a.x", "y"),
    ])
    .tls
    .stores;
    assert_eq!(stores.len(), 1);
    assert_eq!(
        stores["default"]
            .default_generated_cert
            .as_ref()
            .unwrap()
            .resolver,
        "le"
    );
}

// === grammar ===

#[test]
fn keys_match_in_any_case_and_names_keep_the_letters_of_the_first_label() {
    let routers = config(&[
        ("traefik.http.routers.foo.Rule", "x"),
        ("traefik.HTTP.ROUTERS.Foo.entryPOINTS", "a"),
        ("traefik.http.routers.FOO.service", "s"),
        ("traefik.http.routers.bar.rule", "y"),
    ])
    .http
    .routers;
    // By bytes, `traefik.HTTP` comes before `traefik.http`.
    assert_eq!(routers.keys().collect::<Vec<_>>(), ["Foo", "bar"]);
    let foo = &routers["Foo"];
    assert_eq!(
        (foo.rule.as_str(), foo.service.as_str(), foo.entry_points.len()),
        ("x", "s", 1)
    );
}

#[test]
fn names_fold_as_in_go() {
    let names = |a: &str, b: &str| {
        let labels = [
            (format!("traefik.http.routers.{a}.rule"), "x"),
            (format!("traefik.http.routers.{b}.service"), "y"),
        ];
        config(&borrowed(&labels)).http.routers.len()
    };
    for (a, b) in [
        ("größe", "GRÖßE"),
        ("ΣΑΣ", "σας"),
        ("\u{17f}", "S"),
        ("\u{212a}", "k"),
        ("ß", "ẞ"),
    ] {
        assert_eq!(names(a, b), 1, "{a} {b}");
    }
    for (a, b) in [("ß", "ss"), ("ı", "i"), ("İ", "i"), ("é", "e")] {
        assert_eq!(names(a, b), 2, "{a} {b}");
    }
}

#[test]
fn of_one_label_in_two_spellings_the_last_by_bytes_counts() {
    let labels = [
        ("traefik.http.routers.app.rule", "last"),
        ("traefik.http.routers.app.Rule", "first"),
    ];
    assert_eq!(in_spite_of_warnings(&labels).http.routers["app"].rule, "last");
    assert_eq!(
        said(&labels),
        [
            "warning: traefik.http.routers.app.Rule: the label has no effect: it is given again in other letters; \
             traefik.http.routers.app.rule counts"
        ]
    );
}

#[test]
fn a_problem_names_the_label_as_it_is_written() {
    let labels = [
        ("traefik.HTTP.routers.App.rule", "x"),
        ("traefik.http.routers.app.Priority", "high"),
        ("traefik.http.Routers.app.tls.Option", "x"),
    ];
    assert_eq!(
        said(&labels),
        [
            r#"error: traefik.http.Routers.app.tls.Option: unknown key "Option"; did you mean "options"?"#,
            r#"error: traefik.http.routers.app.Priority: "high" is not a whole number"#,
        ]
    );
}

#[test]
fn a_segment_is_never_empty() {
    for key in [
        "traefik.http.routers.app.",
        "traefik.http..app.rule",
        "traefik.http.routers.app.rule..",
        "traefik.http.",
    ] {
        assert_eq!(
            said(&[(key, "x")]),
            [format!(
                "error: {key}: invalid element: {key}; a dot is missing its name: before it, or behind it"
            )]
        );
    }
}

#[test]
fn a_bracket_stands_behind_the_name_of_a_list() {
    assert_eq!(
        router_said(&["tls.domains.[0].main=a"]),
        [
            "error: traefik.http.routers.app.tls.domains.[0].main: invalid leading character '[' in field name \
             (bracket is a slice delimiter): [0]; write the bracket right behind the name of the list"
        ]
    );
    assert_eq!(
        router_said(&["tls.domains0].main=a"]),
        [
            "error: traefik.http.routers.app.tls.domains0].main: invalid closing character ']' in field name \
             (no '[' before it): domains0]"
        ]
    );
    for key in ["]", "[", "[]", "a]b]", "[a"] {
        assert_eq!(said(&[(&format!("traefik.http.{key}"), "x")]).len(), 1, "{key}");
    }
}

#[test]
fn every_label_that_is_wrong_is_told_at_once() {
    let said = said(&[
        ("traefik.http.routers.a.", "x"),
        ("traefik.http.routers.a.priority", "x"),
        ("traefik.http.routers.b.rulee", "x"),
        ("traefik.tcp..x", "x"),
    ]);
    assert_eq!(said.len(), 4, "{said:?}");
}
