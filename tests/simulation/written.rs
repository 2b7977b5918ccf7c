//! Random configurations, and random changes to them.

use std::collections::BTreeMap;

use fastrand::Rng;
use piton::config::dynamic::Configuration;
use piton::config::dynamic::http::{Cookie, LoadBalancer, PassiveHealthCheck, Server, Service, Sticky};
use piton::config::{AllowEmpty, Span};
use piton::routing::{Ground, Merged, Snapshot, compile};

/// Load balancers by service name, without provider.
pub type Written = BTreeMap<String, LoadBalancer>;

pub const STRATEGIES: [&str; 4] = ["wrr", "p2c", "leasttime", "hrw"];

/// One to three services.
pub fn generate(rng: &mut Rng) -> Written {
    (0..rng.usize(1..=3))
        .map(|n| (format!("app{n}"), load_balancer(rng)))
        .collect()
}

fn load_balancer(rng: &mut Rng) -> LoadBalancer {
    let mut written = LoadBalancer {
        strategy: rng.choice(STRATEGIES).unwrap().to_owned(),
        sticky: AllowEmpty(rng.bool().then(|| sticky(rng))),
        passive_health_check: rng.bool().then(|| passive(rng)),
        ..LoadBalancer::default()
    };
    for _ in 0..rng.usize(0..=6) {
        add_server(rng, &mut written);
    }
    written
}

fn sticky(rng: &mut Rng) -> Sticky {
    let cookie = Cookie {
        name: if rng.bool() {
            String::new()
        } else {
            format!("c{}", rng.u8(..3))
        },
        ..Cookie::default()
    };
    Sticky {
        cookie: AllowEmpty((rng.u8(..) > 20).then_some(cookie)),
        ..Sticky::default()
    }
}

fn passive(rng: &mut Rng) -> PassiveHealthCheck {
    PassiveHealthCheck {
        failure_window: Span::seconds(rng.u32(1..=4).into()),
        max_failed_attempts: rng.u32(1..=3),
    }
}

fn weight(rng: &mut Rng) -> Option<i64> {
    match rng.u8(..8) {
        0 => Some(0),
        1..4 => None,
        4 => Some(1_000_000),
        _ => Some(rng.i64(1..=5)),
    }
}

fn add_server(rng: &mut Rng, written: &mut LoadBalancer) {
    let url = format!("http://10.0.0.{}:80", rng.u8(1..=9));
    if written.servers.iter().any(|server| server.url == url) {
        return;
    }
    let server = Server {
        url,
        weight: weight(rng),
        drain: rng.u8(..) < 25,
        ..Server::default()
    };
    written
        .servers
        .insert(rng.usize(..=written.servers.len()), server);
}

/// One change of one service, or none at all.
pub fn change(rng: &mut Rng, written: &mut Written) {
    let name = rng.choice(written.keys()).unwrap().clone();
    let service = written.get_mut(&name).unwrap();
    let count = service.servers.len();
    match rng.u8(..10) {
        0 | 1 => add_server(rng, service),
        2 if count > 0 => drop(service.servers.remove(rng.usize(..count))),
        3 if count > 0 => service.servers[rng.usize(..count)].weight = weight(rng),
        4 | 5 => rng.shuffle(&mut service.servers),
        6 if count > 0 => service.servers[rng.usize(..count)].drain ^= true,
        7 => rng.choice(STRATEGIES).unwrap().clone_into(&mut service.strategy),
        8 => service.sticky = AllowEmpty(rng.bool().then(|| sticky(rng))),
        _ => {}
    }
}

/// Compiles `written` upon `previous`.
pub fn compiled(written: &Written, previous: &Snapshot) -> Snapshot {
    compile(&merged(written), &Ground::bare(Vec::new()), 0, previous)
}

fn merged(written: &Written) -> Merged {
    let service = |load_balancer: &LoadBalancer| Service {
        load_balancer: Some(load_balancer.clone()),
        ..Service::default()
    };
    let mut configuration = Configuration::default();
    configuration.http.services = written
        .iter()
        .map(|(name, lb)| (name.clone(), service(lb)))
        .collect();
    Merged::of([("file", &configuration)])
}
