//! Seeded simulation of rings 0-1: services compiled from generated configurations, under requests, failures,
//! flips, passing time and reloads, against a small independent model.
//!
//! `cargo test --test simulation` runs 200 seeds. `PITON_SEED=17` replays one, `PITON_SEEDS=5000` runs more.
//! A failure prints its seed and the step; the same seed fails in the same step again.
//!
//! | module | what it is |
//! |---|---|
//! | `written` | random configurations and random changes to them |
//! | `model` | what should be: verdicts, counts, who is eligible |
//! | `world` | the events, and the comparison of both |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod simulation {
    pub mod model;
    pub mod world;
    pub mod written;
}

use simulation::world::World;

const STEPS: usize = 400;

fn run(seed: u64) {
    let mut world = World::new(seed);
    for step in 0..STEPS {
        world.at = format!("PITON_SEED={seed}, step {step}");
        world.step();
    }
    world.at = format!("PITON_SEED={seed}, at the end");
    world.finish();
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

#[test]
fn every_pick_lease_cookie_and_reload_is_as_the_model_says() {
    if let Some(seed) = from_environment("PITON_SEED") {
        return run(seed);
    }
    for seed in 0..from_environment("PITON_SEEDS").unwrap_or(200) {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("\nreplay with PITON_SEED={seed} cargo test --test simulation\n");
            std::panic::resume_unwind(panic);
        }
    }
}
