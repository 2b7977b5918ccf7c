//! Mirrors: who gets copies, what is in them, and that nobody ever waits for one.

use std::io::Read as _;
use std::time::{Duration, Instant};

use crate::harness::{Client, Origin, Piton, Server, Then, eventually, get, holds_for, request, respond};

/// `app` mirrors `main` to `mirror` with these options.
fn mirroring(main: &Server, mirror: &Server, options: &str, percent: u32) -> String {
    format!(
        "http:
  routers:
    all: {{rule: PathPrefix(`/`), service: app}}
  services:
    app: {{mirroring: {{service: main, {options} mirrors: [{{name: mirror, percent: {percent}}}]}}}}
    main: {{loadBalancer: {{servers: [{{url: \"{}\"}}]}}}}
    mirror: {{loadBalancer: {{servers: [{{url: \"{}\"}}]}}}}
",
        main.url(),
        mirror.url()
    )
}

#[test]
fn a_mirror_gets_the_request_as_the_main_server_got_it() {
    let (main, mirror) = (Server::named("main"), Server::named("mirror"));
    let piton = Piton::with(&mirroring(&main, &mirror, "", 100));
    let answer = request(piton.address(), "POST /form?a=b", &["X-Own: 1"], b"hello");
    assert_eq!((answer.status, answer.text().as_str()), (200, "main"));
    eventually("the copy arrives", || mirror.received().len() == 1);
    let (original, copy) = (main.last(), mirror.last());
    assert_eq!(copy.target(), "/form?a=b");
    assert_eq!(copy.body, b"hello");
    for name in [
        "Host",
        "X-Own",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "Content-Length",
    ] {
        assert_eq!(copy.all(name), original.all(name), "{name}");
    }
}

#[test]
fn a_mirror_gets_exactly_its_share() {
    let (main, mirror) = (Server::named("main"), Server::named("mirror"));
    let piton = Piton::with(&mirroring(&main, &mirror, "", 30));
    for _ in 0..50 {
        assert_eq!(get(piton.address(), "/").text(), "main");
    }
    eventually("15 of 50 arrive", || mirror.received().len() == 15);
    holds_for(Duration::from_millis(100), "no more than that", || {
        mirror.received().len() == 15
    });
}

#[test]
fn chunked_bodies_are_copied_whole() {
    let (main, mirror) = (Server::named("main"), Server::named("mirror"));
    let piton = Piton::with(&mirroring(&main, &mirror, "", 100));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let sent =
        Client::connect(piton.address()).exchange(format!("{head}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
    assert_eq!(sent.text(), "main");
    eventually("the copy arrives", || mirror.received().len() == 1);
    assert_eq!(mirror.last().body, b"hello world");
    assert_eq!(mirror.last().all("Content-Length"), ["11"]);
    assert!(mirror.last().all("Transfer-Encoding").is_empty());
}

#[test]
fn a_body_that_is_too_large_is_served_and_not_copied_and_the_drop_is_said() {
    let (main, mirror) = (Server::named("main"), Server::named("mirror"));
    let piton = Piton::with(&mirroring(&main, &mirror, "maxBodySize: 5,", 100));
    assert_eq!(
        request(piton.address(), "POST /large", &[], b"123456").text(),
        "main"
    );
    assert_eq!(
        request(piton.address(), "POST /small", &[], b"12345").text(),
        "main"
    );
    eventually("the small one arrives", || mirror.received().len() == 1);
    assert_eq!(mirror.last().target(), "/small");
    piton.wait_for_line(&["mirror@file", "dropped=1", "too large"]);
}

#[test]
fn without_mirror_body_the_copy_has_none() {
    let (main, mirror) = (Server::named("main"), Server::named("mirror"));
    let piton = Piton::with(&mirroring(&main, &mirror, "mirrorBody: false,", 100));
    assert_eq!(request(piton.address(), "POST /", &[], b"hello").text(), "main");
    eventually("the copy arrives", || mirror.received().len() == 1);
    assert_eq!(
        (mirror.last().body.as_slice(), mirror.last().all("Content-Length")),
        (&b""[..], vec!["0"])
    );
}

#[test]
fn a_mirror_that_never_answers_or_is_dead_slows_and_fails_nothing() {
    let main = Server::named("main");
    let silent = Server::scripted(|_, _| {
        std::thread::sleep(Duration::from_secs(20));
        Then::Close
    });
    let mut dead = Server::named("dead");
    dead.kill();
    for mirror in [&silent, &dead] {
        let piton = Piton::with(&mirroring(&main, mirror, "", 100));
        let mut client = Client::connect(piton.address());
        let began = Instant::now();
        for _ in 0..300 {
            let answer = client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(answer.text(), "main");
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "nobody waits for the mirror"
        );
    }
}

#[test]
fn errors_and_cookies_of_a_mirror_never_reach_the_client() {
    let main = Server::named("main");
    let mirror = Server::scripted(|_, stream| {
        respond(stream, 500, "mirror");
        Then::Keep
    });
    let text = mirroring(&main, &mirror, "", 100).replace(
        "mirror: {loadBalancer: {",
        "mirror: {loadBalancer: {sticky: {cookie: {}}, ",
    );
    let piton = Piton::with(&text);
    for n in 1..=3 {
        let answer = get(piton.address(), "/");
        assert_eq!(
            (answer.status, answer.text().as_str(), answer.cookies().len()),
            (200, "main", 0)
        );
        eventually("the copy arrives", || mirror.received().len() == n);
    }
}

#[test]
fn requests_of_an_http2_service_are_copied_too_and_as_http1_to_who_speaks_that() {
    let (main, mirror) = (Origin::h2c(), Server::named("mirror"));
    let unnamed = Server::named("unused");
    let file = mirroring(&unnamed, &mirror, "", 100).replace(&unnamed.url(), &main.url("h2c"));
    let piton = Piton::with(&file);
    assert_eq!(get(piton.address(), "/page").status, 200);
    eventually("the copy of a GET arrives", || mirror.received().len() == 1);
    assert_eq!(mirror.last().line(), "GET /page HTTP/1.1");
    assert_eq!(request(piton.address(), "POST /form", &[], b"hello").status, 200);
    eventually("the copy of a POST arrives", || mirror.received().len() == 2);
    assert_eq!(mirror.last().line(), "POST /form HTTP/1.1");
    assert_eq!(mirror.last().body, b"hello");
}

#[test]
fn a_mirror_that_never_answers_leaves_the_other_mirrors_their_places() {
    let (main, mirror) = (Server::named("main"), Server::named("mirror"));
    let silent = Server::scripted(|_, stream| {
        let _ = stream.read(&mut [0; 1]);
        Then::Close
    });
    let file = mirroring(&main, &silent, "", 100)
        + &format!(
            "    healthy: {{loadBalancer: {{servers: [{{url: \"{}\"}}]}}}}\n",
            mirror.url()
        );
    let file = file.replace(
        "mirrors: [{name: mirror, percent: 100}]",
        "mirrors: [{name: mirror, percent: 100}, {name: healthy, percent: 100}]",
    );
    let piton = Piton::with(&file);
    let mut client = Client::connect(piton.address());
    for sent in 1..=400 {
        assert_eq!(client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
        // On a busy machine even the healthy one might have 256 copies to answer at some time.
        eventually("the healthy one keeps up", || {
            mirror.received().len() + 100 > sent
        });
    }
    eventually("all copies arrive at the healthy one", || {
        mirror.received().len() == 400
    });
    piton.wait_for_line(&["mirror@file", "dropped=", "too many are under way"]);
}
