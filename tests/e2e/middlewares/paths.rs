//! Paths that servers see, and redirects.

use super::{ask, piton};

#[test]
fn servers_see_the_rewritten_path_and_the_query_stays() {
    for (middlewares, target, expected, field, value) in [
        ("a: {addPrefix: {prefix: /pre}}", "/x?y=1", "/pre/x?y=1", "", ""),
        (
            "a: {stripPrefix: {prefixes: [/api]}}",
            "/api/x%2Fy?z",
            "/x%2Fy?z",
            "X-Forwarded-Prefix",
            "/api",
        ),
        (
            "a: {stripPrefix: {prefixes: [/api]}}",
            "/api",
            "/",
            "X-Forwarded-Prefix",
            "/api",
        ),
        (
            "a: {stripPrefixRegex: {regex: ['/v[0-9]+']}}",
            "/v12/x",
            "/x",
            "X-Forwarded-Prefix",
            "/v12",
        ),
        (
            "a: {replacePath: {path: /new}}",
            "/old?q",
            "/new?q",
            "X-Replaced-Path",
            "/old",
        ),
        (
            "a: {replacePathRegex: {regex: '^/a/(.*)', replacement: '/b/$1'}}",
            "/a/c?q",
            "/b/c?q",
            "X-Replaced-Path",
            "/a/c",
        ),
        (
            "a: {stripPrefix: {prefixes: [/api]}}\nb: {addPrefix: {prefix: /x}}",
            "/api",
            "/x",
            "X-Forwarded-Prefix",
            "/api",
        ),
    ] {
        let (piton, server) = piton(middlewares);
        assert_eq!(ask(&piton, &format!("GET {target}"), &[]).status, 200);
        let seen = server.last();
        assert_eq!(seen.target(), expected, "{middlewares}");
        if !field.is_empty() {
            assert_eq!(seen.header(field), Some(value), "{middlewares}");
            assert!(
                seen.head.contains(&format!("\r\n{field}: ")),
                "as Traefik writes it: {}",
                seen.head
            );
        }
    }
}

#[test]
fn a_rest_that_would_lead_elsewhere_is_refused() {
    let (piton, server) = piton("a: {stripPrefix: {prefixes: [/api]}}");
    let refused = ask(&piton, "GET /api../admin", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (400, "Bad Request\n"));
    assert!(server.received().is_empty());
}

#[test]
fn redirects_are_byte_for_byte_traefiks() {
    let (https, server) = piton("a: {redirectScheme: {scheme: https, permanent: true}}");
    let answer = ask(&https, "GET /x?y=1", &[]);
    assert_eq!(
        answer.without_date(),
        "HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.test/x?y=1\r\nContent-Length: 17\r\nDate: *\r\n\
         Connection: keep-alive\r\n\r\nMoved Permanently"
    );
    assert_eq!(ask(&https, "POST /x", &["Content-Length: 0"]).status, 308);
    assert!(server.received().is_empty());
    let (regex, server) =
        piton("a: {redirectRegex: {regex: '^http://a.test/old/(.*)', replacement: 'http://b.test/${1}'}}");
    let answer = ask(&regex, "GET /old/x", &[]);
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("http://b.test/x"))
    );
    assert_eq!(ask(&regex, "GET /new/x", &[]).status, 200);
    assert_eq!(server.received().len(), 1);
}
