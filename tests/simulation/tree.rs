//! Services of services under requests, retries, failovers, waits, flips, drains, passing time and reloads.
//!
//! | module | what it is |
//! |---|---|
//! | `written` | random trees and random changes to them |
//! | `model` | every outcome that a request may have |
//! | `world` | the events, and the comparison of both |

pub mod model;
pub mod world;
pub mod written;
