//! `maxInFlight` under many threads: places are counted, not guessed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use event_listener::Listener as _;
use http::HeaderMap;
use piton::balance::{Lease, Pool, Server, ServerState, Session, Signals, Strategy, Terms, Waiting};

use crate::servers::{choose, draw, header_with_cookie, sticky_service, upstream};

const LIMIT: u32 = 3;

fn limited(names: &[&str]) -> Pool {
    let signals = Arc::new(Signals::default());
    let servers = names.iter().map(|&name| {
        let terms = Terms {
            max_in_flight: Some(LIMIT),
            ..Terms::default()
        };
        let state = Arc::new(ServerState::new(Arc::clone(&signals)));
        Arc::new(Server::new(name, 1, terms, upstream(), state))
    });
    Pool::new(servers.collect(), Strategy::Wrr, Arc::clone(&signals), None)
}

#[test]
fn no_server_ever_has_more_in_flight_than_it_may() {
    let service = sticky_service(limited(&["A", "B"]));
    let servers = service.servers().unwrap().pool.servers();
    let served = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..12_u64 {
            let (service, served) = (&service, &served);
            scope.spawn(move || {
                let bound = header_with_cookie("A", 1);
                for n in 0..3000 {
                    let headers = if (n + thread) % 3 == 0 {
                        bound.clone()
                    } else {
                        HeaderMap::new()
                    };
                    if let Some(choice) = choose(service, &headers, draw(1, n)) {
                        let there = choice.server().state().in_flight();
                        assert!((1..=LIMIT).contains(&there), "{there}");
                        served.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                    }
                }
            });
        }
    });
    assert!(served.into_inner() > 3000);
    assert!(servers.iter().all(|server| server.state().in_flight() == 0));
}

#[test]
fn new_sessions_go_elsewhere_and_then_nowhere_when_all_are_full() {
    let service = sticky_service(limited(&["A", "B"]));
    let new = || choose(&service, &HeaderMap::new(), draw(1, 0));
    let held: Vec<_> = (0..2 * LIMIT).map(|_| new().expect("there is a place")).collect();
    assert!(new().is_none());
    assert!(!service.is_open(1));
    drop(held);
    assert!(new().is_some());
}

#[test]
fn who_waits_has_the_next_place() {
    let pool = limited(&["A"]);
    let server = &pool.servers()[0];
    let enter = |session| Lease::try_new(server, session, 1);
    let mut held: Vec<Lease> = (0..LIMIT).map(|_| enter(Session::New).unwrap()).collect();
    let waiting = Waiting::at(Arc::clone(server));
    let left = waiting.left();
    assert!(enter(Session::Known).is_none());
    held.pop();
    left.wait();
    assert!(enter(Session::New).is_none(), "the place is kept");
    let known = enter(Session::Known).expect("it is his");
    drop((known, waiting));
    assert!(enter(Session::New).is_some(), "nobody waits any more");
}

#[test]
fn a_thousand_full_servers_are_refused_in_no_time() {
    let names: Vec<String> = (0..1000).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let service = sticky_service(limited(&names));
    let servers = service.servers().unwrap().pool.servers();
    let all = servers.iter().flat_map(|server| (0..LIMIT).map(move |_| server));
    let held: Vec<Lease> = all.map(|server| Lease::new(Arc::clone(server), 1)).collect();
    let began = std::time::Instant::now();
    for _ in 0..100 {
        assert!(choose(&service, &HeaderMap::new(), draw(1, 0)).is_none());
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    drop(held);
}
