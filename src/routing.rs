//! From the merged configuration to an immutable [`Snapshot`] that requests are led by.
//!
//! [`compile`] is total: a broken item becomes a line of the [`Report`], never a panic and never a
//! half-applied file; a router that needs something unknown or unsupported is disabled (fail closed).

mod compile;
mod compiler;
mod level;
mod load_balancer;
mod merge;
mod middlewares;
mod observed;
mod order;
mod reloads;
mod report;
mod router_tls;
mod routers;
mod services;
mod snapshot;
mod table;
mod transports;
mod tree;

pub use compile::{EntryPointSpec, Ground, compile};
pub use merge::Merged;
pub use observed::{Observed, Observes};
pub use reloads::Reloads;
pub use report::{Item, Kind, Reason, Report, Status};
pub use snapshot::Snapshot;
pub use table::{Route, Table};

#[cfg(test)]
mod tests;
