//! Staying at a server: the cookie look-up and the lease, at any number of servers.
//!
//! Aim: under 150 ns with one cookie, flat in the number of servers.

#[path = "../tests/support/servers.rs"]
mod servers;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use piton::balance::Strategy;
use piton::service::Service;

use servers::{draw, header_with_cookie, pool, sticky_service};

fn service(count: usize) -> Service {
    let urls: Vec<String> = (0..count).map(url).collect();
    let servers: Vec<(&str, u32)> = urls.iter().map(|url| (url.as_str(), 1)).collect();
    sticky_service(pool(Strategy::Wrr, &servers))
}

fn url(n: usize) -> String {
    format!("http://10.{}.{}.{}:8080", n >> 16 & 255, n >> 8 & 255, n & 255)
}

fn sticky_hit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sticky");
    for cookies in [1, 50] {
        for count in [2, 100, 10_000] {
            let service = service(count);
            let headers = header_with_cookie(&url(count / 2), cookies);
            let id = BenchmarkId::new(format!("{cookies}_cookies"), count);
            group.bench_function(id, |bencher| {
                bencher.iter(|| servers::choose(&service, black_box(&headers), draw(1, 1)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, sticky_hit);
criterion_main!(benches);
