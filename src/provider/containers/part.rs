//! One container -> what it contributes: its services with its server in each, its routers with rule and service
//! (traefik-providers 2.4).

use std::borrow::Cow;

use super::Container;
use super::address::{Unreachable, Whereabouts};
use super::default_rule::{DefaultRule, Model};
use super::filter::Usage;
use super::protocol::{Router, Server, Service};
use super::remark::Notes;
use crate::config::Level;
use crate::config::dynamic::{http, tcp, udp};
use crate::config::name::normalize;

/// What one container contributes to a configuration, besides what its labels say as it is.
#[derive(Debug)]
pub(super) struct Part<'c> {
    /// Whose it is.
    pub container: &'c Container,
    /// What the container is good for.
    pub usage: Usage,
    /// Requests.
    pub http: Offers<'c, http::Router, http::Service>,
    /// TCP connections.
    pub tcp: Offers<'c, tcp::Router, tcp::Service>,
    /// UDP datagrams.
    pub udp: Offers<'c, udp::Router, udp::Service>,
}

/// Routers and services of one protocol.
#[derive(Debug)]
pub(super) struct Offers<'c, R: Router, S: Service> {
    /// Routers, each with its service.
    pub routers: Vec<(Cow<'c, str>, Cow<'c, R>)>,
    /// Services.
    pub services: Vec<Offer<'c, S>>,
}

/// A service, and the container's server in it.
#[derive(Debug)]
pub(super) struct Offer<'c, S: Service> {
    /// Its name.
    pub name: Cow<'c, str>,
    /// What it says, but for its servers; `None` for the one of containers that declare none.
    pub service: Option<&'c S>,
    /// Where the container is; `None` when it serves nobody.
    pub server: Option<S::Server>,
}

/// Name of the service a container stands for: that of compose, or its own.
pub(super) fn service_name(container: &Container) -> Cow<'_, str> {
    match container.labels.compose_name() {
        Some(name) => name.into(),
        None => normalize(&container.name).into(),
    }
}

/// Makes the part of one container.
pub(super) struct Maker<'m, 'c> {
    pub container: &'c Container,
    /// Its service name.
    pub name: &'m str,
    pub usage: Usage,
    pub default_rule: &'m DefaultRule,
    pub whereabouts: Whereabouts<'c>,
    pub notes: Notes<'m>,
}

impl<'c> Maker<'_, 'c> {
    /// The part, or why the container cannot be used.
    pub(super) fn make(mut self) -> Result<Part<'c>, String> {
        let declared = self.container.labels.declared();
        let (http, tcp, udp) = (&declared.http, &declared.tcp, &declared.udp);
        let has_http = !(http.is_empty() && declared.http_middlewares.is_empty());
        let mut part = Part {
            container: self.container,
            usage: self.usage,
            http: Offers::default(),
            tcp: Offers::default(),
            udp: Offers::default(),
        };
        if !tcp.is_empty() {
            part.tcp.services = self.services(&tcp.services)?;
            part.tcp.routers = self.tcp_routers(&tcp.routers, &part.tcp.services);
        }
        if !udp.is_empty() {
            part.udp.services = self.services(&udp.services)?;
            part.udp.routers = self.linked(own(&udp.routers), &part.udp.services);
        }
        if has_http || (tcp.is_empty() && udp.is_empty()) {
            part.http.services = self.services(&http.services)?;
            part.http.routers = self.http_routers(&http.routers, &part.http.services);
        }
        Ok(part)
    }

    /// The services as declared, or the default one, each with the server of this container.
    fn services<S: Service>(&mut self, declared: &'c [(String, S)]) -> Result<Vec<Offer<'c, S>>, String> {
        if declared.is_empty() {
            let name = Cow::Owned(self.name.to_owned());
            return Ok(vec![self.offer(name, None)?]);
        }
        let declared = declared.iter();
        declared
            .map(|(name, service)| self.offer(Cow::Borrowed(name), Some(service)))
            .collect()
    }

    fn offer<S: Service>(
        &mut self,
        name: Cow<'c, str>,
        service: Option<&'c S>,
    ) -> Result<Offer<'c, S>, String> {
        let mut server = S::Server::default();
        if let Some(service) = service {
            let Some(servers) = service.servers() else {
                return Err(format!("service {name:?}: load-balancer is not defined"));
            };
            if let Some(declared) = servers.first() {
                server.clone_from(declared);
            }
            if self.container.virtual_address && service.is_sticky() {
                self.notes.warn(format!(
                    "service {name:?} is sticky, but the engine balances behind the virtual address; a cookie \
                     cannot stick; remove label traefik.swarm.lbswarm"
                ));
            }
        }
        let server = match self.usage {
            Usage::Empty => None,
            Usage::Drains if !server.drain() => None,
            Usage::Drains | Usage::Serves => {
                let placed = server.place(&mut self.whereabouts, &mut self.notes);
                placed.map_err(|why| unreachable::<S>(&name, why))?;
                Some(server)
            }
        };
        Ok(Offer {
            name,
            service,
            server,
        })
    }

    fn http_routers(
        &mut self,
        declared: &'c [(String, http::Router)],
        services: &[Offer<'c, http::Service>],
    ) -> Vec<(Cow<'c, str>, Cow<'c, http::Router>)> {
        let mut routers = own(declared);
        match services.len() {
            _ if !routers.is_empty() => {}
            0 | 1 => routers.push((
                Cow::Owned(self.name.to_owned()),
                Cow::Owned(http::Router::default()),
            )),
            _ => {
                let text = "could not create a router for the container: too many services";
                self.notes.add(Level::Info, text);
            }
        }
        routers.retain_mut(|(name, router)| {
            if router.rule.is_empty() {
                let rule = self.default_rule.render(Model {
                    name: self.name,
                    container_name: &self.container.name,
                    labels: self.container.labels.raw(),
                });
                if rule.is_empty() {
                    self.notes.error(format!(
                        "router {name:?} is left out: it has no rule, and defaultRule gives an empty one"
                    ));
                    return false;
                }
                router.to_mut().rule = rule;
            }
            true
        });
        self.linked(routers, services)
    }

    fn tcp_routers(
        &mut self,
        declared: &'c [(String, tcp::Router)],
        services: &[Offer<'c, tcp::Service>],
    ) -> Vec<(Cow<'c, str>, Cow<'c, tcp::Router>)> {
        let mut routers = own(declared);
        routers.retain(|(name, router)| {
            if router.rule.is_empty() {
                self.notes.error(format!(
                    "router {name:?} is left out: it has no rule; write label traefik.tcp.routers.{name}.rule"
                ));
            }
            !router.rule.is_empty()
        });
        self.linked(routers, services)
    }

    /// Gives routers without a service the only one there is.
    fn linked<R: Router, S: Service>(
        &mut self,
        mut routers: Vec<(Cow<'c, str>, Cow<'c, R>)>,
        services: &[Offer<'c, S>],
    ) -> Vec<(Cow<'c, str>, Cow<'c, R>)> {
        routers.retain_mut(|(name, router)| {
            if !router.service().is_empty() {
                return true;
            }
            let [only] = services else {
                let names: Vec<&str> = services.iter().map(|offer| offer.name.as_ref()).collect();
                self.notes.error(format!(
                    "router {name:?} is left out: it cannot be linked automatically with multiple services ({}); \
                     write label traefik.{}.routers.{name}.service",
                    names.join(", "),
                    S::LABEL
                ));
                return false;
            };
            only.name.as_ref().clone_into(router.to_mut().service_mut());
            true
        });
        routers
    }
}

impl<R: Router, S: Service> Default for Offers<'_, R, S> {
    fn default() -> Self {
        Self {
            routers: Vec::new(),
            services: Vec::new(),
        }
    }
}

fn own<R: Router>(declared: &[(String, R)]) -> Vec<(Cow<'_, str>, Cow<'_, R>)> {
    let declared = declared.iter();
    declared
        .map(|(name, router)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(router)))
        .collect()
}

/// Why a service has no server, in words that tell what to write.
fn unreachable<S: Service>(service: &str, why: Unreachable) -> String {
    match why {
        Unreachable::Because(why) => format!("service {service:?}: {why}"),
        Unreachable::NoPort => format!(
            "service {service:?}: port is missing: label traefik.{}.services.{service}.loadbalancer.server.port is missing",
            S::LABEL
        ),
    }
}
