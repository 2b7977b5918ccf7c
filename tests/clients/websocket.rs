//! WebSockets as a library speaks them: both ends are Python's `websockets`.

use super::tools::Script;
use crate::harness::{Piton, app_of, swap};

const STICKY: &str = "sticky: {cookie: {name: sid}}";

/// The servers, and where they are.
fn servers() -> Option<[(Script, String); 2]> {
    let server = |name| {
        let script = Script::start("websockets", "websocket_server.py", &[name])?;
        let url = format!("http://127.0.0.1:{}", script.line());
        Some((script, url))
    };
    Some([server("a")?, server("b")?])
}

/// A client that has said and heard everything, and now waits for the end; its cookie, and who answered.
fn talks(piton: &Piton, cookie: Option<&str>) -> (Script, String, String) {
    let url = format!("ws://{}/chat", piton.address());
    let arguments: Vec<&str> = [Some(url.as_str()), cookie].into_iter().flatten().collect();
    let client = Script::start("websockets", "websocket_client.py", &arguments).unwrap();
    let opened = client.line();
    let given = opened.strip_prefix("open ").unwrap().to_owned();
    let hello = client.line();
    let name = hello.strip_suffix(": hello").unwrap().to_owned();
    assert_eq!(client.line(), "pong", "of the client's ping");
    assert_eq!(
        client.line(),
        format!("{name}: you ponged"),
        "to the server's ping"
    );
    assert_eq!(client.line(), "large True");
    (client, given, name)
}

#[test]
fn the_101_carries_the_cookie_and_at_the_end_of_a_drain_both_see_1001() {
    let Some([(a, url_of_a), (b, url_of_b)]) = servers() else {
        return;
    };
    let entries = [&url_of_a, &url_of_b].map(|url| format!("url: {url}"));
    let piton = Piton::with(&app_of(&[&entries[0], &entries[1]], STICKY));
    let (client, cookie, name) = talks(&piton, None);
    assert!(cookie.starts_with("sid="), "{cookie}");
    let (again, given, same) = talks(&piton, Some(&cookie));
    assert_eq!(
        (given.as_str(), &same),
        ("-", &name),
        "the same server, and no new cookie"
    );

    let (server, url, stays) = match name.as_str() {
        "a" => (&a, &url_of_a, &entries[1]),
        _ => (&b, &url_of_b, &entries[0]),
    };
    let drained = format!("url: {url}, drainUntil: '2020-01-01T00:00:00Z'");
    swap(&piton.file(), &app_of(&[&drained, stays], STICKY));
    for end in [&client, server, &again, server] {
        assert_eq!(end.line(), "closed 1001");
    }
    let (_client, given, other) = talks(&piton, Some(&cookie));
    assert!(
        given.starts_with("sid=") && given != cookie && other != name,
        "the session moved"
    );
}
