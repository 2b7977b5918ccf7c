//! What docker and swarm have in common: containers as neutral data, and the pure way from all of them to a
//! configuration (traefik-providers 2, 3, 4).
//!
//! ```text
//! engine JSON -> Container (labels decoded once, when it is made) -> convert -> Configuration + remarks
//!
//! convert: filter -> part (what one container offers) -> merge (the older definition stays, servers add up)
//!                     |- address       where its servers are
//!                     `- default_rule  the rule of routers that have none
//! ```

mod address;
mod constraints;
mod container;
mod convert;
mod declared;
mod default_rule;
mod filter;
mod labels;
mod literal;
mod merge;
mod options;
mod part;
mod protocol;
mod remark;
#[cfg(test)]
mod tests;

pub use crate::config::Level;
pub use constraints::{Constraints, InvalidConstraints};
pub use container::{Addresses, Binding, Container, Health, Life, NetworkMode, Port};
pub use convert::{Conversion, convert};
pub use default_rule::{DefaultRule, InvalidTemplate};
pub use labels::Labels;
pub use options::{Flavour, Options};
pub use remark::{Remark, by_object};
