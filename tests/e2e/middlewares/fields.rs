//! Fields both ways, on every answer, whoever it is from.

use super::{ask, configuration, piton};
use crate::harness::{Piton, Server};

#[test]
fn fields_are_set_and_removed_both_ways() {
    let (piton, server) = piton(
        "a: {headers: {customRequestHeaders: {x-custom: one, X-Gone: '', X-Forwarded-Proto: https, Host: b.test}, \
         customResponseHeaders: {x-answer: two, X-Server: ''}, frameDeny: true}}",
    );
    let answer = ask(&piton, "GET /", &["X-Gone: 1", "X-Custom: 0"]);
    let seen = server.last();
    assert!(seen.head.contains("\r\nX-Custom: one"), "{}", seen.head);
    assert_eq!(
        (seen.header("x-gone"), seen.header("host")),
        (None, Some("b.test"))
    );
    assert_eq!(
        seen.header("x-forwarded-proto"),
        Some("https"),
        "what piton states is overridden"
    );
    assert_eq!(seen.header("x-forwarded-host"), Some("a.test"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(answer.header("x-answer"), Some("two"));
    assert_eq!(
        (answer.header("x-server"), answer.header("x-frame-options")),
        (None, Some("DENY"))
    );
    assert!(answer.head.contains("\r\nX-Answer: two"), "{}", answer.head);
}

#[test]
fn the_client_can_be_hidden_from_servers() {
    let (piton, server) = piton("a: {headers: {customRequestHeaders: {X-Forwarded-For: '', X-Real-Ip: ''}}}");
    ask(&piton, "GET /", &[]);
    assert_eq!(
        (
            server.last().header("x-forwarded-for"),
            server.last().header("x-real-ip")
        ),
        (None, None)
    );
}

#[test]
fn errors_and_inner_refusals_pass_through_outer_headers() {
    let middlewares = "outer: {headers: {customResponseHeaders: {X-Outer: a}}}\n\
                       refusing: {ipAllowList: {sourceRange: [10.1.2.3]}}\n\
                       inner: {headers: {customResponseHeaders: {X-Inner: a}}}";
    let mut server = Server::named("app");
    let url = server.url();
    server.kill();
    let all = Piton::with(&configuration(middlewares, "outer, refusing, inner", &url));
    let refused = ask(&all, "GET /", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (403, "Forbidden"));
    assert_eq!(
        (refused.header("x-outer"), refused.header("x-inner")),
        (Some("a"), None)
    );
    let open = Piton::with(&configuration(middlewares, "outer, inner", &url));
    let failed = ask(&open, "GET /", &[]);
    assert_eq!(failed.status, 502);
    assert_eq!(
        (failed.header("x-outer"), failed.header("x-inner")),
        (Some("a"), Some("a"))
    );
}

#[test]
fn the_outer_one_has_the_last_word_in_answers() {
    let (piton, server) = piton(
        "a: {headers: {customRequestHeaders: {X-A: outer}, customResponseHeaders: {X-A: outer}}}\n\
         b: {headers: {customRequestHeaders: {X-A: inner}, customResponseHeaders: {X-A: inner}}}",
    );
    assert_eq!(ask(&piton, "GET /", &[]).header("x-a"), Some("outer"));
    assert_eq!(server.last().header("x-a"), Some("inner"));
}

#[test]
fn a_preflight_is_answered_by_piton() {
    let (piton, server) = piton(
        "a: {headers: {accessControlAllowMethods: [GET, PUT], accessControlAllowOriginList: ['https://o.test'], \
         accessControlMaxAge: 100, addVaryHeader: true}}",
    );
    let preflight = ask(
        &piton,
        "OPTIONS /",
        &["Origin: https://o.test", "Access-Control-Request-Method: PUT"],
    );
    assert_eq!(
        (preflight.status, preflight.header("content-length")),
        (200, Some("0"))
    );
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET,PUT"));
    assert_eq!(preflight.header("access-control-max-age"), Some("100"));
    assert!(server.received().is_empty());
    let answer = ask(&piton, "GET /", &["Origin: https://o.test"]);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://o.test")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[test]
fn cookies_of_piton_pass_with_the_rest() {
    let server = Server::named("app");
    let dynamic = configuration(
        "a: {headers: {stsSeconds: 60, forceSTSHeader: true}}",
        "a",
        &server.url(),
    );
    let piton = Piton::with(&dynamic.replace("servers:", "sticky: {cookie: {name: sid}}, servers:"));
    let answer = ask(&piton, "GET /", &[]);
    assert!(answer.sid().is_some());
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=60"));
}
