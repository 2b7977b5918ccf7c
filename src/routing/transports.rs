//! Transports by name (traefik-core 3.3).

use std::collections::HashMap;

use super::Merged;
use crate::config::qualify;
use crate::upstream::Transport;

/// Transports by qualified name, and the one for services that name none.
pub(super) struct Transports<'a> {
    default: &'a Transport,
    named: HashMap<&'a str, Result<Transport, String>>,
}

impl<'a> Transports<'a> {
    pub(super) fn new(merged: &'a Merged, default: &'a Transport) -> Self {
        let named = merged.transports.iter().map(|(name, written)| {
            let transport = Transport::new(written).map_err(|error| error.to_string());
            (name.as_str(), transport)
        });
        Self {
            default,
            named: named.collect(),
        }
    }

    /// The transport `written` in a service of `provider`.
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
