//! Where dynamic configuration comes from. Each provider turns what it sees into a whole
//! [`Configuration`] and sends it on; nothing flows back.

mod backoff;
pub mod containers;
pub mod docker;
pub mod engine;
pub mod file;
mod follow;
pub mod ingress;
pub mod kubernetes;
mod publisher;
mod readiness;
pub mod swarm;

use std::sync::Arc;

pub use publisher::{InvalidProvider, options as container_options};
pub use readiness::Readiness;

use crate::config::Remarks;
use crate::config::dynamic::Configuration;

/// A provider's whole configuration, as of now.
#[derive(Debug, Clone)]
pub struct Update {
    /// Name of the provider, the part behind the `@`.
    pub provider: &'static str,
    /// Everything it knows; replaces what it said before.
    pub configuration: Arc<Configuration>,
    /// What there is to say about what it reads.
    pub remarks: Remarks,
    /// Has a server ended, or begun to? Requests run into it until this is in use.
    pub is_urgent: bool,
}

/// What an engine says before anything is answered.
#[derive(Debug, Clone)]
pub struct First {
    /// What is known.
    pub configuration: Arc<Configuration>,
    /// What there is to say about it.
    pub remarks: Remarks,
    /// Is that everything there is?
    pub is_whole: bool,
}
