//! What an engine of five thousand containers costs: the CPU time of piton's process for one event, for a
//! reconnect, and its memory.
//!
//! Aim: under 100 ms for one event, of which only the changed container is inspected. The engine is a fake one behind a
//! unix socket, piton the release binary. Runs by itself (`cargo bench --bench docker`), since what is measured is another
//! process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is the report"
)]

#[path = "../tests/support/engine.rs"]
mod engine;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Container, Engine};

const CONTAINERS: usize = 5_000;
const ROUNDS: u16 = 15;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    // Criterion's own arguments come with `cargo bench`; a test run of all targets shall do nothing.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let directory = std::env::temp_dir().join(format!("piton-bench-docker-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let engine = Engine::at(&directory.join("engine.sock"));
    engine.put((0..CONTAINERS).map(container));
    let piton = Piton::start(&directory, &engine);
    piton.wait_for_generation(1);
    piton.rest();
    println!("engine of {CONTAINERS} containers, a service, a sticky cookie and a router each");
    println!(
        "  start: {:.0} ms of CPU, {} MiB",
        ms(piton.cpu()),
        piton.memory_mib()
    );

    measure(&piton, &engine, "one container has another address", |round| {
        engine.change("app-7", |container| *container = moved(7, 1 + round));
        engine.tell(&engine.find("app-7"), "start", &[]);
        true
    });
    measure(&piton, &engine, "one event, nothing changed", |_| {
        engine.tell(&engine.find("app-9"), "start", &[]);
        false
    });
    engine.forget();
    let before = piton.cpu();
    engine.cut();
    let begin = Instant::now();
    while engine.count("/containers/json") == 0 {
        assert!(begin.elapsed() < PATIENCE, "no listing after the cut");
        thread::sleep(Duration::from_millis(20));
    }
    piton.rest();
    println!(
        "  reconnect and listing: {:.1} ms of CPU, {} inspected",
        ms(piton.cpu() - before),
        engine.inspected().len()
    );
    println!("  memory at the end: {} MiB", piton.memory_mib());
    drop(piton);
    let _ = std::fs::remove_dir_all(&directory);
}

/// CPU time of `ROUNDS` events, each after the process had come to rest; the change says whether it is published.
fn measure(piton: &Piton, engine: &Engine, what: &str, mut change: impl FnMut(u16) -> bool) {
    let mut costs = Vec::new();
    let mut latencies = Vec::new();
    for round in 0..ROUNDS {
        engine.forget();
        let (before, generation) = (piton.cpu(), piton.generation());
        let begin = Instant::now();
        if change(round) {
            piton.wait_for_generation(generation + 1);
            latencies.push(begin.elapsed());
        }
        piton.rest();
        costs.push(piton.cpu() - before);
        assert_eq!(
            engine.inspected().len(),
            1,
            "only the changed container is inspected"
        );
    }
    costs.sort_unstable();
    latencies.sort_unstable();
    let published = latencies
        .get(latencies.len() / 2)
        .map_or_else(String::new, |median| {
            format!(", published after {:.0} ms (median)", median.as_secs_f64() * 1e3)
        });
    println!(
        "  {what}: {:.1} ms of CPU (median of {ROUNDS}; least {:.1}, most {:.1}), 1 inspected each{published}",
        ms(costs[costs.len() / 2]),
        ms(costs[0]),
        ms(costs[costs.len() - 1]),
    );
}

fn container(number: usize) -> Container {
    moved(number, 0)
}

/// The container of that number; each round gives it another address.
fn moved(number: usize, round: u16) -> Container {
    let name = format!("app-{number}");
    let address = format!("10.{}.{}.{}", 1 + round, number / 250, 1 + number % 250);
    Container::named(&name)
        .label(
            &format!("traefik.http.routers.{name}.rule"),
            &format!("Host(`{name}.example.com`)"),
        )
        .label(&format!("traefik.http.routers.{name}.service"), &name)
        .label(
            &format!("traefik.http.services.{name}.loadbalancer.server.port"),
            "8080",
        )
        .label(
            &format!("traefik.http.services.{name}.loadbalancer.sticky.cookie.name"),
            "sid",
        )
        .network("bridge", &address)
}

fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// The binary, ended when dropped.
struct Piton {
    child: Child,
    published: Arc<AtomicU64>,
}

impl Piton {
    fn start(directory: &Path, engine: &Engine) -> Self {
        let conf = directory.join("piton.yaml");
        let text = format!(
            "threads: 1\nentryPoints: {{web: {{address: '127.0.0.1:0'}}}}\nlog: {{level: INFO}}\nproviders:\n  \
             providersThrottleDuration: 0\n  docker: {{endpoint: '{}'}}\n",
            engine.endpoint("tcp")
        );
        std::fs::write(&conf, text).unwrap();
        // Another build can be measured: PITON=path/to/piton.
        let binary = std::env::var("PITON").unwrap_or_else(|_| env!("CARGO_BIN_EXE_piton").to_owned());
        let mut child = Command::new(binary)
            .arg("-c")
            .arg(conf)
            .env_remove("DOCKER_HOST")
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
        Self { child, published }
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

    /// CPU time of all its threads, in nanoseconds.
    fn cpu(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let times = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        times.sum()
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
