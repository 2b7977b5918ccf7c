//! Services of services: weighted, highestRandomWeight, failover (traefik-core 1.7, 2.5 to 2.7).

use std::net::{IpAddr, Ipv4Addr};

use piton::sticky::{CookieValue, cookie_name};

use crate::harness::{Browser, Piton, Response, Server, eventually, get, says, verdict};

/// A dynamic file whose one router leads to the service `top`; `services` are lines, one each.
fn tree(services: &[&str]) -> String {
    let mut text =
        "http:\n  routers:\n    all: {rule: PathPrefix(`/`), service: top}\n  services:\n".to_owned();
    for service in services {
        text.push_str(&format!("    {service}\n"));
    }
    text
}

/// A load balancer called `name`, sticky by a cookie of the same name; `options` end with a comma.
fn balancer(name: &str, servers: &[&Server], options: &str) -> String {
    let urls: Vec<String> = servers
        .iter()
        .map(|server| format!("{{url: {}}}", server.url()))
        .collect();
    format!(
        "{name}: {{loadBalancer: {{sticky: {{cookie: {{name: {name}}}}}, {options} servers: [{}]}}}}",
        urls.join(", ")
    )
}

/// `top`, weighted and sticky; each child is a name and a weight.
fn weighted(children: &[(&str, u32)]) -> String {
    weighted_as("top", children)
}

fn weighted_as(name: &str, children: &[(&str, u32)]) -> String {
    let children: Vec<String> = children
        .iter()
        .map(|(name, weight)| format!("{{name: {name}, weight: {weight}}}"))
        .collect();
    format!(
        "{name}: {{weighted: {{sticky: {{cookie: {{name: {name}}}}}, services: [{}]}}}}",
        children.join(", ")
    )
}

fn set(name: &str, handler: &str) -> String {
    format!("{name}={}; Path=/", CookieValue::of(handler))
}

/// Two children with two servers each: `a1 a2` and `b1 b2`.
fn four() -> [Server; 4] {
    ["a1", "a2", "b1", "b2"].map(Server::named)
}

/// The file for [`four`], the same share for both children.
fn two_by_two(servers: &[Server; 4], options: &str) -> String {
    let [a1, a2, b1, b2] = servers;
    tree(&[
        &weighted(&[("a", 1), ("b", 1)]),
        &balancer("a", &[a1, a2], options),
        &balancer("b", &[b1, b2], options),
    ])
}

/// The server's name, after a look at the status.
fn served(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.text()
}

/// Clients with their sessions, and where those are.
fn bound(piton: &Piton, count: usize) -> Vec<(Browser, String)> {
    let bound = (0..count).map(|_| {
        let mut browser = Browser::new();
        let home = served(&browser.ask(piton.address()));
        (browser, home)
    });
    bound.collect()
}

#[test]
fn a_first_answer_binds_on_both_levels_the_outer_one_first() {
    let servers = four();
    let piton = Piton::with(&two_by_two(&servers, ""));
    for _ in 0..4 {
        let mut browser = Browser::new();
        let first = browser.ask(piton.address());
        let home = served(&first);
        let index = ["a1", "a2", "b1", "b2"]
            .iter()
            .position(|name| *name == home)
            .unwrap();
        let child = &home[..1];
        assert_eq!(
            first.cookies(),
            [set("top", child), set(child, &servers[index].url())]
        );
        for _ in 0..5 {
            let next = browser.ask(piton.address());
            assert_eq!((served(&next), next.cookies()), (home.clone(), vec![]));
        }
    }
}

#[test]
fn a_level_whose_cookie_is_missing_sets_it_and_the_other_one_does_not() {
    let servers = four();
    let piton = Piton::with(&two_by_two(&servers, ""));
    for _ in 0..4 {
        let mut outer_only = Browser::with("top", &CookieValue::of("b").to_string());
        let answer = outer_only.ask(piton.address());
        let home = served(&answer);
        let index = ["b1", "b2"]
            .iter()
            .position(|name| *name == home)
            .expect("the cookie's child");
        assert_eq!(answer.cookies(), [set("b", &servers[2 + index].url())]);
    }
    // The inner cookie counts only when the turn of its child comes.
    for _ in 0..4 {
        let mut inner_only = Browser::with("a", &CookieValue::of(&servers[1].url()).to_string());
        let answer = inner_only.ask(piton.address());
        match served(&answer).as_str() {
            "a2" => assert_eq!(answer.cookies(), [set("top", "a")]),
            other => assert_eq!((&other[..1], answer.cookies().len()), ("b", 2)),
        }
    }
}

#[test]
fn without_names_the_cookies_are_called_after_the_qualified_services() {
    let server = Server::named("a1");
    let child = format!(
        "a: {{loadBalancer: {{sticky: {{cookie: {{}}}}, servers: [{{url: {}}}]}}}}",
        server.url()
    );
    let top = "top: {weighted: {sticky: {cookie: {}}, services: [{name: a}]}}";
    let piton = Piton::with(&tree(&[top, &child]));
    let names = [cookie_name("", "top@file"), cookie_name("", "a@file")];
    let expected = [set(&names[0], "a"), set(&names[1], &server.url())];
    assert_eq!(get(piton.address(), "/").cookies(), expected);
}

#[test]
fn only_the_clients_of_a_lost_child_move_and_nobody_sees_an_error() {
    for options in ["", "healthCheck: {path: /, interval: 50ms, timeout: 1s},"] {
        let mut servers = four();
        let piton = Piton::with(&two_by_two(&servers, options));
        let mut clients = bound(&piton, 8);
        servers[0].kill();
        servers[1].kill();
        for round in 0..3 {
            for (browser, home) in &mut clients {
                let answer = browser.ask(piton.address());
                let now = served(&answer);
                if home.starts_with('b') {
                    assert_eq!((&now, answer.cookies()), (&*home, vec![]), "round {round}");
                    continue;
                }
                let index = ["b1", "b2"]
                    .iter()
                    .position(|name| *name == now)
                    .expect("a server of b");
                assert_eq!(
                    answer.cookies(),
                    [set("top", "b"), set("b", &servers[2 + index].url())]
                );
                *home = now;
            }
        }
        for _ in 0..6 {
            let answer = get(piton.address(), "/");
            assert!(served(&answer).starts_with('b'));
            assert_eq!(answer.cookies().len(), 2);
        }
        // Who moved has moved; the child that is back gets new sessions.
        servers[0].restart();
        servers[1].restart();
        eventually("a is back", || {
            served(&get(piton.address(), "/")).starts_with('a')
        });
        for (browser, home) in &mut clients {
            let answer = browser.ask(piton.address());
            assert_eq!((&served(&answer), answer.cookies()), (&*home, vec![]));
        }
    }
}

#[test]
fn a_detour_between_children_ends_when_the_child_is_back() {
    let mut servers = four();
    let file =
        two_by_two(&servers, "").replace("cookie: {name: top}}", "cookie: {name: top}, onLoss: detour}");
    let piton = Piton::with(&file);
    let mut clients = bound(&piton, 8);
    servers[0].kill();
    servers[1].kill();
    for (browser, home) in &mut clients {
        let top = browser.cookie("top").map(str::to_owned);
        let first = browser.ask(piton.address());
        let stand_in = served(&first);
        // No level below is bound either: cookies of one name would cost the session its home.
        assert!(first.cookies().is_empty(), "{home}: {:?}", first.cookies());
        for _ in 0..2 {
            let next = browser.ask(piton.address());
            assert_eq!((served(&next), next.cookies()), (stand_in.clone(), vec![]));
        }
        assert_eq!(browser.cookie("top"), top.as_deref());
    }
    servers[0].restart();
    servers[1].restart();
    for (browser, home) in &mut clients {
        let back = browser.ask(piton.address());
        assert_eq!((&served(&back), back.cookies()), (&*home, vec![]));
    }
}

#[test]
fn with_on_loss_fail_a_session_does_not_leave_its_child() {
    let mut servers = four();
    let file = two_by_two(&servers, "").replace("cookie: {name: top}}", "cookie: {name: top}, onLoss: fail}");
    let piton = Piton::with(&file);
    let mut clients = bound(&piton, 8);
    servers[0].kill();
    servers[1].kill();
    for (browser, home) in &mut clients {
        let answer = browser.ask(piton.address());
        if home.starts_with('b') {
            assert_eq!(served(&answer), *home);
        } else {
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (503, "the server of this session is not available\n")
            );
        }
        assert_eq!(answer.cookies(), [""; 0]);
        assert_eq!(served(&get(piton.address(), "/"))[..1], *"b");
    }
    servers[0].restart();
    servers[1].restart();
    for (browser, home) in &mut clients {
        let back = browser.ask(piton.address());
        assert_eq!((&served(&back), back.cookies()), (&*home, vec![]));
    }
}

#[test]
fn one_lost_server_moves_its_clients_within_their_child() {
    let mut servers = four();
    let piton = Piton::with(&two_by_two(&servers, ""));
    let mut clients = bound(&piton, 8);
    servers[0].kill();
    for (browser, home) in &mut clients {
        let answer = browser.ask(piton.address());
        let moved = home == "a1";
        let expected = if moved { "a2" } else { &**home };
        assert_eq!(served(&answer), expected);
        let cookies = if moved {
            vec![set("a", &servers[1].url())]
        } else {
            vec![]
        };
        assert_eq!(answer.cookies(), cookies, "the outer bond holds");
    }
}

#[test]
fn a_child_that_takes_nobody_is_passed_by() {
    let good = Server::named("good");
    let closed = Server::named("closed");
    let url = closed.url();
    let piton = Piton::with(&tree(&[&balancer("top", &[&good], "")]));
    for child in [
        "a: {loadBalancer: {servers: []}}".to_owned(),
        format!("a: {{loadBalancer: {{servers: [{{url: {url}, drain: true}}]}}}}"),
        format!("a: {{loadBalancer: {{servers: [{{url: {url}, weight: 0}}]}}}}"),
        format!("a: {{loadBalancer: {{servers: [{{url: {url}, drainUntil: 2020-01-01T00:00:00Z}}]}}}}"),
        "a: {weighted: {services: []}}".to_owned(),
        "a: {failover: {service: none, fallback: none}}".to_owned(),
    ] {
        let none = "none: {loadBalancer: {servers: []}}";
        let top = weighted(&[("a", 100), ("b", 1)]);
        piton.reload(&tree(&[&top, &child, &balancer("b", &[&good], ""), none]));
        for cookie in [None, Some("a"), Some("b"), Some("nobody")] {
            let mut browser = cookie.map_or_else(Browser::new, |child| {
                Browser::with("top", &CookieValue::of(child).to_string())
            });
            let answer = browser.ask(piton.address());
            assert_eq!(served(&answer), "good", "{child} {cookie:?}");
            assert_eq!(
                browser.cookie("top"),
                Some(&*CookieValue::of("b").to_string()),
                "{child}"
            );
        }
    }
}

#[test]
fn when_no_child_is_left_the_answer_is_503_without_a_cookie() {
    let none = "top: {weighted: {sticky: {cookie: {}}, services: [{name: a}, {name: b}]}}";
    let empty = [
        "a: {loadBalancer: {servers: []}}",
        "b: {weighted: {services: []}}",
    ];
    let piton = Piton::with(&tree(&[none, empty[0], empty[1]]));
    let answer = get(piton.address(), "/");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (503, "no available server\n")
    );
    assert_eq!(answer.cookies(), [""; 0]);
}

#[test]
fn a_child_of_weight_zero_keeps_its_sessions_and_gets_no_new_ones() {
    let servers = four();
    let piton = Piton::with(&two_by_two(&servers, ""));
    let mut clients = bound(&piton, 8);
    let file = two_by_two(&servers, "").replace("{name: a, weight: 1}", "{name: a, weight: 0}");
    piton.reload(&file);
    for _ in 0..2 {
        for (browser, home) in &mut clients {
            let answer = browser.ask(piton.address());
            assert_eq!((&served(&answer), answer.cookies()), (&*home, vec![]));
        }
    }
    for _ in 0..8 {
        assert!(served(&get(piton.address(), "/")).starts_with('b'));
    }
}

#[test]
fn shares_are_exact_over_every_four_requests_and_over_reloads() {
    let servers = [Server::named("a"), Server::named("b")];
    let file = |turn: usize| {
        let options = format!("passHostHeader: {},", turn.is_multiple_of(2));
        let top = "top: {weighted: {services: [{name: a, weight: 3}, {name: b, weight: 1}]}}";
        tree(&[
            top,
            &balancer("a", &[&servers[0]], &options),
            &balancer("b", &[&servers[1]], &options),
        ])
    };
    let piton = Piton::with(&file(0));
    let mut all = String::new();
    for turn in 1..=4 {
        for _ in 0..4 {
            all += &served(&get(piton.address(), "/"));
        }
        piton.reload(&file(turn));
    }
    assert!(all.starts_with("aaba"), "{all}");
    assert_eq!(all.matches('b').count(), 4, "{all}");
    for window in all.as_bytes().chunks(4) {
        let bs = window.iter().filter(|&&byte| byte == b'b').count();
        assert_eq!(bs, 1, "{all}");
    }
}

#[test]
fn three_levels_set_three_cookies_and_a_lost_leaf_renews_as_few_as_possible() {
    let mut servers = ["x1", "y1", "z1"].map(Server::named);
    let file = |servers: &[Server; 3]| {
        tree(&[
            &weighted(&[("mid", 2), ("z", 1)]),
            &weighted_as("mid", &[("x", 1), ("y", 1)]),
            &balancer("x", &[&servers[0]], ""),
            &balancer("y", &[&servers[1]], ""),
            &balancer("z", &[&servers[2]], ""),
        ])
    };
    let piton = Piton::with(&file(&servers));
    let seen: Vec<String> = (0..6).map(|_| served(&get(piton.address(), "/"))).collect();
    for name in ["x1", "y1", "z1"] {
        assert_eq!(seen.iter().filter(|seen| *seen == name).count(), 2, "{seen:?}");
    }
    let mid = CookieValue::of("mid").to_string();
    let (mut browser, first) = loop {
        let mut browser = Browser::new();
        let answer = browser.ask(piton.address());
        if served(&answer) == "x1" {
            break (browser, answer);
        }
    };
    let cookies =
        |server: &Server, leaf: &str| [set("top", "mid"), set("mid", leaf), set(leaf, &server.url())];
    assert_eq!(first.cookies(), cookies(&servers[0], "x"));
    assert_eq!(browser.ask(piton.address()).cookies(), [""; 0]);
    servers[0].kill();
    let moved = browser.ask(piton.address());
    assert_eq!(
        (served(&moved).as_str(), moved.cookies()),
        (
            "y1",
            cookies(&servers[1], "y")[1..]
                .iter()
                .map(String::as_str)
                .collect()
        )
    );
    assert_eq!(browser.cookie("top"), Some(&*mid));
    servers[1].kill();
    let moved = browser.ask(piton.address());
    assert_eq!(served(&moved), "z1");
    assert_eq!(moved.cookies(), [set("top", "z"), set("z", &servers[2].url())]);
    assert_eq!(browser.ask(piton.address()).cookies(), [""; 0]);
}

#[test]
fn highest_random_weight_is_stable_and_only_the_clients_of_a_lost_child_move() {
    let mut servers = ["first", "second", "third"].map(Server::named);
    let file = |weight: &str| {
        let top = format!(
            "top: {{highestRandomWeight: {{services: [{{name: first{weight}}}, {{name: second}}, {{name: third}}]}}}}"
        );
        let children: Vec<String> = servers
            .iter()
            .zip(["first", "second", "third"])
            .map(|(server, name)| {
                format!(
                    "{name}: {{loadBalancer: {{servers: [{{url: {}}}]}}}}",
                    server.url()
                )
            })
            .collect();
        tree(&[&top, &children[0], &children[1], &children[2]])
    };
    let (plain, zero) = (file(""), file(", weight: 0"));
    let piton = Piton::with(&plain);
    let clients: Vec<IpAddr> = (1..=24)
        .map(|host| Ipv4Addr::new(127, 0, 1, host * 10).into())
        .collect();
    let homes = |piton: &Piton| -> Vec<String> {
        let answers = clients
            .iter()
            .map(|client| Browser::new().at(*client).ask(piton.address()));
        answers
            .map(|answer| {
                assert_eq!(answer.cookies(), [""; 0], "no cookie on this level");
                served(&answer)
            })
            .collect()
    };
    let before = homes(&piton);
    assert_eq!(before, homes(&piton));
    for name in ["first", "second", "third"] {
        assert!(before.iter().any(|home| home == name), "{before:?}");
    }
    let only_first_moves = |now: &[String]| {
        for (before, now) in before.iter().zip(now) {
            assert!(
                now != "first" && (before == "first" || before == now),
                "{before} {now}"
            );
        }
    };
    servers[0].kill();
    let away = homes(&piton);
    only_first_moves(&away);
    assert_eq!(away, homes(&piton));
    servers[0].restart();
    assert_eq!(before, homes(&piton), "back home");
    piton.reload(&zero);
    only_first_moves(&homes(&piton));
    piton.reload(&plain);
    assert_eq!(before, homes(&piton));
}

/// `top` fails over from `a` to `b`.
const FAILOVER: &str = "top: {failover: {service: a, fallback: b}}";

#[test]
fn a_failover_serves_from_the_fallback_while_the_main_is_dead_and_goes_back() {
    for options in ["", "healthCheck: {path: /, interval: 50ms, timeout: 1s},"] {
        let (mut main, spare) = (Server::named("main"), Server::named("spare"));
        let a = balancer("a", &[&main], options);
        let piton = Piton::with(&tree(&[FAILOVER, &a, &balancer("b", &[&spare], "")]));
        let mut browser = Browser::new();
        assert_eq!(browser.ask(piton.address()).cookies(), [set("a", &main.url())]);
        main.kill();
        let away = browser.ask(piton.address());
        assert_eq!(
            (served(&away).as_str(), away.cookies()),
            ("spare", vec![&*set("b", &spare.url())])
        );
        for _ in 0..3 {
            let away = browser.ask(piton.address());
            assert_eq!((served(&away).as_str(), away.cookies()), ("spare", vec![]));
            assert_eq!(served(&get(piton.address(), "/")), "spare");
        }
        main.restart();
        eventually("new sessions are back at the main service", || {
            served(&get(piton.address(), "/")) == "main"
        });
        let back = browser.ask(piton.address());
        assert_eq!(
            (served(&back).as_str(), back.cookies()),
            ("main", vec![]),
            "its old cookie holds"
        );
    }
}

#[test]
fn a_failover_with_a_draining_main_keeps_its_sessions_there() {
    let (main, spare) = (Server::named("main"), Server::named("spare"));
    let b = balancer("b", &[&spare], "");
    let open = tree(&[FAILOVER, &balancer("a", &[&main], ""), &b]);
    let draining = open.replace(
        &format!("{{url: {}}}", main.url()),
        &format!("{{url: {}, drain: true}}", main.url()),
    );
    let over = draining.replace("drain: true", "drainUntil: 2020-01-01T00:00:00Z");
    let piton = Piton::with(&open);
    let mut browser = Browser::new();
    browser.ask(piton.address());
    piton.reload(&draining);
    let stays = browser.ask(piton.address());
    assert_eq!((served(&stays).as_str(), stays.cookies()), ("main", vec![]));
    let new = get(piton.address(), "/");
    assert_eq!(
        (served(&new).as_str(), new.cookies()),
        ("spare", vec![&*set("b", &spare.url())])
    );
    piton.reload(&over);
    assert_eq!(served(&browser.ask(piton.address())), "spare");
    piton.reload(&tree(&[FAILOVER, "a: {loadBalancer: {servers: []}}", &b]));
    assert_eq!(served(&browser.ask(piton.address())), "spare");
    piton.reload(&open);
    let back = browser.ask(piton.address());
    assert_eq!((served(&back).as_str(), back.cookies()), ("main", vec![]));
}

#[test]
fn when_both_sides_of_a_failover_are_dead_the_answer_comes_at_once() {
    let (mut main, mut spare) = (Server::named("main"), Server::named("spare"));
    let file = tree(&[
        FAILOVER,
        &balancer("a", &[&main], ""),
        &balancer("b", &[&spare], ""),
    ]);
    let piton = Piton::with(&file);
    main.kill();
    spare.kill();
    let failed = get(piton.address(), "/");
    assert_eq!((failed.status, failed.cookies()), (502, vec![]));
    piton.reload(&tree(&[
        FAILOVER,
        "a: {loadBalancer: {servers: []}}",
        "b: {loadBalancer: {servers: []}}",
    ]));
    assert_eq!(get(piton.address(), "/").status, 503);
}

#[test]
fn a_child_may_be_named_with_its_provider_and_the_name_as_written_is_hashed() {
    let server = Server::named("a1");
    let piton = Piton::with(&tree(&[
        &weighted(&[("a@file", 1)]),
        &balancer("a", &[&server], ""),
    ]));
    let mut browser = Browser::new();
    let first = browser.ask(piton.address());
    assert_eq!(first.cookies(), [set("top", "a@file"), set("a", &server.url())]);
    // Written differently it is another identity, as in Traefik: the outer level binds anew.
    piton.reload(&tree(&[&weighted(&[("a", 1)]), &balancer("a", &[&server], "")]));
    let next = browser.ask(piton.address());
    assert_eq!(
        (served(&next).as_str(), next.cookies()),
        ("a1", vec![&*set("top", "a")])
    );
}

#[test]
fn a_parents_old_cookies_are_honoured_and_rewritten() {
    let servers = four();
    let piton = Piton::with(&two_by_two(&servers, ""));
    let mut browser = Browser::with("top", "b");
    let answer = browser.ask(piton.address());
    assert!(served(&answer).starts_with('b'));
    assert_eq!(answer.cookies()[0], set("top", "b"));
    assert_eq!(browser.ask(piton.address()).cookies(), [""; 0]);
}

#[test]
fn a_circle_disables_every_router_that_leads_into_it_and_is_told_with_its_path() {
    let server = Server::named("good");
    let file = format!(
        "http:
  routers:
    all: {{rule: PathPrefix(`/`), service: above}}
    good: {{rule: Path(`/good`), service: good}}
  services:
    above: {{failover: {{service: good, fallback: one}}}}
    one:
      weighted:
        services:
          - name: two
    two: {{mirroring: {{service: one@file}}}}
    me: {{weighted: {{services: [{{name: me}}]}}}}
{}",
        format_args!("    {}\n", balancer("good", &[&server], ""))
    );
    let (is_good, text) = verdict(&file);
    assert!(!is_good);
    for service in ["one", "two"] {
        let at = format!(
            "error: http.services.{service}: could not instantiate service {service}@file: recursion"
        );
        says(&text, &["dynamic.yaml:", &at]);
    }
    says(
        &text,
        &["recursion detected in service:", "one@file->two@file->one@file"],
    );
    says(
        &text,
        &[
            "dynamic.yaml:12:9: error: http.services.me:",
            "service:me@file->me@file",
        ],
    );
    says(
        &text,
        &[
            "dynamic.yaml:6:",
            "error: http.services.above:",
            "recursion detected",
        ],
    );
    says(
        &text,
        &[
            "dynamic.yaml:3:",
            "error: http.routers.all.service",
            "recursion detected",
        ],
    );
    let piton = Piton::with(&file);
    assert_eq!(get(piton.address(), "/").status, 404);
    assert_eq!(served(&get(piton.address(), "/good")), "good");
    piton.wait_for_line(&[
        "ERROR router all@file service",
        "recursion detected",
        "two@file->one@file->two@file",
    ]);
    piton.wait_for_line(&["ERROR service one@file", "recursion detected", "(disabled)"]);
}

#[test]
fn every_missing_child_is_told_at_its_place() {
    let server = Server::named("good");
    let good = balancer("good", &[&server], "");
    let file = format!(
        "http:
  routers:
    all: {{rule: PathPrefix(`/`), service: top}}
  services:
    top:
      weighted:
        services:
          - name: good
          - name: nobody
          - name: good@docker
          - weight: 2
    spare: {{failover: {{service: good, fallback: nope}}}}
    half: {{failover: {{service: good}}}}
    {good}
"
    );
    let (is_good, text) = verdict(&file);
    assert!(!is_good);
    for (place, key, what) in [
        (
            "9:19",
            "http.services.top.weighted.services[1].name",
            "\"nobody@file\" does not exist",
        ),
        (
            "10:19",
            "http.services.top.weighted.services[2].name",
            "\"good@docker\" does not exist",
        ),
        (
            "11:",
            "http.services.top.weighted.services[3]",
            "names no service",
        ),
        (
            "12:",
            "http.services.spare.failover.fallback",
            "\"nope@file\" does not exist",
        ),
        ("13:", "http.services.half.failover", "names no service"),
        ("3:", "http.routers.all.service", "top@file"),
    ] {
        says(
            &text,
            &[&format!("dynamic.yaml:{place}"), &format!("error: {key}"), what],
        );
    }
    let piton = Piton::with(&file);
    assert_eq!(get(piton.address(), "/").status, 404);
    piton.wait_for_line(&["ERROR service top@file weighted.services[1].name", "nobody@file"]);
    piton.wait_for_line(&["ERROR router all@file service", "top@file"]);
    // The next good file is in use at once.
    piton.reload(&tree(&[&weighted(&[("good", 1)]), &good]));
    assert_eq!(served(&get(piton.address(), "/")), "good");
}

#[test]
fn misspelt_keys_of_services_of_services_are_refused_with_a_guess() {
    let cases = [
        ("{wieghted: {services: []}}", "wieghted", "weighted"),
        ("{weighted: {service: []}}", "weighted.service", "services"),
        (
            "{weighted: {services: [{nmae: a}]}}",
            "weighted.services[0].nmae",
            "name",
        ),
        (
            "{weighted: {sticky: {cookei: {}}, services: []}}",
            "weighted.sticky.cookei",
            "cookie",
        ),
        (
            "{highestRandomWieght: {services: []}}",
            "highestRandomWieght",
            "highestRandomWeight",
        ),
        (
            "{highestRandomWeight: {services: [{wieght: 1}]}}",
            "highestRandomWeight.services[0].wieght",
            "weight",
        ),
        (
            "{failover: {servcie: a, fallback: b}}",
            "failover.servcie",
            "service",
        ),
        (
            "{failover: {service: a, falback: b}}",
            "failover.falback",
            "fallback",
        ),
    ];
    let services: Vec<String> = (0..)
        .zip(cases)
        .map(|(number, (service, ..))| format!("s{number}: {service}"))
        .collect();
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    let (is_good, text) = verdict(&tree(&services));
    assert!(!is_good);
    for (number, (_, key, guess)) in (0..).zip(cases) {
        let place = format!("dynamic.yaml:{}:", number + 5);
        let key = format!("error: http.services.s{number}.{key}:");
        says(&text, &[&place, &key, &format!("did you mean {guess:?}?")]);
    }
}
