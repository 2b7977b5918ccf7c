//! Servers with a limit (`maxInFlight`, `maxWait`), and servers that start slowly (`slowStart`).

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Browser, Client, Gate, Piton, Response, Server, app_of, cookie_of, eventually, get};
use crate::harness::{get_as, holds_for, value_of};

/// A dynamic file with the sticky service `app`.
fn app(servers: &[&Server], sticky: &str, options: &str) -> String {
    let entries: Vec<String> = servers
        .iter()
        .map(|server| format!("url: {}", server.url()))
        .collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    app_of(
        &entries,
        &format!("sticky: {{cookie: {{name: sid}}{sticky}}}\n{options}"),
    )
}

/// A request under way: its answer is read later.
fn begin(address: SocketAddr, path: &str, cookie: Option<&str>) -> Client {
    let field = cookie
        .map(|cookie| format!("Cookie: {cookie}\r\n"))
        .unwrap_or_default();
    let mut client = Client::connect(address);
    client.send(format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\r\n"
    ));
    client
}

/// So many slow requests of the server's own clients, all there when this returns.
fn fill(piton: &Piton, server: &Server, gate: &Gate, count: usize) -> Vec<Client> {
    let there = gate.working();
    let clients = (0..count)
        .map(|_| begin(piton.address(), "/slow", Some(&cookie_of(server))))
        .collect();
    eventually("the server is full", || gate.working() == there + count);
    clients
}

/// Answered by the server of that name, without a cookie.
fn assert_stays(answer: &Response, name: &str) {
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.cookies()),
        (200, name, vec![])
    );
}

/// Long enough that no test waits for its end.
const LIMIT: &str = "maxInFlight: 2\nmaxWait: 60s";

#[test]
fn new_sessions_go_round_a_full_server_and_a_cookie_holder_waits_for_its_place() {
    let ((full, gate), (free, _)) = (Gate::server("full"), Gate::server("free"));
    let piton = Piton::with(&app(&[&full, &free], "", LIMIT));
    let mut slow = fill(&piton, &full, &gate, 2);
    for _ in 0..6 {
        let answer = get(piton.address(), "/");
        assert_eq!(
            (answer.text().as_str(), answer.sid()),
            ("free", Some(&*value_of(&free)))
        );
    }
    let mut holder = begin(piton.address(), "/", Some(&cookie_of(&full)));
    holds_for(Duration::from_millis(150), "nobody is let in", || {
        full.received().len() == 2
    });
    gate.let_through(1);
    assert_stays(&holder.read(), "full");
    assert_eq!(
        (full.received().len(), gate.working()),
        (3, 1),
        "the other slow one is still there"
    );
    gate.let_through(1);
    for client in &mut slow {
        assert_stays(&client.read(), "full");
    }
    assert_eq!(gate.most(), 2);
}

#[test]
fn places_that_become_free_together_are_all_taken_by_those_who_wait() {
    let (server, gate) = Gate::server("one");
    let piton = Piton::with(&app(&[&server], "", "maxInFlight: 4\nmaxWait: 60s"));
    let mut inside = fill(&piton, &server, &gate, 4);
    for _ in 0..30 {
        let waiting: Vec<Client> = (0..4)
            .map(|_| begin(piton.address(), "/slow", Some(&cookie_of(&server))))
            .collect();
        let asked = server.received().len();
        // They wait where nobody sees them.
        thread::sleep(Duration::from_millis(30));
        gate.let_through(4);
        for client in &mut inside {
            assert_stays(&client.read(), "one");
        }
        eventually("all four are in", || server.received().len() == asked + 4);
        inside = waiting;
    }
    gate.let_through(4);
    for client in &mut inside {
        assert_stays(&client.read(), "one");
    }
    assert_eq!(gate.most(), 4);
}

#[test]
fn when_every_server_is_full_new_sessions_get_503_at_once() {
    let ((a, gate_a), (b, gate_b)) = (Gate::server("a"), Gate::server("b"));
    let piton = Piton::with(&app(&[&a, &b], "", LIMIT));
    let mut slow = fill(&piton, &a, &gate_a, 2);
    slow.extend(fill(&piton, &b, &gate_b, 2));
    let begin = Instant::now();
    for cookie in ["", "sid=unknown", "other=1"] {
        let refused = get_as(piton.address(), cookie);
        assert_eq!(
            (refused.status, refused.text().as_str()),
            (503, "no available server\n")
        );
        assert_eq!(refused.cookies(), [""; 0]);
    }
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "nobody waited: {:?}",
        begin.elapsed()
    );
    gate_b.let_through(1);
    eventually("a place is free", || get(piton.address(), "/").text() == "b");
    gate_a.let_through(2);
    gate_b.let_through(1);
    for client in &mut slow {
        assert_eq!(client.read().status, 200);
    }
}

#[test]
fn beyond_max_wait_a_session_goes_the_way_of_a_lost_one() {
    let ((full, gate), (free, free_gate)) = (Gate::server("full"), Gate::server("free"));
    let piton = Piton::with(&app(&[&full, &free], "", ""));
    for (sticky, status, body, moves) in [
        ("", 200, "free", true),
        (", onLoss: detour", 200, "free", false),
        (
            ", onLoss: fail",
            503,
            "the server of this session is not available\n",
            false,
        ),
    ] {
        for wait in ["150ms", "0"] {
            let options = format!("maxInFlight: 1\nmaxWait: {wait}");
            piton.reload(&app(&[&full, &free], sticky, &options));
            let mut slow = fill(&piton, &full, &gate, 1);
            let begin = Instant::now();
            let answer = get_as(piton.address(), &cookie_of(&full));
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (status, body),
                "{sticky} {wait}"
            );
            let cookie = moves.then(|| value_of(&free));
            assert_eq!(answer.sid(), cookie.as_deref(), "{sticky} {wait}");
            assert!(
                wait == "0" || begin.elapsed() >= Duration::from_millis(150),
                "{:?}",
                begin.elapsed()
            );
            // Where the other one is full too, nobody is left.
            let other = fill(&piton, &free, &free_gate, 1);
            let refused = get_as(piton.address(), &cookie_of(&full));
            assert_eq!(
                (refused.status, refused.cookies()),
                (503, vec![]),
                "{sticky} {wait}"
            );
            gate.let_through(1);
            free_gate.let_through(1);
            assert_stays(&slow[0].read(), "full");
            for mut client in other {
                assert_stays(&client.read(), "free");
            }
            // The place is free a moment after the last byte of the answer.
            eventually("home again", || {
                let answer = get_as(piton.address(), &cookie_of(&full));
                answer.text() == "full" && answer.cookies().is_empty()
            });
        }
    }
}

#[test]
fn a_server_may_have_a_limit_of_its_own() {
    let ((small, small_gate), (large, large_gate)) = (Gate::server("small"), Gate::server("large"));
    let entries = [
        format!("url: {}, maxInFlight: 1", small.url()),
        format!("url: {}", large.url()),
    ];
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let piton = Piton::with(&app_of(&entries, "maxInFlight: 3"));
    let mut slow: Vec<Client> = (0..4).map(|_| begin(piton.address(), "/slow", None)).collect();
    eventually("full", || (small_gate.working(), large_gate.working()) == (1, 3));
    assert_eq!(get(piton.address(), "/").status, 503);
    small_gate.let_through(1);
    large_gate.let_through(3);
    assert!(slow.iter_mut().all(|client| client.read().status == 200));
}

#[test]
fn the_limit_is_never_exceeded_and_every_session_is_served_at_home() {
    let ((a, gate_a), (b, gate_b)) = (Gate::server("a"), Gate::server("b"));
    let piton = Piton::with(&app(&[&a, &b], "", "maxInFlight: 3\nmaxWait: 60s"));
    let address = piton.address();
    let clients: Vec<_> = (0..50)
        .map(|number| {
            let (name, server) = if number % 2 == 0 { ("a", &a) } else { ("b", &b) };
            let cookie = cookie_of(server);
            thread::spawn(move || {
                for turn in 0..6 {
                    // Some keep their connection, some do not; in between they are new.
                    let answer = begin(address, "/brief", Some(&cookie)).read();
                    assert_stays(&answer, name);
                    if turn % 2 == 1 {
                        let new = begin(address, "/brief", None).read();
                        assert!(matches!(new.status, 200 | 503), "{}", new.head);
                        assert_eq!(new.cookies().len(), usize::from(new.status == 200));
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("every request is answered");
    }
    assert_eq!((gate_a.most(), gate_b.most()), (3, 3));
}

#[test]
fn clients_that_give_up_while_they_wait_leave_no_hole() {
    let (server, gate) = Gate::server("one");
    let piton = Piton::with(&app(&[&server], "", "maxInFlight: 1\nmaxWait: 60s"));
    for _ in 0..3 {
        let mut slow = fill(&piton, &server, &gate, 1);
        let gone: Vec<Client> = (0..5)
            .map(|_| begin(piton.address(), "/", Some(&cookie_of(&server))))
            .collect();
        let mut patient = begin(piton.address(), "/", Some(&cookie_of(&server)));
        thread::sleep(Duration::from_millis(30));
        drop(gone);
        gate.let_through(1);
        assert_stays(&slow.pop().unwrap().read(), "one");
        assert_stays(&patient.read(), "one");
        eventually("there is room for new sessions", || {
            get(piton.address(), "/").status == 200
        });
    }
    // Clients that leave while they are served free their place, too.
    let slow = fill(&piton, &server, &gate, 1);
    assert_eq!(get(piton.address(), "/").status, 503);
    drop(slow);
    eventually("there is room again", || get(piton.address(), "/").status == 200);
    gate.let_through(1);
}

#[test]
fn who_waits_at_a_server_that_dies_is_served_elsewhere() {
    let ((mut full, gate), (free, free_gate)) = (Gate::server("full"), Gate::server("free"));
    let entries = [
        format!("url: {}, maxInFlight: 1", full.url()),
        format!("url: {}", free.url()),
    ];
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let piton = Piton::with(&app_of(&entries, "sticky: {cookie: {name: sid}}\nmaxWait: 60s"));
    let mut slow = fill(&piton, &full, &gate, 1);
    let mut waiting = begin(piton.address(), "/", Some(&cookie_of(&full)));
    thread::sleep(Duration::from_millis(30));
    full.kill();
    let moved = waiting.read();
    assert_eq!(
        (moved.text().as_str(), moved.sid()),
        ("free", Some(&*value_of(&free)))
    );
    // The slow one is a GET: it is repeated elsewhere.
    free_gate.let_through(1);
    assert_eq!(slow[0].read().text(), "free");
}

#[test]
fn who_waits_at_a_server_that_a_probe_finds_dead_is_served_elsewhere_at_once() {
    let ((full, gate), free) = (Gate::server("full"), Server::named("free"));
    let entries = [
        format!("url: {}, maxInFlight: 1", full.url()),
        format!("url: {}", free.url()),
    ];
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let file = |more: &str| {
        app_of(
            &entries,
            &format!("sticky: {{cookie: {{name: sid}}}}\nmaxWait: 60s\n{more}"),
        )
    };
    let piton = Piton::with(&file(""));
    let mut slow = fill(&piton, &full, &gate, 1);
    let mut waiting = begin(piton.address(), "/", Some(&cookie_of(&full)));
    thread::sleep(Duration::from_millis(30));
    // Only a server that is let through would answer this probe.
    piton.reload(&file(
        "healthCheck: {path: /slow, interval: 10s, timeout: 200ms, followRedirects: false}",
    ));
    let moved = waiting.read();
    assert_eq!(
        (moved.text().as_str(), moved.sid()),
        ("free", Some(&*value_of(&free)))
    );
    gate.let_through(1);
    assert_eq!(slow[0].read().text(), "full");
}

#[test]
fn a_full_child_is_passed_by_for_new_sessions() {
    let ((a, gate), (b, _)) = (Gate::server("a"), Gate::server("b"));
    let child = |name: &str, server: &Server| {
        format!(
            "    {name}: {{loadBalancer: {{maxInFlight: 1, maxWait: 60s, sticky: {{cookie: {{name: {name}}}}}, servers: [{{url: {}}}]}}}}\n",
            server.url()
        )
    };
    let piton = Piton::with(&format!(
        "http:\n  routers:\n    all: {{rule: PathPrefix(`/`), service: top}}\n  services:\n    top: {{weighted: {{sticky: {{cookie: {{name: top}}}}, services: [{{name: a}}, {{name: b}}]}}}}\n{}{}",
        child("a", &a),
        child("b", &b)
    ));
    let mut holder = Browser::new();
    while holder.ask(piton.address()).text() != "a" {
        holder = Browser::new();
    }
    let cookies = holder.field().unwrap();
    let cookies = cookies.strip_prefix("Cookie: ").unwrap();
    let mut slow = begin(piton.address(), "/slow", Some(cookies));
    eventually("a is full", || gate.working() == 1);
    for _ in 0..4 {
        let answer = get(piton.address(), "/");
        assert_eq!(
            (answer.text().as_str(), answer.cookies().len()),
            ("b", 2),
            "no 503 beside a free sibling"
        );
    }
    let mut waits = begin(piton.address(), "/", Some(cookies));
    holds_for(Duration::from_millis(100), "its session is worth a wait", || {
        gate.working() == 1
    });
    gate.let_through(1);
    assert_stays(&waits.read(), "a");
    assert_stays(&slow.read(), "a");
}

/// Asks without pause while a server is new, whose ramp takes `period`; returns how many new sessions were
/// begun, and how many of those there: in the first third of the ramp, in the rest, after it.
fn ramp(period: Duration) -> [(u32, u32); 3] {
    let (old, new) = (Server::named("old"), Server::named("new"));
    let options = format!("slowStart: {}s", period.as_secs());
    let piton = Piton::with(&app(&[&old], "", &options));
    let (at_old, at_new) = (cookie_of(&old), cookie_of(&new));
    let mut client = Client::connect(piton.address());
    let mut ask =
        |cookie: &str| client.exchange(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"));
    let before = Instant::now();
    piton.reload(&app(&[&old, &new], "", &options));
    let after = Instant::now();
    // Its own cookie holders are at home there from the first moment.
    assert_stays(&ask(&at_new), "new");
    let mut counts = [(0, 0); 3];
    while counts[2].0 < 200 {
        let answer = ask("none=1");
        let phase = match () {
            () if before.elapsed() < period / 3 => 0,
            () if after.elapsed() <= period + Duration::from_millis(100) => 1,
            () => 2,
        };
        let (all, there) = &mut counts[phase];
        *all += 1;
        *there += u32::from(answer.text() == "new");
        assert_eq!(answer.cookies().len(), 1);
        assert_stays(&ask(&at_old), "old");
        // Some hundred requests are enough, and leave the machine to others.
        thread::sleep(Duration::from_millis(2));
    }
    counts
}

#[test]
fn a_new_server_gets_a_share_that_grows_and_cookie_holders_do_not_notice() {
    // On a busy machine the first third may be over before the reload is seen.
    let periods = [3, 9, 27].map(Duration::from_secs);
    let counts = periods.into_iter().map(ramp).find(|counts| counts[0].0 > 40);
    let counts = counts.expect("enough requests in the first third of the ramp");
    let share = |(all, there): (u32, u32)| f64::from(there) / f64::from(all);
    // A sixth of a half is expected.
    assert!(share(counts[0]) < 0.25, "{counts:?}");
    assert!((0.15..0.49).contains(&share(counts[1])), "{counts:?}");
    assert!((0.45..0.55).contains(&share(counts[2])), "{counts:?}");
}

#[test]
fn with_slow_start_a_new_server_alone_takes_everything() {
    let (old, new) = (Server::named("old"), Server::named("new"));
    let piton = Piton::with(&app(&[&old], "", "slowStart: 1h"));
    piton.reload(&app(&[&new], "", "slowStart: 1h"));
    for _ in 0..4 {
        assert_eq!(get(piton.address(), "/").text(), "new");
    }
    assert_eq!(get_as(piton.address(), &cookie_of(&old)).text(), "new");
}
