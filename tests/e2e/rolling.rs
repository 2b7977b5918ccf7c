//! Replacing every server under load, and two pitons that share nothing but their configuration.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::harness::{Browser, Client, Moment, Piton, Response, Server, Setup, app_of, eventually};
use crate::upgrade::upgrade;

/// What the clients of a rolling replacement share.
#[derive(Default)]
struct Watch {
    stop: AtomicBool,
    /// When sessions may leave a server, by its name.
    deadlines: Mutex<HashMap<String, Moment>>,
    moves: AtomicUsize,
}

impl Watch {
    /// May sessions leave the server of that name now?
    fn is_over(&self, name: &str) -> bool {
        self.deadlines
            .lock()
            .unwrap()
            .get(name)
            .is_some_and(|deadline| deadline.has_come())
    }
}

/// One user with a connection that is kept and a cookie; every answer is looked at.
struct User {
    asked: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl User {
    fn new(address: SocketAddr, watch: Arc<Watch>) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let thread = thread::spawn(move || {
            let mut client = Client::connect(address);
            let mut browser = Browser::new();
            let mut home: Option<String> = None;
            while !watch.stop.load(Ordering::SeqCst) {
                let field = browser.field().map(|field| field + "\r\n").unwrap_or_default();
                client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
                let answer = client.response(false).expect("no connection is lost");
                assert_eq!((answer.status, answer.complete), (200, true), "{}", answer.head);
                browser.keep(&answer);
                let now = answer.text();
                match &home {
                    Some(home) if *home == now => assert_eq!(answer.cookies(), [""; 0]),
                    Some(home) => {
                        assert!(
                            watch.is_over(home),
                            "moved from {home} to {now} before the deadline"
                        );
                        assert_eq!(answer.cookies().len(), 1);
                        watch.moves.fetch_add(1, Ordering::SeqCst);
                    }
                    None => assert_eq!(answer.cookies().len(), 1),
                }
                home = Some(now);
                counter.fetch_add(1, Ordering::SeqCst);
                if answer.header("Connection") == Some("close") {
                    client = Client::connect(address);
                }
                // A user, not a load generator.
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { asked, thread }
    }
}

/// Returns once each of them has begun and ended a request from now on.
fn all_ask_again(users: &[User]) {
    let before: Vec<usize> = users
        .iter()
        .map(|user| user.asked.load(Ordering::SeqCst))
        .collect();
    eventually("every user asks again", || {
        let asked = users.iter().map(|user| user.asked.load(Ordering::SeqCst));
        asked.zip(&before).all(|(now, before)| now >= before + 2)
            || users.iter().any(|user| user.thread.is_finished())
    });
}

#[test]
fn every_server_is_replaced_one_by_one_and_no_user_notices() {
    replace_every_server(|_| {});
}

#[test]
fn the_proxy_is_replaced_between_the_servers_and_no_user_notices_either() {
    replace_every_server(|piton| {
        let new = upgrade(piton);
        let mut old = std::mem::replace(piton, new);
        assert!(old.wait_for_end().1);
        assert_eq!(old.count(&["cut off"]), 0);
    });
}

/// Replaces all servers under load; `between` is done while the second of three is draining.
fn replace_every_server(between: impl Fn(&mut Piton)) {
    let mut old = ["a1", "b1", "c1"].map(Server::named);
    let new = ["a2", "b2", "c2"].map(Server::named);
    let file = |entries: &[String]| {
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        app_of(&entries, "sticky: {cookie: {name: sid}}")
    };
    let mut entries: Vec<String> = old
        .iter()
        .map(|server| format!("url: {}", server.url()))
        .collect();
    let mut piton = Setup::new(&file(&entries)).upgradable().start();
    let watch = Arc::new(Watch::default());
    let users: Vec<User> = (0..8)
        .map(|_| User::new(piton.address(), Arc::clone(&watch)))
        .collect();
    all_ask_again(&users);
    for (turn, name) in ["a1", "b1", "c1"].into_iter().enumerate() {
        let deadline = Moment::ahead(Duration::from_millis(600));
        watch.deadlines.lock().unwrap().insert(name.to_owned(), deadline);
        let stays = entries.remove(0);
        let mut draining = vec![format!("{stays}, drainUntil: {deadline}")];
        entries.push(format!("url: {}", new[turn].url()));
        draining.extend_from_slice(&entries);
        piton.reload(&file(&draining));
        if turn == 1 {
            between(&mut piton);
        }
        eventually("the deadline has come", || deadline.has_come());
        all_ask_again(&users);
        let last = old[turn].received().len();
        all_ask_again(&users);
        assert_eq!(old[turn].received().len(), last, "nobody is left at {name}");
        old[turn].kill();
        all_ask_again(&users);
        piton.reload(&file(&entries));
        all_ask_again(&users);
    }
    watch.stop.store(true, Ordering::SeqCst);
    let asked: usize = users.iter().map(|user| user.asked.load(Ordering::SeqCst)).sum();
    for user in users {
        if let Err(panic) = user.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
    let moves = watch.moves.load(Ordering::SeqCst);
    assert!(
        (8..=24).contains(&moves),
        "each user moves once per server it was on: {moves}"
    );
    println!("{asked} requests, 0 failed; {moves} sessions moved, 0 of them before their server's deadline");
    assert!(new.iter().all(|server| !server.received().is_empty()));
}

/// Two pitons with one configuration, behind a front that asks them in turn.
struct Pair {
    pitons: [Piton; 2],
}

impl Pair {
    fn with(dynamic: &str) -> Self {
        Self {
            pitons: [Piton::with(dynamic), Piton::with(dynamic)],
        }
    }

    fn reload(&self, dynamic: &str) {
        for piton in &self.pitons {
            piton.reload(dynamic);
        }
    }

    /// What both answer to one user, one after the other.
    fn ask(&self, user: &mut Browser) -> [Response; 2] {
        self.pitons.each_ref().map(|piton| {
            let answer = user.ask(piton.address());
            assert_eq!(answer.status, 200, "{}", answer.head);
            answer
        })
    }

    /// Both answer with the same server, and neither with a cookie; returns the server's name.
    fn agree(&self, user: &mut Browser) -> String {
        let answers = self.ask(user);
        for answer in &answers {
            assert_eq!(answer.cookies(), [""; 0], "{}", answer.text());
        }
        assert_eq!(answers[0].text(), answers[1].text());
        answers[0].text()
    }
}

#[test]
fn two_pitons_agree_on_everything_that_a_cookie_decides() {
    let mut servers = ["one", "two", "three", "four"].map(Server::named);
    let moved = Server::named("three, moved");
    let file = |places: [(&Server, &str); 4]| {
        let entries = places.map(|(server, inside)| format!("url: {}, {inside}", server.url()));
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        app_of(&entries, "sticky: {cookie: {name: sid}, onLoss: detour}")
    };
    let plain = |drain: &str, servers: &[Server; 4], three: &Server| {
        let first = format!("weight: 1{drain}");
        file([
            (&servers[0], first.as_str()),
            (&servers[1], "weight: 1"),
            (three, "id: three"),
            (&servers[3], "weight: 2"),
        ])
    };
    let start = plain("", &servers, &servers[2]);
    let pair = Pair::with(&start);
    // Every other user asks the second one first.
    let mut users: Vec<(Browser, String)> = (1..=12)
        .map(|host| {
            let mut user = Browser::new().at(Ipv4Addr::new(127, 0, 3, host).into());
            let first = user.ask(pair.pitons[usize::from(host % 2)].address());
            assert_eq!((first.status, first.cookies().len()), (200, 1));
            (user, first.text())
        })
        .collect();
    let everybody_at_home = |users: &mut [(Browser, String)], what: &str| {
        for (user, home) in users {
            assert_eq!(pair.agree(user), *home, "{what}");
        }
    };
    everybody_at_home(&mut users, "at first");
    for name in ["one", "two", "three", "four"] {
        assert!(users.iter().any(|(_, home)| home == name), "{name} has users");
    }

    pair.reload(&plain(", drain: true", &servers, &servers[2]));
    everybody_at_home(&mut users, "while one drains");

    servers[1].kill();
    let mut stand_ins = Vec::new();
    for (user, home) in &mut users {
        let now = pair.agree(user);
        if home == "two" {
            assert!(now != "two" && now != "one", "{now} stands in");
            assert_eq!(pair.agree(user), now, "and goes on to");
            stand_ins.push(now);
        } else {
            assert_eq!(now, *home);
        }
    }
    assert!(!stand_ins.is_empty());
    servers[1].restart();
    everybody_at_home(&mut users, "two is back");

    // An id moves: first one of them knows, then both.
    let after = plain("", &servers, &moved);
    pair.pitons[0].reload(&after);
    for (user, home) in &mut users {
        let answers = pair.ask(user);
        assert!(answers.iter().all(|answer| answer.cookies().is_empty()));
        let expected = if home == "three" {
            "three, moved"
        } else {
            home.as_str()
        };
        assert_eq!([answers[0].text(), answers[1].text()], [expected, home]);
    }
    pair.pitons[1].reload(&after);
    for (user, home) in &mut users {
        if home == "three" {
            *home = "three, moved".to_owned();
        }
        assert_eq!(pair.agree(user), *home, "three has moved");
    }

    // A deadline passes: whoever is asked first moves the session, the other one keeps to it.
    pair.reload(&plain(", drainUntil: 2026-01-01T00:00:00Z", &servers, &moved));
    for (user, home) in &mut users {
        if home == "one" {
            let [first, second] = pair.ask(user);
            assert_eq!((first.cookies().len(), second.cookies().len()), (1, 0));
            assert_eq!(first.text(), second.text());
            *home = first.text();
        }
        assert_eq!(pair.agree(user), *home, "one is over");
        assert_ne!(home, "one");
    }
}
