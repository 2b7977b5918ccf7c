//! Failover on error answers: the request is sent again, whole, and nothing of the first answer is seen.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{
    Client, Piton, Received, Server, Then, eventually, get, request, respond, respond_with,
};

/// A main server that answers with `status` and leaves traces.
fn failing(status: u16) -> Server {
    Server::scripted(move |_, stream| {
        respond_with(
            stream,
            status,
            &["X-Main: 1", "Set-Cookie: app=main"],
            "main failed",
        );
        Then::Keep
    })
}

fn echo() -> Server {
    Server::scripted(|received: &Received, stream| {
        let body = format!("fallback got {} bytes", received.body.len());
        respond(stream, 200, &body);
        Then::Keep
    })
}

fn failover(main: &Server, fallback: &Server, errors: &str) -> String {
    let sticky = "sticky: {cookie: {name: c}}";
    format!(
        "http:
  routers:
    all: {{rule: PathPrefix(`/`), service: app}}
  services:
    app: {{failover: {{service: main, fallback: spare, errors: {{{errors}}}}}}}
    main: {{loadBalancer: {{{}, servers: [{{url: \"{}\"}}]}}}}
    spare: {{loadBalancer: {{{}, servers: [{{url: \"{}\"}}]}}}}
",
        sticky.replace(": c", ": main"),
        main.url(),
        sticky.replace(": c", ": spare"),
        fallback.url()
    )
}

#[test]
fn an_error_answer_is_discarded_and_the_fallback_answers() {
    let (main, fallback) = (failing(503), echo());
    let piton = Piton::with(&failover(&main, &fallback, "status: ['500-504']"));
    let answer = get(piton.address(), "/page");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "fallback got 0 bytes")
    );
    assert_eq!(answer.header("X-Main"), None);
    assert_eq!(answer.cookies().len(), 1, "{:?}", answer.cookies());
    assert!(answer.cookies()[0].starts_with("spare="));
    assert_eq!((main.received().len(), fallback.last().target()), (1, "/page"));
}

#[test]
fn a_status_that_is_not_listed_passes() {
    for status in [200, 404, 500] {
        let (main, fallback) = (failing(status), echo());
        let piton = Piton::with(&failover(&main, &fallback, "status: ['501-504']"));
        let answer = get(piton.address(), "/");
        assert_eq!((answer.status, answer.text().as_str()), (status, "main failed"));
        assert!(answer.cookies().iter().any(|cookie| cookie.starts_with("main=")));
        assert!(fallback.received().is_empty());
    }
}

#[test]
fn bodies_of_every_size_arrive_whole_at_the_fallback() {
    let (main, fallback) = (failing(500), echo());
    let piton = Piton::with(&failover(&main, &fallback, "status: ['500']"));
    // Pingora keeps 64 KiB; piton keeps the rest.
    for size in [0, 1, 65_536, 65_537, 200_000, 3_000_000] {
        let body: Vec<u8> = (0..size).map(|i| b'a' + (i % 26) as u8).collect();
        let head = format!("POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n");
        let answer = Client::connect(piton.address()).exchange([head.as_bytes(), &body].concat());
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("fallback got {size} bytes"))
        );
        assert_eq!(answer.header("X-Main"), None);
        assert!(fallback.last().body == body, "{size} bytes");
        assert_eq!(fallback.last().header("X-Forwarded-For"), Some("127.0.0.1"));
    }
}

#[test]
fn chunked_bodies_arrive_whole_at_the_fallback() {
    let (main, fallback) = (failing(500), echo());
    let piton = Piton::with(&failover(&main, &fallback, "status: ['500']"));
    for size in [10, 200_000] {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = "x".repeat(size);
        let answer =
            Client::connect(piton.address()).exchange(format!("{head}{size:x}\r\n{body}\r\n0\r\n\r\n"));
        let arrived = fallback.last().body.iter().filter(|&&byte| byte == b'x').count();
        assert_eq!((answer.status, arrived), (200, size));
    }
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_is_sent() {
    let (main, fallback) = (failing(500), echo());
    for (limit, size, status) in [(100, 100, 200), (5, 6, 413), (0, 1, 413), (0, 0, 200)] {
        let errors = format!("status: ['500'], maxRequestBodyBytes: {limit}");
        let piton = Piton::with(&failover(&main, &fallback, &errors));
        let answer = request(piton.address(), "POST /", &[], &vec![b'x'; size]);
        assert_eq!(answer.status, status, "limit {limit}, {size} bytes");
        if status == 413 {
            assert_eq!(answer.text(), "Request body too large\n");
            assert!(answer.cookies().is_empty());
        }
    }
    let piton = Piton::with(&failover(
        &main,
        &fallback,
        "status: ['500'], maxRequestBodyBytes: 5",
    ));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = Client::connect(piton.address()).exchange(format!("{head}6\r\n123456\r\n0\r\n\r\n"));
    assert_eq!(answer.status, 413);
}

#[test]
fn informational_answers_of_a_main_service_say_nothing() {
    let main = Server::scripted(|_, stream| {
        let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </main.css>\r\n\r\n";
        let _ = stream.write_all(hints);
        respond(stream, 503, "main failed");
        Then::Keep
    });
    let fallback = echo();
    let piton = Piton::with(&failover(&main, &fallback, "status: ['503']"));
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let all = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(
        all.contains("fallback got 0 bytes") && !all.contains("main"),
        "{all}"
    );
}

#[test]
fn a_fallback_that_fails_too_is_what_the_client_sees() {
    let (main, fallback) = (failing(500), failing(501));
    let piton = Piton::with(&failover(&main, &fallback, "status: ['500-599']"));
    let answer = get(piton.address(), "/");
    assert_eq!((answer.status, answer.text().as_str()), (501, "main failed"));
    assert_eq!((main.received().len(), fallback.received().len()), (1, 1));

    let mut dead = Server::named("dead");
    dead.kill();
    let piton = Piton::with(&failover(&main, &dead, "status: ['500-599']"));
    assert_eq!(get(piton.address(), "/").status, 502);
    let large = request(piton.address(), "POST /", &[], &vec![b'x'; 100_000]);
    assert_eq!(large.status, 502);
}

#[test]
fn failovers_within_failovers_go_on_with_bodies_of_every_size() {
    let (first, second, last) = (failing(503), failing(503), echo());
    let file = format!(
        "http:
  routers:
    all: {{rule: PathPrefix(`/`), service: outer}}
  services:
    outer: {{failover: {{service: first, fallback: inner, errors: {{status: ['503']}}}}}}
    inner: {{failover: {{service: second, fallback: last, errors: {{status: ['503']}}}}}}
    first: {{loadBalancer: {{servers: [{{url: \"{}\"}}]}}}}
    second: {{loadBalancer: {{servers: [{{url: \"{}\"}}]}}}}
    last: {{loadBalancer: {{servers: [{{url: \"{}\"}}]}}}}
",
        first.url(),
        second.url(),
        last.url()
    );
    let piton = Piton::with(&file);
    for size in [20, 200_000] {
        let answer = request(piton.address(), "POST /", &[], &vec![b'x'; size]);
        assert_eq!(
            (answer.status, answer.text()),
            (200, format!("fallback got {size} bytes"))
        );
    }
    assert_eq!((first.received().len(), second.received().len()), (2, 2));
}

#[test]
fn a_request_that_a_fallback_may_have_acted_on_is_not_sent_to_another() {
    for size in [20, 200_000] {
        let main = failing(503);
        let breaking = || Server::scripted(|_, _| Then::Close);
        let spares = [breaking(), breaking(), breaking()];
        let servers = spares.iter().map(|spare| format!("{{url: \"{}\"}}", spare.url()));
        let file = failover(&main, &main, "status: ['503']").replace(
            &format!("name: spare}}}}, servers: [{{url: \"{}\"}}]", main.url()),
            &format!(
                "name: spare}}}}, servers: [{}]",
                servers.collect::<Vec<_>>().join(", ")
            ),
        );
        let piton = Piton::with(&file);
        assert_eq!(
            request(piton.address(), "POST /", &[], &vec![b'x'; size]).status,
            502
        );
        let received: usize = spares.iter().map(|spare| spare.received().len()).sum();
        assert_eq!(received, 1, "{size} bytes");
    }
}

#[test]
fn a_client_that_leaves_ends_what_is_sent_again_for_it() {
    let main = failing(503);
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    let silent = Server::scripted(move |_, stream| {
        // Nothing is answered; piton closes when nobody waits any more.
        let read = stream.read(&mut [0; 1]);
        seen.store(matches!(read, Ok(0)), Ordering::SeqCst);
        Then::Close
    });
    let piton = Piton::with(&failover(&main, &silent, "status: ['503']"));
    let mut client = Client::connect(piton.address());
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
    client.send([head.as_bytes(), &vec![b'x'; 200_000]].concat());
    eventually("the fallback has it", || silent.received().len() == 1);
    drop(client);
    eventually("its connection is closed", || ended.load(Ordering::SeqCst));
}

#[test]
fn an_upgrade_field_does_not_switch_the_failover_off() {
    let (main, fallback) = (failing(503), echo());
    let piton = Piton::with(&failover(
        &main,
        &fallback,
        "status: ['503'], maxRequestBodyBytes: 10",
    ));
    let fields = ["Connection: Upgrade", "Upgrade: h2c"];
    let small = request(piton.address(), "POST /", &fields, b"0123456789");
    assert_eq!(
        (small.status, small.text().as_str()),
        (200, "fallback got 10 bytes")
    );
    assert_eq!(
        request(piton.address(), "POST /", &fields, b"0123456789a").status,
        413
    );
}
