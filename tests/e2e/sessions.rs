//! What becomes of a session: its server is drained, lost, or moves to another address.

use std::net::Ipv4Addr;
use std::time::Duration;

use piton::sticky::CookieValue;

use crate::harness::{Browser, Moment, Piton, Response, Server, app_of, cookie_of, eventually, get, get_as};
use crate::harness::{request, says, swap, value_of, verdict};

/// A dynamic file with the sticky service `app`; each server has more of its inside beside it.
fn app(servers: &[(&Server, &str)], sticky: &str, options: &str) -> String {
    let entries: Vec<String> = servers
        .iter()
        .map(|(server, more)| format!("url: {}{more}", server.url()))
        .collect();
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    app_of(
        &entries,
        &format!("sticky: {{cookie: {{name: sid}}{sticky}}}\n{options}"),
    )
}

/// A client bound to a server.
fn client_of(server: &Server) -> Browser {
    Browser::with("sid", &value_of(server))
}

/// Served by the server of that name, without a cookie.
fn assert_stays(answer: &Response, name: &str) {
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.cookies()),
        (200, name, vec![])
    );
}

/// Served by another server, and bound to it.
fn assert_moved(answer: &Response, name: &str, server: &Server) {
    let cookie = format!("sid={}; Path=/", value_of(server));
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.cookies()),
        (200, name, vec![&*cookie])
    );
}

fn two() -> [Server; 2] {
    [Server::named("first"), Server::named("second")]
}

#[test]
fn a_server_drained_by_a_reload_keeps_its_sessions_and_gets_no_new_ones() {
    let [first, second] = two();
    let file = |more: &str| app(&[(&first, more), (&second, "")], "", "");
    let piton = Piton::with(&file(""));
    let (mut stays, mut other) = (client_of(&first), client_of(&second));
    for drain in [
        "drain: true",
        "weight: 0",
        "drainUntil: 2999-01-01T00:00:00+01:00",
    ] {
        piton.reload(&file(&format!(", {drain}")));
        for _ in 0..3 {
            assert_stays(&stays.ask(piton.address()), "first");
            assert_stays(&other.ask(piton.address()), "second");
        }
        for _ in 0..6 {
            assert_moved(&get(piton.address(), "/"), "second", &second);
            assert_moved(
                &get_as(piton.address(), "sid=0123456789abcdef"),
                "second",
                &second,
            );
        }
    }
    piton.reload(&file(", drain: false"));
    let new: Vec<String> = (0..4).map(|_| get(piton.address(), "/").text()).collect();
    assert_eq!(new.iter().filter(|name| *name == "first").count(), 2, "{new:?}");
}

#[test]
fn when_everybody_drains_sessions_stay_and_new_ones_get_503() {
    let [first, second] = two();
    let piton = Piton::with(&app(
        &[(&first, ", drain: true"), (&second, ", drain: true")],
        "",
        "",
    ));
    assert_stays(&client_of(&first).ask(piton.address()), "first");
    let refused = get(piton.address(), "/");
    assert_eq!(
        (refused.status, refused.text().as_str()),
        (503, "no available server\n")
    );
    assert_eq!(refused.cookies(), [""; 0]);
}

#[test]
fn a_drain_deadline_in_the_past_moves_every_session_on_its_next_request() {
    let [first, second] = two();
    let file = |sticky: &str, more: &str| app(&[(&first, more), (&second, "")], sticky, "");
    let piton = Piton::with(&file("", ""));
    for sticky in ["", ", onLoss: detour", ", onLoss: fail"] {
        piton.reload(&file(sticky, ", weight: 1"));
        let mut moves = client_of(&first);
        assert_stays(&moves.ask(piton.address()), "first");
        piton.reload(&file(sticky, ", drainUntil: 2026-01-01T00:00:00Z"));
        assert_moved(&moves.ask(piton.address()), "second", &second);
        assert_stays(&moves.ask(piton.address()), "second");
        assert_stays(&client_of(&second).ask(piton.address()), "second");
    }
}

/// Asks without pause while the first server has a drain deadline so far ahead; returns how many requests its
/// session got served there.
fn requests_until_the_deadline(ahead: Duration) -> u32 {
    let [first, second] = two();
    let piton = Piton::with(&app(&[(&first, ""), (&second, "")], "", ""));
    let deadline = Moment::ahead(ahead);
    piton.reload(&app(
        &[(&first, &format!(", drainUntil: {deadline}")), (&second, "")],
        "",
        "",
    ));
    let mut client = client_of(&first);
    let mut stayed = 0;
    loop {
        let was_over = deadline.has_come();
        let answer = client.ask(piton.address());
        if answer.text() == "second" {
            assert!(deadline.has_come(), "moved too early");
            assert_moved(&answer, "second", &second);
            assert_stays(&client.ask(piton.address()), "second");
            assert_moved(&client_of(&first).ask(piton.address()), "second", &second);
            return stayed;
        }
        assert!(!was_over, "stayed too long");
        assert_stays(&answer, "first");
        stayed += 1;
        assert_moved(&get(piton.address(), "/"), "second", &second);
    }
}

#[test]
fn a_session_moves_with_the_first_request_after_its_servers_drain_deadline() {
    // On a busy machine the deadline may come before the reload.
    let times = [1, 3, 9].map(Duration::from_secs);
    let stayed = times
        .into_iter()
        .map(requests_until_the_deadline)
        .find(|stayed| *stayed > 0);
    assert!(stayed.is_some(), "no reload came before its deadline");
}

#[test]
fn a_deadline_that_is_no_time_is_refused_with_its_place_and_the_old_file_stays() {
    let [first, second] = two();
    let piton = Piton::with(&app(&[(&first, ""), (&second, "")], "", ""));
    let generation = piton.generation();
    for (turn, bad) in [
        "tomorrow",
        "2026-11-22",
        "12:00:00",
        "1795348800",
        "2026-02-30T00:00:00Z",
    ]
    .iter()
    .enumerate()
    {
        let file = app(
            &[(&first, ""), (&second, &format!(", drainUntil: {bad}"))],
            "",
            "",
        );
        swap(&piton.file(), &file);
        eventually("the file is refused", || piton.count(&["drainUntil"]) > turn);
        let line = piton
            .log()
            .into_iter()
            .rfind(|line| line.contains("drainUntil"))
            .unwrap();
        says(
            &line,
            &[
                "dynamic.yaml:8:",
                "http.services.app.loadBalancer.servers[1].drainUntil",
                "ERROR",
            ],
        );
        says(&line, &[bad, "2026-11-22T12:00:00Z"]);
    }
    assert_eq!(piton.generation(), generation);
    assert_stays(&client_of(&second).ask(piton.address()), "second");
    let new: Vec<String> = (0..2).map(|_| get(piton.address(), "/").text()).collect();
    assert_ne!(new[0], new[1], "both servers are still in the rotation");
}

/// Probes that see a dead server soon.
const CHECK: &str = "healthCheck: {path: /, interval: 50ms, timeout: 1s}";

#[test]
fn a_detour_is_served_elsewhere_by_the_same_stand_in_and_ends_when_the_server_is_back() {
    for options in ["", CHECK] {
        let mut servers = ["home", "one", "two", "three"].map(Server::named);
        let all: Vec<(&Server, &str)> = servers.iter().map(|server| (server, "")).collect();
        let file = app(&all, ", onLoss: detour", options);
        let piton = Piton::with(&file);
        let mut clients: Vec<(Browser, Option<String>)> = (1..=12)
            .map(|host| {
                (
                    client_of(&servers[0]).at(Ipv4Addr::new(127, 0, 2, host).into()),
                    None,
                )
            })
            .collect();
        servers[0].kill();
        for _ in 0..4 {
            for (client, stand_in) in &mut clients {
                let answer = client.ask(piton.address());
                assert_eq!(
                    (answer.status, answer.cookies()),
                    (200, vec![]),
                    "the cookie stays"
                );
                let now = answer.text();
                assert_eq!(stand_in.get_or_insert(now.clone()), &now, "always the same one");
            }
        }
        let mut used: Vec<&str> = clients
            .iter()
            .filter_map(|(_, stand_in)| stand_in.as_deref())
            .collect();
        used.sort_unstable();
        used.dedup();
        assert!(used.len() > 1, "different clients have different ones: {used:?}");
        // New sessions are no guests: they are bound where they are served.
        let new = get(piton.address(), "/");
        assert_eq!((new.status, new.cookies().len()), (200, 1));
        servers[0].restart();
        eventually("home", || clients[0].0.ask(piton.address()).text() == "home");
        for (client, _) in &mut clients {
            assert_stays(&client.ask(piton.address()), "home");
        }
    }
}

#[test]
fn a_detour_without_anybody_else_is_an_error_that_leaves_the_cookie_alone() {
    let mut home = Server::named("home");
    let other = Server::named("other");
    let file = app(
        &[(&home, ""), (&other, ", drain: true")],
        ", onLoss: detour",
        CHECK,
    );
    let piton = Piton::with(&file);
    home.kill();
    let mut client = client_of(&home);
    eventually("503", || client.ask(piton.address()).status == 503);
    let failed = client.ask(piton.address());
    assert_eq!(
        (failed.text().as_str(), failed.cookies()),
        ("no available server\n", vec![])
    );
    home.restart();
    eventually("home", || client.ask(piton.address()).text() == "home");
    assert_eq!(client.cookie("sid"), Some(&*value_of(&home)));
}

#[test]
fn with_on_loss_fail_a_lost_session_gets_503_until_its_server_is_back() {
    for options in ["", CHECK] {
        let [mut home, other] = two();
        let file = app(&[(&home, ""), (&other, "")], ", onLoss: fail", options);
        let piton = Piton::with(&file);
        let mut client = client_of(&home);
        assert_stays(&client.ask(piton.address()), "first");
        home.kill();
        for method in ["GET", "POST", "GET"] {
            let field = client.field().unwrap();
            let failed = request(piton.address(), &format!("{method} /"), &[&field], b"");
            assert_eq!(failed.status, 503, "{}", failed.head);
            assert_eq!(failed.text(), "the server of this session is not available\n");
            assert_eq!(failed.cookies(), [""; 0]);
            assert_eq!(failed.header("content-type"), Some("text/plain; charset=utf-8"));
        }
        assert_eq!(
            request(piton.address(), "HEAD /", &[&client.field().unwrap()], b"").status,
            503
        );
        // Everybody else is served.
        assert_stays(&client_of(&other).ask(piton.address()), "second");
        assert_moved(&get(piton.address(), "/"), "second", &other);
        assert_moved(&get_as(piton.address(), "sid=unknown"), "second", &other);
        assert!(
            other
                .received()
                .iter()
                .all(|request| !request.head.contains(&value_of(&home)))
        );
        home.restart();
        eventually("home", || client.ask(piton.address()).status == 200);
        assert_stays(&client.ask(piton.address()), "first");
    }
}

#[test]
fn with_on_loss_fail_a_session_whose_server_was_taken_out_begins_anew() {
    let [first, second] = two();
    let piton = Piton::with(&app(&[(&first, ""), (&second, "")], ", onLoss: fail", ""));
    piton.reload(&app(&[(&second, "")], ", onLoss: fail", ""));
    assert_moved(&client_of(&first).ask(piton.address()), "second", &second);
}

/// The file of a service whose servers have ids.
fn with_ids(servers: &[(&Server, &str)]) -> String {
    let inside: Vec<String> = servers.iter().map(|(_, id)| format!(", id: {id}")).collect();
    let servers: Vec<(&Server, &str)> = servers
        .iter()
        .zip(&inside)
        .map(|((server, _), inside)| (*server, inside.as_str()))
        .collect();
    app(&servers, "", "")
}

#[test]
fn a_session_follows_the_id_of_its_server_to_another_port() {
    let [before, second] = two();
    let after = Server::named("after");
    let piton = Piton::with(&with_ids(&[(&before, "web-1"), (&second, "web-2")]));
    let mut client = Browser::with("sid", "c4719afa76fa448b");
    assert_stays(&client.ask(piton.address()), "first");
    assert_eq!(CookieValue::of("web-1").to_string(), "c4719afa76fa448b");
    let cookies: Vec<String> = (0..2)
        .filter_map(|_| get(piton.address(), "/").sid().map(str::to_owned))
        .collect();
    assert!(cookies.contains(&"c4719afa76fa448b".to_owned()), "{cookies:?}");
    let asked = before.received().len();
    piton.reload(&with_ids(&[(&second, "web-2"), (&after, "web-1")]));
    for _ in 0..3 {
        assert_stays(&client.ask(piton.address()), "after");
    }
    assert_eq!(before.received().len(), asked, "nobody goes to the old port");
    // Its old URL means nothing any more, its new one never did.
    for url in [before.url(), after.url()] {
        let answer = get_as(piton.address(), &format!("sid={}", CookieValue::of(&url)));
        assert_eq!((answer.status, answer.cookies().len()), (200, 1), "{url}");
    }
}

#[test]
fn two_servers_that_swap_their_ids_swap_their_sessions() {
    let [a, b] = two();
    let piton = Piton::with(&with_ids(&[(&a, "one"), (&b, "two")]));
    let mut client = Browser::with("sid", &CookieValue::of("one").to_string());
    assert_stays(&client.ask(piton.address()), "first");
    piton.reload(&with_ids(&[(&a, "two"), (&b, "one")]));
    assert_stays(&client.ask(piton.address()), "second");
}

#[test]
fn a_moved_server_that_is_not_there_yet_loses_its_session_as_any_other() {
    let [before, second] = two();
    let mut after = Server::named("after");
    after.kill();
    let piton = Piton::with(&with_ids(&[(&before, "web-1"), (&second, "web-2")]));
    piton.reload(&with_ids(&[(&after, "web-1"), (&second, "web-2")]));
    let mut client = Browser::with("sid", "c4719afa76fa448b");
    let moved = client.ask(piton.address());
    assert_eq!((moved.status, moved.text().as_str()), (200, "second"));
    assert_eq!(moved.sid(), Some(&*CookieValue::of("web-2").to_string()));
}

#[test]
fn equal_ids_are_refused_at_their_place() {
    let [first, second] = two();
    let twice = with_ids(&[(&first, "same"), (&second, "same")]);
    let url_as_id = app(
        &[(&first, ""), (&second, &format!(", id: '{}'", first.url()))],
        "",
        "",
    );
    for file in [&twice, &url_as_id] {
        let (is_good, text) = verdict(file);
        assert!(!is_good);
        says(
            &text,
            &[
                "dynamic.yaml:8:",
                "http.services.app.loadBalancer.servers[1].id",
                "servers[0]",
            ],
        );
    }
    let piton = Piton::with(&twice);
    assert_eq!(get(piton.address(), "/").status, 404);
    piton.wait_for_line(&["ERROR", "loadBalancer.servers[1].id", "\"same\"", "(disabled)"]);
}

#[test]
fn a_misspelt_key_or_value_is_refused_with_a_guess() {
    let cases = [
        ("slowStrat: 1s", "", "slowStrat", "did you mean \"slowStart\"?"),
        (
            "maxInFlihgt: 1",
            "",
            "maxInFlihgt",
            "did you mean \"maxInFlight\"?",
        ),
        ("maxWiat: 1s", "", "maxWiat", "did you mean \"maxWait\"?"),
        ("", "drian: true", "servers[0].drian", "did you mean \"drain\"?"),
        (
            "",
            "drainUntill: x",
            "servers[0].drainUntill",
            "did you mean \"drainUntil\"?",
        ),
        (
            "",
            "maxInFligth: 3",
            "servers[0].maxInFligth",
            "did you mean \"maxInFlight\"?",
        ),
        ("", "idd: x", "servers[0].idd", "did you mean \"id\"?"),
        (
            "sticky: {onLos: fail}",
            "",
            "sticky.onLos",
            "did you mean \"onLoss\"?",
        ),
        (
            "sticky: {onLoss: rebnd}",
            "",
            "sticky.onLoss",
            "did you mean \"rebind\"?",
        ),
        (
            "sticky: {onLoss: retry}",
            "",
            "sticky.onLoss",
            "\"retry\" is not one of rebind, detour, fail",
        ),
        ("slowStart: fast", "", "slowStart", "\"fast\" is not a duration"),
        ("maxWait: long", "", "maxWait", "\"long\" is not a duration"),
        ("maxInFlight: many", "", "maxInFlight", "many"),
        ("maxInFlight: 0", "", "maxInFlight", "0"),
        ("maxInFlight: -1", "", "maxInFlight", "-1"),
        ("", "maxInFlight: 0", "servers[0].maxInFlight", "0"),
        ("", "drain: perhaps", "servers[0].drain", "perhaps"),
    ];
    let mut file = "http:\n  services:\n".to_owned();
    for (number, (options, server, ..)) in cases.iter().enumerate() {
        let [options, server] = [options, server].map(|text| {
            if text.is_empty() {
                String::new()
            } else {
                format!("{text}, ")
            }
        });
        file +=
            &format!("    s{number}: {{loadBalancer: {{{options}servers: [{{{server}url: http://a}}]}}}}\n");
    }
    let (is_good, text) = verdict(&file);
    assert!(!is_good);
    for (number, (_, _, key, what)) in cases.into_iter().enumerate() {
        let place = format!("dynamic.yaml:{}:", number + 3);
        says(
            &text,
            &[
                &place,
                &format!("error: http.services.s{number}.loadBalancer.{key}:"),
                what,
            ],
        );
    }
}

#[test]
fn a_misspelt_value_leaves_the_running_configuration_alone() {
    let [first, second] = two();
    let good = app(&[(&first, ""), (&second, "")], ", onLoss: fail", "");
    let piton = Piton::with(&good);
    swap(&piton.file(), &good.replace("onLoss: fail", "onLoss: rebnd"));
    piton.wait_for_line(&["ERROR", "dynamic.yaml:5:", "sticky.onLoss", "rebnd"]);
    assert_eq!(piton.generation(), 1);
    assert_eq!(get_as(piton.address(), &cookie_of(&first)).text(), "first");
}
