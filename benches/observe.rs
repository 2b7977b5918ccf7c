//! What looking on costs a request: metrics and the access log, on one thread and on two at once.
//!
//! Time per request of the slower thread; twice as much on two threads where only one core is free. `looks` is everything
//! that a request with a server tells: its first byte and its end. Lines go to `/dev/null`; the writer catches up between
//! rounds, off the clock, so that no line is dropped instead of written.

#![allow(clippy::expect_used, reason = "a panic is the report")]

#[path = "../tests/support/servers.rs"]
mod servers;

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Uri, Version};
use piton::balance::{Pool, Strategy};
use piton::config::{Notation, install};
use piton::meter::Protocol;
use piton::observe::{Ended, Observer, Place, Routed};
use piton::routing::Observed;
use piton::sticky::Outcome;

use servers::pool;

/// Requests between two waits for the writer: far below what its buffers hold.
const ROUND: u64 = 1000;

/// How long the writer may take for a round.
const PATIENCE: Duration = Duration::from_secs(5);

const METRICS: &str = "metrics: {prometheus: {}}\n";
const COMMON: &str = "accessLog: {filePath: /dev/null}\n";
const JSON: &str = "accessLog: {filePath: /dev/null, format: json}\n";

/// A request as the proxy knows it when it is over.
struct Request {
    uri: Uri,
    headers: HeaderMap,
    response_headers: HeaderMap,
    router: Arc<str>,
    pool: Pool,
}

impl Request {
    fn new() -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "app.example.com"),
            (
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
            ),
            ("referer", "https://app.example.com/start"),
            ("cookie", "sid=0123456789abcdef"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut response_headers = HeaderMap::new();
        response_headers.insert("content-type", HeaderValue::from_static("text/html"));
        Self {
            uri: Uri::from_static("/shop/basket?item=7"),
            headers,
            response_headers,
            router: "app@file".into(),
            pool: pool(Strategy::Wrr, &[("http://10.0.0.1:8080", 1)]),
        }
    }

    /// Tells everything about the request number `number`.
    fn tell(&self, observer: &Observer, number: u64) {
        // What the proxy asks first: without anybody who looks nothing is collected.
        if !black_box(observer).is_on() {
            return;
        }
        let signals = self.pool.signals();
        if let Some(metrics) = &observer.metrics {
            metrics.first_byte(signals, 700);
        }
        let began = number * 1000;
        observer.ended(
            &Ended {
                began,
                wall: 1_795_305_600_000 + number,
                ended: began + 900,
                place: Place {
                    entry_point: 0,
                    name: "web",
                    client: Some(([10, 1, 2, 3], 40_000).into()),
                    tls: None,
                },
                method: "GET",
                uri: &self.uri,
                version: Version::HTTP_11,
                headers: &self.headers,
                protocol: Protocol::Http,
                request_bytes: 0,
                routed: Some(Routed {
                    router: &self.router,
                    service: "app@file",
                }),
                leaf: Some(signals),
                server: self.pool.servers().first().map(|server| &**server),
                outcome: Outcome::default(),
                retries: 0,
                asked: Some(began + 20),
                origin_status: Some(200),
                origin_headers: None,
                status: 200,
                response_headers: Some(&self.response_headers),
                response_bytes: 1234,
                grpc_status: None,
                is_internal: false,
                observed: Observed::default(),
            },
            None,
        );
    }
}

fn observer(written: &str) -> Observer {
    let text = format!("entryPoints: {{web: {{address: ':8000'}}}}\n{written}");
    let (install, _) = install::read(text.as_bytes(), Notation::Yaml, None).expect("it is written well");
    Observer::new(&install, &["web".to_owned()]).expect("/dev/null can be opened")
}

/// Time that the slower of `threads` threads takes for `requests` requests. All begin at once; that they are made is off
/// the clock.
fn on_threads(threads: usize, requests: u64, observer: &Observer, request: &Request) -> Duration {
    let begin = Barrier::new(threads);
    let one = || {
        begin.wait();
        let start = Instant::now();
        (0..requests).for_each(|number| request.tell(observer, number));
        start.elapsed()
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
        let times = others.into_iter().filter_map(|other| other.join().ok());
        let own = one();
        times.fold(own, Duration::max)
    })
}

/// The same in rounds; between them the writer catches up.
fn in_rounds(threads: usize, requests: u64, observer: &Observer, request: &Request) -> Duration {
    let mut elapsed = Duration::ZERO;
    let mut left = requests;
    while left > 0 {
        let round = match &observer.access {
            Some(_) => left.min(ROUND),
            None => left,
        };
        elapsed += on_threads(threads, round, observer, request);
        left -= round;
        if let Some(access) = &observer.access {
            access.flush(PATIENCE);
        }
    }
    elapsed
}

fn looks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("looks");
    let request = Request::new();
    for (name, written) in [
        ("off", String::new()),
        ("metrics", METRICS.to_owned()),
        ("common", COMMON.to_owned()),
        ("json", JSON.to_owned()),
        ("metrics_common", format!("{METRICS}{COMMON}")),
        ("metrics_json", format!("{METRICS}{JSON}")),
    ] {
        let observer = observer(&written);
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter_custom(|requests| in_rounds(threads, requests, &observer, &request));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, looks);
criterion_main!(benches);
