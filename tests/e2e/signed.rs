//! Signed cookies on the real binary: migration, rotation over reloads, limits, forgeries, key files.

use std::time::Duration;

use crate::harness::{Piton, Response, Server, app_of, eventually, get, get_as, value_of};

const KEY_1: &str = "{id: k1, secret: 0123456789abcdef0123456789abcdef}";
const KEY_2: &str = "{id: k2, secret: fedcba9876543210fedcba9876543210}";

fn app(servers: &[&Server], sign: &str) -> String {
    let entries: Vec<String> = servers
        .iter()
        .map(|server| format!("url: {}", server.url()))
        .collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    app_of(
        &entries,
        &format!("sticky: {{cookie: {{name: sid, sign: {{{sign}}}}}}}"),
    )
}

fn ask(piton: &Piton, value: &str) -> Response {
    get_as(piton.address(), &format!("sid={value}"))
}

/// The value that an answer binds its client with.
fn bound(answer: &Response) -> String {
    assert_eq!(answer.status, 200);
    answer.sid().expect("a cookie is set").to_owned()
}

fn assert_stays(piton: &Piton, value: &str, server: &str) {
    let answer = ask(piton, value);
    assert_eq!((answer.text().as_str(), answer.cookies()), (server, vec![]));
}

#[test]
fn plain_cookies_are_signed_on_their_way_and_keys_rotate_without_a_lost_session() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let servers = [&a, &b];
    let piton = Piton::with(&app(&servers, &format!("keys: [{KEY_1}], acceptPlain: true")));
    let plain = value_of(&b);
    let migrated = ask(&piton, &plain);
    assert_eq!(migrated.text(), "b", "a plain cookie keeps its session");
    let first = bound(&migrated);
    assert!(first.starts_with(&format!("{plain}.k1.")), "{first}");
    assert_stays(&piton, &first, "b");

    piton.reload(&app(&servers, &format!("keys: [{KEY_1}, {KEY_2}]")));
    assert_stays(&piton, &first, "b");
    assert!(
        bound(&ask(&piton, &plain)).contains(".k1."),
        "plain is a miss now"
    );

    piton.reload(&app(&servers, &format!("keys: [{KEY_2}, {KEY_1}]")));
    let rotated = ask(&piton, &first);
    assert_eq!(rotated.text(), "b", "the session stays");
    let second = bound(&rotated);
    assert!(second.starts_with(&format!("{plain}.k2.")), "{second}");

    piton.reload(&app(&servers, &format!("keys: [{KEY_2}]")));
    assert_stays(&piton, &second, "b");
    assert!(
        bound(&ask(&piton, &first)).contains(".k2."),
        "the old key is gone: a miss"
    );
    assert!(
        piton
            .log()
            .iter()
            .all(|line| !line.contains("0123456789abcdef0123")),
        "no key is logged"
    );
}

#[test]
fn what_is_forged_is_a_miss() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let piton = Piton::with(&app(&[&a, &b], &format!("keys: [{KEY_1}]")));
    let mine = bound(&get(piton.address(), "/"));
    let other = if mine.starts_with(&value_of(&a)) { &b } else { &a };
    let flipped = if mine.ends_with('A') { "B" } else { "A" };
    let forgeries = [
        format!("{}{flipped}", &mine[..mine.len() - 1]),
        mine[..mine.len() - 1].to_owned(),
        format!("{}{}", value_of(other), &mine[16..]),
        mine.replace(".k1.", ".k2."),
        value_of(other),
        other.url(),
    ];
    for forged in &forgeries {
        bound(&ask(&piton, forged));
    }
    // The server that answered says nothing: a miss goes by strategy. The cookie says that it was one.
    assert!(ask(&piton, &mine).cookies().is_empty());
}

#[test]
fn a_session_ends_when_its_time_is_over_and_not_while_it_is_used() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let piton = Piton::with(&app(
        &[&a, &b],
        &format!("keys: [{KEY_1}], maxIdle: 3s, maxLife: 7s"),
    ));
    let first = get(piton.address(), "/");
    let (home, mut value) = (first.text(), bound(&first));
    let issued = value.split('.').nth(2).unwrap().to_owned();
    let mut renewed = 0;
    // Used again and again it outlives `maxIdle`, and ends with `maxLife`: then it is issued anew.
    eventually("the session is issued anew", || {
        let answer = ask(&piton, &value);
        let Some(next) = answer.sid() else {
            return false;
        };
        let is_same = next.split('.').nth(2) == Some(&*issued);
        if is_same {
            assert_eq!(answer.text(), home, "it stays as long as it is used");
            renewed += 1;
        }
        value = next.to_owned();
        !is_same
    });
    assert!(renewed >= 3, "{renewed}");
    // Not used it ends with `maxIdle`.
    std::thread::sleep(Duration::from_millis(4100));
    bound(&ask(&piton, &value));
}

#[test]
fn a_key_file_is_read_again_at_sighup_and_one_that_is_gone_keeps_the_key_in_use() {
    let server = Server::named("a");
    let piton = Piton::with(&app_of(&[&format!("url: {}", server.url())], ""));
    let file = piton.dir().join("key");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    piton.reload(&app(
        &[&server],
        &format!("keys: [{{id: k1, file: \"{}\"}}]", file.display()),
    ));
    let first = bound(&get(piton.address(), "/"));
    assert_stays(&piton, &first, "a");

    std::fs::remove_file(&file).unwrap();
    piton.signal("HUP");
    piton.wait_for_line(&["sign.keys[0].file", "the keys in use stay"]);
    assert_stays(&piton, &first, "a");

    std::fs::write(&file, "fedcba9876543210fedcba9876543210\n").unwrap();
    piton.signal("HUP");
    eventually("the new key is in use", || ask(&piton, &first).sid().is_some());
}
