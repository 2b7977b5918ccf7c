//! X-Forwarded-*: what a stranger claims is dropped, what piton knows is said (traefik-core 6.1).

use crate::harness::{Client, Piton, Received, Server, Setup, request, sticky_app};

const CLAIMS: [&str; 12] = [
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-For: 7.7.7.7",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Port: 444",
    "X-Forwarded-Server: evil",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Uri: /evil",
    "X-Real-Ip: 6.6.6.6",
    "X_Forwarded_For: 6.6.6.6",
    "X-Forwarded_Host: evil.test",
    "X-Forwarded-Tls-Client-Cert: evil",
];

fn seen(entry_point: &str, fields: &[&str]) -> Received {
    let server = Server::named("app");
    let setup = Setup::new(&sticky_app(&[&server], "")).entry_point(entry_point);
    let piton = setup.start();
    assert_eq!(request(piton.address(), "GET /", fields, b"").status, 200);
    server.last()
}

fn this_machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

#[test]
fn a_plain_request_gets_the_six_fields_and_no_via() {
    let request = seen("", &[]);
    for (name, value) in [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Host", "piton.test"),
        ("X-Forwarded-Port", "80"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Server", &this_machine()),
        ("X-Real-Ip", "127.0.0.1"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
        assert!(request.head.contains(&format!("\r\n{name}: ")), "the name as Traefik writes it: {}", request.head);
    }
    assert_eq!(request.header("via"), None);
    assert_eq!(request.header("host"), Some("piton.test"));
}

#[test]
fn the_port_is_that_of_the_host_field() {
    let server = Server::named("app");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    Client::connect(piton.address()).exchange("GET / HTTP/1.1\r\nHost: example.com:8443\r\n\r\n");
    let seen = server.last();
    assert_eq!(seen.header("x-forwarded-port"), Some("8443"));
    assert_eq!(seen.header("x-forwarded-host"), Some("example.com:8443"));
    assert_eq!(seen.header("host"), Some("example.com:8443"));
}

#[test]
fn what_a_stranger_claims_is_dropped_in_every_spelling() {
    let request = seen("", &CLAIMS);
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.header("x-real-ip"), Some("127.0.0.1"));
    assert_eq!(request.header("x-forwarded-proto"), Some("http"));
    assert_eq!(request.header("x-forwarded-server"), Some(this_machine().as_str()));
    let lower = request.head.to_ascii_lowercase();
    for trace in ["6.6.6.6", "7.7.7.7", "evil", "https", "444", "x_forwarded_for", "x-forwarded_host"] {
        assert!(!lower.contains(trace), "{trace} in {lower}");
    }
}

#[test]
fn what_a_trusted_address_says_is_kept_and_the_client_appended() {
    for trust in ["forwardedHeaders: {trustedIPs: [127.0.0.0/8]}", "forwardedHeaders: {insecure: true}"] {
        let request = seen(trust, &CLAIMS);
        assert_eq!(request.header("x-forwarded-for"), Some("6.6.6.6, 7.7.7.7, 127.0.0.1"));
        assert_eq!(request.header("x-real-ip"), Some("6.6.6.6"));
        assert_eq!(request.header("x-forwarded-proto"), Some("https"));
        assert_eq!(request.header("x-forwarded-host"), Some("evil.test"));
        assert_eq!(request.header("x-forwarded-port"), Some("444"));
        assert_eq!(request.header("x-forwarded-prefix"), Some("/evil"));
        assert_eq!(request.header("x-forwarded-server"), Some(this_machine().as_str()), "always piton's own");
    }
}

#[test]
fn trust_in_others_is_no_trust_in_this_one() {
    let request = seen("forwardedHeaders: {trustedIPs: [10.0.0.0/8, 127.0.0.2]}", &CLAIMS);
    assert_eq!(request.header("x-forwarded-for"), Some("127.0.0.1"));
    assert!(!request.head.contains("evil"));
}

#[test]
fn a_nominated_managed_field_is_not_lost() {
    let server = Server::named("app");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Real-Ip\r\n\r\n";
    let answer = Client::connect(piton.address()).exchange(head);
    // Refusing the attempt is as good as withstanding it.
    if answer.status == 200 {
        assert_eq!(server.last().header("x-real-ip"), Some("127.0.0.1"));
    } else {
        assert_eq!(answer.status, 400);
    }
}

#[test]
fn the_host_of_the_server_is_sent_only_when_asked_for() {
    let server = Server::named("app");
    let piton = Piton::with(&sticky_app(&[&server], "passHostHeader: false"));
    assert_eq!(request(piton.address(), "GET /", &[], b"").status, 200);
    assert_eq!(server.last().header("host"), Some(server.address().to_string().as_str()));
    assert_eq!(server.last().header("x-forwarded-host"), Some("piton.test"));
}

#[test]
fn fields_with_underscores_are_kept_deleted_or_refused_as_asked() {
    let fields = ["X_Custom: 1", "X-Other: 2"];
    assert_eq!(seen("", &fields).header("x_custom"), Some("1"));
    let deleted = seen("http: {underscoreHeadersStrategy: delete}", &fields);
    assert_eq!((deleted.header("x_custom"), deleted.header("x-other")), (None, Some("2")));
    let server = Server::named("app");
    let strict = "http: {underscoreHeadersStrategy: reject}";
    let piton = Setup::new(&sticky_app(&[&server], "")).entry_point(strict).start();
    let refused = request(piton.address(), "GET /", &fields, b"");
    assert_eq!((refused.status, refused.text().as_str()), (400, "Bad Request\n"));
    assert!(server.received().is_empty());
}
