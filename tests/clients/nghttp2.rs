//! nghttp, which shows frames, and h2load, which sends many.

use super::tools::run;
use crate::harness::{Piton, Server, cookie_of, sticky_app};

#[test]
fn nghttp_gets_many_answers_and_a_cookie_on_one_connection() {
    let server = Server::named("one");
    let piton = Piton::with(&sticky_app(&[&server], ""));
    let url = format!("http://{}/", piton.address());
    let arguments = ["--verbose", "--null-out", "--no-dep", "--multiply=50", &url];
    let Some(text) = run("nghttp", &arguments) else {
        return;
    };
    assert_eq!(text.matches(":status: 200").count(), 50, "{text}");
    assert_eq!(text.matches("set-cookie: sid=").count(), 50, "{text}");
    assert!(!text.contains("RST_STREAM"), "{text}");
}

#[test]
fn h2load_loses_no_request_and_its_session_stays_while_configuration_changes() {
    let (one, two, three) = (Server::named("one"), Server::named("two"), Server::named("three"));
    let piton = Piton::with(&sticky_app(&[&one, &two], ""));
    let url = format!("http://{}/", piton.address());
    let cookie = format!("cookie: {}", cookie_of(&two));
    for arguments in [&["--max-concurrent-streams=10"][..], &["--h1"]] {
        let before = two.received().len();
        let text = std::thread::scope(|scope| {
            let reloads = scope.spawn(|| {
                piton.reload(&sticky_app(&[&three, &two, &one], ""));
                piton.reload(&sticky_app(&[&one, &two], ""));
            });
            let counts = ["--requests=2000", "--clients=8", "--header", &cookie];
            let text = run("h2load", &[&counts[..], arguments, &[&url]].concat());
            reloads.join().unwrap();
            text
        });
        let Some(text) = text else {
            return;
        };
        assert!(
            text.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"),
            "{text}"
        );
        assert!(text.contains("status codes: 2000 2xx"), "{text}");
        assert_eq!(two.received().len() - before, 2000);
    }
    assert_eq!(one.received().len() + three.received().len(), 0);
}
