//! Random trees of services, and random changes to them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use fastrand::Rng;
use piton::balance::{Micros, Wall};
use piton::config::dynamic::Configuration;
use piton::config::dynamic::http::{
    Cookie, Failover, FailoverErrors, HighestRandomWeight, LoadBalancer, Mirror, Mirroring, OnLoss, Server,
    Service, Sticky, Weighted, WeightedChild,
};
use piton::config::{AllowEmpty, Moment, Span};
use piton::routing::{Ground, Merged, Snapshot, compile};

/// Services by name, without provider.
pub type Written = BTreeMap<String, Service>;

const MAX_DEPTH: usize = 5;

/// Leaves, and nodes that stand on leaves and on nodes before them.
pub fn generate(rng: &mut Rng) -> Written {
    let mut written = Written::new();
    for n in 0..rng.usize(2..=5) {
        written.insert(format!("leaf{n}"), leaf(rng));
    }
    for n in 0..rng.usize(1..=8) {
        let node = node(rng, &written);
        written.insert(format!("node{n}"), node);
    }
    written
}

/// The name without the provider.
pub fn bare(name: &str) -> &str {
    name.trim_end_matches("@file")
}

fn leaf(rng: &mut Rng) -> Service {
    let mut balancer = LoadBalancer {
        strategy: (*rng.choice(&["wrr", "p2c", "leasttime", "hrw"]).unwrap()).to_owned(),
        sticky: AllowEmpty((rng.u8(..4) > 0).then(|| sticky(rng))),
        slow_start: Span::seconds(*rng.choice(&[0, 0, 5]).unwrap()),
        max_in_flight: limit(rng),
        max_wait: Span::seconds(rng.u32(0..3).into()),
        ..LoadBalancer::default()
    };
    for _ in 0..rng.usize(1..=4) {
        add_server(rng, &mut balancer, 0);
    }
    Service {
        load_balancer: Some(balancer),
        ..Service::default()
    }
}

fn limit(rng: &mut Rng) -> Option<NonZeroU32> {
    NonZeroU32::new(*rng.choice(&[0, 0, 0, 1, 2, 4]).unwrap())
}

fn sticky(rng: &mut Rng) -> Sticky {
    let cookie = Cookie {
        // One name on several services and levels is allowed, and Traefik's own documentation does it.
        name: (*rng.choice(&["", "", "", "inner", "outer"]).unwrap()).to_owned(),
        ..Cookie::default()
    };
    Sticky {
        cookie: AllowEmpty(Some(cookie)),
        on_loss: *rng
            .choice(&[OnLoss::Rebind, OnLoss::Rebind, OnLoss::Detour, OnLoss::Fail])
            .unwrap(),
    }
}

fn add_server(rng: &mut Rng, balancer: &mut LoadBalancer, wall: Wall) {
    let server = Server {
        url: free_url(rng, balancer),
        id: if rng.bool() {
            String::new()
        } else {
            format!("id{}", rng.u8(..20))
        },
        weight: *rng
            .choice(&[None, None, Some(1), Some(2), Some(5), Some(0)])
            .unwrap(),
        drain: rng.u8(..) < 20,
        drain_until: (rng.u8(..) < 20).then(|| deadline(rng, wall)),
        max_in_flight: limit(rng),
        ..Server::default()
    };
    let is_new = |old: &Server| old.id.is_empty() || old.id != server.id;
    if balancer.servers.iter().all(is_new) {
        balancer.servers.push(server);
    }
}

fn free_url(rng: &mut Rng, balancer: &LoadBalancer) -> String {
    loop {
        let url = format!("http://10.0.0.{}:80", rng.u8(1..=30));
        if balancer.servers.iter().all(|server| server.url != url) {
            return url;
        }
    }
}

fn deadline(rng: &mut Rng, wall: Wall) -> Moment {
    Moment::unix_milliseconds(wall + rng.u64(..4_000))
}

fn depth(written: &Written, name: &str) -> usize {
    let below = children(&written[bare(name)]).into_iter();
    below.map(|child| depth(written, &child)).max().unwrap_or(0) + 1
}

/// Names of the services that `service` stands on, as written, mirrors left out.
pub fn children(service: &Service) -> Vec<String> {
    let weighted = service.weighted.iter().flat_map(|weighted| &weighted.services);
    let hashed = service.highest_random_weight.iter().flat_map(|hrw| &hrw.services);
    let mut names: Vec<String> = weighted.chain(hashed).map(|child| child.name.clone()).collect();
    names.extend(
        service
            .mirroring
            .iter()
            .map(|mirroring| mirroring.service.clone()),
    );
    let failover = service.failover.iter();
    names.extend(failover.flat_map(|failover| [failover.service.clone(), failover.fallback.clone()]));
    names
}

fn child(rng: &mut Rng, below: &Written) -> String {
    let shallow: Vec<&String> = below
        .keys()
        .filter(|name| depth(below, name) < MAX_DEPTH)
        .collect();
    let name = rng.choice(shallow).unwrap();
    // Both ways of writing it are the same service, and two identities.
    if rng.bool() {
        name.clone()
    } else {
        format!("{name}@file")
    }
}

fn weighted_children(rng: &mut Rng, below: &Written) -> Vec<WeightedChild> {
    let mut children: Vec<WeightedChild> = Vec::new();
    for _ in 0..rng.usize(1..=4) {
        let name = child(rng, below);
        if children.iter().all(|child| child.name != name) {
            let weight = *rng.choice(&[1, 1, 2, 5, 0]).unwrap();
            children.push(WeightedChild { name, weight });
        }
    }
    children
}

fn node(rng: &mut Rng, below: &Written) -> Service {
    match rng.u8(..8) {
        0..4 => Service {
            weighted: Some(Weighted {
                services: weighted_children(rng, below),
                sticky: (rng.u8(..4) > 0).then(|| sticky(rng)),
                ..Weighted::default()
            }),
            ..Service::default()
        },
        4 => Service {
            highest_random_weight: Some(HighestRandomWeight {
                services: weighted_children(rng, below),
                ..HighestRandomWeight::default()
            }),
            ..Service::default()
        },
        5 | 6 => Service {
            failover: Some(Failover {
                service: child(rng, below),
                fallback: child(rng, below),
                errors: rng.bool().then(|| FailoverErrors {
                    status: vec!["500-599".to_owned()],
                    ..FailoverErrors::default()
                }),
                ..Failover::default()
            }),
            ..Service::default()
        },
        _ => Service {
            mirroring: Some(Mirroring {
                service: child(rng, below),
                // The first takes all, so that a choice tells which mirrorings it has passed.
                mirrors: [100, rng.i64(0..=100), rng.i64(0..=100)]
                    .map(|percent| Mirror {
                        name: "leaf0".to_owned(),
                        percent,
                    })
                    .to_vec(),
                ..Mirroring::default()
            }),
            ..Service::default()
        },
    }
}

/// One change of one service, or none at all.
pub fn change(rng: &mut Rng, written: &mut Written, wall: Wall) {
    let name = rng.choice(written.keys()).unwrap().clone();
    let below: Written = written
        .range(..name.clone())
        .map(|(n, s)| (n.clone(), s.clone()))
        .collect();
    let service = written.get_mut(&name).unwrap();
    if let Some(balancer) = &mut service.load_balancer {
        return change_leaf(rng, balancer, wall);
    }
    if let Some(mirroring) = &mut service.mirroring {
        mirroring.mirrors[rng.usize(1..3)].percent = rng.i64(0..=100);
    }
    match (&mut service.weighted, rng.u8(..6)) {
        (Some(weighted), 0) => rng.choice(&mut weighted.services).unwrap().weight = rng.i64(-1..4),
        (Some(weighted), 1) => rng.shuffle(&mut weighted.services),
        (Some(weighted), 2) => weighted.sticky = rng.bool().then(|| sticky(rng)),
        // Only what stands on nothing but its elders: names of nodes grow.
        (_, 3) => {
            *service = node(rng, &below);
            let too_deep = written.keys().any(|name| depth(written, name) > MAX_DEPTH + 1);
            if too_deep {
                let leaf = WeightedChild {
                    name: "leaf0".to_owned(),
                    weight: 1,
                };
                let plain = Weighted {
                    services: vec![leaf],
                    ..Weighted::default()
                };
                *written.get_mut(&name).unwrap() = Service {
                    weighted: Some(plain),
                    ..Service::default()
                };
            }
        }
        _ => {}
    }
}

fn change_leaf(rng: &mut Rng, balancer: &mut LoadBalancer, wall: Wall) {
    let count = balancer.servers.len();
    let nth = rng.usize(..count.max(1));
    match rng.u8(..11) {
        0 => add_server(rng, balancer, wall),
        1 if count > 1 => drop(balancer.servers.remove(nth)),
        2 if count > 0 => balancer.servers[nth].weight = Some(rng.i64(-1..4)),
        3 => rng.shuffle(&mut balancer.servers),
        4 if count > 0 => balancer.servers[nth].drain ^= true,
        5 if count > 0 => {
            let old = balancer.servers[nth].drain_until;
            balancer.servers[nth].drain_until = old.is_none().then(|| deadline(rng, wall));
        }
        // It moves; with an id its sessions move with it.
        6 | 7 if count > 0 => balancer.servers[nth].url = free_url(rng, balancer),
        8 if count > 0 => balancer.servers[nth].max_in_flight = limit(rng),
        9 => balancer.sticky = AllowEmpty(rng.bool().then(|| sticky(rng))),
        10 => balancer
            .servers
            .iter_mut()
            .for_each(|server| server.weight = Some(0)),
        _ => {}
    }
}

/// Compiles `written` upon `previous`; everything in it works.
pub fn compiled(written: &Written, now: Micros, previous: &Snapshot) -> Snapshot {
    let mut configuration = Configuration::default();
    configuration.http.services = written.clone().into_iter().collect();
    let merged = Merged::of([("file", &configuration)]);
    let snapshot = compile(&merged, &Ground::bare(Vec::new()), now, previous);
    let lines: Vec<_> = snapshot.report.lines().collect();
    assert_eq!(snapshot.services.len(), written.len(), "{lines:?}");
    snapshot
}
