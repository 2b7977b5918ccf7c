//! What is compiled upon a snapshot is what is compiled anew, whatever changed between.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;
use crate::config::dynamic::http as wire;
use crate::config::dynamic::middleware::access::ForwardAuth;
use crate::config::dynamic::middleware::flow::{Chain, RateLimit};
use crate::config::dynamic::{Configuration, Middleware};

const MIDDLEWARES: [&str; 5] = ["m1", "m2", "m3", "m4", "m5"];

fn middleware(rng: &mut Rng) -> Middleware {
    let mut middleware = Middleware::default();
    match rng.u8(0..6) {
        0 => {}
        1 => middleware.forward_auth = Some(ForwardAuth::default()),
        2 | 3 => {
            let average = rng.i64(-1..3);
            middleware.rate_limit = Some(RateLimit {
                average,
                ..RateLimit::default()
            });
        }
        _ => {
            let names = (0..rng.u8(0..3)).map(|_| (*rng.choice(&MIDDLEWARES).unwrap()).to_owned());
            middleware.chain = Some(Chain {
                middlewares: names.collect(),
            });
        }
    }
    middleware
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn balancer(rng: &mut Rng) -> wire::Service {
    let servers = (0..rng.u16(0..4)).map(|_| wire::Server {
        url: match rng.u8(0..12) {
            0 => "://".to_owned(),
            _ => format!("http://127.0.0.1:{}", rng.u16(1..6)),
        },
        drain: rng.u8(0..5) == 0,
        ..wire::Server::default()
    });
    wire::Service {
        load_balancer: Some(wire::LoadBalancer {
            servers: servers.collect(),
            strategy: if rng.u8(0..10) == 0 { "none" } else { "wrr" }.to_owned(),
            servers_transport: if rng.u8(0..6) == 0 { "t" } else { "" }.to_owned(),
            ..wire::LoadBalancer::default()
        }),
        middlewares: match rng.u8(0..8) {
            0 => vec![(*rng.choice(&MIDDLEWARES).unwrap()).to_owned()],
            _ => Vec::new(),
        },
        ..wire::Service::default()
    }
}

fn weighted(rng: &mut Rng) -> wire::Service {
    let children = (0..rng.u8(1..4)).map(|_| wire::WeightedChild {
        name: (*rng.choice(&NAMES).unwrap()).to_owned(),
        ..wire::WeightedChild::default()
    });
    wire::Service {
        weighted: Some(wire::Weighted {
            services: children.collect(),
            ..wire::Weighted::default()
        }),
        ..wire::Service::default()
    }
}

fn router(rng: &mut Rng) -> wire::Router {
    wire::Router {
        rule: match rng.u8(0..10) {
            0 => "Host(".to_owned(),
            _ => format!("Host(`{}.test`)", rng.choice(&NAMES).unwrap()),
        },
        service: (*rng.choice(&NAMES).unwrap()).to_owned(),
        priority: rng.i64(0..3),
        middlewares: match rng.u8(0..4) {
            0 => vec![(*rng.choice(&MIDDLEWARES).unwrap()).to_owned()],
            1 => MIDDLEWARES
                .iter()
                .map(|&name| name.to_owned())
                .filter(|_| rng.bool())
                .collect(),
            _ => Vec::new(),
        },
        entry_points: match rng.u8(0..6) {
            0 => vec!["admin".to_owned()],
            1 => vec!["nowhere".to_owned(), "web".to_owned()],
            _ => Vec::new(),
        },
        ..wire::Router::default()
    }
}

/// One change, or a few at once.
fn change(rng: &mut Rng, http: &mut dynamic::Http) {
    for _ in 0..rng.u8(1..4) {
        let name = *rng.choice(&NAMES).unwrap();
        match rng.u8(0..13) {
            0..=3 => http.services.insert(name, balancer(rng)),
            4 => http.services.insert(name, weighted(rng)),
            5 => drop(http.services.remove(name)),
            6..=8 => http.routers.insert(name, router(rng)),
            9 => drop(http.routers.remove(name)),
            10 | 11 => {
                let name = *rng.choice(&MIDDLEWARES).unwrap();
                match rng.u8(0..4) {
                    0 => drop(http.middlewares.remove(name)),
                    _ => http.middlewares.insert(name, middleware(rng)),
                }
            }
            _ => match rng.bool() {
                true => http
                    .servers_transports
                    .insert("t", wire::ServersTransport::default()),
                false => drop(http.servers_transports.remove("t")),
            },
        }
    }
}

/// Everything that a snapshot says and does, without what lives.
fn told(snapshot: &Snapshot) -> String {
    let routes = |table: &Table| -> Vec<(String, *const Service)> {
        let routes = table.routes();
        let line = |route: &Arc<Route>| {
            let steps: Vec<&str> = route.chain.steps().iter().map(|step| step.name()).collect();
            (format!("{} {steps:?}", route.name), Arc::as_ptr(&route.service))
        };
        routes.iter().map(line).collect()
    };
    let tables: Vec<Vec<String>> = snapshot
        .tables
        .iter()
        .map(|table| {
            let lead_to_the_published = routes(table).into_iter().map(|(name, service)| {
                let known = snapshot
                    .services
                    .values()
                    .find(|known| Arc::as_ptr(known) == service);
                format!("{name} -> {}", known.expect("of this snapshot").name())
            });
            lead_to_the_published.collect()
        })
        .collect();
    let services: BTreeMap<&str, String> = snapshot
        .services
        .iter()
        .map(|(name, service)| {
            let servers = service.servers().map(|servers| {
                let servers = servers.pool.servers().iter();
                servers.map(|server| server.url().to_owned()).collect::<Vec<_>>()
            });
            (&**name, format!("{servers:?} {}", service.depth()))
        })
        .collect();
    let mut lines: Vec<_> = snapshot.report.lines().collect();
    lines.sort();
    format!(
        "{tables:#?} {services:#?} {} servers {lines:#?} {:?} {:?} {:?}",
        snapshot.servers,
        snapshot.report.routers.keys().collect::<Vec<_>>(),
        snapshot.report.services.keys().collect::<Vec<_>>(),
        snapshot.report.middlewares.keys().collect::<Vec<_>>(),
    )
}

#[test]
fn compiled_upon_a_snapshot_is_the_same_as_compiled_anew() {
    let seed = std::env::var("PITON_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("PITON_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut specs = entry_points();
    specs[1].middlewares = vec!["m5".to_owned()];
    let ground = Ground::bare(specs);
    for _ in 0..60 {
        let mut configuration = Configuration::default();
        let mut merged = Merged::default();
        let mut snapshot = Snapshot::default();
        for step in 0..40 {
            let before = configuration.clone();
            change(&mut rng, &mut configuration.http);
            merged.replace("file", &before, &configuration);
            assert_eq!(merged, Merged::of([("file", &configuration)]));
            snapshot = compile(&merged, &ground, 0, &snapshot);
            let anew = compile(&merged, &ground, 0, &Snapshot::default());
            assert_eq!(told(&snapshot), told(&anew), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn what_does_not_change_is_not_made_again() {
    let mut configuration = Configuration::default();
    let mut rng = Rng::with_seed(1);
    for name in NAMES {
        let service = std::iter::repeat_with(|| balancer(&mut rng)).find(|service| {
            let balancer = service.load_balancer.as_ref().unwrap();
            balancer.strategy == "wrr"
                && balancer.servers_transport.is_empty()
                && balancer.servers.len() == 2
                && service.middlewares.is_empty()
        });
        configuration.http.services.insert(name, service.unwrap());
        let router = wire::Router {
            rule: format!("Host(`{name}`)"),
            service: name.to_owned(),
            ..wire::Router::default()
        };
        configuration.http.routers.insert(name, router);
    }
    let ground = Ground::bare(entry_points());
    let mut merged = Merged::of([("file", &configuration)]);
    let first = compile(&merged, &ground, 0, &Snapshot::default());
    let before = configuration.clone();
    let changed = configuration.http.services.get_mut("c").unwrap();
    changed.load_balancer.as_mut().unwrap().servers[0].url = "http://127.0.0.1:9".to_owned();
    merged.replace("file", &before, &configuration);
    let second = compile(&merged, &ground, 0, &first);
    let replaced = first.services.replacements(&second.services);
    assert_eq!(
        replaced.map(|it| it.name().to_string()).collect::<Vec<_>>(),
        ["c@file"]
    );
    assert!(first.routers.replacements(&second.routers).next().is_none());
    assert!(
        first
            .report
            .services
            .replacements(&second.report.services)
            .count()
            <= 1
    );
    let leads_to = |snapshot: &Snapshot, host: &str| routed(snapshot, 0, host, "/").unwrap();
    assert_eq!(leads_to(&second, "c"), "c@file");
}
