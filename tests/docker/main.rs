//! Against real engines: containers come and go under load, and sessions leave only what is gone.
//!
//! Most tests ask the engine that answers here. A restart and a swarm need an engine of their own: it is
//! started, with the test, in namespaces that end with it ([`apart`]). Nothing is pulled: the one image is
//! busybox and two scripts. Where an engine is missing, one line says so, and the tests pass.
//!
//! `cargo test --test docker -- --nocapture` prints the table of requests, failures and moved sessions.

// In tests a panic is the report; the helpers here are tests too, although no attribute says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(
    dead_code,
    unused_imports,
    reason = "the harness is that of the end-to-end tests; this is its other user"
)]

#[path = "../e2e"]
mod e2e {
    pub mod harness;
}

// Engines of their own: a restart, a swarm.
mod apart;
// What is in the image.
mod app;
// Starting, stopping, killing, pausing, health.
mod containers;
// The command line of the engine; what a test made is removed.
mod engine;
// Where servers are found: networks, published ports, the host.
mod places;

use e2e::harness;
use harness::crowd;
