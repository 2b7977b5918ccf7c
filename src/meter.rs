//! Counting what passes: counters that threads do not share, histograms, distinct clients.
//!
//! A request adds to cells of its own thread only; whoever reads sums over all threads. Nothing here locks on the
//! way of a request, but for series that the operator asked to be told apart by request headers.
//!
//! | module | what it is |
//! |---|---|
//! | `block` | numbers by column, one row for each thread |
//! | `histogram` | buckets, and columns for them |
//! | `series` | requests by status, method and protocol |
//! | `tally` | counts under keys that are not known before |
//! | `place` | what is counted wherever requests pass |
//! | `service` | what is counted for one service |
//! | `seen` | about how many different clients there were |

mod block;
mod histogram;
mod place;
mod seen;
mod series;
mod service;
mod tally;

pub use block::{Block, ROWS, row};
pub use histogram::{Buckets, InvalidBuckets, Reading, Span};
pub use place::{PlaceMeter, Tls, Values};
pub use seen::{SEEN_WINDOW, Seen};
pub use series::{Amount, Key, METHODS, PROTOCOLS, Protocol, Row, Traffic, method_number};
pub use service::ServiceMeter;
pub use tally::Tally;
