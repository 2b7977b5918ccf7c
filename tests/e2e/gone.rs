//! Servers that leave the configuration while requests are on their way to them.

use std::time::{Duration, Instant};

use piton::sticky::CookieValue;

use crate::harness::{
    BlackHole, Client, Gate, Piton, Server, app_of, cookie_of, eventually, get_as, value_of,
};

/// Without any of this a connect lasts thirty seconds.
const SOON: Duration = Duration::from_secs(5);

const STICKY: &str = "sticky: {cookie: {name: sid}}";

fn app(urls: &[&str], options: &str) -> String {
    let entries: Vec<String> = urls.iter().map(|url| format!("url: {url}")).collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    app_of(&entries, options)
}

/// A request under way: its answer is read later.
fn begin(piton: &Piton, method: &str, cookie: &str) -> Client {
    let mut client = Client::connect(piton.address());
    client.send(format!(
        "{method} / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nContent-Length: 0\r\n\r\n"
    ));
    client
}

fn cookie_of_url(url: &str) -> String {
    format!("sid={}", CookieValue::of(url))
}

/// It is answered soon, by `alive` and with its cookie.
fn assert_is_moved(client: &mut Client, alive: &Server, begun: Instant) {
    let moved = client.read();
    assert_eq!((moved.status, moved.text().as_str()), (200, "alive"));
    assert_eq!(moved.sid(), Some(value_of(alive).as_str()));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_request_that_is_connecting_goes_elsewhere_when_its_server_leaves_the_configuration() {
    let (hole, alive) = (BlackHole::new(), Server::named("alive"));
    let piton = Piton::with(&app(&[&hole.url(), &alive.url()], STICKY));
    let mut client = begin(&piton, "POST", &cookie_of_url(&hole.url()));
    eventually("it is connecting", || hole.is_called());
    let begun = Instant::now();
    piton.reload(&app(&[&alive.url()], STICKY));
    assert_is_moved(&mut client, &alive, begun);
}

#[test]
fn it_finds_servers_that_were_not_there_when_it_came() {
    let (hole, alive) = (BlackHole::new(), Server::named("alive"));
    let piton = Piton::with(&app(&[&hole.url()], STICKY));
    let mut client = begin(&piton, "POST", "a=b");
    eventually("it is connecting", || hole.is_called());
    let begun = Instant::now();
    piton.reload(&app(&[&alive.url()], STICKY));
    assert_is_moved(&mut client, &alive, begun);
}

#[test]
fn who_waits_for_a_place_at_a_server_that_leaves_is_served_by_its_successor() {
    let ((full, gate), successor) = (Gate::server("full"), Server::named("successor"));
    let options = format!("{STICKY}\nmaxInFlight: 1\nmaxWait: 60s");
    let piton = Piton::with(&app(&[&full.url()], &options));
    let mut slow = Client::connect(piton.address());
    slow.send(format!(
        "GET /slow HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n",
        cookie_of(&full)
    ));
    eventually("the server is full", || gate.working() == 1);
    let mut waiting = begin(&piton, "GET", &cookie_of(&full));
    let begun = Instant::now();
    piton.reload(&app(&[&successor.url()], &options));
    let moved = waiting.read();
    assert_eq!((moved.status, moved.text().as_str()), (200, "successor"));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    gate.let_through(1);
    assert_eq!(slow.read().text(), "full", "what is under way is finished");
}

#[test]
fn a_server_that_accepts_late_keeps_its_session() {
    let (hole, alive) = (BlackHole::new(), Server::named("alive"));
    let url = hole.url();
    let piton = Piton::with(&app(&[&url, &alive.url()], STICKY));
    let mut client = begin(&piton, "GET", &cookie_of_url(&url));
    eventually("it is connecting", || hole.is_called());
    // Longer than the looks at the server take together.
    std::thread::sleep(Duration::from_millis(2200));
    hole.open("late");
    let answer = client.read();
    assert_eq!((answer.status, answer.text().as_str()), (200, "late"));
    assert_eq!(answer.cookies(), [""; 0], "its session stays");
}

#[test]
fn a_server_that_comes_back_after_it_was_taken_out_is_a_server_like_any_other() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let both = app(&[&a.url(), &b.url()], STICKY);
    let piton = Piton::with(&both);
    for _ in 0..3 {
        piton.reload(&app(&[&a.url()], STICKY));
        assert_eq!(get_as(piton.address(), &cookie_of(&b)).text(), "a");
        piton.reload(&both);
        let home = get_as(piton.address(), &cookie_of(&b));
        assert_eq!((home.text().as_str(), home.cookies()), ("b", vec![]));
    }
}

#[test]
fn a_service_that_a_mistake_took_out_and_that_is_mended_has_its_servers_again() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let good = app(&[&a.url(), &b.url()], STICKY);
    let piton = Piton::with(&good);
    piton.reload(&good.replace("sticky:", "strategy: best\n        sticky:"));
    assert_eq!(get_as(piton.address(), &cookie_of(&b)).status, 404);
    piton.reload(&good);
    let home = get_as(piton.address(), &cookie_of(&b));
    assert_eq!((home.text().as_str(), home.cookies()), ("b", vec![]));
}
