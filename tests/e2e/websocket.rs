//! WebSockets: bound to a server like any request, in flight as long as they live, closed and not cut.

use std::io::{Read, Write};
use std::time::Duration;

use crate::harness::{Client, Piton, Server, Setup, Then, app_of, cookie_of, eventually, sticky_app, swap};

/// Answers the upgrade, then each frame with a frame that has its name; a close with a close.
fn named(name: &'static str) -> Server {
    Server::scripted(move |_, stream| {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        stream.write_all(switch.as_bytes()).unwrap();
        loop {
            let mut head = [0; 6];
            if stream.read_exact(&mut head).is_err() {
                return Then::Close;
            }
            let mut payload = vec![0; usize::from(head[1] & 0x7F)];
            stream.read_exact(&mut payload).unwrap();
            if head[0] == 0x88 {
                let close = [&[0x88, 2][..], &payload].concat();
                let _ = stream.write_all(&close);
                return Then::Close;
            }
            let frame = [&[0x81, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat();
            stream.write_all(&frame).unwrap();
        }
    })
}

/// Never says anything after the upgrade.
fn silent() -> Server {
    Server::scripted(|_, stream| {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        stream.write_all(switch.as_bytes()).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        Then::Close
    })
}

/// An open WebSocket of the session that `cookie` names.
fn open(piton: &Piton, cookie: &str) -> Client {
    let mut client = Client::connect(piton.address());
    let answer = client.exchange(format!(
        "GET /chat HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ));
    assert_eq!(answer.status, 101);
    client
}

/// Sends a frame; who answers.
fn ask(client: &mut Client) -> String {
    client.send([0x81, 0x81, 0, 0, 0, 0, b'?']);
    let head = client.exactly(2).unwrap();
    assert_eq!(head[0], 0x81);
    String::from_utf8(client.exactly(usize::from(head[1])).unwrap()).unwrap()
}

/// A frame that closes, status 1001.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xE9];

#[test]
fn a_websocket_goes_to_the_server_of_its_session_and_stays_there_over_reloads() {
    let (a, b) = (named("a"), named("b"));
    let piton = Piton::with(&sticky_app(&[&a, &b], ""));
    let mut sockets: Vec<(Client, &str)> = [(&a, "a"), (&b, "b"), (&b, "b")]
        .map(|(server, name)| (open(&piton, &cookie_of(server)), name))
        .into();
    let c = named("c");
    piton.reload(&sticky_app(&[&c, &b, &a], ""));
    for (socket, name) in &mut sockets {
        assert_eq!(ask(socket), *name);
    }
    piton.reload(&sticky_app(&[&c], ""));
    for (socket, name) in &mut sockets {
        assert_eq!(
            ask(socket),
            *name,
            "also where its server is not configured any more"
        );
    }
}

#[test]
fn a_websocket_is_in_flight_as_long_as_it_lives() {
    let server = named("a");
    let dynamic = app_of(
        &[&format!("url: {}", server.url())],
        "sticky: {cookie: {name: sid}}\nmaxInFlight: 1",
    );
    let piton = Piton::with(&dynamic);
    let socket = open(&piton, "x=y");
    let status = || {
        Client::connect(piton.address())
            .exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .status
    };
    assert_eq!(status(), 503);
    drop(socket);
    eventually("its place is free", || status() != 503);
}

#[test]
fn when_the_drain_of_its_server_is_over_a_websocket_is_closed_and_not_cut() {
    let (a, b) = (named("a"), named("b"));
    let piton = Piton::with(&sticky_app(&[&a, &b], ""));
    let (mut of_a, mut of_b) = (open(&piton, &cookie_of(&a)), open(&piton, &cookie_of(&b)));
    let drained = format!("url: {}, drainUntil: '2020-01-01T00:00:00Z'", a.url());
    let stays = format!("url: {}", b.url());
    swap(
        &piton.file(),
        &app_of(&[&drained, &stays], "sticky: {cookie: {name: sid}}"),
    );
    assert_eq!(of_a.rest(), GOING_AWAY);
    assert_eq!(ask(&mut of_b), "b");
}

#[test]
fn before_the_process_ends_websockets_are_closed_also_where_the_server_is_silent() {
    let (talks, says_nothing) = (named("a"), silent());
    let mut piton = Setup::new(&sticky_app(&[&talks, &says_nothing], ""))
        .entry_point("transport: {lifeCycle: {graceTimeOut: 8s}}")
        .start();
    let mut sockets = [
        open(&piton, &cookie_of(&talks)),
        open(&piton, &cookie_of(&says_nothing)),
    ];
    piton.signal("TERM");
    for socket in &mut sockets {
        socket.set_patience(Duration::from_secs(20));
        assert_eq!(socket.rest(), GOING_AWAY);
    }
    assert!(piton.wait_for_end().1);
    piton.wait_for_line(&["every request was answered"]);
}
