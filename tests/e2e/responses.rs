//! Responses on their way back: informational ones, upgrades, chunks, hop-by-hop fields, broken bodies.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use crate::harness::{Client, Piton, Server, Then, get, request, respond_with, sticky_app, value_of};

/// Answers with exactly these bytes.
fn raw(bytes: &'static str, then: Then) -> Server {
    Server::scripted(move |_, stream| {
        let _ = stream.write_all(bytes.as_bytes());
        then
    })
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn head_carries_the_cookie_and_the_length() {
    let server = raw("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", Then::Keep);
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    for _ in 0..2 {
        let answer = client.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(
            (answer.status, answer.header("content-length")),
            (200, Some("1234"))
        );
        assert_eq!(answer.cookies(), [format!("sid={}; Path=/", value_of(&server))]);
    }
}

#[test]
fn the_version_of_an_answer_is_pitons_and_not_the_servers() {
    let server = raw("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", Then::Close);
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    for _ in 0..2 {
        client.send(GET);
        let answer = client.response(false).unwrap();
        assert!(answer.head.starts_with("HTTP/1.1 200"), "{}", answer.head);
        assert_eq!(answer.text(), "ok");
    }
}

#[test]
fn after_early_hints_the_cookie_is_on_the_final_response_only() {
    let server = Server::scripted(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
        respond_with(stream, 200, &["Link: </b.css>"], "done");
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    let early = client.exchange(GET);
    assert_eq!(
        (early.status, early.header("link")),
        (103, Some("</a.css>; rel=preload"))
    );
    assert_eq!(early.cookies(), [""; 0]);
    let answer = client.read();
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert_eq!(answer.cookies(), [format!("sid={}; Path=/", value_of(&server))]);
}

#[test]
fn a_server_that_dies_after_early_hints_gives_an_error_without_a_cookie() {
    let server = raw("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", Then::Close);
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    let mut answer = client.exchange(GET);
    while answer.status == 103 {
        answer = client.read();
    }
    assert_eq!((answer.status, answer.cookies()), (502, vec![]));
}

/// Accepts the upgrade, then sends back everything in capitals.
fn websocket() -> Server {
    Server::scripted(|request, stream| {
        assert_eq!(
            request.header("upgrade").map(str::to_ascii_lowercase).as_deref(),
            Some("websocket")
        );
        assert_eq!(
            request
                .header("connection")
                .map(str::to_ascii_lowercase)
                .as_deref(),
            Some("upgrade")
        );
        assert_eq!(request.header("x-forwarded-proto"), Some("ws"));
        assert_eq!(
            request.header("sec-websocket-key"),
            Some("dGhlIHNhbXBsZSBub25jZQ==")
        );
        let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(switch.as_bytes()).unwrap();
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut chunk) {
            chunk[..count].make_ascii_uppercase();
            stream.write_all(&chunk[..count]).unwrap();
        }
        Then::Close
    })
}

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn an_upgrade_carries_the_cookie_and_bytes_flow_both_ways() {
    let server = websocket();
    let transport =
        "  serversTransports:\n    quick:\n      forwardingTimeouts: {responseHeaderTimeout: 500ms}\n";
    let options = "serversTransport: quick";
    let timeouts = "transport: {respondingTimeouts: {readTimeout: 1s, idleTimeout: 1s}}";
    let text = sticky_app(&[&server], options) + transport;
    let piton = crate::harness::Setup::new(&text).entry_point(timeouts).start();
    let before = piton.log().len();
    let mut client = Client::connect(piton.address());
    let switched = client.exchange(UPGRADE);
    assert_eq!(switched.status, 101);
    assert_eq!(
        switched.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(switched.cookies(), [format!("sid={}; Path=/", value_of(&server))]);
    for words in ["hello", "world"] {
        client.send(words);
        assert_eq!(client.exactly(5).unwrap(), words.to_ascii_uppercase().as_bytes());
    }
    // Idle for longer than any timeout that is set here.
    assert!(
        !client.is_closed_within(Duration::from_millis(2500)),
        "an idle WebSocket is not cut"
    );
    client.send("still here");
    assert_eq!(client.exactly(10).unwrap(), b"STILL HERE");
    assert_eq!(&piton.log()[before..], [""; 0], "nothing to tell");
}

#[test]
fn a_refused_upgrade_is_passed_on() {
    let server = raw(
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        Then::Keep,
    );
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let answer = Client::connect(piton.address()).exchange(UPGRADE);
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
    assert_eq!(answer.sid(), Some(value_of(&server).as_str()));
}

#[test]
fn chunks_arrive_as_they_are_sent() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::scripted(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // The second part is sent only once the client has the first.
        let reached = wait.lock().unwrap().recv_timeout(Duration::from_secs(5));
        assert!(reached.is_ok(), "the first chunk was held back");
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    client.send(GET);
    let mut seen = Vec::new();
    while !seen.ends_with(b"first") {
        seen.extend(client.exactly(1).unwrap());
    }
    go_on.send(()).unwrap();
    let head = String::from_utf8(seen).unwrap().to_ascii_lowercase();
    assert!(
        head.contains("transfer-encoding: chunked") && !head.contains("content-length"),
        "{head}"
    );
    while !seen_second(&mut client) {}
}

fn seen_second(client: &mut Client) -> bool {
    let mut seen = Vec::new();
    while !seen.ends_with(b"0\r\n\r\n") {
        seen.extend(client.exactly(1).unwrap());
    }
    String::from_utf8(seen).unwrap().contains("second")
}

#[test]
fn an_old_client_gets_no_chunks() {
    let server = raw(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        Then::Keep,
    );
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let answer = Client::connect(piton.address()).exchange("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None));
    assert_eq!((answer.text().as_str(), answer.complete), ("hello world", true));
    assert_eq!(answer.sid(), Some(value_of(&server).as_str()));
}

#[test]
fn a_body_that_ends_with_the_connection_is_passed_on_whole() {
    let server = raw("HTTP/1.1 200 OK\r\n\r\nuntil the end", Then::Close);
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let answer = Client::connect(piton.address()).exchange(GET_CLOSE);
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.complete),
        (200, "until the end", true)
    );
}

#[test]
fn a_body_shorter_than_promised_is_cut_short_for_the_client_too() {
    let server = raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", Then::Close);
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let answer = Client::connect(piton.address()).exchange(GET);
    assert_eq!((answer.status, answer.complete), (200, false));
}

#[test]
fn a_chunked_body_that_breaks_off_is_not_ended_properly() {
    for then in [Then::Close, Then::Reset] {
        let server = raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            then,
        );
        let piton = Piton::with(&sticky_app(&[&server], ""));
        let mut client = Client::connect(piton.address());
        client.send(GET);
        // A reset may overtake the response; then there is an error page instead.
        if let Ok(answer) = client.response(false) {
            assert!(!answer.complete || answer.status == 502, "{answer:?}");
        }
    }
}

#[test]
fn hop_by_hop_fields_of_a_response_end_at_piton() {
    let server = raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\n\
         Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nProxy-Connection: keep-alive\r\n\
         X-Public: 2\r\nServer: app\r\nX-MiXeD: 3\r\n\r\nok",
        Then::Keep,
    );
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let answer = Client::connect(piton.address()).exchange(GET);
    for gone in [
        "x-private",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
    ] {
        assert_eq!(answer.header(gone), None, "{gone} in {}", answer.head);
    }
    assert!(
        !answer.head.to_ascii_lowercase().contains("x-private"),
        "{}",
        answer.head
    );
    assert_eq!(
        (answer.header("x-public"), answer.header("server")),
        (Some("2"), Some("app"))
    );
    assert!(
        answer.head.contains("\r\nX-MiXeD: 3"),
        "names keep their case: {}",
        answer.head
    );
    assert_eq!(answer.header("via"), None);
}

#[test]
fn the_servers_date_is_kept_or_one_is_added() {
    let server = raw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Then::Keep);
    let piton = Piton::with(&sticky_app(&[&server], ""));
    assert_eq!(get(piton.address(), "/").all("date").len(), 1);
}

#[test]
fn hop_by_hop_fields_of_a_request_end_at_piton() {
    let server = Server::named("app");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let fields = [
        "Keep-Alive: timeout=5",
        "TE: gzip",
        "Trailer: X",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eDp5",
        "Upgrade: h2c",
        "X-Public: 2",
        "X-MiXeD: 3",
    ];
    assert_eq!(request(piton.address(), "GET /", &fields, b"").status, 200);
    let seen = server.last();
    for gone in [
        "keep-alive",
        "te",
        "trailer",
        "proxy-connection",
        "proxy-authorization",
        "upgrade",
    ] {
        assert_eq!(seen.header(gone), None, "{gone} in {}", seen.head);
    }
    assert_ne!(
        seen.header("connection").map(str::to_ascii_lowercase).as_deref(),
        Some("close")
    );
    assert!(
        seen.head.contains("\r\nX-MiXeD: 3"),
        "names keep their case: {}",
        seen.head
    );
    assert_eq!(seen.header("user-agent"), None, "none was sent, none is made up");
    // Nominated ones too.
    let head =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Private\r\nX-Private: 1\r\nX-Public: 2\r\n\r\n";
    assert_eq!(Client::connect(piton.address()).exchange(head).status, 200);
    assert_eq!(
        (
            server.last().header("x-private"),
            server.last().header("x-public")
        ),
        (None, Some("2"))
    );
}

#[test]
fn expect_continue_reaches_the_server_and_its_100_the_client() {
    let server = Server::scripted(|request, stream| {
        // The harness reads the body first, so the 100 is only the first of two answers here.
        assert_eq!(request.body, b"hello");
        let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        respond_with(stream, 200, &[], "ok");
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    let mut answer = client
        .exchange("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    while answer.status == 100 {
        assert_eq!(answer.cookies(), [""; 0]);
        answer = client.read();
    }
    assert_eq!(
        (answer.status, answer.sid()),
        (200, Some(value_of(&server).as_str()))
    );
}

#[test]
fn each_event_of_a_stream_arrives_before_the_next_is_sent() {
    let (go_on, gate) = std::sync::mpsc::channel();
    let gate = std::sync::Mutex::new(gate);
    let server = Server::scripted(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for number in 0..3 {
            stream
                .write_all(format!("9\r\ndata: {number}\n\n\r\n").as_bytes())
                .unwrap();
            gate.lock().unwrap().recv().unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
    let head = String::from_utf8(client.read_until(b"\r\n\r\n")).unwrap();
    assert!(head.contains("Set-Cookie: sid="), "{head}");
    for number in 0..3 {
        client.read_until(format!("data: {number}\n\n").as_bytes());
        go_on.send(()).unwrap();
    }
    client.read_until(b"0\r\n\r\n");
}
