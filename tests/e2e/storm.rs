//! Load, while servers die and files change: no client may notice (issue, sections 7 and 8).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use piton::sticky::CookieValue;

use crate::harness::{Client, Piton, Response, Server, app_of, get, swap};

/// Clients on threads that ask without pause until they are told to stop.
struct Crowd {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn new() -> Self {
        Self {
            stop: Arc::default(),
            asked: Arc::default(),
            clients: Vec::new(),
        }
    }

    /// Adds a client that keeps its connection and its cookie, like a browser. Every answer is shown to
    /// `check`, with the cookie that was sent; its panics are failures of the test.
    fn add(
        &mut self,
        address: SocketAddr,
        cookie: Option<String>,
        check: impl Fn(&Response, Option<&str>) + Send + 'static,
    ) {
        let (stop, asked) = (Arc::clone(&self.stop), Arc::clone(&self.asked));
        self.clients.push(thread::spawn(move || {
            let mut client = Client::connect(address);
            let mut cookie = cookie;
            while !stop.load(Ordering::Relaxed) {
                let field = cookie.as_ref().map(|value| format!("Cookie: sid={value}\r\n"));
                client.send(format!(
                    "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
                    field.unwrap_or_default()
                ));
                let answer = client.response(false).expect("no request is lost");
                assert!(answer.complete, "no answer is cut");
                check(&answer, cookie.as_deref());
                if let Some(new) = answer.sid().filter(|_| cookie.is_some()) {
                    cookie = Some(new.to_owned());
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }

    /// Requests answered so far.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Stops all; the first failure of any is the test's.
    fn finish(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            if let Err(panic) = client.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

#[test]
fn kill_9_of_a_server_under_load_fails_no_request() {
    let (back_a, back_b) = (Server::named("a"), Server::named("b"));
    let inner = |back: &Server| Piton::with(&app_of(&[&format!("url: {}", back.url())], ""));
    // Two processes as servers, so that one can be killed for good.
    let (mut a, b) = (inner(&back_a), inner(&back_b));
    let urls = [&a, &b].map(|inner| format!("http://{}", inner.address()));
    let entries = urls.each_ref().map(|url| format!("url: {url}"));
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let outer = Piton::with(&app_of(&entries, "sticky: {cookie: {name: sid}}"));
    let mut crowd = Crowd::new();
    for number in 0..6 {
        let cookie = CookieValue::of(&urls[number % 2]).to_string();
        crowd.add(outer.address(), Some(cookie), |answer, _| {
            assert_eq!(answer.status, 200, "{}", answer.head)
        });
    }
    crowd.add(outer.address(), None, |answer, _| {
        assert_eq!(answer.status, 200, "{}", answer.head)
    });
    sleep(Duration::from_millis(800));
    assert!(crowd.asked() > 20, "there is load: {}", crowd.asked());
    a.kill();
    let before = crowd.asked();
    sleep(Duration::from_millis(1200));
    assert!(
        crowd.asked() > before + 20,
        "there is load: {}",
        crowd.asked() - before
    );
    crowd.finish();
    for _ in 0..4 {
        assert_eq!(get(outer.address(), "/").text(), "b");
    }
}

#[test]
fn a_storm_of_reloads_fails_no_request_and_moves_no_session_of_a_server_that_stays() {
    let stay = [Server::named("stay-1"), Server::named("stay-2")];
    let come_and_go = [
        Server::named("gone-1"),
        Server::named("gone-2"),
        Server::named("gone-3"),
    ];
    let text = |turn: usize| {
        let mut entries: Vec<String> = stay
            .iter()
            .enumerate()
            .map(|(number, server)| format!("url: {}, weight: {}", server.url(), 1 + (turn + number) % 3))
            .collect();
        for (number, server) in come_and_go.iter().enumerate() {
            if (turn >> number) & 1 == 1 {
                entries.insert(number % 2, format!("url: {}", server.url()));
            }
        }
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        app_of(&entries, "sticky: {cookie: {name: sid}}")
    };
    let piton = Piton::with(&text(0));
    let mut crowd = Crowd::new();
    for number in 0..4 {
        let server = &stay[number % 2];
        let name = ["stay-1", "stay-2"][number % 2];
        crowd.add(
            piton.address(),
            Some(CookieValue::of(&server.url()).to_string()),
            move |answer, _| {
                assert_eq!(
                    (answer.status, answer.text().as_str(), answer.sid()),
                    (200, name, None),
                    "moved"
                );
            },
        );
    }
    // One that moves along with servers that go, and one that is new every time.
    crowd.add(piton.address(), Some("0".repeat(16)), |answer, sent| {
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert!(
            answer.sid().is_none_or(|new| Some(new) != sent),
            "a rewrite without need"
        );
    });
    crowd.add(piton.address(), None, |answer, _| {
        assert_eq!(answer.status, 200, "{}", answer.head)
    });
    let begin = Instant::now();
    for turn in 1.. {
        let due = Duration::from_millis(100) * turn;
        sleep(due.saturating_sub(begin.elapsed()));
        if begin.elapsed() > Duration::from_secs(10) {
            break;
        }
        swap(&piton.file(), &text(turn as usize));
    }
    let asked = crowd.asked();
    crowd.finish();
    assert!(asked > 500, "there is load: {asked}");
    assert!(
        piton.generation() > 20,
        "reloads took place: {}",
        piton.generation()
    );
    assert_eq!(piton.count(&["refused"]), 0);
}

#[test]
fn reloads_do_not_reset_the_fairness_of_wrr() {
    let servers = [Server::named("a"), Server::named("b"), Server::named("c")];
    let text = |turn: usize| {
        let entries = servers.each_ref().map(|server| format!("url: {}", server.url()));
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        app_of(&entries, &format!("passHostHeader: {}", turn.is_multiple_of(2)))
    };
    let piton = Piton::with(&text(0));
    let answers: Vec<String> = (1..=9)
        .map(|turn| {
            let answer = get(piton.address(), "/").text();
            piton.reload(&text(turn));
            answer
        })
        .collect();
    for name in ["a", "b", "c"] {
        assert_eq!(
            answers.iter().filter(|answer| *answer == name).count(),
            3,
            "{answers:?}"
        );
    }
}
