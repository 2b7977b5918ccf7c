//! Requests per time, requests in flight; both outlive reloads.

use std::sync::mpsc;
use std::time::Duration;

use super::{ask, piton, through};
use crate::harness::{Client, Piton, Server, Then, eventually, respond};

#[test]
fn too_many_requests_are_told_when_to_come_again() {
    let (piton, server) = piton("a: {rateLimit: {average: 1, period: 1m, burst: 2}}");
    assert_eq!(ask(&piton, "GET /", &[]).status, 200);
    assert_eq!(ask(&piton, "GET /", &[]).status, 200);
    let refused = ask(&piton, "GET /", &[]);
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (429, "Too Many Requests")
    );
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=60).contains(&after), "{after}");
    assert!(refused.header("x-retry-in").unwrap().ends_with('s'));
    assert_eq!(server.received().len(), 2);
}

#[test]
fn buckets_outlive_reloads_that_do_not_touch_the_limit() {
    let limit =
        "a: {rateLimit: {average: 1, period: 1h, burst: 1, sourceCriterion: {requestHeaderName: X-Key}}}";
    let (piton, server) = piton(limit);
    let status = |piton: &Piton| ask(piton, "GET /", &["X-Key: k"]).status;
    assert_eq!(status(&piton), 200);
    assert_eq!(status(&piton), 429);
    let other = format!("{limit}\nb: {{addPrefix: {{prefix: /x}}}}");
    piton.reload(&through(&other, &server));
    assert_eq!(status(&piton), 429);
    assert_eq!(ask(&piton, "GET /", &["X-Key: other"]).status, 200);
    assert_eq!(server.last().target(), "/x/");
    piton.reload(&through(&limit.replace("burst: 1", "burst: 2"), &server));
    assert_eq!(status(&piton), 200, "another limit begins anew");
}

#[test]
fn a_short_wait_is_waited() {
    let (piton, _server) = piton("a: {rateLimit: {average: 2, burst: 1}}");
    assert_eq!(ask(&piton, "GET /", &[]).status, 200);
    // The next token is there in half a second; a quarter is waited for.
    eventually("a token is near", || ask(&piton, "GET /", &[]).status == 200);
}

#[test]
fn a_request_counts_until_its_end_also_over_a_reload() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::scripted(move |request, stream| {
        if request.target() == "/slow" {
            held.lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(20))
                .unwrap();
        }
        respond(stream, 200, "done");
        Then::Keep
    });
    let limit = "a: {inFlightReq: {amount: 1}}";
    let piton = Piton::with(&through(limit, &server));
    let mut slow = Client::connect(piton.address());
    slow.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
    eventually("the server has it", || server.received().len() == 1);
    let refused = ask(&piton, "GET /", &[]);
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (429, "max connections reached: 1")
    );
    piton.reload(&through(
        &format!("{limit}\nb: {{addPrefix: {{prefix: /x}}}}"),
        &server,
    ));
    assert_eq!(ask(&piton, "GET /", &[]).status, 429);
    release.send(()).unwrap();
    assert_eq!(slow.read().status, 200);
    eventually("its place is free", || ask(&piton, "GET /", &[]).status == 200);
}

#[test]
fn a_websocket_counts_for_its_life() {
    let server = Server::scripted(|request, stream| {
        use std::io::Write as _;
        if request.header("upgrade").is_none() {
            respond(stream, 200, "plain");
            return Then::Keep;
        }
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut byte = [0];
        let _ = std::io::Read::read(stream, &mut byte);
        Then::Close
    });
    let piton = Piton::with(&through("a: {inFlightReq: {amount: 1}}", &server));
    let mut socket = Client::connect(piton.address());
    socket.send(
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    socket.read_until(b"\r\n\r\n");
    assert_eq!(ask(&piton, "GET /", &[]).status, 429);
    drop(socket);
    eventually("its place is free", || ask(&piton, "GET /", &[]).status == 200);
}
