//! Balancing over the servers of one service: live state, candidates, selectors, leases.
//!
//! Pure: the clock and randomness come in with every [`Draw`], so that tests and simulations replay.
//!
//! - [`Server`] is what was configured, with its [`ServerState`]: what is known about it, kept over reloads.
//! - [`Pool`] is the servers of one service; it answers two different questions: "is this server up?" for
//!   a cookie, and "who is up and open to new sessions?" for a selector ([`Candidates`], never empty).
//! - [`Shares`] is the same for the children of a service of services.
//! - [`Selector`] picks one candidate; [`Lease`] is being in flight there.
//! - [`pingora`] offers the same selectors as Pingora's `BackendSelection`.

mod candidates;
mod edf;
mod hrw;
mod latency;
mod lease;
mod leasttime;
mod p2c;
mod passive;
pub mod pingora;
mod pool;
mod selector;
mod server;
mod shares;
mod state;
mod wrr;

pub use candidates::{Candidates, Tried};
pub use latency::Latency;
pub use lease::{Lease, Waiting};
pub use passive::PassivePolicy;
pub use pool::Pool;
pub use selector::{Draw, Selector, Strategy};
pub use server::{Drain, MAX_WEIGHT, Server, Terms};
pub use shares::Shares;
pub use state::{ServerState, Session, Signals, Verdict};

/// Microseconds on the caller's monotonic clock.
pub type Micros = u64;

/// Milliseconds of Unix time: what cookies and deadlines are written in.
pub type Wall = u64;
