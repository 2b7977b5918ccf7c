//! Staying at a server: the cookie look-up and the lease, at any number of servers.
//!
//! Aim: under 150 ns with one cookie, flat in the number of servers; a signed cookie verified in under 1 us.

#![allow(clippy::expect_used, reason = "a panic is the report")]

#[path = "../tests/support/servers.rs"]
mod servers;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, header};
use piton::balance::Strategy;
use piton::config::NoFiles;
use piton::service::Service;
use piton::sticky::Sticky;

use servers::{draw, header_with_cookie, pool, signed_cookie, sticky_service};

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

/// The look-up alone, and writing a line.
fn signed(criterion: &mut Criterion) {
    const NOW: u64 = 1_700_000_000_000;
    let mut group = criterion.benchmark_group("signed");
    for count in [2, 10_000] {
        let urls: Vec<String> = (0..count).map(url).collect();
        let level = Sticky::new(&signed_cookie(), "app@file", &urls, &NoFiles, Default::default());
        let level = level.expect("its keys are good");
        let set = level
            .set_cookie(count / 2, NOW, None)
            .expect("there is such a server");
        let headers = HeaderMap::from_iter([(header::COOKIE, set)]);
        group.bench_function(BenchmarkId::new("verify", count), |bencher| {
            bencher.iter(|| level.find(black_box(&headers), NOW));
        });
        group.bench_function(BenchmarkId::new("write", count), |bencher| {
            bencher.iter(|| level.set_cookie(black_box(count / 2), NOW, None));
        });
    }
    group.finish();
}

criterion_group!(benches, sticky_hit, signed);
criterion_main!(benches);
