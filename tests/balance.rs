//! The selectors as a whole: sequences, shares, and what happens when servers go and come.
//!
//! | module | what is asserted there |
//! |---|---|
//! | `wrr` | Traefik's sequences, fairness over flips and reloads |
//! | `p2c` | load decides, weights count, pairs are even |
//! | `leasttime` | speed decides; nobody is herded at, nobody is starved |
//! | `hrw` | Traefik's picks; only the clients of a lost server move |
//! | `places` | `maxInFlight`: never exceeded, kept for who waits |
//! | `pingora` | the same selectors inside Pingora's own `LoadBalancer` |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in tests a panic is the report"
)]

#[path = "support/servers.rs"]
mod servers;

mod balance {
    mod hrw;
    mod leasttime;
    mod p2c;
    mod pingora;
    mod places;
    mod wrr;
}
