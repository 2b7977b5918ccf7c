//! Answers that piton writes itself, byte by byte but for the date (traefik-core 4.4, 6.4).

use std::net::SocketAddr;

use crate::harness::{Client, Piton, Server, Setup, Then, app_of, sticky_app};

/// Nothing listens there.
fn dead_url() -> String {
    let mut server = Server::named("dead");
    server.kill();
    server.url()
}

fn answer(address: SocketAddr) -> String {
    Client::connect(address).exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").without_date()
}

fn answer_of(script: impl Fn(&mut std::net::TcpStream) -> Then + Send + Sync + 'static, options: &str) -> String {
    let server = Server::scripted(move |_, stream| script(stream));
    let piton = Piton::with(&sticky_app(&[&server], options));
    answer(piton.address())
}

/// An answer with the two fields that Go's `http.Error` sets.
fn typed(status: &str, connection: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         X-Content-Type-Options: nosniff\r\nDate: *\r\nConnection: {connection}\r\n\r\n{body}",
        body.len()
    )
}

/// An answer about a failed server: no type, no newline, and no cookie.
fn bare(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nDate: *\r\nConnection: close\r\n\r\n{body}")
}

const ROUTED: &str = "http:
  routers:
    app: {rule: Host(`app.test`), service: app}
    empty: {rule: Host(`empty.test`), service: empty}
  services:
    app: {loadBalancer: {sticky: {cookie: {}}, servers: [{url: \"URL\"}]}}
    empty: {loadBalancer: {sticky: {cookie: {}}, servers: []}}
";

#[test]
fn not_found_and_no_server_are_traefiks_pages_and_keep_the_connection() {
    let server = Server::named("app");
    let piton = Piton::with(&ROUTED.replace("URL", &server.url()));
    let mut client = Client::connect(piton.address());
    for _ in 0..2 {
        let page = client.exchange("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
        assert_eq!(page.without_date(), typed("404 Not Found", "keep-alive", "404 page not found\n"));
        let page = client.exchange("GET / HTTP/1.1\r\nHost: empty.test\r\n\r\n");
        assert_eq!(page.without_date(), typed("503 Service Unavailable", "keep-alive", "no available server\n"));
        let page = client.exchange("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
        assert_eq!((page.status, page.text().as_str()), (200, "app"));
    }
}

#[test]
fn a_page_for_head_has_the_length_and_no_body() {
    let piton = Piton::with(&ROUTED.replace("URL", &dead_url()));
    let mut client = Client::connect(piton.address());
    let page = client.exchange("HEAD / HTTP/1.1\r\nHost: nobody.test\r\n\r\n");
    assert_eq!((page.status, page.header("content-length")), (404, Some("19")));
    let page = client.exchange("HEAD / HTTP/1.1\r\nHost: empty.test\r\n\r\n");
    assert_eq!((page.status, page.header("content-length")), (503, Some("20")));
    let page = client.exchange("HEAD / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    assert_eq!((page.status, page.header("content-length")), (502, Some("11")));
    assert!(client.rest().is_empty());
}

#[test]
fn a_page_after_a_request_with_a_body_leaves_the_connection_in_step() {
    let server = Server::named("app");
    let piton = Piton::with(&ROUTED.replace("URL", &server.url()));
    let mut client = Client::connect(piton.address());
    client.send("POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ");
    assert_eq!(client.read().status, 404);
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    // Either answered as what it is or not at all, if the connection was closed; never as the body's rest.
    if let Ok(page) = client.response(false) {
        assert_eq!(page.text(), "app");
        assert_eq!(server.last().target(), "/");
    }
    assert!(server.received().iter().all(|request| request.target() == "/"));
}

#[test]
fn a_refused_connect_is_a_bad_gateway() {
    let piton = Piton::with(&app_of(&[&format!("url: {}", dead_url())], "sticky: {cookie: {}}"));
    assert_eq!(answer(piton.address()), bare("502 Bad Gateway", "Bad Gateway"));
}

#[test]
fn a_server_that_closes_before_answering_is_a_bad_gateway() {
    assert_eq!(answer_of(|_| Then::Close, ""), bare("502 Bad Gateway", "Bad Gateway"));
}

#[test]
fn a_server_that_resets_before_answering_is_a_bad_gateway() {
    assert_eq!(answer_of(|_| Then::Reset, ""), bare("502 Bad Gateway", "Bad Gateway"));
}

#[test]
fn a_server_that_sends_garbage_is_an_internal_server_error() {
    let garbage = |stream: &mut std::net::TcpStream| {
        use std::io::Write as _;
        let _ = stream.write_all(b"\x16\x03\x01 this is not HTTP\r\n\r\n");
        Then::Close
    };
    let expected = bare("500 Internal Server Error", "Internal Server Error");
    assert_eq!(answer_of(garbage, ""), expected);
}

#[test]
fn a_server_that_is_too_slow_is_a_gateway_timeout() {
    let server = Server::scripted(|_, stream| {
        // Until piton gives up.
        let _ = std::io::Read::read(stream, &mut [0]);
        Then::Close
    });
    let transport = "  serversTransports:\n    quick:\n      forwardingTimeouts: {responseHeaderTimeout: 300ms}\n";
    let text = sticky_app(&[&server], "serversTransport: quick") + transport;
    let piton = Piton::with(&text);
    assert_eq!(answer(piton.address()), bare("504 Gateway Timeout", "Gateway Timeout"));
}

#[test]
fn a_request_that_breaks_the_rules_is_a_bad_request() {
    let server = Server::named("app");
    let piton = Setup::new(&sticky_app(&[&server], "")).start();
    let page = Client::connect(piton.address()).exchange("GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(page.without_date(), typed("400 Bad Request", "keep-alive", "Bad Request\n"));
    assert!(server.received().is_empty());
}
