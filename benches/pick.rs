//! Picking a server for a new session, by each selector.
//!
//! Aim: under 60 ns for wrr and p2c over ten servers. `pick` is the selector alone; `choose` is the whole
//! way with lease and cookie; `tree` is that through three sticky levels (aim: under 400 ns); `threads` is
//! `choose` from several threads at once, time per pick of one.

#[path = "../tests/support/servers.rs"]
mod servers;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fastrand::Rng;
use http::HeaderMap;
use piton::balance::{Draw, Pool, Strategy};
use piton::service::Service;

use servers::{header_of_three_levels, pool, sticky_service, three_levels};

const STRATEGIES: [(&str, Strategy); 4] = [
    ("wrr", Strategy::Wrr),
    ("p2c", Strategy::P2c),
    ("leasttime", Strategy::LeastTime),
    ("hrw", Strategy::Hrw),
];

/// Servers that have answered, so that leasttime has something to compare.
fn measured(strategy: Strategy, count: usize) -> Pool {
    let urls: Vec<String> = (0..count)
        .map(|n| format!("http://10.0.{}.{}:8080", n / 256, n % 256))
        .collect();
    let servers: Vec<(&str, u32)> = urls.iter().map(|url| (url.as_str(), 1)).collect();
    let pool = pool(strategy, &servers);
    for (server, elapsed) in pool.servers().iter().zip(500..) {
        server.state().latency().record(elapsed, 1);
    }
    pool
}

fn draw(rng: &mut Rng) -> Draw {
    Draw {
        now: 1,
        entropy: rng.u64(..),
        client: Some([10, 1, 2, rng.u8(..)].into()),
    }
}

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    for (name, strategy) in STRATEGIES {
        for count in [2, 10, 100, 1000] {
            let pool = measured(strategy, count);
            let mut rng = Rng::with_seed(1);
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| pool.pick(black_box(&draw(&mut rng)), &[]));
            });
        }
    }
    group.finish();
}

fn choose(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choose");
    for (name, strategy) in STRATEGIES {
        let service = sticky_service(measured(strategy, 10));
        let headers = HeaderMap::new();
        let mut rng = Rng::with_seed(1);
        group.bench_function(BenchmarkId::new(name, 10), |bencher| {
            bencher.iter(|| servers::choose(&service, black_box(&headers), draw(&mut rng)));
        });
    }
    group.finish();
}

/// Sticky weighted, sticky weighted, sticky servers.
fn tree(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree");
    let service = three_levels();
    for (name, headers) in [("new", HeaderMap::new()), ("bound", header_of_three_levels())] {
        let mut rng = Rng::with_seed(1);
        group.bench_function(BenchmarkId::new(name, 3), |bencher| {
            bencher.iter(|| servers::choose(&service, black_box(&headers), draw(&mut rng)));
        });
    }
    group.finish();
}

fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("threads");
    for (name, strategy) in STRATEGIES {
        for threads in [2, 8] {
            let service = sticky_service(measured(strategy, 10));
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter_custom(|picks| on_threads(threads, picks, &service));
            });
        }
    }
    group.finish();
}

/// Time that `threads` threads take for `picks` picks each.
fn on_threads(threads: u64, picks: u64, service: &Service) -> Duration {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for seed in 0..threads {
            scope.spawn(move || {
                let headers = HeaderMap::new();
                let mut rng = Rng::with_seed(seed);
                for _ in 0..picks {
                    black_box(servers::choose(service, &headers, draw(&mut rng)));
                }
            });
        }
    });
    start.elapsed()
}

criterion_group!(benches, pick, choose, tree, threads);
criterion_main!(benches);
