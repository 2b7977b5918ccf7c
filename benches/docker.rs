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
#[path = "support/process.rs"]
mod process;

use std::thread;
use std::time::{Duration, Instant};

use engine::{Container, Engine};
use process::{Piton, ms, told};

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
    let piton = Piton::start(
        &directory,
        &format!("docker: {{endpoint: '{}'}}", engine.endpoint("tcp")),
        &[],
    );
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
    latencies.sort_unstable();
    let published = latencies
        .get(latencies.len() / 2)
        .map_or_else(String::new, |median| {
            format!(", published after {:.0} ms (median)", median.as_secs_f64() * 1e3)
        });
    println!("  {what}: {}, 1 inspected each{published}", told(costs));
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
