//! The request path of ring 1 allocates nothing: counted, not hoped.
//!
//! `allocation_counter` is the global allocator of this binary; it counts for the measuring thread alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

#[path = "support/servers.rs"]
mod servers;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use http::HeaderMap;
use piton::balance::Strategy;
use piton::config::{Notation, dynamic};
use piton::request::RequestView;
use piton::routing::{EntryPointSpec, Ground, Snapshot, compile, merge};
use piton::service::Service;

use servers::{draw, header_with_cookie, lettered, sticky_service};

/// Allocations of a thousand runs of `work`, after one that may fill caches.
fn allocations(mut work: impl FnMut()) -> u64 {
    work();
    allocation_counter::measure(|| (0..1000).for_each(|_| work())).count_total
}

/// Chooses and lets go at once.
fn choose(service: &Service, headers: &HeaderMap, entropy: u64) {
    let choice = servers::choose(service, headers, draw(1, entropy));
    drop(black_box(choice.expect("a server is up")));
}

fn snapshot() -> Snapshot {
    let routers: String = (0..50)
        .map(|n| format!("r{n}: {{rule: 'Host(`h{n}.example.com`) && PathPrefix(`/api`)', service: app}}, "))
        .collect();
    let services = "services: {app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}}";
    let yaml = format!(
        "http: {{routers: {{{routers} w: {{rule: 'Host(`*.example.org`)', service: app}}}}, {services}}}"
    );
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).unwrap();
    let merged = merge(
        &BTreeMap::from([("file".to_owned(), Arc::new(configuration))]),
        &[],
    );
    let web = EntryPointSpec {
        name: "web".to_owned(),
        is_default: true,
        unsupported: Vec::new(),
    };
    compile(&merged, &Ground::bare(vec![web]), 0, &Snapshot::default())
}

#[test]
fn counting_works() {
    assert_eq!(allocations(|| drop(black_box(Box::new(7_u64)))), 1000);
}

#[test]
fn finding_a_route_allocates_nothing() {
    let snapshot = snapshot();
    let headers = HeaderMap::new();
    let view = |host, path| RequestView {
        method: "GET",
        host,
        path,
        query: Some("a=b"),
        headers: &headers,
        client: None,
    };
    let found = [
        ("h42.example.com", "/api/x"),
        ("a.example.org", "/"),
        ("h7.example.com.", "/api"),
    ];
    for (host, path) in found {
        let find = || {
            let route = snapshot.tables[0]
                .find(&view(host, path))
                .expect("there is a route");
            black_box(Arc::clone(&route.service));
        };
        assert_eq!(allocations(find), 0, "{host}{path}");
    }
    let miss = || assert!(snapshot.tables[0].find(&view("nowhere", "/")).is_none());
    assert_eq!(allocations(miss), 0);
}

#[test]
fn staying_at_a_server_allocates_nothing() {
    for strategy in [Strategy::Wrr, Strategy::P2c, Strategy::LeastTime] {
        let service = sticky_service(lettered(strategy, &[1; 20]));
        let headers = header_with_cookie("F", 50);
        assert_eq!(allocations(|| choose(&service, &headers, 1)), 0, "{strategy:?}");
    }
}

#[test]
fn an_older_cookie_is_rewritten_without_allocation() {
    let service = sticky_service(lettered(Strategy::Wrr, &[1; 20]));
    let headers = HeaderMap::from_iter([(http::header::COOKIE, "a=b; s=F".parse().unwrap())]);
    assert_eq!(allocations(|| choose(&service, &headers, 1)), 0);
}

#[test]
fn picking_a_server_and_its_cookie_allocates_nothing() {
    for strategy in [Strategy::Wrr, Strategy::P2c, Strategy::LeastTime, Strategy::Hrw] {
        for weights in [&[1; 20][..], &[3, 1, 2, 5]] {
            let service = sticky_service(lettered(strategy, weights));
            let mut entropy = fastrand::Rng::with_seed(13);
            let pick = || choose(&service, &HeaderMap::new(), entropy.u64(..));
            assert_eq!(allocations(pick), 0, "{strategy:?} {weights:?}");
        }
    }
}

#[test]
fn measuring_an_answer_allocates_nothing() {
    let service = sticky_service(lettered(Strategy::LeastTime, &[1; 4]));
    let answer = || {
        let mut choice = servers::choose(&service, &HeaderMap::new(), draw(1, 1)).unwrap();
        choice.lease.first_byte(500);
        choice.server().state().succeeded();
    };
    assert_eq!(allocations(answer), 0);
}
