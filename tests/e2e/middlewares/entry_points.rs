//! What an entry point puts before every router.

use super::{ask, through};
use crate::harness::{Piton, Server, Setup};

fn start(entry_point: &str, dynamic: &str) -> Piton {
    Setup::new(dynamic).entry_point(entry_point).start()
}

#[test]
fn its_middlewares_come_first() {
    let server = Server::named("app");
    let dynamic = through("b: {addPrefix: {prefix: /b}}", &server).replace(
        "  middlewares:\n",
        "  middlewares:\n    a: {addPrefix: {prefix: /a}}\n",
    );
    let piton = start("http: {middlewares: [a@file]}", &dynamic);
    assert_eq!(ask(&piton, "GET /x", &[]).status, 200);
    assert_eq!(server.last().target(), "/b/a/x");
    let without = start("http: {middlewares: [gone@file]}", &dynamic);
    assert_eq!(ask(&without, "GET /x", &[]).status, 404);
    without.wait_for_line(&["router app@file", "middleware \"gone@file\" does not exist"]);
}

#[test]
fn it_denies_encoded_characters_on_every_router() {
    let server = Server::named("app");
    let dynamic = through("a: {addPrefix: {prefix: /a}}", &server);
    let piton = start("http: {encodedCharacters: {allowEncodedSlash: false}}", &dynamic);
    let refused = ask(&piton, "GET /x%2fy", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (400, ""));
    assert_eq!(ask(&piton, "GET /x%5Cy", &[]).status, 200);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn it_redirects_everything_to_a_port() {
    let server = Server::named("app");
    let dynamic = through("a: {addPrefix: {prefix: /a}}", &server);
    let piton = start("http: {redirections: {entryPoint: {to: ':8443'}}}", &dynamic);
    let redirected = ask(&piton, "GET /x?y", &[]);
    assert_eq!(
        (redirected.status, redirected.header("location")),
        (301, Some("https://a.test:8443/x?y"))
    );
    assert_eq!(ask(&piton, "HEAD /x", &[]).status, 308);
    assert!(server.received().is_empty());
    let usual = start(
        "http: {redirections: {entryPoint: {to: ':443', permanent: false}}}",
        &dynamic,
    );
    let redirected = ask(&usual, "GET /x?y", &[]);
    assert_eq!(
        (redirected.status, redirected.header("location")),
        (302, Some("https://a.test/x?y"))
    );
}

#[test]
fn a_low_priority_lets_routers_go_before_the_redirect() {
    let server = Server::named("app");
    let dynamic =
        through("a: {addPrefix: {prefix: /a}}", &server).replace("PathPrefix(`/`)", "Path(`/open`)");
    let piton = start(
        "http: {redirections: {entryPoint: {to: ':443', priority: 1}}}",
        &dynamic,
    );
    assert_eq!(ask(&piton, "GET /open", &[]).status, 200);
    assert_eq!(ask(&piton, "GET /other", &[]).status, 301);
}
