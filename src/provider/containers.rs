//! What docker and swarm have in common: containers as neutral data, and the pure way from all of them to a
//! configuration (traefik-providers 2, 3, 4).
//!
//! ```text
//! engine JSON -> Container (labels read once, when it is made) -> convert: all containers, options -> Configuration + remarks
//! ```

mod container;

pub use container::{Addresses, Binding, Container, Health, Life, NetworkMode, Port};
