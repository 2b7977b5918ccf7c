//! Bytes that are not quite HTTP. What is ambiguous reaches no server; what reaches one is unambiguous
//! (pingora-0.9 5.5; issue, section 9).

use std::time::Duration;

use crate::harness::{Client, Piton, Server, Setup, sticky_app};

struct Front {
    piton: Piton,
    server: Server,
}

impl Front {
    fn new() -> Self {
        Self::with("")
    }

    fn with(entry_point: &str) -> Self {
        let server = Server::named("app");
        let piton = Setup::new(&sticky_app(&[&server], ""))
            .entry_point(entry_point)
            .start();
        Self { piton, server }
    }

    /// Sends bytes; returns the statuses of all answers until the connection ends or falls silent.
    fn statuses(&self, bytes: impl AsRef<[u8]>) -> Vec<u16> {
        let mut client = Client::connect(self.piton.address());
        client.send(bytes);
        client.set_patience(Duration::from_millis(700));
        std::iter::from_fn(|| client.response(false).ok())
            .map(|answer| answer.status)
            .collect()
    }

    /// The bytes get one 400 and no server sees any of them.
    fn refuses(&self, bytes: impl AsRef<[u8]>) {
        let before = self.server.received().len();
        let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
        assert_eq!(self.statuses(bytes), [400], "{text:.200?}");
        let received = self.server.received();
        assert_eq!(
            received.len(),
            before,
            "{text:.200?} came through as {:?}",
            received.last()
        );
    }

    fn targets(&self) -> Vec<String> {
        self.server
            .received()
            .iter()
            .map(|request| request.line().to_owned())
            .collect()
    }
}

/// A head with these lines after the `Host`.
fn post(fields: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}")
}

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn length_and_chunks_together_smuggle_nothing() {
    let front = Front::new();
    // CL.TE: by the length the rest is body, by the chunks it is a request.
    let body = format!("0\r\n\r\n{SMUGGLED}");
    let fields = format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len());
    let first = front.statuses(post(&fields, &body));
    // TE.CL: by the chunks all of it is body, by the length it is a request.
    let body = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
    let second = front.statuses(post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", &body));
    for statuses in [first, second] {
        assert!(statuses == [400] || statuses == [200], "{statuses:?}");
    }
    for request in front.server.received() {
        assert_eq!(request.target(), "/", "smuggled");
        let framings = [
            request.header("content-length"),
            request.header("transfer-encoding"),
        ];
        assert_eq!(
            framings.iter().flatten().count(),
            1,
            "one framing only: {}",
            request.head
        );
    }
}

#[test]
fn two_lengths_that_differ_are_refused_and_two_that_agree_are_one() {
    let front = Front::new();
    front.refuses(post("Content-Length: 4\r\nContent-Length: 5\r\n", "hello"));
    front.refuses(post("Content-Length: 4, 5\r\n", "hello"));
    let statuses = front.statuses(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"));
    match statuses.as_slice() {
        [200] => {
            assert_eq!(front.server.last().header("content-length"), Some("5"));
            assert_eq!(front.server.last().body, b"hello");
        }
        other => assert_eq!(other, [400]),
    }
}

#[test]
fn lengths_that_are_no_numbers_are_refused() {
    let front = Front::new();
    for length in ["-1", "+5", "0x5", "5 5", "five", "99999999999999999999999", ""] {
        front.refuses(post(&format!("Content-Length: {length}\r\n"), "hello"));
    }
}

#[test]
fn transfer_codings_other_than_chunked_are_refused() {
    let front = Front::new();
    for coding in [
        "gzip",
        "chunked, gzip",
        "chunked, identity",
        "xchunked",
        "\"chunked\"",
        "chunked\u{b}",
    ] {
        front.refuses(post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n"));
    }
    front.refuses("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn chunks_that_are_none_reach_no_second_request() {
    let front = Front::new();
    for body in [
        "x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello",
        "5hello0\r\n\r\n",
    ] {
        let bytes = post("Transfer-Encoding: chunked\r\n", body) + SMUGGLED;
        let statuses = front.statuses(bytes);
        assert!(statuses.len() <= 1 && statuses != [200], "{body:?}: {statuses:?}");
    }
    assert!(
        front.targets().iter().all(|line| !line.contains("smuggled")),
        "{:?}",
        front.targets()
    );
}

#[test]
fn bare_line_feeds_smuggle_nothing() {
    let front = Front::new();
    let statuses = front.statuses("GET / HTTP/1.1\nHost: a\n\n");
    assert!(statuses == [400] || statuses == [200], "{statuses:?}");
    // A field hidden behind a bare line feed is a field for piton too, or the request is refused.
    let statuses = front.statuses(post("X: 1\nContent-Length: 37\r\n", SMUGGLED));
    assert!(statuses.len() <= 2, "{statuses:?}");
    for request in front.server.received() {
        assert!(
            !request.head.replace("\r\n", "").contains(['\r', '\n']),
            "{:?}",
            request.head
        );
        assert_ne!(request.target(), "/smuggled");
    }
}

#[test]
fn bare_carriage_returns_and_nulls_in_fields_are_refused() {
    let front = Front::new();
    for field in ["X: a\rb", "X: a\0b", "X\0: a", "X: \u{1}", "X\u{7f}: a"] {
        front.refuses(post(&format!("{field}\r\n"), ""));
    }
}

#[test]
fn folded_fields_are_refused_or_unfolded() {
    let front = Front::new();
    let statuses = front.statuses(post("X: a\r\n b\r\n", ""));
    if statuses != [400] {
        assert_eq!(statuses, [200]);
        assert!(
            !front.server.last().head.contains("\r\n "),
            "{}",
            front.server.last().head
        );
    }
    let statuses = front.statuses(post(
        "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n",
        "0\r\n\r\n",
    ));
    assert!(statuses == [400] || statuses == [200], "{statuses:?}");
}

#[test]
fn names_with_spaces_are_refused() {
    let front = Front::new();
    for field in [
        "Content-Length : 5",
        " Content-Length: 5",
        "Content Length: 5",
        ": 5",
        "Host : b",
        "X\t: 1",
    ] {
        let statuses = front.statuses(post(&format!("{field}\r\n"), "hello"));
        assert_eq!(statuses.first(), Some(&400), "{field:?}");
    }
    assert!(front.server.received().is_empty(), "{:?}", front.targets());
}

#[test]
fn request_lines_that_are_none_are_refused() {
    let front = Front::new();
    for line in [
        "GET /",
        "GET / HTTP/9.9",
        "GET / HTTQ/1.1",
        "G@T / HTTP/1.1",
        "/ HTTP/1.1",
        "GET",
    ] {
        let statuses = front.statuses(format!("{line}\r\nHost: a\r\n\r\n"));
        assert!(
            statuses == [400] || statuses == [505] || statuses.is_empty(),
            "{line:?}: {statuses:?}"
        );
    }
    assert!(front.server.received().is_empty(), "{:?}", front.targets());
}

#[test]
fn more_spaces_in_a_request_line_than_needed_are_not_sent_on() {
    let front = Front::new();
    let statuses = front.statuses("GET   /   HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(statuses == [400] || statuses == [200], "{statuses:?}");
    assert!(
        front.targets().iter().all(|line| line == "GET / HTTP/1.1"),
        "{:?}",
        front.targets()
    );
}

#[test]
fn a_request_without_a_host_is_refused() {
    let front = Front::new();
    front.refuses("GET / HTTP/1.1\r\n\r\n");
    front.refuses("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
}

#[test]
fn an_old_request_without_a_host_is_sent_on_with_one() {
    let front = Front::new();
    let answer = Client::connect(front.piton.address()).exchange("GET /old HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.text().as_str()), (200, "app"));
    let seen = front.server.last();
    assert_eq!(seen.line(), "GET /old HTTP/1.1");
    assert!(
        seen.header("host").is_some_and(|host| !host.is_empty()),
        "{}",
        seen.head
    );
}

#[test]
fn an_old_client_sees_the_end_of_the_connection() {
    let front = Front::new();
    let mut client = Client::connect(front.piton.address());
    assert_eq!(client.exchange("GET / HTTP/1.0\r\nHost: a\r\n\r\n").text(), "app");
    assert!(
        client.is_closed_within(Duration::from_secs(2)),
        "it would wait for ever"
    );
    let mut client = Client::connect(front.piton.address());
    for _ in 0..2 {
        let answer = client.exchange("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(answer.text(), "app", "kept when asked for");
    }
}

#[test]
fn a_header_over_the_limit_is_answered_431() {
    let front = Front::with("http: {maxHeaderBytes: 4096}");
    let with = |size: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Large: {}\r\n\r\n",
            "x".repeat(size)
        )
    };
    assert_eq!(front.statuses(with(3000)), [200]);
    assert_eq!(front.statuses(with(4200)), [431]);
    assert_eq!(front.statuses(with(100_000)), [431]);
    assert_eq!(front.server.received().len(), 1);
}

#[test]
fn a_header_without_end_is_given_up() {
    let front = Front::new();
    let mut client = Client::connect(front.piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    // Two megabytes: the limit is one.
    for _ in 0..32 {
        client.send(format!("X: {}\r\n", "x".repeat(64 * 1024)));
    }
    if let Ok(answer) = client.response(false) {
        assert!([400, 431].contains(&answer.status), "{}", answer.head);
    }
    assert!(front.server.received().is_empty());
    assert_eq!(
        front.statuses("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        [200],
        "others are served"
    );
}

#[test]
fn pipelined_requests_are_all_answered_in_order() {
    let server = Server::scripted(|request, stream| {
        crate::harness::respond(stream, 200, request.target());
        crate::harness::Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let mut client = Client::connect(piton.address());
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(request("/1") + &request("/2") + &request("/nobody"));
    let answers: Vec<String> = (0..3).map(|_| client.read().text()).collect();
    assert_eq!(answers, ["/1", "/2", "/nobody"]);
    // The second while the first is under way, with a body before it.
    client.send("POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    client.send(request("/4"));
    assert_eq!([client.read().text(), client.read().text()], ["/3", "/4"]);
}

#[test]
fn a_request_with_a_body_it_did_not_announce_is_answered_alone() {
    let front = Front::new();
    let statuses = front.statuses("GET / HTTP/1.1\r\nHost: a\r\n\r\nhello");
    assert_eq!(statuses[0], 200);
    assert_eq!(front.targets(), ["GET / HTTP/1.1"]);
}

#[test]
fn rubbish_is_answered_or_cut_and_leaves_piton_standing() {
    let front = Front::new();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"\xff\xfe\xfd\r\n\r\n",
    ] {
        let statuses = front.statuses(bytes);
        assert!(
            statuses.is_empty() || statuses == [400],
            "{bytes:?}: {statuses:?}"
        );
    }
    assert_eq!(front.statuses("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), [200]);
    assert_eq!(front.piton.count(&["panicked"]), 0);
}
