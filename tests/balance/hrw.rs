//! Highest random weight (traefik-core 2.3).

use std::net::{IpAddr, Ipv4Addr};

use fastrand::Rng;
use piton::balance::{Draw, Pool, Strategy};

use crate::servers::{pool, set_up};

fn pick(pool: &Pool, client: IpAddr) -> Option<&str> {
    let draw = Draw {
        now: 1,
        entropy: 0,
        client: Some(client),
    };
    let index = pool.pick(&draw, &[])?;
    Some(pool.servers()[index as usize].url())
}

fn clients(count: usize) -> impl Iterator<Item = IpAddr> {
    let mut rng = Rng::with_seed(11);
    (0..count).map(move |_| IpAddr::from(Ipv4Addr::from(rng.u32(..))))
}

fn share(pool: &Pool, name: &str) -> f64 {
    let hits = clients(10_000)
        .filter(|&client| pick(pool, client) == Some(name))
        .count();
    hits as f64 / 10_000.0
}

const THREE: [(&str, u32); 3] = [
    ("http://127.0.0.1:8081", 1),
    ("http://127.0.0.1:8082", 1),
    ("http://127.0.0.1:8083", 1),
];

#[test]
fn worked_picks_are_traefiks() {
    let pool = pool(Strategy::Hrw, &THREE);
    for (client, port) in [
        ("127.0.0.1", 8082),
        ("10.0.0.1", 8081),
        ("192.168.1.7", 8082),
        ("203.0.113.9", 8082),
        ("::1", 8081),
    ] {
        let expected = format!("http://127.0.0.1:{port}");
        assert_eq!(
            pick(&pool, client.parse().unwrap()),
            Some(expected.as_str()),
            "{client}"
        );
    }
}

#[test]
fn an_ipv4_client_on_a_dual_stack_socket_is_the_same_client() {
    let pool = pool(Strategy::Hrw, &THREE);
    for client in clients(100) {
        let IpAddr::V4(v4) = client else { unreachable!() };
        assert_eq!(pick(&pool, client), pick(&pool, v4.to_ipv6_mapped().into()));
    }
}

#[test]
fn one_client_always_gets_the_same_server() {
    let pool = pool(Strategy::Hrw, &THREE);
    for client in clients(100) {
        let first = pick(&pool, client);
        assert!((0..10).all(|_| pick(&pool, client) == first));
    }
}

#[test]
fn four_to_one_is_eighty_to_twenty_where_names_differ_enough() {
    let pool = pool(Strategy::Hrw, &[("first", 4), ("second", 1)]);
    assert!(
        (share(&pool, "first") - 0.8).abs() < 0.03,
        "{}",
        share(&pool, "first")
    );
}

#[test]
fn the_order_of_servers_does_not_matter() {
    let forward = pool(Strategy::Hrw, &THREE);
    let mut servers = THREE;
    servers.reverse();
    let backward = pool(Strategy::Hrw, &servers);
    for client in clients(500) {
        assert_eq!(pick(&forward, client), pick(&backward, client));
    }
}

#[test]
fn only_the_clients_of_a_lost_server_move_and_they_come_back() {
    let pool = pool(Strategy::Hrw, &[("first", 1), ("second", 1), ("third", 1)]);
    let picks = || -> Vec<_> { clients(2000).map(|client| pick(&pool, client).unwrap()).collect() };
    let before = picks();
    set_up(&pool, "second", false);
    for (was, is) in before.iter().zip(picks()) {
        assert!(
            is != "second" && (*was == "second" || *was == is),
            "{was} -> {is}"
        );
    }
    set_up(&pool, "second", true);
    assert_eq!(picks(), before);
}

#[test]
fn weight_zero_is_nobodys_server_and_none_left_is_nobody() {
    let pool = pool(Strategy::Hrw, &[("first", 0), ("second", 1)]);
    assert!(clients(100).all(|client| pick(&pool, client) == Some("second")));
    set_up(&pool, "second", false);
    assert_eq!(pick(&pool, [10, 0, 0, 1].into()), None);
}
