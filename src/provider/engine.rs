//! The API of a container engine (Docker's, and what speaks it): where it is, how it is asked, what it answers.
//!
//! A client of its own over hyper, and no ready one: of bollard's models one unknown state refuses a whole listing (Podman
//! knows more states than Docker), its answers are read without a bound, and at level DEBUG it logs them whole, with every
//! password that a container was given in its environment. Eight GET requests and the few fields that routing needs
//! are less than what would have to be worked around.

mod access;
mod client;
mod error;
pub mod wire;

pub use access::{Access, Environment, InvalidAccess};
pub use client::{Client, Events, Session};
pub use error::EngineError;
