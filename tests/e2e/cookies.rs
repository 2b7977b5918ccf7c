//! Cookie headers as bad as they come: traefik-core 1.5, never an error.

use crate::harness::{Client, Piton, Response, Server, cookie_of, get_as, request, sticky_app, value_of};
use crate::harness::{Then, respond_with};

/// Piton in front of two servers; `second` is the one whose value the tests use.
fn run() -> (Piton, [Server; 2]) {
    let servers = [Server::named("first"), Server::named("second")];
    (Piton::with(&sticky_app(&servers.each_ref(), "")), servers)
}

/// Asks twice, so that chance cannot look like stickiness.
fn assert_hit(piton: &Piton, fields: &[&str]) {
    for _ in 0..2 {
        let answer = request(piton.address(), "GET /", fields, b"");
        assert_eq!((answer.status, answer.text().as_str()), (200, "second"), "{fields:.80?}");
        assert_eq!(answer.sid(), None, "{fields:.80?}");
    }
}

fn assert_miss(answer: &Response, what: &str) {
    assert_eq!(answer.status, 200, "{what:.80}");
    assert_eq!(answer.cookies().len(), 1, "{what:.80}");
    assert!(answer.sid().is_some_and(|value| value.len() == 16), "{what:.80}");
}

#[test]
fn values_that_name_no_server_get_a_new_cookie() {
    let (piton, servers) = run();
    let value = value_of(&servers[1]);
    let upper = value.to_ascii_uppercase();
    for cookie in [
        "sid=0123456789abcdef".to_owned(),
        "sid=".to_owned(),
        "sid".to_owned(),
        "=".to_owned(),
        ";;;;".to_owned(),
        format!("SID={value}"),
        format!("sid= {value}"),
        format!("sid={value}x"),
        format!("sid={}", &value[..15]),
        format!("sid={upper}"),
        format!("sid=\"{value}"),
        format!("sid={value}\\"),
        format!("other={value}"),
        format!("sid=unknown; sid={value}"),
        format!("sid=; sid={value}"),
    ] {
        // A value without letters is its own upper case.
        if cookie != format!("sid={value}") {
            assert_miss(&get_as(piton.address(), &cookie), &cookie);
        }
    }
}

#[test]
fn a_good_value_is_found_whatever_is_around_it() {
    let (piton, servers) = run();
    let value = value_of(&servers[1]);
    for cookie in [
        format!("sid={value}"),
        format!("sid=\"{value}\""),
        format!("a=1;sid={value};b=2"),
        format!(" \t sid={value} \t "),
        format!("sid ={value}"),
        format!("sid={value}; sid=unknown"),
        format!("sid=in\"valid; sid={value}"),
        format!("{};sid={value}", "x=y;".repeat(1000)),
        format!("sidd=1; xsid=2; si=3; sid={value}"),
    ] {
        assert_hit(&piton, &[&format!("Cookie: {cookie}")]);
    }
}

#[test]
fn bytes_that_are_no_text_are_skipped() {
    let (piton, servers) = run();
    let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: sid=\xff\xfe; sid=".to_vec();
    bytes.extend(value_of(&servers[1]).bytes());
    bytes.extend(b"\r\n\r\n");
    for _ in 0..2 {
        let answer = Client::connect(piton.address()).exchange(&bytes);
        assert_eq!((answer.status, answer.text().as_str(), answer.sid()), (200, "second", None));
    }
}

#[test]
fn sixty_four_kilobytes_of_cookies_are_read_to_the_end() {
    let (piton, servers) = run();
    let long = format!("x={}; {}", "y".repeat(64 * 1024), cookie_of(&servers[1]));
    assert_hit(&piton, &[&format!("Cookie: {long}")]);
    let junk = format!("sid={}", "f".repeat(64 * 1024));
    assert_miss(&get_as(piton.address(), &junk), "64 KB of value");
}

#[test]
fn three_thousand_cookies_are_looked_at_and_one_more_is_too_many() {
    let (piton, servers) = run();
    let cookies = |others: usize| format!("Cookie: {}{}", "x=y;".repeat(others), cookie_of(&servers[1]));
    assert_hit(&piton, &[&cookies(2999)]);
    let answer = request(piton.address(), "GET /", &[&cookies(3000)], b"");
    assert_miss(&answer, "3,001 cookies");
}

#[test]
fn several_cookie_headers_are_one_and_reach_the_server_as_one() {
    let (piton, servers) = run();
    let sid = cookie_of(&servers[1]);
    assert_hit(&piton, &["Cookie: a=1", &format!("Cookie: {sid}"), "Cookie: b=2"]);
    let joined = format!("a=1; {sid}; b=2");
    assert_eq!(servers[1].last().all("cookie"), [joined], "the sticky cookie is not stripped");
}

#[test]
fn the_applications_own_cookies_stay_behind_the_sticky_one() {
    let server = Server::scripted(|_, stream| {
        let own = ["Set-Cookie: session=1; HttpOnly", "Set-Cookie: sid=mine", "Set-Cookie: lang=de"];
        respond_with(stream, 200, &own, "ok");
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let first = get_as(piton.address(), "none=1");
    let sticky = format!("sid={}; Path=/", value_of(&server));
    assert_eq!(first.cookies(), [&sticky, "session=1; HttpOnly", "sid=mine", "lang=de"]);
    let next = get_as(piton.address(), &cookie_of(&server));
    assert_eq!(next.cookies(), ["session=1; HttpOnly", "sid=mine", "lang=de"]);
}

#[test]
fn whatever_the_status_a_server_gives_the_cookie_is_set() {
    let server = Server::scripted(|request, stream| {
        let status = request.target()[1..].parse().unwrap();
        respond_with(stream, status, &[], "");
        Then::Keep
    });
    let piton = Piton::with(&sticky_app(&[&server], ""));
    for status in [200, 201, 204, 301, 304, 401, 404, 500, 502, 503] {
        let answer = request(piton.address(), &format!("GET /{status}"), &[], b"");
        assert_eq!((answer.status, answer.sid()), (status, Some(value_of(&server).as_str())));
    }
}
