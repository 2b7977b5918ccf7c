//! Ring 0, what was written: configuration as plain data.
//!
//! | module | what it holds |
//! |---|---|
//! | [`install`] | the static configuration: Pingora's server keys and Traefik's entry points, providers, log ... |
//! | [`dynamic`] | the dynamic configuration: routers, services, middlewares, transports, TLS |
//! | [`yaml`], [`toml`] | text of a notation to one positioned tree |
//! | [`labels`], [`annotations`] | labels of containers, annotations of Kubernetes to the same tree |
//! | [`text`] | what is checked before any notation is read |
//! | [`node`] | that tree |
//! | [`decode`] | the tree to types, by Traefik's rules, every problem at once |
//! | [`encode`] | types to what Traefik's API prints, without secrets |
//! | [`problem`] | what is wrong, where, and what would be right |
//! | [`units`] | durations and booleans as Go writes them |
//! | [`name`] | `name@provider`, names made of other words |
//!
//! The way is the same for every source: text or labels -> [`Node`] -> [`decode::decode`] -> a typed configuration and a
//! list of [`Problem`]s. A user's mistake is a value here, never a panic.

mod allow_empty;
pub mod annotations;
pub mod decode;
pub mod dynamic;
pub mod encode;
mod files;
pub mod install;
pub mod labels;
mod moment;
pub mod name;
mod named;
pub mod node;
pub mod notation;
pub mod problem;
mod remark;
mod secret;
pub mod text;
pub mod toml;
pub mod units;
pub mod yaml;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;

pub use allow_empty::AllowEmpty;
pub use files::{Files, NoFiles};
pub use moment::Moment;
pub use name::{normalize, provider_of, qualify, split};
pub use named::{Difference, Named};
pub use node::{Entry, Node, Value};
pub use notation::Notation;
pub use problem::{Position, Problem, Problems, Severity, cut, did_you_mean};
pub use remark::{Level, Remark, Remarks};
pub use secret::Secret;
pub use units::{InvalidSpan, Span, parse_bool};
