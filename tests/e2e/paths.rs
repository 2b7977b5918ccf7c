//! Targets: normalised and sanitised before routing, and sent on in that form (traefik-core 4.7).

use crate::harness::{Client, Piton, Response, Server, Setup, app_of, get, sticky_app};

struct Front {
    piton: Piton,
    server: Server,
}

impl Front {
    fn new(entry_point: &str) -> Self {
        let server = Server::named("app");
        let piton = Setup::new(&sticky_app(&[&server], ""))
            .entry_point(entry_point)
            .start();
        Self { piton, server }
    }

    fn ask(&self, target: &str) -> Response {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        Client::connect(self.piton.address()).exchange(head)
    }

    /// The target that the server saw.
    fn seen(&self, target: &str) -> String {
        let answer = self.ask(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.head);
        self.server.last().target().to_owned()
    }
}

#[test]
fn traefiks_vectors_reach_the_server_as_they_do_there() {
    let front = Front::new("");
    for (sent, seen) in [
        ("/", "/"),
        ("/a/b/..", "/a"),
        ("/a/b/../", "/a/"),
        ("/a/../b", "/b"),
        ("/../../b/", "/b/"),
        ("/..///b///", "/b/"),
        ("/a/../c/../../b", "/b"),
        ("/a/../b/%41%42%43//%2f/", "/b/ABC/%2F/"),
        ("/a/%2E%2E/%2E%2E/b/", "/b/"),
        ("/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"),
        ("/a/%252E%252E/%252E%252E/b/", "/a/%252E%252E/%252E%252E/b/"),
        ("/a/..%2Fb/", "/a/..%2Fb/"),
        ("/foo%20%2Fbar", "/foo%20%2Fbar"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%00b", "/a%00b"),
        ("/a?b=/../c", "/a?b=/../c"),
        ("/a?b;c=d", "/a?b&c=d"),
        ("/a?b%3Bc", "/a?b%3Bc"),
        ("/a?", "/a?"),
        ("/a?x={y}|z", "/a?x={y}|z"),
    ] {
        assert_eq!(front.seen(sent), seen, "for {sent}");
    }
}

#[test]
fn a_path_is_routed_by_what_the_server_will_see() {
    let (open, closed) = (Server::named("open"), Server::named("closed"));
    let text = format!(
        "http:
  routers:
    open: {{rule: PathPrefix(`/`), service: open}}
    closed: {{rule: PathPrefix(`/admin`), service: closed}}
  services:
    open: {{loadBalancer: {{servers: [{{url: {}}}]}}}}
    closed: {{loadBalancer: {{servers: [{{url: {}}}]}}}}
",
        open.url(),
        closed.url()
    );
    let piton = Piton::with(&text);
    for path in [
        "/admin",
        "/x/../admin/1",
        "//admin",
        "/%61dmin",
        "/./admin",
        "/x/%2e%2e/admin",
        "/x/..//admin",
    ] {
        assert_eq!(get(piton.address(), path).text(), "closed", "{path}");
    }
    assert_eq!(get(piton.address(), "/Admin").text(), "open");
    assert!(
        open.received()
            .iter()
            .all(|request| !request.target().starts_with("/admin"))
    );
}

#[test]
fn without_sanitizing_dots_and_doubles_stay() {
    let front = Front::new("http: {sanitizePath: false}");
    for path in ["/a/../b", "//a", "/a/./b"] {
        assert_eq!(front.seen(path), path);
    }
}

#[test]
fn semicolons_in_a_query_can_be_encoded_instead() {
    let front = Front::new("http: {encodeQuerySemicolons: true}");
    assert_eq!(front.seen("/a?b;c=d"), "/a?b%3Bc=d");
}

#[test]
fn an_absolute_target_becomes_an_origin_form_one_with_its_host() {
    let front = Front::new("");
    for (target, seen) in [
        ("http://a.test:81/x/../y?z=1", "/y?z=1"),
        ("http://a.test:81/y?z=1", "/y?z=1"),
        ("HTTP://a.test:81/y", "/y"),
        ("http://a.test:81/", "/"),
        ("http://a.test:81", "/"),
        ("http://a.test:81?z=1", "/?z=1"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a.test:81\r\nConnection: close\r\n\r\n");
        let answer = Client::connect(front.piton.address()).exchange(head);
        assert_eq!(answer.status, 200, "{target}: {}", answer.head);
        let last = front.server.last();
        assert_eq!(last.line(), format!("GET {seen} HTTP/1.1"), "for {target}");
        assert_eq!(last.header("host"), Some("a.test:81"));
    }
}

#[test]
fn an_absolute_target_for_another_host_is_refused() {
    let front = Front::new("");
    let head = "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n";
    assert_eq!(Client::connect(front.piton.address()).exchange(head).status, 400);
    assert!(front.server.received().is_empty());
}

#[test]
fn targets_that_are_no_paths_reach_no_server() {
    let front = Front::new("");
    for target in [
        "echo",
        "a.test:80",
        "?x=1",
        "ftp://a/b",
        "*",
        "/a%",
        "/a%f",
        "/a%zz",
    ] {
        let answer = front.ask(target);
        assert_eq!(answer.status, 400, "{target:?}: {}", answer.head);
    }
    assert!(front.server.received().is_empty());
}

#[test]
fn raw_control_bytes_and_spaces_never_reach_a_server_raw() {
    let front = Front::new("");
    for (target, escaped) in [
        ("/a\0b", "/a%00b"),
        ("/a\u{1}b", "/a%01b"),
        ("/a\u{7f}b", "/a%7Fb"),
        ("/a b", "/a%20b"),
    ] {
        let answer = front.ask(target);
        // Pingora escapes them before piton sees the request, where Go refuses.
        match answer.status {
            200 => assert_eq!(front.server.last().line(), format!("GET {escaped} HTTP/1.1")),
            status => assert_eq!(status, 400, "{target:?}"),
        }
    }
}

#[test]
fn a_fragment_is_refused_or_not_sent_on() {
    let front = Front::new("");
    let answer = front.ask("/a#b");
    if answer.status != 400 {
        assert_eq!(front.server.last().target(), "/a");
    }
}

#[test]
fn connect_is_answered_without_a_tunnel() {
    let front = Front::new("");
    let answer = Client::connect(front.piton.address())
        .exchange("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n");
    assert!([400, 405, 501].contains(&answer.status), "{}", answer.head);
    assert!(front.server.received().is_empty());
}

#[test]
fn options_for_the_whole_server_is_answered_by_the_proxy() {
    let front = Front::new("");
    let head = "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = Client::connect(front.piton.address()).exchange(head);
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("0")));
    assert!(front.server.received().is_empty());
}

#[test]
fn the_path_of_a_servers_url_counts_only_with_preserve_path() {
    let server = Server::named("app");
    let with = |preserve: bool| {
        let entry = format!("url: {}/base/, preservePath: {preserve}", server.url());
        let piton = Piton::with(&app_of(&[&entry], ""));
        assert_eq!(get(piton.address(), "/foo%2Fbar?x=1").status, 200);
        server.last().target().to_owned()
    };
    assert_eq!(with(false), "/foo%2Fbar?x=1");
    assert_eq!(with(true), "/base/foo%2Fbar?x=1");
}
