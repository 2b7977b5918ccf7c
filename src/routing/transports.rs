//! Servers transports by name. One that cannot be enforced has a reason instead, and so have the services that name it.

use std::collections::HashMap;

use super::{Ground, Merged};
use crate::config::qualify;
use crate::upstream::Transport;

/// Transports by qualified name, and the one for services that name none.
pub(super) struct Transports<'a> {
    default: &'a Transport,
    named: HashMap<&'a str, Result<Transport, String>>,
}

impl<'a> Transports<'a> {
    /// Reads them all.
    pub(super) fn new(merged: &'a Merged, ground: &'a Ground) -> Self {
        let named = merged.transports.iter().map(|(name, written)| {
            let transport = Transport::new(written, &*ground.files).map_err(|error| error.to_string());
            (name.as_str(), transport)
        });
        Self {
            default: &ground.transport,
            named: named.collect(),
        }
    }

    /// The transport a service names, or why it has none.
    pub(super) fn get(&self, written: &str, provider: &str) -> Result<&Transport, String> {
        if written.is_empty() || written == "default@internal" {
            return Ok(self.default);
        }
        let qualified = qualify(written, provider);
        match self.named.get(qualified.as_str()) {
            Some(Ok(transport)) => Ok(transport),
            Some(Err(reason)) => Err(format!("servers transport {qualified:?}: {reason}")),
            None => Err(format!("servers transport not found {qualified}")),
        }
    }
}
