//! Finding a route, and compiling a configuration.
//!
//! Aims: a route under 500 ns at 10,000 hosts; 10,000 services with routers compiled within a second.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use piton::config::AllowEmpty;
use piton::config::dynamic::Configuration;
use piton::config::dynamic::http::{Cookie, LoadBalancer, Router, Server, Service, Sticky};
use piton::request::RequestView;
use piton::routing::{EntryPointSpec, Ground, Merged, Snapshot, compile};

fn service(n: usize) -> Service {
    let server = |last: u8| Server {
        url: format!("http://10.{}.{}.{last}:8080", n / 250, n % 250),
        ..Server::default()
    };
    let cookie = AllowEmpty::present(Cookie::default());
    Service {
        load_balancer: Some(LoadBalancer {
            sticky: AllowEmpty::present(Sticky {
                cookie,
                ..Sticky::default()
            }),
            servers: vec![server(1), server(2)],
            ..LoadBalancer::default()
        }),
        ..Service::default()
    }
}

/// `count` routers by `rule`, spread over `services` services.
fn merged(count: usize, services: usize, rule: impl Fn(usize) -> String) -> Merged {
    let mut configuration = Configuration::default();
    for n in 0..services {
        configuration.http.services.insert(format!("app{n}"), service(n));
    }
    for n in 0..count {
        let router = Router {
            rule: rule(n),
            service: format!("app{}", n % services),
            ..Router::default()
        };
        configuration.http.routers.insert(format!("router{n}"), router);
    }
    Merged::of([("file", &configuration)])
}

fn compiled(merged: &Merged, previous: &Snapshot) -> Snapshot {
    let web = EntryPointSpec {
        name: "web".to_owned(),
        is_default: true,
        ..EntryPointSpec::default()
    };
    compile(merged, &Ground::bare(vec![web]), 0, previous)
}

fn exact(n: usize) -> String {
    format!("Host(`app{n}.example.com`)")
}

fn route(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    let mut bench = |id: BenchmarkId, merged: &Merged, host: &str, path: &str| {
        let snapshot = compiled(merged, &Snapshot::default());
        let headers = HeaderMap::new();
        let view = RequestView {
            method: "GET",
            host,
            path,
            query: None,
            headers: &headers,
            client: None,
        };
        assert!(
            snapshot.tables.iter().any(|table| table.find(&view).is_some()),
            "{host}{path}"
        );
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                snapshot
                    .tables
                    .first()
                    .and_then(|table| table.find(black_box(&view)))
            });
        });
    };
    for count in [10, 1000, 10_000] {
        let host = format!("app{}.example.com", count / 2);
        bench(
            BenchmarkId::new("exact", count),
            &merged(count, 10, exact),
            &host,
            "/",
        );
        let with_path = |n| format!("Host(`app{n}.example.com`) && PathPrefix(`/api`)");
        bench(
            BenchmarkId::new("exact_and_path", count),
            &merged(count, 10, with_path),
            &host,
            "/api/x",
        );
        let wildcard = |n| format!("Host(`*.app{n}.example.com`)");
        bench(
            BenchmarkId::new("wildcard", count),
            &merged(count, 10, wildcard),
            &format!("www.{host}"),
            "/",
        );
    }
    for count in [10, 100] {
        let path = |n| format!("PathPrefix(`/app{n:04}/`)");
        let middle = format!("/app{:04}/x", count / 2);
        bench(
            BenchmarkId::new("path_only", count),
            &merged(count, 10, path),
            "example.com",
            &middle,
        );
    }
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    let merged = merged(10_000, 10_000, exact);
    group.bench_function("10000_services_first", |bencher| {
        bencher.iter_with_large_drop(|| compiled(&merged, &Snapshot::default()));
    });
    let previous = compiled(&merged, &Snapshot::default());
    group.bench_function("10000_services_unchanged", |bencher| {
        bencher.iter_with_large_drop(|| compiled(&merged, &previous));
    });
    group.finish();
}

criterion_group!(benches, route, compiling);
criterion_main!(benches);
