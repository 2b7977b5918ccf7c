//! Servers and pools without a network, and the arithmetic of fair shares.
#![allow(dead_code, reason = "every test and bench uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is the report"
)]

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use piton::balance::{Draw, Micros, Pool, Server, ServerState, Signals, Strategy, Terms};
use piton::config::dynamic::http::{Cookie, OnLoss, Sign, SignKey};
use piton::config::{NoFiles, Notation, Secret, Span, dynamic};
use piton::routing::{Ground, Merged, Snapshot, compile};
use piton::service::{Ask, Attempts, Choice, Kind, Level, Servers, Service};
use piton::sticky::{CookieValue, Sticky};
use piton::upstream::{Address, ServerUrl, Transport, Upstream};

/// An upstream that nobody connects to.
pub fn upstream() -> Upstream {
    let url = ServerUrl::parse("http://127.0.0.1:9").unwrap();
    let address = Address::Fixed(([127, 0, 0, 1], 9).into());
    Upstream::new(&url, &Transport::default(), address, false).unwrap()
}

/// A pool over named servers with weights, all up and unmeasured.
pub fn pool(strategy: Strategy, servers: &[(&str, u32)]) -> Pool {
    let signals = Arc::new(Signals::default());
    let servers = servers.iter().map(|&(name, weight)| {
        let state = Arc::new(ServerState::new(Arc::clone(&signals)));
        Arc::new(Server::new(name, weight, Terms::default(), upstream(), state))
    });
    Pool::new(servers.collect(), strategy, Arc::clone(&signals), None)
}

/// A pool over `a`, `b`, `c` ... with these weights.
pub fn lettered(strategy: Strategy, weights: &[u32]) -> Pool {
    let names: Vec<String> = ('A'..).take(weights.len()).map(String::from).collect();
    let servers: Vec<(&str, u32)> = names
        .iter()
        .map(String::as_str)
        .zip(weights.iter().copied())
        .collect();
    pool(strategy, &servers)
}

/// The pool after a reload to `servers`, states kept by name, as `routing::compile` does it.
pub fn reloaded(old: &Pool, strategy: Strategy, servers: &[(&str, u32)]) -> Pool {
    let signals = Arc::clone(old.signals());
    let servers = servers.iter().map(|&(name, weight)| {
        let kept = old.servers().iter().find(|server| server.url() == name);
        let state = kept.map_or_else(
            || Arc::new(ServerState::new(Arc::clone(&signals))),
            |server| Arc::clone(server.state()),
        );
        Arc::new(Server::new(name, weight, Terms::default(), upstream(), state))
    });
    Pool::new(servers.collect(), strategy, Arc::clone(&signals), Some(old))
}

/// A draw at `now` with `entropy`, for a client without an address.
pub fn draw(now: Micros, entropy: u64) -> Draw {
    Draw {
        now,
        entropy,
        client: None,
    }
}

/// The choice of a first attempt, in 1970.
pub fn choose(service: &Service, headers: &HeaderMap, draw: Draw) -> Option<Choice> {
    let attempts = Attempts::default();
    let ask = Ask {
        headers,
        draw,
        wall: 0,
        attempts: &attempts,
    };
    service.choose(&ask).ok()
}

/// Names of `count` picks in a row, joined.
pub fn sequence(pool: &Pool, count: usize) -> String {
    (0..count)
        .map(|_| {
            let index = pool.pick(&draw(1, 0), &[]).expect("a server is open");
            pool.servers()[index as usize].url()
        })
        .collect()
}

/// Takes the server called `name` up or down, as an active check does.
pub fn set_up(pool: &Pool, name: &str, up: bool) {
    let server = pool.servers().iter().find(|server| server.url() == name);
    server.expect("the server exists").state().probed(up);
}

/// Pearson's statistic of `seen` against shares in proportion to `weights`.
pub fn chi_square(seen: &[u32], weights: &[f64]) -> f64 {
    let picks: u32 = seen.iter().sum();
    let total: f64 = weights.iter().sum();
    seen.iter()
        .zip(weights)
        .map(|(&seen, weight)| {
            let expected = f64::from(picks) * weight / total;
            (f64::from(seen) - expected).powi(2) / expected
        })
        .sum()
}

/// A sticky service over `pool`; its cookie is called `s`.
pub fn sticky_service(pool: Pool) -> Service {
    service_with_cookie(pool, &plain_cookie())
}

/// Traefik's cookie, called `s`.
pub fn plain_cookie() -> Cookie {
    Cookie {
        name: "s".to_owned(),
        ..Cookie::default()
    }
}

/// The same, signed with the first of two keys.
pub fn signed_cookie() -> Cookie {
    let key = |id: &str| SignKey {
        id: id.to_owned(),
        secret: Secret::from(id.repeat(32)),
        file: String::new(),
    };
    Cookie {
        sign: Some(Sign {
            keys: vec![key("k1"), key("k2")],
            max_idle: Some(Span::seconds(3600)),
            max_life: Some(Span::seconds(36_000)),
            accept_plain: false,
        }),
        ..plain_cookie()
    }
}

/// A sticky service over `pool` with this cookie.
pub fn service_with_cookie(pool: Pool, cookie: &Cookie) -> Service {
    let names: Vec<&str> = pool.servers().iter().map(|server| server.url()).collect();
    let servers = Servers {
        written: Arc::default(),
        transport: Transport::default(),
        level: Some(Level::new(
            Sticky::new(cookie, "app@file", &names, &NoFiles, Arc::default()).unwrap(),
            OnLoss::Rebind,
        )),
        max_wait: Duration::ZERO,
        pool,
    };
    Service::new("app@file".to_owned(), Kind::Servers(Box::new(servers)))
}

/// A request's header with the cookie of the server called `name`, as the last of `cookies`.
pub fn header_with_cookie(name: &str, cookies: usize) -> HeaderMap {
    let mut line: String = (1..cookies)
        .map(|n| format!("other_cookie_{n}=0123456789abcdef; "))
        .collect();
    line += &format!("s={}", CookieValue::of(name));
    let value = HeaderValue::from_str(&line).expect("visible ASCII");
    HeaderMap::from_iter([(header::COOKIE, value)])
}

/// Sticky weighted over sticky weighted over sticky servers, three of each.
pub fn three_levels() -> Arc<Service> {
    let three = |name: &str| ["a", "b", "c"].map(|last| format!("{name}{last}"));
    let level = |cookie: &str, name: &str| {
        let children = three(name).map(|child| format!("{{name: {child}}}")).join(", ");
        format!("{name}: {{weighted: {{sticky: {{cookie: {{name: {cookie}}}}}, services: [{children}]}}}}")
    };
    let leaf = |name: &str| {
        let servers = three(name)
            .map(|host| format!("{{url: 'http://{host}'}}"))
            .join(", ");
        format!("{name}: {{loadBalancer: {{sticky: {{cookie: {{name: inner}}}}, servers: [{servers}]}}}}")
    };
    let mut services = vec![level("outer", "s")];
    for child in three("s") {
        services.push(level("middle", &child));
        services.extend(three(&child).map(|name| leaf(&name)));
    }
    let yaml = format!("http: {{services: {{{}}}}}", services.join(", "));
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).expect("it is good");
    let ground = Ground::bare(Vec::new());
    let snapshot = compile(
        &Merged::of([("file", &configuration)]),
        &ground,
        0,
        &Snapshot::default(),
    );
    Arc::clone(&snapshot.services["s@file"])
}

/// A request's header with cookies for all of [`three_levels`].
pub fn header_of_three_levels() -> HeaderMap {
    let [outer, middle, inner] = ["sb", "sba", "http://sbac"].map(CookieValue::of);
    let line = format!("theme=dark; outer={outer}; middle={middle}; inner={inner}");
    let value = HeaderValue::from_str(&line).expect("visible ASCII");
    HeaderMap::from_iter([(header::COOKIE, value)])
}
