//! Where dynamic configuration comes from. Each provider turns what it sees into a whole
//! [`Configuration`] and sends it on; nothing flows back.

pub mod containers;
pub mod engine;
pub mod file;

use std::sync::Arc;

use crate::config::dynamic::Configuration;

/// A provider's whole configuration, as of now.
#[derive(Debug, Clone)]
pub struct Update {
    /// Name of the provider, the part behind the `@`.
    pub provider: &'static str,
    /// Everything it knows; replaces what it said before.
    pub configuration: Arc<Configuration>,
}
