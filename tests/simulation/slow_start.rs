//! The share of new sessions of a server in its slow start, counted.

use std::sync::Arc;

use fastrand::Rng;
use http::{HeaderMap, HeaderValue, header};
use piton::balance::{Draw, Micros};
use piton::config::{Notation, dynamic};
use piton::routing::{Ground, Merged, Snapshot, compile};
use piton::service::{Ask, Attempts, Service};
use piton::sticky::CookieValue;

const SECOND: Micros = 1_000_000;

/// `app` over `servers` at hosts a, b, c ..., with ten seconds of slow start.
fn compiled(strategy: &str, servers: usize, now: Micros, previous: &Snapshot) -> Snapshot {
    let hosts = ('a'..)
        .take(servers)
        .map(|host| format!("{{url: 'http://{host}'}}"));
    let hosts: Vec<String> = hosts.collect();
    let yaml = format!(
        "http: {{services: {{app: {{loadBalancer: {{strategy: {strategy}, slowStart: 10s, \
         sticky: {{cookie: {{name: s}}}}, servers: [{}]}}}}}}}}",
        hosts.join(", ")
    );
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).unwrap();
    compile(
        &Merged::of([("file", &configuration)]),
        &Ground::bare(Vec::new()),
        now,
        previous,
    )
}

/// Who answers a request at `now`.
fn answer(service: &Service, cookie: Option<&str>, now: Micros, rng: &mut Rng) -> String {
    let cookie = cookie.map(|url| format!("s={}", CookieValue::of(url)));
    let line = cookie.map(|cookie| (header::COOKIE, HeaderValue::from_str(&cookie).unwrap()));
    let headers: HeaderMap = line.into_iter().collect();
    let draw = Draw {
        now,
        entropy: rng.u64(..),
        client: None,
    };
    let attempts = Attempts::default();
    let choice = service.choose(&Ask {
        headers: &headers,
        draw,
        wall: 0,
        attempts: &attempts,
    });
    choice.unwrap().server().url().to_owned()
}

/// Part of 20,000 new sessions at `now` that the server `url` gets.
fn share(service: &Service, url: &str, now: Micros, rng: &mut Rng) -> f64 {
    let found = (0..20_000).filter(|_| answer(service, None, now, rng) == url);
    found.count() as f64 / 20_000.0
}

/// A service that had servers a and b, and got c at second 100.
fn grown(strategy: &str) -> Arc<Service> {
    let before = compiled(strategy, 2, SECOND, &Snapshot::default());
    let after = compiled(strategy, 3, 100 * SECOND, &before);
    Arc::clone(&after.services["app@file"])
}

#[test]
fn the_share_of_a_new_server_grows_steadily_to_the_whole_of_it() {
    for strategy in ["wrr", "p2c"] {
        let service = grown(strategy);
        let mut rng = Rng::with_seed(5);
        let mut last = 0.0;
        for tenths in 0..=12_u32 {
            let now = 100 * SECOND + u64::from(tenths) * SECOND;
            let found = share(&service, "http://c", now, &mut rng);
            let part = f64::from(tenths.min(10)) / 10.0;
            // p2c turns part of the share away; in a round robin, who takes over has had a turn for it, so
            // that the weight grows and not the share.
            let expected = match strategy {
                "wrr" => part / (part + 2.0),
                _ => part / 3.0,
            };
            assert!(
                (found - expected).abs() < 0.015,
                "{strategy} {tenths}: {found}, not {expected}"
            );
            assert!(found >= last - 0.015, "{strategy} {tenths}");
            last = found;
        }
    }
}

#[test]
fn an_idle_server_that_nobody_has_measured_starts_slowly_with_leasttime_too() {
    let service = grown("leasttime");
    let mut rng = Rng::with_seed(5);
    assert_eq!(share(&service, "http://c", 100 * SECOND, &mut rng), 0.0);
    assert!(share(&service, "http://c", 105 * SECOND, &mut rng) <= 0.51);
}

#[test]
fn sessions_that_are_there_already_stay_from_the_first_moment() {
    let service = grown("wrr");
    let mut rng = Rng::with_seed(5);
    for _ in 0..1000 {
        let url = answer(&service, Some("http://c"), 100 * SECOND, &mut rng);
        assert_eq!(url, "http://c");
    }
}

#[test]
fn where_nobody_else_is_up_a_slow_start_takes_all() {
    let service = grown("p2c");
    for server in &service.servers().unwrap().pool.servers()[..2] {
        server.state().probed(false);
    }
    assert_eq!(
        share(&service, "http://c", 100 * SECOND, &mut Rng::with_seed(5)),
        1.0
    );
}

#[test]
fn a_first_configuration_starts_at_once_and_a_recovered_server_slowly() {
    for now in [SECOND, 2 * SECOND] {
        let first = compiled("wrr", 3, SECOND, &Snapshot::default());
        let service = &first.services["app@file"];
        let found = share(service, "http://c", now, &mut Rng::with_seed(5));
        assert!((found - 1.0 / 3.0).abs() < 0.01, "{found}");
    }
    let first = compiled("wrr", 3, SECOND, &Snapshot::default());
    let service = &first.services["app@file"];
    let state = service.servers().unwrap().pool.servers()[2].state();
    state.probed(false);
    state.probed(true);
    state.rose(50 * SECOND);
    let found = share(service, "http://c", 51 * SECOND, &mut Rng::with_seed(5));
    assert!(found < 0.06, "{found}");
}
