//! What templates give, and what is said about those that are none.

use super::*;

fn rendered(template: &str) -> String {
    let labels = [
        ("host", "App.Example.com"),
        ("key", "host"),
        ("raw", "/my_app.v2"),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let model = Model {
        name: "web-shop",
        container_name: "shop_Web_1",
        labels: &labels.into(),
    };
    DefaultRule::parse(template).unwrap().render(model)
}

fn error(template: &str) -> (usize, String) {
    let InvalidTemplate { offset, message } = DefaultRule::parse(template).unwrap_err();
    (offset, message)
}

#[test]
fn traefiks_default_names_the_service_as_host() {
    assert_eq!(rendered("Host(`{{ normalize .Name }}`)"), "Host(`web-shop`)");
}

#[test]
fn fields_functions_pipes_and_parentheses_give_text() {
    for (template, expected) in [
        ("", ""),
        ("Path(`/x`)", "Path(`/x`)"),
        ("{{.Name}}", "web-shop"),
        ("{{ .ContainerName }}", "shop_Web_1"),
        ("{{ normalize .ContainerName }}", "shop-Web-1"),
        ("{{ .ContainerName | normalize | lower }}", "shop-web-1"),
        ("{{ index .Labels \"host\" }}", "App.Example.com"),
        ("{{ index .Labels `host` | lower }}", "app.example.com"),
        ("{{ \"host\" | index .Labels }}", "App.Example.com"),
        ("{{ normalize (index .Labels \"raw\") }}", "my-app-v2"),
        ("{{ index .Labels (index .Labels \"key\") }}", "App.Example.com"),
        ("{{ index .Labels \"none\" }}", ""),
        ("{{ trimPrefix \"web-\" .Name }}", "shop"),
        ("{{ .Name | trimPrefix \"x\" }}", "web-shop"),
        ("{{ ((.Name)) }}", "web-shop"),
        ("{{ \"}}\" }}", "}}"),
        (
            "Host(`{{ .Name }}.{{ index .Labels \"host\" }}`)",
            "Host(`web-shop.App.Example.com`)",
        ),
        ("}} {", "}} {"),
    ] {
        assert_eq!(rendered(template), expected, "{template}");
    }
}

#[test]
fn trim_marks_take_white_space_away() {
    assert_eq!(
        rendered("a \n{{- .Name -}}\t b"),
        "aweb-shop\t b".replace("\t ", "")
    );
    assert_eq!(rendered("a {{- .Name }} b"), "aweb-shop b");
    assert_eq!(rendered("a {{ .Name -}} b"), "a web-shopb");
    assert_eq!(rendered("a{{- \"-\" -}}b"), "a-b");
}

#[test]
fn anything_else_is_refused_with_its_byte_and_what_is_known() {
    for (template, offset, says) in [
        (
            "x {{ if .Name }}{{ end }}",
            5,
            "`if` is not supported; known are .Name,",
        ),
        ("{{ .Nam }}", 3, "`.Nam` is not known; known are"),
        ("{{ . }}", 3, "`.` is not known"),
        ("{{ .Labels.host }}", 3, "write index .Labels \"host\""),
        ("{{ .Labels }}", 3, "`.Labels` is no text"),
        ("{{ $x }}", 3, "found `$`; known are"),
        ("{{ 1 }}", 3, "found `1`"),
        ("{{ }}", 3, "expected a value, found `}}`"),
        ("{{}}", 2, "expected a value"),
        ("{{ .Name", 8, "close the action with `}}`"),
        ("{{ .Name }", 9, "found `}`"),
        ("{{ .Name | }}", 11, "a function after `|`"),
        ("{{ .Name | .Name }}", 11, "a function after `|`"),
        ("{{ .Name .Name }}", 3, "a value takes no arguments"),
        ("{{ normalize }}", 3, "normalize wants one text"),
        ("{{ normalize .Labels }}", 3, "normalize wants one text"),
        ("{{ lower .Name .Name }}", 3, "lower wants one text"),
        ("{{ trimPrefix .Name }}", 3, "trimPrefix wants two texts"),
        ("{{ index .Name \"x\" }}", 3, "index wants labels and a key"),
        ("{{ index .Labels }}", 3, "index wants labels and a key"),
        ("{{ normalize normalize .Name }}", 13, "put it in parentheses"),
        ("{{ (.Name }}", 10, "expected `|` or `)`"),
        ("{{ .Name ) }}", 9, "expected `|` or `}}`"),
        ("{{ \"x }}", 3, "not closed"),
        ("{{ upper .Name }}", 3, "`upper` is not supported"),
        ("{{/* comment */}}", 2, "found `/`"),
        ("{{- }}", 4, "expected a value"),
        ("{{-.Name }}", 2, "found `-`"),
    ] {
        let (at, message) = error(template);
        assert!(
            at == offset && message.contains(says),
            "{template}: {at}: {message}"
        );
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let nested = |levels: usize| {
        let text = format!("{{{{ {}.Name{} }}}}", "(".repeat(levels), ")".repeat(levels));
        DefaultRule::parse(&text)
    };
    assert!(nested(64).is_ok());
    assert!(nested(65).unwrap_err().message.contains("more than 64"));
    let piped = format!("{{{{ .Name {} }}}}", "| lower ".repeat(65));
    assert!(error(&piped).1.contains("more than 64"));
    assert!(error(&"x".repeat(17_000)).1.contains("the limit is"));
}
