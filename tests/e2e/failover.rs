//! Servers that die. A connect that fails moves the request, whatever its method; an exchange that breaks
//! is repeated only when that is safe; nothing loops (design: difference 1; issue, section 7).

use std::time::{Duration, Instant};

use crate::harness::{
    BlackHole, Client, Piton, Server, Setup, Then, app_of, cookie_of, get, get_as, request, respond,
};
use crate::harness::{sticky_app, value_of};

/// A server of which nothing is left but its address.
fn dead() -> Server {
    let mut server = Server::named("dead");
    server.kill();
    server
}

#[test]
fn a_client_of_a_dead_server_is_moved_within_the_request_and_told_so() {
    let (dead, alive) = (dead(), Server::named("alive"));
    let piton = Piton::with(&sticky_app(&[&dead, &alive], ""));
    for _ in 0..3 {
        let moved = get_as(piton.address(), &cookie_of(&dead));
        assert_eq!((moved.status, moved.text().as_str()), (200, "alive"));
        assert_eq!(moved.cookies(), [format!("sid={}; Path=/", value_of(&alive))]);
    }
    for _ in 0..4 {
        let new = get(piton.address(), "/");
        assert_eq!((new.status, new.sid()), (200, Some(value_of(&alive).as_str())));
    }
}

#[test]
fn a_body_arrives_whole_and_once_when_its_server_is_dead() {
    let (dead, alive) = (dead(), Server::named("alive"));
    let piton = Piton::with(&sticky_app(&[&dead, &alive], ""));
    // Far more than what Pingora would keep for a repetition.
    for size in [1, 1000, 1_000_000] {
        let body: Vec<u8> = (0..size).map(|i| b'a' + (i % 26) as u8).collect();
        let before = alive.received().len();
        let fields = [format!("Cookie: {}", cookie_of(&dead))];
        let moved = request(piton.address(), "POST /form", &[&fields[0]], &body);
        assert_eq!((moved.status, moved.text().as_str()), (200, "alive"));
        assert_eq!(moved.sid(), Some(value_of(&alive).as_str()));
        assert_eq!(alive.received().len(), before + 1);
        assert!(alive.last().body == body, "{size} bytes");
    }
}

#[test]
fn a_chunked_body_arrives_whole_and_once_when_its_server_is_dead() {
    let (dead, alive) = (dead(), Server::named("alive"));
    let piton = Piton::with(&sticky_app(&[&dead, &alive], ""));
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        cookie_of(&dead)
    );
    let moved = Client::connect(piton.address()).exchange(head + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    assert_eq!((moved.status, moved.text().as_str()), (200, "alive"));
    assert_eq!(alive.received().len(), 1);
    let body = String::from_utf8(alive.last().body).unwrap();
    let words: String = body
        .split("\r\n")
        .filter(|part| part.contains(['h', 'w']))
        .collect();
    assert_eq!(words, "hello world");
}

const QUICK_DIAL: &str = "  serversTransports:\n    quick:\n      forwardingTimeouts: {dialTimeout: 300ms}\n";

#[test]
fn a_connect_that_takes_too_long_moves_the_request_too() {
    let (hole, alive) = (BlackHole::new(), Server::named("alive"));
    let entries = [
        format!("url: http://{}", hole.address()),
        format!("url: {}", alive.url()),
    ];
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let options = "serversTransport: quick\nsticky: {cookie: {name: sid}}";
    let piton = Piton::with(&(app_of(&entries, options) + QUICK_DIAL));
    let bound = piton::sticky::CookieValue::of(&format!("http://{}", hole.address()));
    let begin = Instant::now();
    let moved = request(
        piton.address(),
        "POST /",
        &[&format!("Cookie: sid={bound}")],
        b"hello",
    );
    assert_eq!((moved.status, moved.text().as_str()), (200, "alive"));
    assert_eq!(moved.sid(), Some(value_of(&alive).as_str()));
    assert_eq!(alive.last().body, b"hello");
    let took = begin.elapsed();
    assert!(
        (Duration::from_millis(250)..Duration::from_secs(5)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn servers_that_accept_no_connect_in_time_are_a_gateway_timeout() {
    let holes = [
        BlackHole::new(),
        BlackHole::new(),
        BlackHole::new(),
        BlackHole::new(),
    ];
    let entries = holes
        .each_ref()
        .map(|hole| format!("url: http://{}", hole.address()));
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let piton = Piton::with(&(app_of(&entries, "serversTransport: quick") + QUICK_DIAL));
    let begin = Instant::now();
    let failed = get(piton.address(), "/");
    assert_eq!((failed.status, failed.text().as_str()), (504, "Gateway Timeout"));
    // The deadline of all connects together is twice the dial timeout.
    assert!(
        begin.elapsed() < Duration::from_millis(2500),
        "{:?}",
        begin.elapsed()
    );
}

/// Answers the first request of each connection and closes on the second without a word.
fn forgetful() -> Server {
    Server::scripted(|request, stream| {
        if request.turn > 1 {
            return Then::Close;
        }
        respond(stream, 200, "ok");
        Then::Keep
    })
}

#[test]
fn a_kept_connection_that_the_server_closed_costs_a_get_nothing() {
    let server = forgetful();
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top("threads: 1\n")
        .start();
    for _ in 0..4 {
        assert_eq!(get(piton.address(), "/").status, 200);
    }
    // Each request but the first met the closed connection, then had a new one.
    let seen: Vec<_> = server
        .received()
        .iter()
        .map(|request| (request.connection, request.turn))
        .collect();
    assert_eq!(seen, [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1)]);
}

#[test]
fn a_kept_connection_that_the_server_closed_fails_a_post_which_is_sent_once() {
    let server = forgetful();
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top("threads: 1\n")
        .start();
    assert_eq!(get(piton.address(), "/").status, 200);
    let failed = request(piton.address(), "POST /pay", &[], b"10 euros");
    assert_eq!(
        (failed.status, failed.text().as_str(), failed.sid()),
        (502, "Bad Gateway", None)
    );
    assert_eq!(
        server
            .received()
            .iter()
            .filter(|request| request.line().starts_with("POST"))
            .count(),
        1
    );
}

#[test]
fn a_post_with_an_idempotency_key_is_repeated_with_its_body() {
    let server = forgetful();
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .top("threads: 1\n")
        .start();
    assert_eq!(get(piton.address(), "/").status, 200);
    let paid = request(piton.address(), "POST /pay", &["Idempotency-Key: 1"], b"10 euros");
    assert_eq!((paid.status, paid.text().as_str()), (200, "ok"));
    assert_eq!(server.last().body, b"10 euros");
}

#[test]
fn a_get_whose_server_closes_on_a_new_connection_is_served_elsewhere() {
    let closes = Server::scripted(|_, _| Then::Close);
    let alive = Server::named("alive");
    let piton = Piton::with(&sticky_app(&[&closes, &alive], ""));
    let moved = get_as(piton.address(), &cookie_of(&closes));
    assert_eq!((moved.status, moved.text().as_str()), (200, "alive"));
    assert_eq!(moved.sid(), Some(value_of(&alive).as_str()));
    let failed = request(
        piton.address(),
        "POST /",
        &[&format!("Cookie: {}", cookie_of(&closes))],
        b"x",
    );
    assert_eq!((failed.status, failed.sid()), (502, None));
    assert!(
        alive
            .received()
            .iter()
            .all(|request| request.line().starts_with("GET"))
    );
}

#[test]
fn when_all_servers_are_dead_the_answer_is_one_bad_gateway_at_once() {
    let servers = [dead(), dead(), dead(), dead(), dead()];
    let piton = Piton::with(&sticky_app(&servers.each_ref(), ""));
    for cookie in ["none=1".to_owned(), cookie_of(&servers[3])] {
        let begin = Instant::now();
        let failed = get_as(piton.address(), &cookie);
        assert_eq!((failed.status, failed.text().as_str()), (502, "Bad Gateway"));
        assert_eq!(failed.cookies(), [""; 0], "no server answered");
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    }
}

#[test]
fn servers_that_all_close_are_each_asked_a_few_times_and_no_more() {
    let servers = [(); 3].map(|()| Server::scripted(|_, _| Then::Close));
    let piton = Piton::with(&sticky_app(&servers.each_ref(), ""));
    assert_eq!(get(piton.address(), "/").status, 502);
    let asked: usize = servers.iter().map(|server| server.received().len()).sum();
    assert!((1..=3).contains(&asked), "asked {asked} times");
}

#[test]
fn a_server_that_comes_back_is_used_again_without_a_health_check() {
    let (mut first, second) = (Server::named("first"), Server::named("second"));
    let piton = Piton::with(&sticky_app(&[&first, &second], ""));
    first.kill();
    assert_eq!(get_as(piton.address(), &cookie_of(&first)).text(), "second");
    first.restart();
    assert_eq!(get_as(piton.address(), &cookie_of(&first)).text(), "first");
}
