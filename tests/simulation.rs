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
//! | `slow_start` | shares of a new server, counted |
//! | `tree` | the same for services of services, with a model of its own |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

mod simulation {
    pub mod model;
    mod slow_start;
    pub mod tree;
    pub mod world;
    pub mod written;
}

use std::collections::BTreeMap;

use simulation::tree::world::World as TreeWorld;
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

/// How often each thing happened.
fn run_tree(seed: u64) -> BTreeMap<&'static str, u64> {
    let mut world = TreeWorld::new(seed);
    for step in 0..STEPS {
        world.at = format!("PITON_SEED={seed}, step {step}");
        world.step();
    }
    world.at = format!("PITON_SEED={seed}, at the end");
    world.finish();
    world.seen
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

/// `run` for every seed that is asked for; the seed of a failure is printed.
fn for_seeds<T>(run: impl Fn(u64) -> T + std::panic::RefUnwindSafe) -> Vec<T> {
    if let Some(seed) = from_environment("PITON_SEED") {
        return vec![run(seed)];
    }
    let seeds = 0..from_environment("PITON_SEEDS").unwrap_or(200);
    let one = |seed| match std::panic::catch_unwind(|| run(seed)) {
        Ok(done) => done,
        Err(panic) => {
            eprintln!("\nreplay with PITON_SEED={seed} cargo test --test simulation\n");
            std::panic::resume_unwind(panic);
        }
    };
    seeds.map(one).collect()
}

#[test]
fn every_pick_lease_cookie_and_reload_is_as_the_model_says() {
    for_seeds(run);
}

#[test]
fn every_outcome_of_a_tree_of_services_is_one_that_the_model_allows() {
    let runs = for_seeds(run_tree);
    if runs.len() < 100 {
        return;
    }
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for (what, count) in runs.into_iter().flatten() {
        *seen.entry(what).or_default() += count;
    }
    for what in [
        "served",
        "nobody",
        "session lost",
        "full",
        "retry",
        "failover by status",
        "one cookie",
        "several cookies",
        "copied",
    ] {
        let count = seen.get(what).copied().unwrap_or_default();
        assert!(count > 100, "{what} happened {count} times: {seen:?}");
    }
}
