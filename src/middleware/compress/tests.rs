//! What is compressed, what is not, and that it can be read again.

use std::io::Read;

use super::*;

fn compress(change: impl Fn(&mut wire::Compress)) -> Result<Compress, String> {
    let mut written = wire::Compress::default();
    change(&mut written);
    Compress::new(&written)
}

fn request(method: &str, fields: &[(&str, &str)]) -> http::request::Parts {
    let mut request = http::Request::builder().method(method);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn response(fields: &[(&str, &str)]) -> HeaderMap {
    let fields = fields
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    fields
        .collect::<Vec<(HeaderName, HeaderValue)>>()
        .into_iter()
        .collect()
}

fn list(of: &[&str]) -> Vec<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

fn read(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    match encoding {
        Encoding::Gzip => flate2::read::GzDecoder::new(bytes)
            .read_to_end(&mut whole)
            .unwrap(),
        Encoding::Brotli => brotli::Decompressor::new(bytes, 4096)
            .read_to_end(&mut whole)
            .unwrap(),
        Encoding::Zstd => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_end(&mut whole)
            .unwrap(),
    };
    whole
}

#[test]
fn a_body_in_any_parts_can_be_read_again() {
    let mut rng = fastrand::Rng::with_seed(5);
    for encoding in Encoding::ALL {
        for flushes in [false, true] {
            let mut encoder = Encoder::new(encoding, flushes).unwrap();
            let (mut whole, mut sent) = (Vec::new(), Vec::new());
            for at in 0..50 {
                let part: Vec<u8> = (0..rng.usize(0..5000)).map(|_| rng.u8(b'a'..b'e')).collect();
                sent.extend(encoder.pass(&part, at == 49).unwrap());
                whole.extend(part);
            }
            assert!(sent.len() < whole.len() * 3 / 4);
            assert!(read(encoding, &sent) == whole, "{encoding:?} {flushes}");
            assert!(encoder.pass(b"", true).unwrap().is_empty());
        }
    }
}

#[test]
fn an_event_leaves_at_once_and_can_be_read_before_the_end() {
    for encoding in Encoding::ALL {
        let mut encoder = Encoder::new(encoding, true).unwrap();
        let first = encoder.pass(b"data: hello\n\n", false).unwrap();
        let mut begun = vec![0; 13];
        let mut reader: Box<dyn Read> = match encoding {
            Encoding::Gzip => Box::new(flate2::read::GzDecoder::new(&first[..])),
            Encoding::Brotli => Box::new(brotli::Decompressor::new(&first[..], 4096)),
            Encoding::Zstd => Box::new(zstd::stream::read::Decoder::new(&first[..]).unwrap()),
        };
        reader.read_exact(&mut begun).unwrap();
        assert_eq!(begun, b"data: hello\n\n", "{encoding:?}");
    }
}

#[test]
fn who_asks_decides() {
    let usual = compress(|_| {}).unwrap();
    for (method, fields, expected) in [
        ("GET", &[("accept-encoding", "gzip")][..], Some(Encoding::Gzip)),
        (
            "GET",
            &[("accept-encoding", "deflate"), ("accept-encoding", "br")],
            Some(Encoding::Brotli),
        ),
        ("HEAD", &[("accept-encoding", "gzip")], None),
        ("GET", &[], None),
        (
            "POST",
            &[("accept-encoding", "gzip"), ("content-type", "application/grpc")],
            None,
        ),
        (
            "POST",
            &[("accept-encoding", "gzip"), ("content-type", "text/html")],
            Some(Encoding::Gzip),
        ),
    ] {
        assert_eq!(
            usual.offer(&request(method, fields)),
            expected,
            "{method} {fields:?}"
        );
    }
    let eager = compress(|it| it.default_encoding = "br".to_owned()).unwrap();
    assert_eq!(eager.offer(&request("GET", &[])), Some(Encoding::Brotli));
}

#[test]
fn only_what_is_worth_it_is_compressed() {
    let usual = compress(|_| {}).unwrap();
    let excluding = compress(|it| it.excluded_content_types = list(&["Image/PNG; x=y"])).unwrap();
    let including = compress(|it| it.included_content_types = list(&["text/html"])).unwrap();
    for (compress, status, fields, expected) in [
        (&usual, 200, &[("content-length", "1024")][..], true),
        (&usual, 200, &[("content-length", "1023")], false),
        (&usual, 200, &[], true),
        (&usual, 404, &[("content-length", "5000")], true),
        (&usual, 200, &[("content-encoding", "br")], false),
        (&usual, 200, &[("content-type", "application/grpc")], false),
        (&usual, 200, &[("content-type", "text/event-stream")], true),
        (&usual, 206, &[], false),
        (&usual, 204, &[], false),
        (&usual, 304, &[], false),
        (&usual, 101, &[], false),
        (&usual, 200, &[("cache-control", "no-transform")], false),
        (&excluding, 200, &[("content-type", "image/png")], false),
        (
            &excluding,
            200,
            &[("content-type", "text/html; charset=utf-8")],
            true,
        ),
        (
            &including,
            200,
            &[("content-type", "text/html; charset=utf-8")],
            true,
        ),
        (&including, 200, &[("content-type", "text/plain")], false),
    ] {
        let mut response = response(fields);
        let encoder = compress.start(
            Encoding::Gzip,
            StatusCode::from_u16(status).unwrap(),
            &mut response,
        );
        assert_eq!(encoder.is_some(), expected, "{status} {fields:?}");
        assert_eq!(response.get("vary").unwrap(), "Accept-Encoding");
        assert_eq!(
            response.get("content-encoding").is_some_and(|it| it == "gzip"),
            expected
        );
        assert!(!expected || !response.contains_key("content-length"));
    }
}

#[test]
fn a_compressed_answer_has_a_weak_etag_and_no_ranges() {
    let usual = compress(|_| {}).unwrap();
    let mut fields = response(&[("etag", "\"a\""), ("accept-ranges", "bytes"), ("vary", "Cookie")]);
    assert!(usual.start(Encoding::Zstd, StatusCode::OK, &mut fields).is_some());
    assert_eq!(fields.get("etag").unwrap(), "W/\"a\"");
    assert!(!fields.contains_key("accept-ranges"));
    let vary: Vec<_> = fields.get_all("vary").iter().collect();
    assert_eq!(vary, ["Cookie", "Accept-Encoding"]);
}

#[test]
fn mistakes_are_said() {
    for (compress, words) in [
        (
            compress(|it| {
                it.excluded_content_types = list(&["a/b"]);
                it.included_content_types = list(&["a/b"]);
            }),
            "excludedContentTypes and includedContentTypes options are mutually exclusive",
        ),
        (
            compress(|it| it.encodings = list(&["lzma"])),
            "unsupported encoding: lzma",
        ),
        (
            compress(|it| {
                it.encodings = list(&["gzip"]);
                it.default_encoding = "br".to_owned();
            }),
            "unsupported default encoding: br",
        ),
        (
            compress(|it| it.min_response_body_bytes = -1),
            "minResponseBodyBytes -1 is negative",
        ),
        (
            compress(|it| it.included_content_types = list(&["html"])),
            "\"html\" is no content type",
        ),
    ] {
        assert!(compress.unwrap_err().starts_with(words));
    }
}
