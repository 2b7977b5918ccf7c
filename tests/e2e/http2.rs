//! HTTP/2 from clients, and what one connection of it may cost.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};

use crate::harness::{Origin, Piton, Server, Setup, Then, app_of, get, respond_with, sticky_app, value_of};
use crate::middlewares::through;

/// Runs `work` with one connection of HTTP/2 in plain text.
fn connected<T>(address: SocketAddr, work: impl AsyncFnOnce(SendRequest<Bytes>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let driver = tokio::spawn(connection);
        let result = tokio::time::timeout(Duration::from_secs(30), work(client)).await;
        driver.abort();
        result.expect("within 30 s")
    })
}

fn request(path: &str, fields: &[(&'static str, &str)]) -> Request<()> {
    let mut request = Request::get(format!("http://piton.test{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

async fn ask(client: &SendRequest<Bytes>, request: Request<()>) -> (Response<()>, Vec<u8>) {
    let mut client = client.clone().ready().await.unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    let (head, mut body) = answer.await.unwrap().into_parts();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        body.flow_control().release_capacity(chunk.len()).unwrap();
        bytes.extend_from_slice(&chunk);
    }
    (Response::from_parts(head, ()), bytes)
}

#[test]
fn a_request_of_http_2_goes_through_middlewares_and_its_answer_back() {
    let server = Server::scripted(|_, stream| {
        respond_with(
            stream,
            200,
            &["Content-Type: text/plain"],
            &"0123456789".repeat(1000),
        );
        Then::Keep
    });
    let piton = Piton::with(&through(
        "a: {stripPrefix: {prefixes: [/api]}}\n\
         b: {headers: {customRequestHeaders: {Host: b.test}, customResponseHeaders: {X-A: a}}}\nc: {compress: {}}\n\
         d: {redirectRegex: {regex: '^http://b.test/gone', replacement: 'http://c.test/'}}",
        &server,
    ));
    connected(piton.address(), async |client| {
        let (head, body) = ask(&client, request("/api/x?y", &[("accept-encoding", "gzip")])).await;
        assert_eq!(
            (head.status().as_u16(), &head.headers()["content-encoding"]),
            (200, &"gzip".parse().unwrap())
        );
        assert_eq!(head.headers()["x-a"], "a");
        assert!(!head.headers().contains_key("transfer-encoding"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_string(&mut text)
            .unwrap();
        assert!(text == "0123456789".repeat(1000));
        let (head, _) = ask(&client, request("/api/gone", &[])).await;
        assert_eq!(
            (head.status().as_u16(), &head.headers()["location"]),
            (302, &"http://c.test/".parse().unwrap())
        );
    });
    let seen = server.last();
    assert_eq!((seen.target(), seen.header("host")), ("/x?y", Some("b.test")));
    assert_eq!(seen.header("x-forwarded-prefix"), Some("/api"));
}

#[test]
fn with_prior_knowledge_http_2_is_spoken_on_a_plain_port_and_is_sticky() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let piton = Piton::with(&sticky_app(&[&a, &b], ""));
    connected(piton.address(), async |client| {
        let (head, body) = ask(&client, request("/", &[])).await;
        assert_eq!(head.status(), 200);
        let first = String::from_utf8(body).unwrap();
        let server = if first == "a" { &a } else { &b };
        let cookie = head.headers()["set-cookie"].to_str().unwrap();
        assert_eq!(cookie, format!("sid={}; Path=/", value_of(server)));
        // Cookies in fields of their own, as HTTP/2 clients may send them (RFC 9113 section 8.2.3).
        let sid = format!("sid={}", value_of(server));
        for _ in 0..10 {
            let fields = [("cookie", "x=1"), ("cookie", sid.as_str()), ("cookie", "y=2")];
            let (_, body) = ask(&client, request("/", &fields)).await;
            assert_eq!(body, first.as_bytes());
            assert_eq!(
                server.last().header("cookie"),
                Some(format!("x=1; {sid}; y=2").as_str())
            );
        }
    });
}

#[test]
fn a_stream_of_grpc_flows_both_ways_over_reloads_with_its_trailers() {
    let origin = Origin::h2c();
    let dynamic = app_of(
        &[&format!("url: {}", origin.url("h2c"))],
        "sticky: {cookie: {name: sid}}",
    );
    let piton = Setup::new(&dynamic)
        .entry_point("transport: {respondingTimeouts: {readTimeout: 60s}}")
        .start();
    connected(piton.address(), async |client| {
        let mut client = client.ready().await.unwrap();
        let request = Request::post("http://piton.test/chat.Chat/Talk")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let (answer, mut send) = client.send_request(request, false).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("set-cookie"));
        let mut body = answer.into_body();
        for round in 0..3_u8 {
            send.send_data(Bytes::from(vec![round; 5]), false).unwrap();
            let echoed = body.data().await.unwrap().unwrap();
            assert_eq!(echoed, vec![round; 5]);
            body.flow_control().release_capacity(echoed.len()).unwrap();
            piton.reload(&format!(
                "# {round}\n{dynamic}\n    more{round}: {{loadBalancer: {{servers: []}}}}\n"
            ));
        }
        send.send_data(Bytes::new(), true).unwrap();
        assert!(body.data().await.is_none());
        let trailers: HeaderMap = body.trailers().await.unwrap().unwrap();
        assert_eq!(trailers["grpc-status"], "0");
    });
}

#[test]
fn after_the_last_request_allowed_the_connection_is_told_to_go() {
    let server = Server::named("a");
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .entry_point("transport: {keepAliveMaxRequests: 3}")
        .start();
    connected(piton.address(), async |client| {
        for _ in 0..3 {
            assert_eq!(ask(&client, request("/", &[])).await.0.status(), 200);
        }
        let begin = Instant::now();
        while client.clone().ready().await.is_ok() {
            assert!(begin.elapsed() < Duration::from_secs(10), "it may go on for ever");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

/// A connection of HTTP/2 by hand.
struct Raw(TcpStream);

impl Raw {
    fn connect(piton: &Piton) -> Self {
        let mut stream = TcpStream::connect(piton.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut raw = Self(stream);
        raw.frame(4, 0, 0, &[]);
        raw
    }

    /// Writes a frame; false when the other side has closed.
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.write_all(&[&head, payload].concat()).is_ok()
    }

    /// Does the other side end the connection?
    fn ends(&mut self) -> bool {
        let mut waste = [0; 4096];
        loop {
            match self.0.read(&mut waste) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    let kind = error.kind();
                    return !matches!(
                        kind,
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    );
                }
            }
        }
    }
}

/// `GET / http` of the host `a`, without Huffman codes: the fields of RFC 7541's static table by number.
const FIELDS: &[u8] = &[0x82, 0x84, 0x86, 0x41, 1, b'a'];
/// The same of `/slow`.
const SLOW: &[u8] = &[0x82, 0x04, 5, b'/', b's', b'l', b'o', b'w', 0x86, 0x41, 1, b'a'];
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A flood is ended, and somebody honest is served while it goes on.
fn is_ended(server: &Server, flood: impl Fn(&mut Raw, u32) -> bool) {
    let piton = Setup::new(&sticky_app(&[server], ""))
        .entry_point("transport: {respondingTimeouts: {readTimeout: 2s, idleTimeout: 2s}}")
        .start();
    let mut raw = Raw::connect(&piton);
    for round in 0..200_000 {
        if !flood(&mut raw, round) {
            break;
        }
        if round % 20_000 == 0 {
            assert_eq!(get(piton.address(), "/").status, 200);
        }
    }
    assert!(raw.ends(), "the flood may go on");
    assert_eq!(get(piton.address(), "/").status, 200);
}

#[test]
fn a_flood_of_resets_is_ended() {
    let server = Server::named("a");
    is_ended(&server, |raw, round| {
        let stream = round * 2 + 1;
        raw.frame(1, END_STREAM | END_HEADERS, stream, FIELDS)
            && raw.frame(3, 0, stream, &8_u32.to_be_bytes())
    });
}

#[test]
fn a_flood_of_continuations_is_ended() {
    let server = Server::named("a");
    is_ended(&server, |raw, round| match round {
        0 => raw.frame(1, 0, 1, FIELDS),
        _ => raw.frame(9, 0, 1, &[]),
    });
    assert!(
        server
            .received()
            .iter()
            .all(|request| request.header("host") != Some("a"))
    );
}

#[test]
fn a_flood_of_empty_data_is_ended() {
    let server = Server::named("a");
    is_ended(&server, |raw, round| match round {
        0 => {
            let mut post = FIELDS.to_vec();
            post[0] = 0x83;
            raw.frame(1, END_HEADERS, 1, &post)
        }
        _ => raw.frame(0, 0, 1, &[]),
    });
}

#[test]
fn a_header_that_never_ends_is_cut_at_the_idle_time() {
    let server = Server::named("a");
    is_ended(&server, |raw, round| round == 0 && raw.frame(1, 0, 1, FIELDS));
}

#[test]
fn more_streams_than_allowed_are_refused_and_the_others_answered() {
    let (server, gate) = crate::harness::Gate::server("a");
    let piton = Setup::new(&sticky_app(&[&server], ""))
        .entry_point("http2: {maxConcurrentStreams: 2}")
        .start();
    let mut raw = Raw::connect(&piton);
    for stream in [1, 3, 5, 7] {
        assert!(raw.frame(1, END_STREAM | END_HEADERS, stream, SLOW));
    }
    let mut refused = Vec::new();
    while refused.len() < 2 {
        let mut head = [0; 9];
        raw.0.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        raw.0.read_exact(&mut payload).unwrap();
        if head[3] == 3 {
            assert_eq!(payload, 7_u32.to_be_bytes(), "REFUSED_STREAM");
            refused.push(head[8]);
        }
    }
    assert_eq!(refused, [5, 7]);
    gate.let_through(2);
}

#[test]
fn fields_larger_than_allowed_are_answered_431() {
    let server = Server::named("a");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    connected(piton.address(), async |client| {
        let big = "b".repeat(100_000);
        let (head, _) = ask(&client, request("/", &[("x-big", big.as_str())])).await;
        assert_eq!(head.status(), 431);
    });
    assert!(server.received().is_empty());
}

#[test]
fn requests_of_one_connection_may_not_hold_more_fields_together_than_2_mib() {
    let (server, gate) = crate::harness::Gate::server("a");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    connected(piton.address(), async |client| {
        let big = "b".repeat(60_000);
        let mut answers = Vec::new();
        for _ in 0..60 {
            let mut client = client.clone().ready().await.unwrap();
            let (answer, _) = client
                .send_request(request("/slow", &[("x-big", &big)]), true)
                .unwrap();
            answers.push(tokio::spawn(async move { answer.await.is_ok() }));
        }
        // Those for which there is no room are refused while the others wait.
        while answers.iter().filter(|answer| answer.is_finished()).count() < 24 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        gate.let_through(60);
        let mut answered = 0;
        for answer in answers {
            answered += usize::from(answer.await.unwrap());
        }
        assert!((20..=36).contains(&answered), "{answered} answered");
    });
    assert_eq!(get(piton.address(), "/").status, 200);
}
