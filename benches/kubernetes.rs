//! What a cluster of five thousand Services with ten endpoints each, and an Ingress for each, costs: the CPU time of piton's
//! process for its start and for one changed endpoint, its memory, and how soon a change is published.
//!
//! The API server is the one of the tests, piton the release binary. Objects have `managedFields`, as real ones do: they
//! make up most of what comes. Runs by itself (`cargo bench --bench kubernetes`), since what is measured is another process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is the report"
)]

#[path = "../tests/support/apiserver.rs"]
mod apiserver;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use apiserver::{ApiServer, TOKEN};
use serde_json::{Value, json};

const SERVICES: usize = 5_000;
const ENDPOINTS: usize = 10;
const ROUNDS: usize = 15;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    // Criterion's own arguments come with `cargo bench`; a test run of all targets shall do nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let directory = std::env::temp_dir().join(format!("piton-bench-kubernetes-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let server = ApiServer::new();
    let mut bytes = 0;
    for number in 0..SERVICES {
        for object in [service(number), slice(number, 0), ingress(number, 0)] {
            bytes += object.to_string().len();
            server.apply(object);
        }
    }
    println!(
        "cluster of {SERVICES} Services with {ENDPOINTS} endpoints, a sticky cookie and an Ingress each; {} MiB of JSON",
        bytes >> 20
    );
    let begin = Instant::now();
    let piton = Piton::start(&directory, &server);
    piton.wait_for_generation(1);
    let published = begin.elapsed();
    piton.wait_for_watches(&server);
    piton.rest();
    println!(
        "  start: {:.0} ms of CPU, published after {:.0} ms, {} requests",
        ms(piton.cpu()),
        published.as_secs_f64() * 1e3,
        server.count("*", "*")
    );
    println!("  memory after the first sync: {} MiB", piton.memory_mib());

    measure(
        &piton,
        &server,
        "one endpoint has another address",
        true,
        |round| {
            server.apply(slice(7, 1 + round));
        },
    );
    measure(&piton, &server, "one endpoint more or less", true, |round| {
        let mut object = slice(8, 0);
        if round % 2 == 0 {
            object["endpoints"].as_array_mut().unwrap().pop();
        }
        server.apply(object);
    });
    measure(&piton, &server, "one Ingress has another path", true, |round| {
        server.apply(ingress(9, 1 + round));
    });
    measure(
        &piton,
        &server,
        "one Service is written, nothing changed",
        false,
        |_| {
            server.apply(service(9));
        },
    );
    let before = piton.cpu();
    server.forget();
    server.cut();
    piton.wait_for_watches(&server);
    piton.rest();
    println!(
        "  all streams cut: {:.1} ms of CPU, {} lists",
        ms(piton.cpu() - before),
        server.count("list", "*")
    );
    let before = piton.cpu();
    server.forget();
    server.expire_watches();
    piton.rest();
    piton.wait_for_watches(&server);
    piton.rest();
    println!(
        "  410, everything listed again: {:.0} ms of CPU, {} lists",
        ms(piton.cpu() - before),
        server.count("list", "*")
    );
    println!("  memory at the end: {} MiB", piton.memory_mib());
    drop(piton);
    let _ = std::fs::remove_dir_all(&directory);
}

/// CPU time of `ROUNDS` changes, each after the process had come to rest.
fn measure(piton: &Piton, server: &ApiServer, what: &str, is_published: bool, mut change: impl FnMut(usize)) {
    let mut costs = Vec::new();
    let mut latencies = Vec::new();
    server.forget();
    for round in 0..ROUNDS {
        let (before, generation) = (piton.cpu(), piton.generation());
        let begin = Instant::now();
        change(round);
        if is_published {
            piton.wait_for_generation(generation + 1);
            latencies.push(begin.elapsed());
        }
        piton.rest();
        costs.push(piton.cpu() - before);
    }
    assert_eq!(server.count("list", "*"), 0, "nothing is listed again");
    costs.sort_unstable();
    latencies.sort_unstable();
    let published = latencies
        .get(latencies.len() / 2)
        .map_or_else(String::new, |median| {
            format!(", published after {:.0} ms (median)", median.as_secs_f64() * 1e3)
        });
    println!(
        "  {what}: {:.1} ms of CPU (median of {ROUNDS}; least {:.1}, most {:.1}){published}",
        ms(costs[costs.len() / 2]),
        ms(costs[0]),
        ms(costs[costs.len() - 1]),
    );
}

fn service(number: usize) -> Value {
    let name = format!("app-{number}");
    let prefix = "traefik.ingress.kubernetes.io/service.sticky.cookie";
    let mut meta = meta(&name);
    meta["annotations"] = json!({prefix: "true", format!("{prefix}.name"): "sid"});
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": meta,
        "spec": {
            "type": "ClusterIP", "clusterIP": format!("10.96.{}.{}", number / 250, 1 + number % 250),
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
            "selector": {"app": name}, "sessionAffinity": "None", "ipFamilies": ["IPv4"], "internalTrafficPolicy": "Cluster"
        }
    })
}

/// The slice of that Service; each round gives its first endpoint another address.
fn slice(number: usize, round: usize) -> Value {
    let name = format!("app-{number}");
    let mut meta = meta(&format!("{name}-x7k2p"));
    meta["labels"]["kubernetes.io/service-name"] = json!(name);
    let endpoint = |place: usize| {
        let high = if place == 0 { 100 + round } else { place };
        json!({
            "addresses": [format!("10.{high}.{}.{}", number / 250, 1 + number % 250)],
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "nodeName": format!("node-{place}"), "zone": "eu-1a",
            "targetRef": {"kind": "Pod", "namespace": "default", "name": format!("{name}-{place}"),
                          "uid": format!("b1f7c0de-0000-4000-8000-{number:08}{place:04}")}
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
        "endpoints": (0..ENDPOINTS).map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]
    })
}

fn ingress(number: usize, round: usize) -> Value {
    let name = format!("app-{number}");
    let backend = json!({"service": {"name": name, "port": {"number": 80}}});
    let path = format!(
        "/{}",
        if round == 0 {
            String::new()
        } else {
            round.to_string()
        }
    );
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(&name),
        "spec": {"rules": [{"host": format!("{name}.example.com"),
                            "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}]}
    })
}

/// Metadata as `kubectl apply` and the API server leave it.
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

fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// The binary, ended when dropped.
struct Piton {
    child: Child,
    published: Arc<AtomicU64>,
    threads: Mutex<BTreeMap<OsString, u64>>,
}

impl Piton {
    fn start(directory: &Path, server: &ApiServer) -> Self {
        let conf = directory.join("piton.yaml");
        let text = "threads: 1\nentryPoints: {web: {address: '127.0.0.1:0'}}\nlog: {level: INFO}\nproviders:\n  \
                    providersThrottleDuration: 0\n  kubernetesIngress: {}\n";
        let kubeconfig = directory.join("kubeconfig");
        std::fs::write(&kubeconfig, server.kubeconfig(&format!("token: {TOKEN}"))).unwrap();
        std::fs::write(&conf, text).unwrap();
        // Another build can be measured: PITON=path/to/piton.
        let binary = std::env::var("PITON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_piton").to_owned());
        let mut child = Command::new(binary)
            .arg("-c")
            .arg(conf)
            .env_remove("KUBERNETES_SERVICE_HOST")
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("piton starts");
        let published = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&published);
        let log = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if line.contains("configuration published") {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self {
            child,
            published,
            threads: Mutex::default(),
        }
    }

    fn generation(&self) -> u64 {
        self.published.load(Ordering::SeqCst)
    }

    fn wait_for_generation(&self, generation: u64) {
        let begin = Instant::now();
        while self.generation() < generation {
            assert!(
                begin.elapsed() < PATIENCE,
                "generation {generation} does not come"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until it watches everything.
    fn wait_for_watches(&self, server: &ApiServer) {
        let begin = Instant::now();
        let all = [
            "ingresses",
            "ingressclasses",
            "services",
            "secrets",
            "endpointslices",
            "nodes",
        ];
        while !all.iter().all(|resource| server.watching(resource) == 1) {
            assert!(begin.elapsed() < PATIENCE, "not everything is watched");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// CPU time of all its threads, in nanoseconds; also of those that ended since it was looked at last.
    fn cpu(&self) -> u64 {
        let mut seen = self.threads.lock().unwrap();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        for task in tasks.map_while(Result::ok) {
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let time = text.split(' ').next().and_then(|time| time.parse().ok());
            if let Some(time) = time {
                seen.insert(task.file_name(), time);
            }
        }
        seen.values().sum()
    }

    /// Waits until it has done next to nothing for half a second.
    fn rest(&self) {
        loop {
            let before = self.cpu();
            thread::sleep(Duration::from_millis(500));
            if self.cpu().saturating_sub(before) < 2_000_000 {
                return;
            }
        }
    }

    fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024
    }
}

impl Drop for Piton {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
