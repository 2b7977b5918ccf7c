//! All providers' configurations as one, under qualified names (traefik-providers 7.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::dynamic::Configuration;
use crate::config::dynamic::http::{Router, ServersTransport, Service};
use crate::config::qualify;

/// Every object under its qualified name, `app@file`; no provider can touch another's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Merged {
    /// Routers.
    pub routers: BTreeMap<String, Router>,
    /// Services.
    pub services: BTreeMap<String, Service>,
    /// Names of middlewares: which exist is all that matters until they are supported.
    pub middlewares: Vec<String>,
    /// Servers transports.
    pub transports: BTreeMap<String, ServersTransport>,
    /// Parts of Traefik's model that piton does not have yet, in words.
    pub unsupported: Vec<String>,
    /// Tie-break between routers of equal priority: earlier wins, unlisted last.
    pub precedence: Vec<String>,
}

/// Puts the configurations of all providers, by provider name, together.
#[must_use]
pub fn merge(configurations: &BTreeMap<String, Arc<Configuration>>, precedence: &[String]) -> Merged {
    let mut merged = Merged {
        precedence: precedence.to_vec(),
        ..Merged::default()
    };
    for (provider, configuration) in configurations {
        let http = &configuration.http;
        merged.routers.extend(qualified(&http.routers, provider));
        merged.services.extend(qualified(&http.services, provider));
        merged
            .transports
            .extend(qualified(&http.servers_transports, provider));
        let middlewares = qualified(&http.middlewares, provider);
        merged.middlewares.extend(middlewares.map(|(name, _)| name));
        merged.unsupported.extend(unsupported(configuration, provider));
    }
    merged
}

fn unsupported<'a>(configuration: &'a Configuration, provider: &'a str) -> impl Iterator<Item = String> + 'a {
    let used = [
        (configuration.tcp != Default::default(), "tcp"),
        (configuration.udp != Default::default(), "udp"),
        (configuration.tls != Default::default(), "tls"),
    ];
    used.into_iter().filter(|(used, _)| *used).map(move |(_, part)| {
        format!("{part} of provider {provider:?} is not supported yet and has no effect")
    })
}

fn qualified<'a, T: Clone>(
    objects: &'a BTreeMap<String, T>,
    provider: &'a str,
) -> impl Iterator<Item = (String, T)> + 'a {
    objects
        .iter()
        .map(move |(name, object)| (qualify(name, provider), object.clone()))
}
