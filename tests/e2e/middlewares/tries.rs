//! `retry`: how often, after what, at whom.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{ask, configuration, through};
use crate::harness::{Client, Piton, Server, Then, respond};

/// Answers 503 so many times, then 200.
fn failing(times: usize) -> Server {
    let count = AtomicUsize::new(0);
    Server::scripted(move |request, stream| {
        let status = if count.fetch_add(1, Ordering::SeqCst) < times {
            503
        } else {
            200
        };
        respond(
            stream,
            status,
            &format!("{} {}", request.line(), request.body.len()),
        );
        Then::Keep
    })
}

fn dead_url() -> String {
    let mut server = Server::named("dead");
    server.kill();
    server.url()
}

#[test]
fn an_answer_is_tried_again_by_status_and_method() {
    let retry = "a: {retry: {attempts: 3, status: ['500-503']}}";
    let server = failing(2);
    let piton = Piton::with(&through(retry, &server));
    assert_eq!(ask(&piton, "GET /", &[]).status, 200);
    assert_eq!(server.received().len(), 3);
    let server = failing(3);
    let piton = Piton::with(&through(retry, &server));
    assert_eq!(
        ask(&piton, "GET /", &[]).status,
        503,
        "the last try's answer passes"
    );
    assert_eq!(server.received().len(), 3);
    let server = failing(1);
    let piton = Piton::with(&through(retry, &server));
    assert_eq!(ask(&piton, "POST /", &["Content-Length: 0"]).status, 503);
    let any = retry.replace("attempts: 3", "attempts: 3, retryNonIdempotentMethod: true");
    let server = failing(1);
    let piton = Piton::with(&through(&any, &server));
    let answer = Client::connect(piton.address())
        .exchange("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "POST / HTTP/1.1 5")
    );
}

#[test]
fn a_body_is_sent_again_as_long_as_it_was_kept() {
    let put = |length: usize, limit: &str| {
        let server = failing(1);
        let retry = format!("a: {{retry: {{attempts: 2, status: ['503']{limit}}}}}");
        let piton = Piton::with(&through(&retry, &server));
        let mut client = Client::connect(piton.address());
        client.send(format!(
            "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n"
        ));
        client.send(vec![b'x'; length]);
        let answer = client.read();
        (answer.status, answer.text())
    };
    assert_eq!(put(1000, ""), (200, "PUT / HTTP/1.1 1000".to_owned()));
    assert_eq!(put(300_000, ""), (200, "PUT / HTTP/1.1 300000".to_owned()));
    assert_eq!(put(300_000, ", maxRequestBodyBytes: 100000").0, 503);
}

#[test]
fn a_dead_server_is_tried_again_after_a_while() {
    let start = Instant::now();
    let retry = "a: {retry: {attempts: 4, initialInterval: 100ms}}";
    let piton = Piton::with(&configuration(retry, "a", &dead_url()));
    let asked = Instant::now();
    assert_eq!(ask(&piton, "GET /", &[]).status, 502);
    let waited = asked.elapsed();
    // Three waits of a hundred milliseconds and more, each at least half of that.
    assert!(
        waited >= Duration::from_millis(150),
        "{waited:?} of {:?}",
        start.elapsed()
    );
}

#[test]
fn a_server_that_comes_back_between_two_tries_answers() {
    let mut server = Server::named("app");
    server.kill();
    let retry = "a: {retry: {attempts: 20, initialInterval: 200ms}}";
    let piton = Piton::with(&through(retry, &server));
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    server.restart();
    assert_eq!(client.read().status, 200);
}

#[test]
fn one_attempt_is_one_and_piton_does_not_go_elsewhere() {
    let two = |retry: &str| {
        let server = Server::named("app");
        let dynamic = configuration(retry, "a", &dead_url());
        let dynamic = dynamic.replace(
            "servers: [",
            &format!("servers: [{{url: \"{}\"}}, ", server.url()),
        );
        let piton = Piton::with(&dynamic);
        let statuses: Vec<u16> = (0..6).map(|_| ask(&piton, "GET /", &[]).status).collect();
        statuses.iter().filter(|status| **status == 502).count()
    };
    assert_eq!(
        two("a: {addPrefix: {prefix: /x}}"),
        0,
        "without the middleware it does"
    );
    assert_eq!(two("a: {retry: {attempts: 2}}"), 0);
    assert!(two("a: {retry: {attempts: 1}}") > 0);
    assert!(two("a: {retry: {attempts: 3, status: ['503'], disableRetryOnNetworkError: true}}") > 0);
}
