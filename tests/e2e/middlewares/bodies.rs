//! Compressed bodies.

use std::io::{Read, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use super::{ask, configuration, through};
use crate::harness::{Client, Origin, Piton, Received, Server, Then, respond_with};

fn text() -> String {
    "All work and no play makes Jack a dull boy.\n".repeat(500)
}

fn server() -> Server {
    Server::scripted(|request: &Received, stream| {
        match request.target() {
            "/small" => respond_with(stream, 200, &["Content-Type: text/plain"], "small"),
            "/grpc" => respond_with(stream, 200, &["Content-Type: application/grpc"], &text()),
            "/done" => respond_with(stream, 200, &["Content-Encoding: br"], &text()),
            "/chunked" => {
                let head =
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n";
                stream.write_all(head.as_bytes()).unwrap();
                for line in text().lines() {
                    write!(stream, "{:x}\r\n{line}\n\r\n", line.len() + 1).unwrap();
                }
                stream.write_all(b"0\r\n\r\n").unwrap();
            }
            "/close" => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                    .unwrap();
                stream.write_all(text().as_bytes()).unwrap();
                return Then::Close;
            }
            _ => respond_with(stream, 200, &["Content-Type: text/plain", "ETag: \"x\""], &text()),
        }
        Then::Keep
    })
}

fn read(encoding: Option<&str>, bytes: &[u8]) -> String {
    let mut text = String::new();
    match encoding {
        Some("gzip") => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
        Some("br") => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text),
        Some("zstd") => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_string(&mut text),
        _ => (&mut &*bytes).read_to_string(&mut text),
    }
    .unwrap();
    text
}

#[test]
fn the_client_chooses_the_encoding_and_can_read_it() {
    let server = server();
    let piton = Piton::with(&through("a: {compress: {}}", &server));
    let mut client = Client::connect(piton.address());
    for (target, accepted, encoding) in [
        ("/", "gzip", Some("gzip")),
        ("/", "br", Some("br")),
        ("/", "zstd, gzip;q=0.5", Some("zstd")),
        ("/chunked", "gzip", Some("gzip")),
        ("/chunked", "br", Some("br")),
        ("/close", "zstd", Some("zstd")),
        ("/", "identity", None),
        ("/", "deflate", None),
        ("/small", "gzip", None),
        ("/grpc", "gzip", None),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: {accepted}\r\n\r\n");
        let answer = client.exchange(request);
        assert_eq!(
            (answer.status, answer.header("content-encoding")),
            (200, encoding),
            "{target} {accepted}"
        );
        assert!(answer.complete, "{target} {accepted}");
        let expected = if target == "/small" {
            "small".to_owned()
        } else {
            text()
        };
        assert!(read(encoding, &answer.body) == expected, "{target} {accepted}");
        assert_eq!(
            answer.all("content-length").len(),
            usize::from(encoding.is_none()),
            "{}",
            answer.head
        );
    }
    let compressed = ask(&piton, "GET /", &["Accept-Encoding: gzip"]);
    assert_eq!(compressed.header("vary"), Some("Accept-Encoding"));
    assert_eq!(compressed.header("etag"), Some("W/\"x\""));
    assert!(compressed.body.len() < 1000);
}

#[test]
fn what_is_encoded_or_has_no_body_or_goes_to_old_clients_stays() {
    let server = server();
    let piton = Piton::with(&through("a: {compress: {}}", &server));
    let done = ask(&piton, "GET /done", &["Accept-Encoding: gzip"]);
    assert_eq!(done.header("content-encoding"), Some("br"));
    assert!(done.text() == text());
    let mut client = Client::connect(piton.address());
    client.send("HEAD / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
    let head = client.response(true).unwrap();
    assert_eq!(
        (head.header("content-encoding"), head.header("vary")),
        (None, None)
    );
    let mut old = Client::connect(piton.address());
    old.send("GET / HTTP/1.0\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
    let answer = old.response(false).unwrap();
    assert_eq!(
        (
            answer.header("content-encoding"),
            answer.header("transfer-encoding")
        ),
        (None, None)
    );
    assert!(answer.text() == text());
}

#[test]
fn an_answer_of_an_http2_server_is_compressed_to_its_end() {
    let origin = Origin::h2c();
    let dynamic = configuration("a: {compress: {}}", "a", &origin.url("h2c"));
    let piton = Piton::with(&dynamic);
    let plain = ask(&piton, "GET /", &[]);
    for encoding in ["gzip", "br", "zstd"] {
        let answer = ask(&piton, "GET /", &[&format!("Accept-Encoding: {encoding}")]);
        assert_eq!(answer.header("content-encoding"), Some(encoding));
        assert!(
            answer.complete && read(Some(encoding), &answer.body) == plain.text(),
            "{encoding}"
        );
    }
}

#[test]
fn an_event_is_not_kept_back() {
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::scripted(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"d\r\ndata: hello\n\n\r\n").unwrap();
        held.lock()
            .unwrap()
            .recv_timeout(Duration::from_secs(20))
            .unwrap();
        stream.write_all(b"0\r\n\r\n").unwrap();
        Then::Keep
    });
    let piton = Piton::with(&through("a: {compress: {}}", &server));
    let mut client = Client::connect(piton.address());
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");
    client.read_until(b"\r\n\r\n");
    let size = client.read_until(b"\r\n");
    let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
    let first = client.exactly(size).unwrap();
    let mut event = [0; 13];
    flate2::read::GzDecoder::new(&first[..])
        .read_exact(&mut event)
        .unwrap();
    assert_eq!(&event, b"data: hello\n\n");
    release.send(()).unwrap();
    let rest = client.read_until(b"0\r\n\r\n");
    assert!(!rest.is_empty());
}
