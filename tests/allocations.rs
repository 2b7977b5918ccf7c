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

use std::hint::black_box;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use piton::balance::Strategy;
use piton::config::{NoFiles, Notation, dynamic};
use piton::request::RequestView;
use piton::routing::{EntryPointSpec, Ground, Merged, Snapshot, compile};
use piton::service::{Kind, Service};
use piton::sticky::{Lookup, Refusal, Sticky};

use servers::{draw, header_of_three_levels, header_with_cookie, lettered, plain_cookie, signed_cookie};
use servers::{sticky_service, three_levels};

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
    let merged = Merged::of([("file", &configuration)]);
    let web = EntryPointSpec::new("web", true);
    compile(&merged, &Ground::bare(vec![web]), 0, &Snapshot::default())
}

#[test]
fn counting_works() {
    assert_eq!(allocations(|| drop(black_box(Box::new(7_u64)))), 1000);
}

#[test]
fn finding_a_route_allocates_nothing() {
    let snapshot = snapshot();
    let table = snapshot.table(0, false).unwrap();
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
            let route = table.find(&view(host, path)).expect("there is a route");
            assert!(
                route.chain.is_empty(),
                "nothing is on the way, and nothing is made of it"
            );
            black_box(Arc::clone(&route.service));
        };
        assert_eq!(allocations(find), 0, "{host}{path}");
    }
    let miss = || assert!(table.find(&view("nowhere", "/")).is_none());
    assert_eq!(allocations(miss), 0);
}

#[test]
fn finding_the_tls_options_of_a_host_allocates_nothing() {
    let yaml = "http: {routers: {a: {rule: 'Host(`a.test`)', service: app, tls: {options: modern}}, \
                w: {rule: 'Host(`*.b.test`)', service: app, tls: {}}}, \
                services: {app: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}}}\n\
                tls: {options: {modern: {minVersion: VersionTLS13}}}";
    let yaml = format!("{{{}}}", yaml.replace('\n', ", "));
    let (configuration, _) = dynamic::read(yaml.as_bytes(), Notation::Yaml, None).unwrap();
    let merged = Merged::of([("file", &configuration)]);
    let ground = Ground::bare(vec![EntryPointSpec::new("web", true)]);
    let snapshot = compile(&merged, &ground, 0, &Snapshot::default());
    for (host, options) in [
        ("a.test", "modern@file"),
        ("x.b.test", "default"),
        ("c", "default"),
    ] {
        let find = || assert_eq!(black_box(snapshot.options_of(0, host)), options);
        assert_eq!(allocations(find), 0, "{host}");
    }
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

/// A level over `A` and `B` with signed cookies.
fn signed_level() -> Sticky {
    Sticky::new(
        &signed_cookie(),
        "app@file",
        &["A", "B"],
        &NoFiles,
        Arc::default(),
    )
    .unwrap()
}

#[test]
fn verifying_a_signed_cookie_allocates_nothing() {
    let level = signed_level();
    let set = level.set_cookie(1, 1_000_000, None).unwrap();
    let good = set.to_str().unwrap().split(';').next().unwrap();
    let (idle, old) = (Refusal::Idle, Refusal::TooOld);
    let cases = [
        (good.to_owned(), 1_000_000, None),
        (good.to_owned(), 2_000_000, None),
        (good.to_owned(), 9_000_000, Some(idle)),
        (good.to_owned(), 99_000_000, Some(old)),
        (
            good.replace(".k1.", ".k2."),
            1_000_000,
            Some(Refusal::BadSignature),
        ),
        (good.replace(".k1.", ".k3."), 1_000_000, Some(Refusal::UnknownKey)),
        (good.replace('.', ""), 1_000_000, Some(Refusal::Malformed)),
        ("s=A".to_owned(), 1_000_000, Some(Refusal::Plain)),
    ];
    for (cookie, now, refused) in cases {
        let headers = HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_str(&cookie).unwrap())]);
        let find = || match (level.find(black_box(&headers), now), refused) {
            (Lookup::Known { index: 1, .. }, None) => {}
            (Lookup::Refused(reason), Some(expected)) if reason == expected => {}
            (other, _) => panic!("{cookie} at {now}: {other:?}"),
        };
        assert_eq!(allocations(find), 0, "{cookie} at {now}");
    }
}

#[test]
fn signing_a_cookie_allocates_its_line_and_nothing_else() {
    let level = signed_level();
    let sign = || drop(black_box(level.set_cookie(0, 1_000_000, None).unwrap()));
    assert_eq!(allocations(sign), 1000);
}

#[test]
fn renewing_a_plain_cookie_allocates_nothing() {
    let mut cookie = plain_cookie();
    cookie.renew = true;
    let level = Sticky::new(&cookie, "app@file", &["A", "B"], &NoFiles, Arc::default()).unwrap();
    let headers = header_with_cookie("B", 3);
    let renew = || match level.find(black_box(&headers), 0) {
        Lookup::Known {
            index,
            issued,
            renew: true,
            ..
        } => drop(black_box(level.set_cookie(index, 0, issued))),
        other => panic!("{other:?}"),
    };
    assert_eq!(allocations(renew), 0);
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

/// Every pool makes its list of open servers once per flip.
fn warm_up(service: &Service) {
    (0..1000).for_each(|_| choose(service, &HeaderMap::new(), 1));
}

#[test]
fn a_way_through_three_sticky_levels_allocates_nothing() {
    let service = three_levels();
    warm_up(&service);
    let cookies = |headers: &HeaderMap| {
        let choice = servers::choose(&service, headers, draw(1, 1)).unwrap();
        (choice.server().url().to_owned(), choice.cookies.len())
    };
    let (new, bound) = (HeaderMap::new(), header_of_three_levels());
    assert_eq!(cookies(&new).1, 3);
    assert_eq!(cookies(&bound), ("http://sbac".to_owned(), 0));
    assert_eq!(allocations(|| choose(&service, &new, 1)), 0, "new");
    assert_eq!(allocations(|| choose(&service, &bound, 1)), 0, "bound");
}

#[test]
fn a_child_that_is_away_costs_new_sessions_no_allocation() {
    let service = three_levels();
    let Kind::Weighted(outer) = service.kind() else {
        panic!("it is a weighted")
    };
    let Kind::Weighted(middle) = outer.children()[1].service().kind() else {
        panic!("it is a weighted")
    };
    let lost = middle.children()[0].service();
    for server in lost.servers().unwrap().pool.servers() {
        server.state().probed(false);
    }
    warm_up(&service);
    assert_eq!(allocations(|| choose(&service, &HeaderMap::new(), 1)), 0, "new");
    let bound = header_of_three_levels();
    assert_eq!(
        allocations(|| choose(&service, &bound, 1)),
        0,
        "bound to the lost one"
    );
}
