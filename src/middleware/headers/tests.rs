//! What is set, removed, answered.

use http::HeaderMap;

use super::*;

fn headers(change: impl Fn(&mut wire::Headers)) -> Headers {
    let mut written = wire::Headers::default();
    change(&mut written);
    Headers::new(&written).unwrap()
}

fn error(change: impl Fn(&mut wire::Headers)) -> String {
    let mut written = wire::Headers::default();
    change(&mut written);
    Headers::new(&written).unwrap_err()
}

fn request(method: &str, fields: &[(&str, &str)]) -> http::request::Parts {
    let mut request = http::Request::builder().method(method).uri("/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// The answer's fields, after this middleware; before it, it has `before`.
fn left(
    headers: &Headers,
    fields: &[(&str, &str)],
    is_tls: bool,
    before: &[(&'static str, &'static str)],
) -> Vec<String> {
    let mut request = request("GET", fields);
    let is_secure = headers.enter(&mut request, is_tls, &mut false).unwrap();
    let mut response: HeaderMap = before
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
    headers.leave(&request, is_secure, &mut response);
    let mut lines: Vec<String> = response
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines
}

fn pairs(of: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn list(of: &[&str]) -> Vec<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn custom_fields_are_set_and_removed_both_ways() {
    let headers = headers(|it| {
        it.custom_request_headers = pairs(&[
            ("X-Custom", "a"),
            ("x-gone", ""),
            ("Host", "other.test"),
            ("X-Forwarded-For", ""),
        ]);
        it.custom_response_headers = pairs(&[("X-Answer", "b"), ("Server", "")]);
    });
    let mut asked = request(
        "GET",
        &[
            ("host", "a.test"),
            ("x-gone", "1"),
            ("x-custom", "old"),
            ("x-forwarded-for", "1.1.1.1"),
        ],
    );
    let mut hides_client = false;
    headers.enter(&mut asked, false, &mut hides_client).unwrap();
    assert!(hides_client);
    assert_eq!(asked.headers.get("x-custom").unwrap(), "a");
    assert_eq!(asked.headers.get("host").unwrap(), "other.test");
    assert!(!asked.headers.contains_key("x-gone") && !asked.headers.contains_key("x-forwarded-for"));
    assert_eq!(
        left(&headers, &[], false, &[("server", "x"), ("x-other", "y")]),
        ["x-answer: b", "x-other: y"]
    );
}

#[test]
fn names_are_written_as_go_writes_them() {
    for (name, expected) in [
        ("x-custom-header", "X-Custom-Header"),
        ("X-WEB", "X-Web"),
        ("etag", "Etag"),
    ] {
        assert_eq!(
            &FieldName::parse(name).unwrap().written()[..],
            expected.as_bytes()
        );
    }
    assert_eq!(FieldName::parse("a b"), None);
}

#[test]
fn a_preflight_is_answered_and_no_other_options() {
    let headers = headers(|it| {
        it.access_control_allow_methods = list(&["GET", "PUT"]);
        it.access_control_allow_headers = list(&["X-A", "X-B"]);
        it.access_control_allow_origin_list = list(&["https://foo.bar.org"]);
        it.access_control_allow_credentials = true;
        it.access_control_max_age = 600;
    });
    let preflight = |origin, method: &str| {
        let fields = [("origin", origin), ("access-control-request-method", "GET")];
        headers.enter(&mut request(method, &fields), false, &mut false)
    };
    let answer = preflight("https://foo.bar.org", "OPTIONS").unwrap_err();
    let lines: Vec<String> = answer
        .fields
        .iter()
        .map(|(name, value)| format!("{}: {}", name.name(), value.to_str().unwrap()))
        .collect();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b""[..]));
    assert_eq!(
        lines,
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: X-A,X-B",
            "access-control-allow-methods: GET,PUT",
            "access-control-allow-origin: https://foo.bar.org",
            "access-control-max-age: 600"
        ]
    );
    let stranger = preflight("https://evil.test", "OPTIONS").unwrap_err();
    assert!(
        stranger
            .fields
            .iter()
            .all(|(name, _)| name.name() != "access-control-allow-origin")
    );
    assert!(preflight("https://foo.bar.org", "GET").is_ok());
    assert!(
        headers
            .enter(
                &mut request("OPTIONS", &[("origin", "https://foo.bar.org")]),
                false,
                &mut false
            )
            .is_ok()
    );
}

#[test]
fn answers_say_which_origin_may_read_them() {
    let by_list = |origins: &[&str]| headers(|it| it.access_control_allow_origin_list = list(origins));
    let origin = |headers: &Headers, origin| left(headers, &[("origin", origin)], false, &[]);
    assert_eq!(
        origin(&by_list(&["*"]), "https://a"),
        ["access-control-allow-origin: *"]
    );
    assert_eq!(
        origin(&by_list(&["https://a", "https://b"]), "https://b"),
        ["access-control-allow-origin: https://b"]
    );
    assert_eq!(origin(&by_list(&["https://a"]), "https://ab"), [""; 0]);
    let by_pattern = headers(|it| {
        it.access_control_allow_origin_list_regex = list(&["^https?://([a-z]+)\\.bar\\.org$"]);
        it.access_control_expose_headers = list(&["X-A", "X-B"]);
    });
    assert_eq!(
        origin(&by_pattern, "https://foo.bar.org"),
        [
            "access-control-allow-origin: https://foo.bar.org",
            "access-control-expose-headers: X-A,X-B"
        ]
    );
    assert_eq!(
        origin(&by_pattern, "https://foo.bar.org.evil"),
        ["access-control-expose-headers: X-A,X-B"]
    );
    let vary = headers(|it| it.add_vary_header = true);
    assert_eq!(left(&vary, &[], false, &[]), ["vary: Origin"]);
    assert_eq!(left(&vary, &[], false, &[("vary", "Origin")]), ["vary: Origin"]);
    assert_eq!(
        left(&vary, &[], false, &[("vary", "Accept")]),
        ["vary: Accept,Origin"]
    );
}

#[test]
fn every_security_field_is_traefiks() {
    let all = |it: &mut wire::Headers| {
        it.sts_seconds = 3600;
        it.sts_include_subdomains = true;
        it.sts_preload = true;
        it.frame_deny = true;
        it.content_type_nosniff = true;
        it.browser_xss_filter = true;
        it.content_security_policy = "default-src 'self'".to_owned();
        it.content_security_policy_report_only = "default-src 'none'".to_owned();
        it.public_key = "pin".to_owned();
        it.referrer_policy = "same-origin".to_owned();
        it.permissions_policy = "camera=()".to_owned();
        it.ssl_proxy_headers = pairs(&[("X-Forwarded-Proto", "https")]);
    };
    let plain = [
        "content-security-policy-report-only: default-src 'none'",
        "content-security-policy: default-src 'self'",
        "permissions-policy: camera=()",
        "referrer-policy: same-origin",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "x-xss-protection: 1; mode=block",
    ];
    let (sts, pins) = (
        "strict-transport-security: max-age=3600; includeSubDomains; preload",
        "public-key-pins: pin",
    );
    let sorted = |more: &[&str]| {
        let mut lines: Vec<String> = plain.iter().chain(more).map(|&line| line.to_owned()).collect();
        lines.sort();
        lines
    };
    assert_eq!(left(&headers(all), &[], false, &[]), plain);
    assert_eq!(left(&headers(all), &[], true, &[]), sorted(&[sts, pins]));
    assert_eq!(
        left(&headers(all), &[("x-forwarded-proto", "https")], false, &[]),
        sorted(&[sts, pins])
    );
    let forced = headers(|it| {
        all(it);
        it.force_sts_header = true;
    });
    assert_eq!(left(&forced, &[], false, &[]), sorted(&[sts]));
    let development = headers(|it| {
        all(it);
        it.is_development = true;
    });
    assert_eq!(left(&development, &[], true, &[]), plain);
    let own = headers(|it| {
        it.frame_deny = true;
        it.custom_frame_options_value = "SAMEORIGIN".to_owned();
        it.custom_browser_xss_value = "0".to_owned();
    });
    assert_eq!(
        left(&own, &[], false, &[]),
        ["x-frame-options: SAMEORIGIN", "x-xss-protection: 0"]
    );
}

#[test]
fn only_allowed_hosts_are_served() {
    let guarded = |is_development| {
        headers(move |it| {
            it.allowed_hosts = list(&["a.test", "B.test"]);
            it.hosts_proxy_headers = list(&["X-Forwarded-Host"]);
            it.is_development = is_development;
        })
    };
    let status = |headers: &Headers, host, forwarded| {
        let entered = headers.enter(
            &mut request("GET", &[("host", host), ("x-forwarded-host", forwarded)]),
            false,
            &mut false,
        );
        entered.err().map(|answer| answer.status.as_u16())
    };
    for (host, forwarded, expected) in [
        ("a.test", "", None),
        ("b.TEST", "", None),
        ("c.test", "", Some(500)),
        ("a.test", "c.test", Some(500)),
        ("c.test", "a.test", None),
        ("a.test:80", "", Some(500)),
    ] {
        assert_eq!(
            status(&guarded(false), host, forwarded),
            expected,
            "{host} {forwarded}"
        );
        assert_eq!(status(&guarded(true), host, forwarded), None);
    }
}

#[test]
fn mistakes_are_said() {
    assert_eq!(error(|_| {}), "headers configuration not valid");
    assert!(
        error(|it| it.access_control_allow_origin_list_regex = list(&["("]))
            .starts_with("error occurred during origin parsing")
    );
    assert!(
        error(|it| it.custom_request_headers = pairs(&[("a b", "c")]))
            .starts_with("customRequestHeaders: \"a b\"")
    );
    let secret = error(|it| it.custom_response_headers = pairs(&[("a", "secret\r\nb: c")]));
    assert!(
        secret.starts_with("customResponseHeaders.a holds what a field cannot") && !secret.contains("secret")
    );
    assert!(error(|it| it.sts_seconds = -1).starts_with("stsSeconds -1 is negative"));
}
