//! Fuzzing that every run of the tests can afford: seeds, then seeds with mistakes in them, for a second each.
//!
//! What must hold is in `fuzz/src/lib.rs`, where libFuzzer finds it too (`make fuzz`). An input that breaks something
//! is printed, with the number that makes the same run again (`FUZZ_SEED=<number> cargo test --test fuzz`); saved in
//! `fuzz/seeds/`, it is replayed for ever.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

/// What each target has.
const TIME: Duration = Duration::from_millis(1200);
/// However fast the machine is.
const ROUNDS: u32 = 100_000;
/// Longer inputs only cost time.
const LONGEST: usize = 8 << 10;

/// What random bytes would hardly ever spell.
const TOKENS: [&str; 36] = [
    "Host(`",
    "`)",
    " && ",
    " || ",
    "!",
    "(",
    ")",
    "HostRegexp(`",
    "PathPrefix(`/",
    "Query(`a`, `",
    "\\",
    "*.",
    "traefik.http.",
    ".loadbalancer.",
    "[0]",
    "[99999]",
    ".",
    "=true\n",
    "\n  ",
    ": ",
    "- ",
    "{",
    "}",
    "&a ",
    "*a ",
    "<<: ",
    "\"",
    "'",
    "sid=",
    "; ",
    "PROXY ",
    "\r\n",
    "\0",
    "\u{fffd}",
    "-1",
    "18446744073709551616",
];

#[test]
fn every_seed_holds() {
    for (name, target) in TARGETS {
        for seed in seeds(name) {
            hold(name, target, &seed, "a seed");
        }
    }
}

#[test]
fn seeds_with_mistakes_hold() {
    let number = std::env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let number: u64 = number.unwrap_or_else(|| RandomState::new().hash_one(0));
    for (name, target) in TARGETS {
        let mut random = fastrand::Rng::with_seed(number);
        let seeds = seeds(name);
        let begin = Instant::now();
        let mut rounds = 0;
        while rounds < ROUNDS && begin.elapsed() < TIME {
            let input = mutated(&mut random, &seeds);
            hold(name, target, &input, &format!("FUZZ_SEED={number}"));
            rounds += 1;
        }
        println!(
            "{name}: {rounds} inputs in {:?}, FUZZ_SEED={number}",
            begin.elapsed()
        );
    }
}

#[test]
fn mistakes_are_made_again_from_the_same_number() {
    let seeds = seeds("rule");
    let made = |number| {
        let mut random = fastrand::Rng::with_seed(number);
        (0..100).map(|_| mutated(&mut random, &seeds)).collect::<Vec<_>>()
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
}

#[test]
#[should_panic(expected = "none, a seed: does not hold for \"\\xff\\n\"")]
fn an_input_that_breaks_something_is_named() {
    hold("none", |bytes| assert!(bytes.is_empty()), b"\xff\n", "a seed");
}

/// The seeds of a target, in order of their names.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let files =
        std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 5, "{name}: only {} seeds", paths.len());
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Asks; a panic names the input.
fn hold(name: &str, target: Target, input: &[u8], origin: &str) {
    if catch_unwind(|| target(input)).is_err() {
        panic!("{name}, {origin}: does not hold for \"{}\"", input.escape_ascii());
    }
}

/// One of the seeds with one to five mistakes.
fn mutated(random: &mut fastrand::Rng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..=5) {
        let at = random.usize(..=input.len());
        match random.u8(..7) {
            0 if at < input.len() => input[at] ^= 1 << random.u8(..8),
            1 if at < input.len() => input[at] = random.u8(..),
            2 => input.truncate(at),
            3 => drop(input.drain(at..(at + random.usize(..16)).min(input.len()))),
            4 => {
                let other = &seeds[random.usize(..seeds.len())];
                let begin = random.usize(..=other.len());
                let end = random.usize(begin..=other.len());
                drop(input.splice(at..at, other[begin..end].iter().copied()));
            }
            5 => {
                let end = (at + random.usize(..64)).min(input.len());
                let again = input[at..end].repeat(random.usize(1..4));
                drop(input.splice(at..at, again));
            }
            _ => {
                let token = TOKENS[random.usize(..TOKENS.len())];
                drop(input.splice(at..at, token.bytes()));
            }
        }
        input.truncate(LONGEST);
    }
    input
}
