//! The PROXY protocol in front of HTTP (traefik-core 5.2).

use std::time::Duration;

use crate::harness::{Client, Piton, Server, Setup, TempDir, run_to_end, says, sticky_app};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LINE: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 80\r\n";

fn front(server: &Server, entry_point: &str) -> Piton {
    Setup::new(&sticky_app(&[server], ""))
        .entry_point(entry_point)
        .start()
}

/// Whom the server was told the client is.
fn client_as_seen(server: &Server, piton: &Piton, bytes: &[u8]) -> String {
    let answer = Client::connect(piton.address()).exchange(bytes);
    assert_eq!(answer.status, 200);
    let request = server.last();
    assert_eq!(request.header("x-real-ip"), request.header("x-forwarded-for"));
    request.header("x-forwarded-for").unwrap().to_owned()
}

fn version_2(block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], block].concat()
}

#[test]
fn a_trusted_peer_names_the_client_in_both_versions() {
    let server = Server::named("a");
    let piton = front(&server, "proxyProtocol: {trustedIPs: [127.0.0.0/8]}");
    let seen = |header: &[u8]| client_as_seen(&server, &piton, &[header, GET.as_bytes()].concat());
    assert_eq!(seen(LINE.as_bytes()), "192.0.2.7");
    let block = [203, 0, 113, 9, 198, 51, 100, 1, 0xDC, 0x04, 0, 80, 4, 0, 1, 9];
    assert_eq!(seen(&version_2(&block)), "203.0.113.9");
    assert_eq!(
        seen(b"PROXY UNKNOWN\r\n"),
        "127.0.0.1",
        "the peer speaks for itself"
    );
    assert_eq!(seen(b""), "127.0.0.1", "no header is no mistake");
}

#[test]
fn what_a_stranger_claims_is_read_and_not_believed() {
    let server = Server::named("a");
    let piton = front(&server, "proxyProtocol: {trustedIPs: [10.0.0.0/8]}");
    let bytes = format!("{LINE}{GET}");
    assert_eq!(client_as_seen(&server, &piton, bytes.as_bytes()), "127.0.0.1");
}

#[test]
fn rules_see_the_client_that_was_named() {
    let server = Server::named("inside");
    let dynamic = format!(
        "http: {{routers: {{inside: {{rule: 'ClientIP(`192.0.2.0/24`)', service: app}}}}, \
         services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    );
    let piton = Setup::new(&dynamic)
        .entry_point("proxyProtocol: {insecure: true}")
        .start();
    let status = |bytes: &str| Client::connect(piton.address()).exchange(bytes).status;
    assert_eq!(status(&format!("{LINE}{GET}")), 200);
    assert_eq!(status(GET), 404);
}

#[test]
fn a_header_that_comes_byte_by_byte_is_read_and_one_that_is_none_ends_the_connection() {
    let server = Server::named("a");
    let piton = front(&server, "proxyProtocol: {insecure: true}");
    let mut client = Client::connect(piton.address());
    for byte in LINE.as_bytes() {
        client.send([*byte]);
    }
    assert_eq!(client.exchange(GET).status, 200);
    assert_eq!(server.last().header("x-forwarded-for"), Some("192.0.2.7"));
    for broken in ["PROXY TCP4 192.0.2.7 nowhere 1 2\r\n", "PROXY TCP9 1 2 3 4\r\n"] {
        let mut client = Client::connect(piton.address());
        client.send(format!("{broken}{GET}"));
        assert!(client.rest().is_empty(), "{broken}");
    }
    assert_eq!(server.received().len(), 1);
}

#[test]
fn without_the_option_a_header_is_a_bad_request() {
    let server = Server::named("a");
    let piton = front(&server, "");
    let answer = Client::connect(piton.address()).exchange(format!("{LINE}{GET}"));
    assert_eq!(answer.status, 400);
    assert!(server.received().is_empty());
}

#[test]
fn half_a_header_is_waited_for_no_longer_than_a_request_may_take() {
    let server = Server::named("a");
    let piton = front(
        &server,
        "proxyProtocol: {insecure: true}\ntransport: {respondingTimeouts: {readTimeout: 1s}}",
    );
    let mut client = Client::connect(piton.address());
    client.send("PROXY TCP4 192.0");
    assert!(client.is_closed_within(Duration::from_secs(10)));
}

#[test]
fn a_trust_list_that_cannot_be_read_is_named() {
    let dir = TempDir::new();
    let conf = dir.write(
        "piton.yaml",
        "entryPoints: {web: {address: ':0', proxyProtocol: {trustedIPs: [10.0.0.0/33]}}}",
    );
    let output = run_to_end(&["-t", "-c", conf.to_str().unwrap()]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    says(
        &said,
        &["proxyProtocol.trustedIPs: \"10.0.0.0/33\" is neither an address nor a network"],
    );
}
