//! What one client may cost: sizes, times, counts. Beside each, somebody honest is served.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::harness::{Client, Piton, Server, Setup, eventually, get, sticky_app};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn front(server: &Server, entry_point: &str) -> Piton {
    Setup::new(&sticky_app(&[server], ""))
        .entry_point(entry_point)
        .start()
}

fn head(line: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn a_header_larger_than_allowed_is_answered_431_while_it_comes() {
    let server = Server::named("a");
    let piton = front(&server, "http: {maxHeaderBytes: 20000}");
    let fits = head("GET /", &format!("X-Big: {}\r\n", "b".repeat(15_000)));
    assert_eq!(Client::connect(piton.address()).exchange(&fits).status, 200);
    for fields in [
        format!("X-Big: {}\r\n", "b".repeat(30_000)),
        "X-Many: 1234567890\r\n".repeat(200) + &format!("X-Big: {}", "b".repeat(30_000)),
    ] {
        // Also where its end never comes.
        let endless = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}");
        for bytes in [head("GET /", &fields), endless] {
            let mut client = Client::connect(piton.address());
            let answer = client.exchange(bytes);
            assert_eq!(answer.status, 431);
            assert_eq!(answer.header("connection"), Some("close"));
            assert!(client.is_closed_within(Duration::from_secs(5)));
        }
    }
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_header_of_more_lines_than_256_is_answered_431() {
    let server = Server::named("a");
    let piton = front(&server, "");
    let with = |lines: usize| head("GET /", &"X: y\r\n".repeat(lines));
    // With the host it is 256.
    assert_eq!(Client::connect(piton.address()).exchange(with(255)).status, 200);
    assert_eq!(Client::connect(piton.address()).exchange(with(256)).status, 431);
    // The same on a connection that was used before.
    let mut client = Client::connect(piton.address());
    assert_eq!(client.exchange(GET).status, 200);
    assert_eq!(client.exchange(with(300)).status, 431);
}

#[test]
fn lines_of_a_body_are_no_lines_of_its_header() {
    let server = Server::named("a");
    let piton = front(&server, "http: {maxHeaderBytes: 3000}");
    let body = "a\r\n".repeat(1200);
    let request = head("POST /", &format!("Content-Length: {}\r\n", body.len())) + &body;
    let mut client = Client::connect(piton.address());
    for _ in 0..3 {
        assert_eq!(client.exchange(&request).status, 200);
    }
    assert_eq!(server.last().body.len(), body.len());
}

#[test]
fn a_target_that_is_too_long_is_answered_414() {
    let server = Server::named("a");
    let piton = front(&server, "");
    let with = |length: usize| head(&format!("GET /{}", "a".repeat(length)), "");
    assert_eq!(
        Client::connect(piton.address()).exchange(with(60_000)).status,
        200
    );
    assert_eq!(
        Client::connect(piton.address()).exchange(with(70_000)).status,
        414
    );
}

#[test]
fn a_body_larger_than_allowed_is_answered_413_by_its_length_or_while_it_comes() {
    let server = Server::named("a");
    let piton = front(&server, "http: {maxRequestBodyBytes: 1000}");
    let sized = |length: usize| {
        let fields = format!("Content-Length: {length}\r\n");
        head("POST /", &fields) + &"b".repeat(length)
    };
    let chunked = |chunks: usize| {
        let body = format!("64\r\n{}\r\n", "b".repeat(100)).repeat(chunks) + "0\r\n\r\n";
        head("POST /", "Transfer-Encoding: chunked\r\n") + &body
    };
    let status = |bytes: String| Client::connect(piton.address()).exchange(bytes).status;
    assert_eq!((status(sized(1000)), status(chunked(10))), (200, 200));
    assert_eq!((status(sized(1001)), status(chunked(11))), (413, 413));
    // The length alone is enough, in whatever way it is written.
    assert_eq!(status(head("POST /", "Content-Length: 5000, 5000\r\n")), 413);
    assert_eq!(status(head("POST /", "Content-Length: 5000000000\r\n")), 413);
}

#[test]
fn a_later_header_that_drips_is_cut_and_an_idle_connection_is_not() {
    let server = Server::named("a");
    let piton = front(
        &server,
        "transport: {respondingTimeouts: {readTimeout: 1s, idleTimeout: 60s}}",
    );
    let mut idle = Client::connect(piton.address());
    assert_eq!(idle.exchange(GET).status, 200);
    let mut client = Client::connect(piton.address());
    assert_eq!(client.exchange(GET).status, 200);
    let begin = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    while !client.is_closed_within(Duration::from_millis(200)) {
        client.send("X: y\r\n");
        assert!(begin.elapsed() < Duration::from_secs(20), "it is never cut");
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(900),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(idle.exchange(GET).status, 200);
}

#[test]
fn a_body_that_drips_is_cut() {
    let server = Server::scripted(|_, _| crate::harness::Then::Close);
    let piton = front(&server, "transport: {respondingTimeouts: {readTimeout: 1s}}");
    let mut client = Client::connect(piton.address());
    let begin = Instant::now();
    client.send(head("POST /", "Content-Length: 100000\r\n"));
    while !client.is_closed_within(Duration::from_millis(200)) {
        client.send("b");
        assert!(begin.elapsed() < Duration::from_secs(20), "it is never cut");
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(1500),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn no_more_connections_than_allowed_are_let_in_and_one_that_leaves_makes_room() {
    let server = Server::named("a");
    let piton = front(&server, "transport: {maxConnections: 2}");
    let mut held = [Client::connect(piton.address()), Client::connect(piton.address())];
    for client in &mut held {
        assert_eq!(client.exchange(GET).status, 200);
    }
    let mut third = Client::connect(piton.address());
    third.send(GET);
    assert!(third.rest().is_empty(), "there is no room");
    drop(held);
    eventually("there is room again", || {
        let mut client = Client::connect(piton.address());
        client.send(GET);
        client.response(false).is_ok()
    });
}

#[test]
fn one_address_cannot_take_all_connections() {
    let server = Server::named("a");
    let piton = front(&server, "transport: {maxConnectionsPerAddress: 3}");
    let from = |address: &str| {
        let from: IpAddr = address.parse().unwrap();
        let mut client = Client::connect_from(from, piton.address());
        client.send(GET);
        client.response(false).ok().map(|_| client)
    };
    let greedy: Vec<Client> = (0..3).filter_map(|_| from("127.0.0.2")).collect();
    assert_eq!(greedy.len(), 3);
    assert!(from("127.0.0.2").is_none());
    assert!(from("127.0.0.3").is_some());
    drop(greedy);
    eventually("its places are free again", || from("127.0.0.2").is_some());
}

#[test]
fn an_address_that_says_nothing_cannot_take_the_places_of_others() {
    let server = Server::named("a");
    let piton = front(
        &server,
        "transport: {maxConnections: 10, maxConnectionsPerAddress: 2}",
    );
    let from = |address: &str| Client::connect_from(address.parse().unwrap(), piton.address());
    let silent: Vec<Client> = (0..14).map(|_| from("127.0.0.2")).collect();
    eventually("somebody else is served", || {
        let mut client = from("127.0.0.3");
        client.send(GET);
        client.response(false).is_ok_and(|answer| answer.status == 200)
    });
    drop(silent);
}

#[test]
fn what_is_left_of_a_body_when_the_answer_is_whole_has_its_time_too() {
    // It answers before it has read the body.
    let server = Server::scripted(|_, stream| {
        crate::harness::respond(stream, 200, "early");
        crate::harness::Then::Keep
    });
    let piton = front(&server, "transport: {respondingTimeouts: {readTimeout: 1s}}");
    let mut client = Client::connect(piton.address());
    client.send(head("POST /", "Transfer-Encoding: chunked\r\n"));
    let begin = Instant::now();
    loop {
        client.send("1\r\nb\r\n");
        client.set_patience(Duration::from_millis(200));
        match client.response(false) {
            Ok(answer) => assert_eq!(answer.status, 200),
            Err(error) => {
                let is_silence = matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                );
                if !is_silence {
                    break;
                }
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "it is never cut");
    }
}

#[test]
fn a_header_that_ends_in_two_packets_is_not_larger_for_it() {
    let server = Server::named("a");
    let piton = front(&server, "http: {maxHeaderBytes: 600}");
    let body = "a\n".repeat(500);
    let request = head("POST /", &format!("Content-Length: {}\r\n", body.len())) + &body;
    let end = request.find("\r\n\r\n").unwrap();
    for cut in end..end + 5 {
        let mut client = Client::connect(piton.address());
        client.send(&request[..cut]);
        std::thread::sleep(Duration::from_millis(30));
        client.send(&request[cut..]);
        assert_eq!(client.read().status, 200, "cut at {}", cut - end);
    }
}

#[test]
fn a_connection_that_has_grown_old_is_closed_with_its_next_answer() {
    let server = Server::named("a");
    let piton = front(&server, "transport: {keepAliveMaxTime: 1s}");
    let mut client = Client::connect(piton.address());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(20) {
        let answer = client.exchange(GET);
        assert_eq!(answer.status, 200);
        if answer.header("connection") == Some("close") {
            assert!(begin.elapsed() >= Duration::from_millis(900));
            return;
        }
    }
    panic!("it is never closed");
}

#[test]
fn fields_that_connection_names_stay_where_the_option_says_so() {
    let server = Server::named("a");
    let piton = front(&server, "forwardedHeaders: {connection: [X-Kept]}");
    let request = head(
        "GET /",
        "Connection: X-Kept, X-Gone\r\nX-Kept: 1\r\nX-Gone: 2\r\n",
    );
    assert_eq!(Client::connect(piton.address()).exchange(request).status, 200);
    let seen = server.last();
    assert_eq!((seen.header("x-kept"), seen.header("x-gone")), (Some("1"), None));
    assert_eq!(seen.header("connection"), None);
    assert_eq!(get(piton.address(), "/").status, 200);
}

#[test]
fn naming_it_in_connection_takes_away_nothing_that_a_middleware_adds() {
    let server = Server::named("a");
    let dynamic = format!(
        "http: {{routers: {{all: {{rule: 'PathPrefix(`/`)', service: app, middlewares: [add]}}}}, \
         middlewares: {{add: {{headers: {{customRequestHeaders: {{X-Secret: s3cret}}}}}}}}, \
         services: {{app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}}}}}",
        server.url()
    );
    let piton = Piton::with(&dynamic);
    let request = head("GET /", "X-Secret: mine\r\nConnection: keep-alive, X-Secret\r\n");
    assert_eq!(Client::connect(piton.address()).exchange(request).status, 200);
    assert_eq!(server.last().all("x-secret"), ["s3cret"]);
}

#[test]
fn a_length_that_is_said_twice_reaches_the_server_once() {
    let server = Server::named("a");
    let piton = front(&server, "");
    let request = head("POST /", "Content-Length: 5, 5\r\n") + "12345";
    assert_eq!(Client::connect(piton.address()).exchange(request).status, 200);
    assert_eq!(server.last().all("content-length"), ["5"]);
}
