//! All providers' configurations as one, under qualified names (traefik-providers 7.2).

use std::collections::BTreeMap;

use crate::config::dynamic::http::{Router, ServersTransport, Service};
use crate::config::dynamic::{Configuration, Middleware, Tls};
use crate::config::{Named, Remarks, qualify};
use crate::tls;

/// Every object under its qualified name, `app@file`; no provider can touch another's. Copies share what they have in
/// common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Merged {
    /// Routers.
    pub routers: Named<Router>,
    /// Services.
    pub services: Named<Service>,
    /// Middlewares.
    pub middlewares: Named<Middleware>,
    /// Servers transports.
    pub transports: Named<ServersTransport>,
    /// Certificates and options of TLS, by provider.
    pub tls: tls::Parts,
    /// By provider: parts of Traefik's model that piton does not have yet, in words.
    pub unsupported: BTreeMap<String, Vec<String>>,
    /// By provider: what it has to say about what it reads.
    pub remarks: BTreeMap<String, Remarks>,
    /// Tie-break between routers of equal priority: earlier wins, unlisted last.
    pub precedence: Vec<String>,
}

impl Merged {
    /// Nothing, with this tie-break.
    #[must_use]
    pub fn new(precedence: &[String]) -> Self {
        Self {
            precedence: precedence.to_vec(),
            ..Self::default()
        }
    }

    /// These configurations, by provider.
    #[must_use]
    pub fn of<'c>(configurations: impl IntoIterator<Item = (&'c str, &'c Configuration)>) -> Self {
        let (mut merged, nothing) = (Self::default(), Configuration::default());
        for (provider, configuration) in configurations {
            merged.replace(provider, &nothing, configuration);
        }
        merged
    }

    /// Puts what `provider` says now in the place of `old`, what it said before.
    pub fn replace(&mut self, provider: &str, old: &Configuration, new: &Configuration) {
        replace(&mut self.routers, provider, &old.http.routers, &new.http.routers);
        replace(
            &mut self.services,
            provider,
            &old.http.services,
            &new.http.services,
        );
        replace(
            &mut self.middlewares,
            provider,
            &old.http.middlewares,
            &new.http.middlewares,
        );
        replace(
            &mut self.transports,
            provider,
            &old.http.servers_transports,
            &new.http.servers_transports,
        );
        match new.tls == Tls::default() {
            true => drop(self.tls.remove(provider)),
            false => drop(self.tls.insert(provider.to_owned(), new.tls.clone())),
        }
        self.unsupported
            .insert(provider.to_owned(), unsupported(new, provider));
    }
}

fn replace<T: PartialEq>(into: &mut Named<T>, provider: &str, old: &Named<T>, new: &Named<T>) {
    for difference in old.differences(new) {
        let name = qualify(difference.name(), provider);
        match difference.now() {
            Some(object) => into.insert(name, object.clone()),
            None => drop(into.remove(&name)),
        }
    }
}

fn unsupported(configuration: &Configuration, provider: &str) -> Vec<String> {
    let used = [
        (configuration.tcp != Default::default(), "tcp"),
        (configuration.udp != Default::default(), "udp"),
    ];
    let used = used.into_iter().filter(|(used, _)| *used);
    let said = used
        .map(|(_, part)| format!("{part} of provider {provider:?} is not supported yet and has no effect"));
    said.collect()
}
