//! From containers to updates: converted away from the thread that follows the engine, and sent when anything is different.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::Update;
use super::containers::{
    Constraints, Container, Conversion, DefaultRule, Flavour, Options, by_object, convert,
};
use super::engine::InvalidAccess;
use crate::config::Remarks;
use crate::config::dynamic::{Configuration, http};
use crate::config::install::Meaning;

/// An option of a provider that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct InvalidProvider {
    /// The option, as below `providers.docker`.
    pub key: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl From<InvalidAccess> for InvalidProvider {
    fn from(InvalidAccess { key, reason }: InvalidAccess) -> Self {
        Self { key, reason }
    }
}

/// What containers mean by the options of a provider.
///
/// # Errors
/// When an option cannot be used.
pub fn options(flavour: Flavour, written: &Meaning<'_>) -> Result<Options, InvalidProvider> {
    let invalid = |key: &str, reason: &dyn ToString| InvalidProvider {
        key: key.to_owned(),
        reason: reason.to_string(),
    };
    Ok(Options {
        provider: flavour,
        exposed_by_default: written.exposed_by_default,
        constraints: Constraints::parse(written.constraints)
            .map_err(|error| invalid("constraints", &error))?,
        default_rule: DefaultRule::parse(written.default_rule)
            .map_err(|error| invalid("defaultRule", &error))?,
        network: written.network.to_owned(),
        use_bind_port_ip: written.use_bind_port_ip,
        allow_empty_services: written.allow_empty_services,
        host: Ipv4Addr::LOCALHOST.into(),
    })
}

/// Converts, and sends what is new.
pub(super) struct Publisher {
    provider: &'static str,
    options: Arc<Options>,
    last: Arc<Configuration>,
    /// Did anybody get a configuration yet?
    is_silent: bool,
    /// What there is to say about the containers.
    remarks: Remarks,
}

impl Publisher {
    pub(super) fn new(provider: &'static str, options: Options) -> Self {
        Self {
            provider,
            options: Arc::new(options),
            last: Arc::default(),
            is_silent: true,
            remarks: Remarks::new(),
        }
    }

    /// The last configuration.
    pub(super) fn last(&self) -> Arc<Configuration> {
        Arc::clone(&self.last)
    }

    /// What there is to say about it.
    pub(super) fn remarks(&self) -> Remarks {
        self.remarks.clone()
    }

    /// The address of the machine, for containers that use its network.
    pub(super) fn set_machine(&mut self, address: IpAddr) {
        if self.options.host != address {
            Arc::make_mut(&mut self.options).host = address;
        }
    }

    /// Converts the containers. A configuration equal to the last is not sent, since it would only take the place of the
    /// next one in the throttle, unless it names files: those may hold something else by now.
    pub(super) async fn publish(
        &mut self,
        containers: Vec<Arc<Container>>,
        updates: Option<&mpsc::Sender<Update>>,
    ) {
        let (options, last) = (Arc::clone(&self.options), Arc::clone(&self.last));
        let converted = spawn_blocking(move || {
            let Conversion {
                configuration,
                remarks,
            } = convert(containers.iter().map(|container| &**container), &options);
            let configuration = configuration.upon(&last);
            let is_new = configuration != *last;
            let is_urgent = is_new && ends_servers(&last, &configuration);
            (
                is_new.then(|| Arc::new(configuration)),
                is_urgent,
                by_object(remarks),
            )
        });
        let (new, is_urgent, remarks) = match converted.await {
            Ok(converted) => converted,
            Err(error) => {
                return tracing::error!(
                    provider = self.provider,
                    "containers could not be converted: {error}"
                );
            }
        };
        if new.is_none() && remarks == self.remarks && !self.is_silent && !self.last.names_files() {
            return;
        }
        self.is_silent = false;
        self.remarks = remarks;
        if let Some(new) = new {
            self.last = new;
        }
        if let Some(updates) = updates {
            let update = Update {
                provider: self.provider,
                configuration: self.last(),
                remarks: self.remarks(),
                is_urgent,
            };
            // The receiver is gone only at shutdown.
            let _ = updates.send(update).await;
        }
    }
}

/// Is a server of `last` gone in `new`, or about to go? Requests run into it until `new` is in use.
pub(super) fn ends_servers(last: &Configuration, new: &Configuration) -> bool {
    last.http
        .services
        .differences(&new.http.services)
        .any(|difference| {
            let (old, now) = (difference.before(), difference.now());
            let (old, now) = (
                old.map_or(&[][..], |it| servers(it)),
                now.map_or(&[][..], |it| servers(it)),
            );
            let stays = |server: &http::Server| {
                let mut now = now.iter();
                now.any(|now| now.url == server.url && (server.drain || !now.drain))
            };
            old != now && !old.iter().all(stays)
        })
}

fn servers(service: &http::Service) -> &[http::Server] {
    service
        .load_balancer
        .as_ref()
        .map_or(&[], |balancer| &balancer.servers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Notation;
    use crate::config::dynamic::read;

    /// Services by name, each with servers by name; `!` before one that drains.
    fn configuration(services: &[(&str, &[&str])]) -> Configuration {
        let mut text = "http: {services: {".to_owned();
        for (name, servers) in services {
            let servers: Vec<String> = servers
                .iter()
                .map(|server| match server.strip_prefix('!') {
                    Some(server) => format!("{{url: 'http://{server}', drain: true}}"),
                    None => format!("{{url: 'http://{server}'}}"),
                })
                .collect();
            text += &format!(
                "{name}: {{loadBalancer: {{servers: [{}]}}}}, ",
                servers.join(", ")
            );
        }
        read((text + "}}").as_bytes(), Notation::Yaml, None).unwrap().0
    }

    #[test]
    fn what_ends_a_server_or_drains_it_is_urgent_and_nothing_else() {
        let last = configuration(&[("a", &["one", "two"]), ("b", &["!three"])]);
        let ends = |new: &[(&str, &[&str])]| ends_servers(&last, &configuration(new));
        assert!(!ends(&[("a", &["one", "two"]), ("b", &["!three"])]), "nothing");
        assert!(
            !ends(&[("a", &["one", "new", "two"]), ("b", &["!three"]), ("c", &["x"])]),
            "more"
        );
        assert!(!ends(&[("a", &["one", "two"]), ("b", &["three"])]), "it is back");
        assert!(ends(&[("a", &["one"]), ("b", &["!three"])]), "gone");
        assert!(ends(&[("a", &["one", "!two"]), ("b", &["!three"])]), "drains");
        assert!(
            ends(&[("a", &["one", "two"]), ("b", &["other"])]),
            "gone after draining"
        );
        assert!(ends(&[("a", &["one", "two"])]), "its service is gone");
    }
}
