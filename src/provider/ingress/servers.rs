//! A port of a Service -> its servers (traefik-providers 5.7).

use std::collections::HashSet;
use std::sync::Arc;

use super::Options;
use super::notes::Notes;
use super::object::{PortRef, Service, ServicePort, ServiceType, Slice};
use super::world::World;
use crate::config::Span;
use crate::config::dynamic::{ServiceAnnotations, http};
use crate::upstream::Scheme;

/// Why a Service that nobody serves is not used.
pub(super) const NO_ENDPOINTS: &str = "no endpoints found";

/// What a service is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    /// The Service.
    pub service: &'a Service,
    /// What its annotations and those of its Ingresses say.
    pub settings: &'a ServiceAnnotations,
    /// Its EndpointSlices and all machines are among these.
    pub world: &'a World,
    /// What objects mean.
    pub options: &'a Options,
}

/// May it be used at all? Asked before its annotations are read.
pub(super) fn allowed(service: &Service, options: &Options) -> Result<(), String> {
    if service.kind == ServiceType::ExternalName && !options.allow_external_names {
        return Err(format!(
            "externalName services not allowed: {}; allowExternalNameServices allows them",
            service.id
        ));
    }
    Ok(())
}

/// The port that a backend names: by number, or by a name that is one.
pub(super) fn port<'s>(service: &'s Service, wanted: &PortRef) -> Result<&'s ServicePort, String> {
    let is_it = |port: &&ServicePort| match wanted {
        PortRef::Number(number) => port.number == *number,
        PortRef::Name(name) => port.name == *name && !name.is_empty(),
    };
    service.ports.iter().find(is_it).ok_or_else(|| {
        let known: Vec<String> = service.ports.iter().map(called).collect();
        let known = if known.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        format!("service port not found: {known}")
    })
}

fn called(port: &ServicePort) -> String {
    match &*port.name {
        "" => port.number.to_string(),
        name => format!("{name} ({})", port.number),
    }
}

impl Parts<'_> {
    /// The service behind one of the ports, or why there is none.
    pub(super) fn make(self, port: &ServicePort, notes: &mut Notes) -> Result<http::Service, String> {
        let mut balancer = self.settings.balancer();
        if let Some(check) = &mut balancer.health_check {
            slow_down(check, notes);
        }
        let middlewares = self.settings.middlewares.clone();
        let allow_empty = self.options.allow_empty_services;
        balancer.servers = self.servers(port, notes)?;
        if balancer.servers.is_empty() && !allow_empty {
            return Err(NO_ENDPOINTS.to_owned());
        }
        Ok(http::Service {
            load_balancer: Some(balancer),
            middlewares,
            ..http::Service::default()
        })
    }

    fn servers(self, port: &ServicePort, notes: &mut Notes) -> Result<Vec<http::Server>, String> {
        let Service { id, kind, .. } = self.service;
        let scheme = self.scheme(port)?;
        if self.settings.node_port_lb {
            if *kind == ServiceType::NodePort {
                return self.node_servers(scheme, port);
            }
            notes
                .warn("annotation service.nodeportlb has no effect: the type of the Service is not NodePort");
        }
        if *kind == ServiceType::ExternalName {
            return Ok(vec![server(scheme, &self.service.external_name, port.number)]);
        }
        if self.settings.native_lb.unwrap_or(self.options.native_lb) {
            let address = match &*self.service.cluster_ip {
                "" => return Err(native(&format!("no clusterIP found for service: {id}"))),
                "None" => return Err(native(&format!("no clusterIP on headless service: {id}"))),
                address => address,
            };
            if self
                .settings
                .sticky
                .as_ref()
                .is_some_and(|sticky| sticky.cookie.is_some())
            {
                notes.warn(
                    "it is sticky, but the cluster balances behind the one address of the Service; a cookie cannot \
                     stick; do without service.nativelb",
                );
            }
            return Ok(vec![server(scheme, address, port.number)]);
        }
        Ok(endpoints(self.world.slices_of(id), &port.name, scheme))
    }

    /// As annotated, or by the port. `appProtocol` is not asked (traefik-providers 5.7). Traefik takes any text; one like
    /// `http://elsewhere/?` would lead out of the cluster.
    fn scheme(&self, port: &ServicePort) -> Result<&str, String> {
        match self.settings.servers_scheme.as_str() {
            "" if port.number == 443 || port.name.starts_with("https") => Ok("https"),
            "" => Ok("http"),
            scheme if Scheme::parse(scheme).is_some() => Ok(scheme),
            scheme => Err(format!(
                "annotation service.serversscheme: {scheme:?} is no scheme; write http, https or h2c"
            )),
        }
    }

    fn node_servers(&self, scheme: &str, port: &ServicePort) -> Result<Vec<http::Server>, String> {
        if self.world.nodes.is_empty() {
            return Err(
                "service.nodeportlb: nodes not found; without disableClusterScopeResources, and with the right to list \
                 nodes, they are"
                    .to_owned(),
            );
        }
        let addresses = self.world.nodes.values().flat_map(|node| &node.internal);
        let servers: Vec<http::Server> = addresses
            .map(|address| server(scheme, address, port.node_port))
            .collect();
        if port.node_port == 0 || servers.is_empty() {
            return Err(format!(
                "service.nodeportlb: no servers were generated for service {}: no node has an InternalIP, or the port \
                 has no nodePort",
                self.service.id
            ));
        }
        Ok(servers)
    }
}

/// Every serving endpoint once, by address; one that terminates keeps its sessions and takes no new ones.
fn endpoints<'a>(
    slices: impl Iterator<Item = &'a Arc<Slice>>,
    port: &str,
    scheme: &str,
) -> Vec<http::Server> {
    let mut seen = HashSet::new();
    let mut servers = Vec::new();
    for slice in slices {
        let found = slice
            .ports
            .iter()
            .find(|known| known.name.as_deref() == Some(port));
        let number = found.and_then(|found| found.number).unwrap_or_default();
        if number == 0 {
            continue;
        }
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.serving) {
            for address in &endpoint.addresses {
                if seen.insert(address) {
                    servers.push(http::Server {
                        drain: endpoint.terminating,
                        ..server(scheme, address, number)
                    });
                }
            }
        }
    }
    servers
}

/// As Go's `net.JoinHostPort`: brackets around what has a colon.
/// The shortest time between two probes that an annotation can ask for: all probes of all tenants share one thread.
const SHORTEST: Span = Span::seconds(1);

fn slow_down(check: &mut http::HealthCheck, notes: &mut Notes) {
    let intervals = [
        ("interval", Some(&mut check.interval)),
        ("unhealthyinterval", check.unhealthy_interval.as_mut()),
    ];
    for (name, interval) in intervals {
        if let Some(interval) =
            interval.filter(|interval| interval.positive().is_some() && **interval < SHORTEST)
        {
            notes.warn(format!(
                "annotation service.healthcheck.{name}: {interval} is too often: {SHORTEST} is used"
            ));
            *interval = SHORTEST;
        }
    }
}

fn server(scheme: &str, host: &str, port: i32) -> http::Server {
    let url = if host.contains(':') {
        format!("{scheme}://[{host}]:{port}")
    } else {
        format!("{scheme}://{host}:{port}")
    };
    http::Server {
        url,
        ..http::Server::default()
    }
}

fn native(why: &str) -> String {
    format!("getting native Kubernetes Service address: {why}")
}
