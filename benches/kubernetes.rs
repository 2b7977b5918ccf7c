//! What a cluster of five thousand Services with ten endpoints each costs: the CPU time of piton's process for one endpoint
//! that changes, for a start, and its memory.
//!
//! The API server is the tests' own one, over HTTPS, piton the release binary. Objects have `managedFields`, as real ones do:
//! they are most of what comes. Runs by itself (`cargo bench --bench kubernetes`), since what is measured is another process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is the report"
)]

#[path = "../tests/support/apiserver.rs"]
mod apiserver;
#[path = "support/process.rs"]
mod process;

use std::thread;
use std::time::{Duration, Instant};

use apiserver::{ApiServer, TOKEN};
use process::{Piton, ms, told};
use serde_json::{Value, json};

const ENDPOINTS: usize = 10;
const ROUNDS: usize = 15;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    // Criterion's own arguments come with `cargo bench`; a test run of all targets shall do nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!(
        "a Service with {ENDPOINTS} endpoints, a sticky cookie and an Ingress each; TLS to the API server"
    );
    for services in [50, 500, 5_000] {
        measure(services);
    }
}

fn measure(services: usize) {
    let directory = std::env::temp_dir().join(format!("piton-bench-kubernetes-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let server = ApiServer::new();
    for number in 0..services {
        server.apply(service(number));
        server.apply(ingress(number, "/"));
        server.apply(slice(number, 0));
    }
    let kubeconfig = directory.join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig(&format!("token: {TOKEN}"))).unwrap();
    let piton = Piton::start(
        &directory,
        "kubernetesIngress: {}",
        &[("KUBECONFIG", &kubeconfig)],
    );
    piton.wait_for_generation(1);
    piton.rest();
    println!("{services} Services x {ENDPOINTS} endpoints");
    println!(
        "  start: {:.0} ms of CPU, {} MiB",
        ms(piton.cpu()),
        piton.memory_mib()
    );

    cost(&piton, &server, "one endpoint has another address", |round| {
        server.apply(slice(round * 7 % services, round));
    });
    cost(&piton, &server, "one Ingress has another path", |round| {
        server.apply(ingress(round * 7 % services, &format!("/{round}")));
    });
    server.forget();
    again(&piton, &server, "all streams cut", ApiServer::cut);
    again(
        &piton,
        &server,
        "410, everything is listed again",
        ApiServer::expire_watches,
    );
    println!("  memory at the end: {} MiB", piton.memory_mib());
    drop(piton);
    let _ = std::fs::remove_dir_all(&directory);
}

/// What it costs to be there again after this.
fn again(piton: &Piton, server: &ApiServer, what: &str, fault: impl Fn(&ApiServer)) {
    const ALL: [&str; 4] = ["ingresses", "services", "secrets", "endpointslices"];
    server.forget();
    let before = piton.cpu();
    fault(server);
    let begin = Instant::now();
    while server.count("watch", "*") == 0 || !ALL.iter().all(|resource| server.watching(resource) == 1) {
        assert!(begin.elapsed() < PATIENCE, "everything is watched again");
        thread::sleep(Duration::from_millis(20));
    }
    piton.rest();
    println!(
        "  {what}: {:.0} ms of CPU, {} lists",
        ms(piton.cpu() - before),
        server.count("list", "*")
    );
}

/// What each of some changes costs, from the piece of a watch to the published configuration.
fn cost(piton: &Piton, server: &ApiServer, what: &str, change: impl Fn(usize)) {
    let (mut costs, mut latencies) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        server.forget();
        let (before, generation) = (piton.cpu(), piton.generation());
        let begin = Instant::now();
        change(round);
        piton.wait_for_generation(generation + 1);
        latencies.push(begin.elapsed());
        piton.rest();
        costs.push(piton.cpu() - before);
        assert_eq!(server.count("*", "*"), 0, "what is needed comes by itself");
    }
    latencies.sort_unstable();
    let median: Duration = latencies[latencies.len() / 2];
    println!(
        "  {what}: {}, published after {:.0} ms (median)",
        told(costs),
        median.as_secs_f64() * 1e3
    );
}

/// Metadata as `kubectl apply` and an API server leave it.
fn meta(name: &str) -> Value {
    let fields = json!({
        "f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {}},
                       "f:labels": {".": {}, "f:app.kubernetes.io/name": {}, "f:app.kubernetes.io/part-of": {}}},
        "f:spec": {"f:internalTrafficPolicy": {}, "f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}":
                   {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}}, "f:selector": {}, "f:type": {}}
    });
    json!({
        "name": name, "namespace": "default", "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop"},
        "managedFields": [{"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1",
                           "time": "2026-11-22T17:30:25Z", "fieldsType": "FieldsV1", "fieldsV1": fields}]
    })
}

fn service(number: usize) -> Value {
    let mut meta = meta(&format!("app-{number}"));
    meta["annotations"] = json!({"traefik.ingress.kubernetes.io/service.sticky.cookie.name": "sid"});
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "ports": [{"name": "web", "port": 80}]}
    })
}

fn ingress(number: usize, path: &str) -> Value {
    let backend = json!({"service": {"name": format!("app-{number}"), "port": {"number": 80}}});
    let rule = json!({
        "host": format!("app-{number}.example.com"),
        "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}
    });
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": meta(&format!("app-{number}")), "spec": {"rules": [rule]}
    })
}

/// The endpoints of a Service; each round gives the first of them another address.
fn slice(number: usize, round: usize) -> Value {
    let endpoints = (0..ENDPOINTS).map(|endpoint| {
        let third = if endpoint == 0 { 100 + round } else { endpoint };
        let address = format!("10.{}.{}.{third}", 1 + number / 250, number % 250);
        json!({
            "addresses": [address], "nodeName": "node-1",
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "name": format!("app-{number}-{endpoint}"), "namespace": "default"}
        })
    });
    let mut meta = meta(&format!("app-{number}-x"));
    meta["labels"]["kubernetes.io/service-name"] = json!(format!("app-{number}"));
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "metadata": meta,
        "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}],
        "endpoints": endpoints.collect::<Vec<_>>()
    })
}
