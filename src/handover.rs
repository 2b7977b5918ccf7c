//! Binary upgrade: a new process takes the sockets of the running one over, and what it knows of the servers.
//!
//! ```text
//! new: piton -u             listens at `upgrade_sock` (Pingora's) and at `upgrade_sock`.state
//! old: SIGQUIT              finds it there, connects to `.state`, sends the sockets (Pingora's way),
//!                           then its verdicts about servers as JSON
//! new: adopts the verdicts, accepts, says "ready"
//! old: hears it, stops as after SIGTERM; does not hear it, goes on serving
//! ```
//!
//! Both processes hold the same listening sockets, so no connection is refused at any moment. The answer
//! "ready" is what Pingora lacks: there the old process leaves after five seconds, come what may.

mod arrival;
mod offer;
mod peer;
mod verdicts;

pub use arrival::{Arrival, Welcome};
pub use offer::Offer;

use std::path::PathBuf;

/// What the new process says once it accepts connections.
const READY: &[u8] = b"ready\n";

/// Most that is read of an old process's knowledge.
const MAX_STATE: u64 = 16 * 1024 * 1024;

/// Where the new process listens for the old one's knowledge.
fn state_path(upgrade_sock: &str) -> PathBuf {
    format!("{upgrade_sock}.state").into()
}
