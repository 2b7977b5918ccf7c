//! What is counted wherever requests pass: at an entry point, a router, a service.

use super::{Key, Tally, Traffic};

/// Values of the headers that the operator wants told apart.
pub type Values = Box<[Box<str>]>;

/// Version and cipher of TLS.
pub type Tls = (&'static str, &'static str);

/// Counters of one place.
#[derive(Debug, Default)]
pub struct PlaceMeter {
    /// Its requests.
    pub traffic: Traffic,
    /// The same by the headers that are told apart: a series and its values.
    pub by_headers: Tally<(Key, Values)>,
    /// Requests over TLS.
    pub tls: Tally<Tls>,
}
