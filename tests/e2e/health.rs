//! Active and passive health checks, and what reloads do to their verdicts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::harness::{Piton, Server, Then, cookie_of, eventually, get, get_as, holds_for, request, respond};
use crate::harness::{respond_with, sticky_app, value_of, within};

/// A server whose `/health` answers what the number says; everything else is answered with `name`.
fn patient(name: &'static str, status: u16) -> (Server, Arc<AtomicU16>) {
    let health = Arc::new(AtomicU16::new(status));
    let shown = Arc::clone(&health);
    let server = Server::scripted(move |request, stream| {
        if request.target().starts_with("/health") {
            respond(stream, shown.load(Ordering::SeqCst), "");
        } else {
            respond(stream, 200, name);
        }
        Then::Keep
    });
    (server, health)
}

fn probes(server: &Server) -> usize {
    server
        .received()
        .iter()
        .filter(|request| request.target().starts_with("/health"))
        .count()
}

/// Does the server's own client get there?
fn is_up(piton: &Piton, server: &Server) -> bool {
    let answer = get_as(piton.address(), &cookie_of(server));
    assert_eq!(answer.status, 200);
    answer.sid().is_none()
}

#[test]
fn the_first_probe_comes_at_once_and_a_sick_server_leaves_the_rotation() {
    let (sick, _) = patient("sick", 500);
    let (well, _) = patient("well", 200);
    let check = "healthCheck: {path: /health, interval: 30s}";
    let piton = Piton::with(&sticky_app(&[&sick, &well], check));
    within(Duration::from_secs(3), "the sick server is out", || {
        !is_up(&piton, &sick)
    });
    for _ in 0..6 {
        let answer = get(piton.address(), "/");
        assert_eq!(
            (answer.text().as_str(), answer.sid()),
            ("well", Some(value_of(&well).as_str()))
        );
    }
    let moved = get_as(piton.address(), &cookie_of(&sick));
    assert_eq!(moved.sid(), Some(value_of(&well).as_str()));
    assert!(is_up(&piton, &well));
}

#[test]
fn when_every_server_is_sick_the_answer_is_no_available_server() {
    let (sick, _) = patient("sick", 500);
    let piton = Piton::with(&sticky_app(
        &[&sick],
        "healthCheck: {path: /health, interval: 30s}",
    ));
    eventually("503", || get_as(piton.address(), &cookie_of(&sick)).status == 503);
    let answer = get_as(piton.address(), &cookie_of(&sick));
    assert_eq!(
        (answer.text().as_str(), answer.cookies()),
        ("no available server\n", vec![])
    );
}

#[test]
fn a_server_that_recovers_is_used_again_at_the_unhealthy_pace() {
    let (first, health) = patient("first", 500);
    let (second, _) = patient("second", 200);
    let check = "healthCheck: {path: /health, interval: 30s, unhealthyInterval: 100ms}";
    let piton = Piton::with(&sticky_app(&[&first, &second], check));
    eventually("down", || !is_up(&piton, &first));
    health.store(200, Ordering::SeqCst);
    within(Duration::from_secs(3), "up again", || is_up(&piton, &first));
    eventually("in the rotation again", || {
        get(piton.address(), "/").text() == "first"
    });
}

#[test]
fn the_probe_has_the_path_host_method_and_headers_asked_for_and_judges_by_the_status() {
    let server = Server::scripted(|request, stream| {
        let status = if request.target().starts_with("/health") {
            418
        } else {
            200
        };
        respond_with(stream, status, &[], "");
        Then::Keep
    });
    let other = Server::named("other");
    let check = "healthCheck: {path: \"/health?deep=1\", hostname: check.test, method: OPTIONS, \
                 headers: {X-Probe: yes, Host: no.test}, status: 418, interval: 100ms}";
    let piton = Piton::with(&sticky_app(&[&server, &other], check));
    eventually("probed", || probes(&server) > 2);
    let probe = server
        .received()
        .into_iter()
        .find(|request| request.target() == "/health?deep=1")
        .unwrap();
    assert_eq!(probe.line(), "OPTIONS /health?deep=1 HTTP/1.1");
    assert_eq!(
        (probe.header("host"), probe.header("x-probe")),
        (Some("check.test"), Some("yes"))
    );
    eventually("418 is wanted and 200 is not", || !is_up(&piton, &other));
    assert!(is_up(&piton, &server));
}

#[test]
fn redirects_are_followed_unless_told_otherwise() {
    let server = || {
        Server::scripted(|request, stream| {
            match request.target() {
                "/health" => respond_with(stream, 302, &["Location: /sick"], ""),
                "/sick" => respond(stream, 500, ""),
                _ => respond(stream, 200, "ok"),
            }
            Then::Keep
        })
    };
    let (first, second) = (server(), server());
    let rest = Server::named("rest");
    let follows = "healthCheck: {path: /health, interval: 30s}";
    let piton = Piton::with(&sticky_app(&[&first, &rest], follows));
    eventually("the redirect leads to a 500", || !is_up(&piton, &first));
    let stays = "healthCheck: {path: /health, interval: 100ms, followRedirects: false}";
    let piton = Piton::with(&sticky_app(&[&second, &rest], stays));
    eventually("probed", || probes(&second) > 2);
    assert!(is_up(&piton, &second), "a 302 is good as it is");
}

#[test]
fn one_that_does_not_answer_a_probe_in_time_is_down_and_delays_no_other() {
    let slow = Server::scripted(|request, stream| {
        if request.target() == "/health" {
            std::thread::sleep(Duration::from_secs(3));
        }
        respond(stream, 200, "slow");
        Then::Keep
    });
    let (sick, _) = patient("sick", 500);
    let (well, _) = patient("well", 200);
    let check = "healthCheck: {path: /health, interval: 30s, timeout: 500ms}";
    let piton = Piton::with(&sticky_app(&[&slow, &sick, &well], check));
    within(
        Duration::from_secs(2),
        "the slow probe does not hold up the other",
        || !is_up(&piton, &sick),
    );
    within(Duration::from_secs(3), "the slow one is out", || {
        !is_up(&piton, &slow)
    });
}

#[test]
fn rise_and_fall_are_counted() {
    let (server, health) = patient("server", 500);
    let rest = Server::named("rest");
    let check = "healthCheck: {path: /health, interval: 100ms, rise: 3, fall: 3}";
    let piton = Piton::with(&sticky_app(&[&server, &rest], check));
    eventually("down", || !is_up(&piton, &server));
    assert!(probes(&server) >= 3, "down after {} probes", probes(&server));
    let before = probes(&server);
    health.store(200, Ordering::SeqCst);
    eventually("up", || is_up(&piton, &server));
    assert!(
        probes(&server) >= before + 3,
        "up after {} more",
        probes(&server) - before
    );
}

#[test]
fn a_verdict_survives_a_reload_and_a_changed_check_starts_anew() {
    let (sick, _) = patient("sick", 500);
    let (well, _) = patient("well", 200);
    let check = |path: &str| format!("healthCheck: {{path: {path}, interval: 30s}}");
    let piton = Piton::with(&sticky_app(&[&sick, &well], &check("/health")));
    eventually("down", || !is_up(&piton, &sick));
    let probed = probes(&sick);
    // Another server and another option: the check is the same.
    let third = Server::named("third");
    piton.reload(&sticky_app(
        &[&sick, &well, &third],
        &format!("passHostHeader: true\n{}", check("/health")),
    ));
    holds_for(Duration::from_millis(500), "it stays down", || {
        !is_up(&piton, &sick)
    });
    assert_eq!(probes(&sick), probed, "nothing was asked again");
    // Another path: what was said about the old one counts no more.
    piton.reload(&sticky_app(&[&sick, &well], &check("/other")));
    eventually("up by the new check", || is_up(&piton, &sick));
    // No check at all: nobody says that it is down.
    piton.reload(&sticky_app(&[&sick, &well], &check("/health")));
    eventually("down again", || !is_up(&piton, &sick));
    piton.reload(&sticky_app(&[&sick, &well], ""));
    eventually("up without a check", || is_up(&piton, &sick));
}

#[test]
fn live_failures_take_a_server_out_for_the_window() {
    let sick = Arc::new(AtomicU16::new(500));
    let status = Arc::clone(&sick);
    let server = Server::scripted(move |_, stream| {
        respond(stream, status.load(Ordering::SeqCst), "server");
        Then::Keep
    });
    let rest = Server::named("rest");
    let passive = "passiveHealthCheck: {failureWindow: 2s, maxFailedAttempts: 2}";
    let piton = Piton::with(&sticky_app(&[&server, &rest], passive));
    let ask = || get_as(piton.address(), &cookie_of(&server));
    assert_eq!((ask().status, ask().status), (500, 500), "both are passed on");
    let moved = ask();
    assert_eq!((moved.status, moved.sid()), (200, Some(value_of(&rest).as_str())));
    piton.wait_for_line(&["server is down", &server.url()]);
    sick.store(200, Ordering::SeqCst);
    within(Duration::from_secs(5), "back after the window", || {
        ask().sid().is_none()
    });
}

#[test]
fn a_success_between_failures_starts_the_count_again() {
    let server = Server::scripted(|request, stream| {
        respond(stream, request.target()[1..].parse().unwrap(), "server");
        Then::Keep
    });
    let rest = Server::named("rest");
    let passive = "passiveHealthCheck: {failureWindow: 10s, maxFailedAttempts: 2}";
    let piton = Piton::with(&sticky_app(&[&server, &rest], passive));
    let cookie = format!("Cookie: {}", cookie_of(&server));
    let ask = |status: &str| request(piton.address(), &format!("GET /{status}"), &[&cookie], b"");
    for status in ["500", "200", "502", "404", "503", "302"] {
        assert_eq!(ask(status).status.to_string(), status);
        assert_eq!(ask("200").sid(), None, "still up after {status}");
    }
}

#[test]
fn refused_connects_count_as_live_failures() {
    let (mut first, second) = (Server::named("first"), Server::named("second"));
    let passive = "passiveHealthCheck: {failureWindow: 30s, maxFailedAttempts: 1}";
    let piton = Piton::with(&sticky_app(&[&first, &second], passive));
    first.kill();
    assert_eq!(get_as(piton.address(), &cookie_of(&first)).text(), "second");
    first.restart();
    let connections = first.connections();
    for _ in 0..4 {
        assert_eq!(get_as(piton.address(), &cookie_of(&first)).text(), "second");
    }
    assert_eq!(first.connections(), connections, "it is out for the window");
}

#[test]
fn weight_zero_and_drain_keep_their_clients_and_get_no_new_ones() {
    use crate::harness::app_of;
    let (fenced, drained, open) = (
        Server::named("fenced"),
        Server::named("drained"),
        Server::named("open"),
    );
    for strategy in ["wrr", "p2c", "leasttime"] {
        let entries = [
            format!("url: {}, weight: 0", fenced.url()),
            format!("url: {}, drain: true", drained.url()),
            format!("url: {}", open.url()),
        ];
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let options = format!("strategy: {strategy}\nsticky: {{cookie: {{name: sid}}}}");
        let piton = Piton::with(&app_of(&entries, &options));
        for _ in 0..6 {
            assert_eq!(get(piton.address(), "/").text(), "open", "{strategy}");
        }
        for (server, name) in [(&fenced, "fenced"), (&drained, "drained")] {
            let answer = get_as(piton.address(), &cookie_of(server));
            assert_eq!((answer.text().as_str(), answer.sid()), (name, None), "{strategy}");
        }
    }
}

#[test]
fn when_all_servers_drain_new_clients_get_503_and_old_ones_are_served() {
    use crate::harness::app_of;
    let server = Server::named("server");
    let entry = format!("url: {}, drain: true", server.url());
    let piton = Piton::with(&app_of(&[&entry], "sticky: {cookie: {name: sid}}"));
    assert_eq!(get(piton.address(), "/").status, 503);
    assert_eq!(get_as(piton.address(), &cookie_of(&server)).text(), "server");
}
