//! What a change costs among five thousand Services with ten endpoints each: the converter's part, without an API server.
//!
//! Runs by itself (`cargo bench --bench ingress`).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is the report"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use piton::provider::ingress::{Converter, Object, Options, manifest};

const SERVICES: usize = 5_000;
const ENDPOINTS: usize = 10;
const ROUNDS: usize = 2_000;

fn main() {
    // A test run of all targets shall do nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut objects = Vec::with_capacity(3 * SERVICES);
    for service in 0..SERVICES {
        objects.extend(manifest::read(&documents(service)).unwrap().objects);
    }
    let changes: Vec<Object> = (0..ROUNDS)
        .map(|round| {
            let text = slice(round * 7 % SERVICES, 1);
            manifest::read(&text).unwrap().objects.remove(0)
        })
        .collect();
    let mut converter = Converter::new(Options::default());
    let start = Instant::now();
    for object in objects {
        converter.put(object);
    }
    let put = start.elapsed();
    let mut last = converter.convert().configuration;
    println!(
        "{SERVICES} Services x {ENDPOINTS} endpoints: put {put:?}, first conversion {:?}",
        start.elapsed().saturating_sub(put)
    );
    let (mut converting, mut comparing) = (Vec::new(), Vec::new());
    for change in changes {
        let start = Instant::now();
        converter.put(change);
        let new = converter.convert().configuration;
        converting.push(start.elapsed());
        let start = Instant::now();
        assert!(new != last, "an endpoint terminates");
        comparing.push(start.elapsed());
        last = new;
    }
    told("one changed EndpointSlice, put and converted", converting);
    told("compared with the configuration before", comparing);
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "{what}: median {:?}, 99% {:?}, most {:?}",
        at(50),
        at(99),
        at(100)
    );
}

fn documents(service: usize) -> String {
    format!(
        "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: s{service}, namespace: shop}}, spec: \
         {{rules: [{{host: s{service}.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: \
         {{name: s{service}, port: {{number: 80}}}}}}}}]}}}}]}}}}\n---\n{{apiVersion: v1, kind: Service, metadata: \
         {{name: s{service}, namespace: shop, annotations: {{traefik.ingress.kubernetes.io/service.sticky.cookie: \
         \"true\"}}}}, spec: {{clusterIP: 10.1.0.1, ports: [{{name: http, port: 80}}]}}}}\n---\n{}",
        slice(service, 0)
    )
}

/// Of its endpoints the first ones terminate.
fn slice(service: usize, terminating: usize) -> String {
    let mut endpoints = String::new();
    for endpoint in 0..ENDPOINTS {
        let (high, low) = (service / 250, service % 250);
        let conditions = format!(
            "conditions: {{serving: true, terminating: {}}}",
            endpoint < terminating
        );
        let _ = write!(
            endpoints,
            "{{addresses: [10.{high}.{low}.{endpoint}], {conditions}}}, "
        );
    }
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: s{service}-x, namespace: shop, labels: \
         {{kubernetes.io/service-name: s{service}}}}}, addressType: IPv4, ports: [{{name: http, port: 8080}}], \
         endpoints: [{endpoints}]}}"
    )
}
