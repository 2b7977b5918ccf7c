//! Limits of time: towards servers `serversTransport`, towards clients `respondingTimeouts`.

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Client, Piton, Server, Setup, Then, get, respond, sticky_app};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Piton that waits half a second for a response header.
fn impatient(server: &Server) -> Piton {
    let transport =
        "  serversTransports:\n    quick:\n      forwardingTimeouts: {responseHeaderTimeout: 500ms}\n";
    Piton::with(&(sticky_app(&[server], "serversTransport: quick") + transport))
}

#[test]
fn a_server_that_never_answers_is_a_gateway_timeout_in_time() {
    let server = Server::scripted(|_, stream| {
        let _ = std::io::Read::read(stream, &mut [0]);
        Then::Close
    });
    let piton = impatient(&server);
    let begin = Instant::now();
    let answer = get(piton.address(), "/");
    assert_eq!((answer.status, answer.text().as_str()), (504, "Gateway Timeout"));
    assert!(
        (450..3000).contains(&begin.elapsed().as_millis()),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(server.received().len(), 1, "a timeout is not repeated");
}

#[test]
fn the_static_transport_gives_the_default_timeouts() {
    let server = Server::scripted(|_, stream| {
        let _ = std::io::Read::read(stream, &mut [0]);
        Then::Close
    });
    let top = "serversTransport:\n  forwardingTimeouts:\n    responseHeaderTimeout: 300ms\n";
    let piton = Setup::new(&sticky_app(&[&server], "")).top(top).start();
    assert_eq!(get(piton.address(), "/").status, 504);
}

#[test]
fn without_a_timeout_a_slow_answer_is_waited_for() {
    let server = Server::scripted(|_, stream| {
        sleep(Duration::from_millis(1500));
        respond(stream, 200, "at last");
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    assert_eq!(get(piton.address(), "/").text(), "at last");
}

/// README, "where piton differs on purpose": Pingora knows one timeout for all reads of an answer.
#[test]
fn with_a_header_timeout_a_silence_of_that_length_in_the_body_ends_it_too() {
    let server = Server::scripted(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        sleep(Duration::from_millis(1500));
        let _ = stream.write_all(b"after");
        Then::Keep
    });
    let piton = impatient(&server);
    let answer = get(piton.address(), "/");
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.complete),
        (200, "first", false)
    );
}

fn with_timeouts(server: &Server, timeouts: &str) -> Piton {
    let line = format!("transport: {{respondingTimeouts: {{{timeouts}}}}}");
    Setup::new(&sticky_app(&[server], "")).entry_point(&line).start()
}

/// The connection ends within the time; what is said before that is at most an error.
fn assert_cut(mut client: Client, what: &str) {
    let begin = Instant::now();
    client.set_patience(Duration::from_secs(5));
    let said = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(begin.elapsed() < Duration::from_secs(4), "{what}: not cut");
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 4"),
        "{what}: {said}"
    );
}

#[test]
fn a_client_that_sends_nothing_is_cut() {
    let server = Server::named("app");
    let piton = with_timeouts(&server, "readTimeout: 1s");
    assert_cut(Client::connect(piton.address()), "silence");
}

#[test]
fn a_client_that_never_finishes_its_header_is_cut() {
    let server = Server::named("app");
    let piton = with_timeouts(&server, "readTimeout: 1s");
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    assert_cut(client, "half a header");
    // On a connection that was used before idleTimeout bounds it.
    let piton = with_timeouts(&server, "readTimeout: 1s, idleTimeout: 1s");
    let mut client = Client::connect(piton.address());
    assert_eq!(client.exchange(GET).status, 200);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    assert_cut(client, "half a second header");
}

#[test]
fn a_client_that_drips_its_header_is_cut() {
    let server = Server::named("app");
    let piton = with_timeouts(&server, "readTimeout: 1s");
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    for _ in 0..15 {
        client.send("x");
        sleep(Duration::from_millis(200));
    }
    // Three times the limit have passed.
    client.send("\r\n\r\n");
    let answer = client.response(false);
    assert!(
        answer.as_ref().map_or(true, |answer| answer.status != 200),
        "{answer:?}"
    );
}

#[test]
fn a_client_that_never_finishes_its_body_is_cut() {
    let server = Server::named("app");
    let piton = with_timeouts(&server, "readTimeout: 1s");
    let mut client = Client::connect(piton.address());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    assert_cut(client, "half a body");
}

#[test]
fn a_kept_connection_that_idles_is_closed_in_time() {
    let server = Server::named("app");
    let piton = with_timeouts(&server, "idleTimeout: 1s");
    let mut client = Client::connect(piton.address());
    for _ in 0..2 {
        assert_eq!(client.exchange(GET).status, 200);
        sleep(Duration::from_millis(500));
    }
    assert!(client.is_closed_within(Duration::from_secs(4)));
}

#[test]
fn a_connection_ends_after_so_many_requests() {
    let server = Server::named("app");
    let setup = Setup::new(&sticky_app(&[&server], ""));
    let piton = setup.entry_point("transport: {keepAliveMaxRequests: 3}").start();
    let mut client = Client::connect(piton.address());
    let answers: Vec<_> = (0..3).map(|_| client.exchange(GET)).collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(
        answers[2].header("connection"),
        Some("close"),
        "{}",
        answers[2].head
    );
    assert!(client.is_closed_within(Duration::from_secs(2)));
}
