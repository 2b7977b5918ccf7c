//! What the routers, services and servers of HTTP, TCP and UDP have in common.

use std::fmt::Debug;

use super::address::{Unreachable, Whereabouts};
use super::remark::Notes;
use crate::config::dynamic::{http, tcp, udp};

/// A router that may lack its service.
pub(super) trait Router: Clone + PartialEq + Debug {
    /// Name of its service; empty when it is to be linked.
    fn service(&self) -> &str;
    /// The same, to change.
    fn service_mut(&mut self) -> &mut String;
}

/// A service, as labels can declare one: servers behind a balancer.
pub(super) trait Service: Clone + Debug {
    /// What it balances over.
    type Server: Server;
    /// How its protocol is called in labels.
    const LABEL: &'static str;
    /// What it is called in messages.
    const TITLE: &'static str;

    /// The one of containers that declare none.
    fn balanced() -> Self;
    /// Its servers; `None` when it has no balancer.
    fn servers(&self) -> Option<&Vec<Self::Server>>;
    /// The same, to change.
    fn servers_mut(&mut self) -> Option<&mut Vec<Self::Server>>;
    /// Are these one service, whatever their servers are? The middlewares do not count, as in Traefik.
    fn agrees(&self, other: &Self) -> bool;
    /// Does it bind clients to servers by cookie?
    fn is_sticky(&self) -> bool {
        false
    }
}

/// A server, first as labels declare it, then with its address.
pub(super) trait Server: Clone + Default + Debug {
    /// Finds its address, and forgets what that was made from.
    fn place(&mut self, container: &mut Whereabouts<'_>, notes: &mut Notes<'_>) -> Result<(), Unreachable>;
    /// The address, by which one server is told from another.
    fn target(&self) -> &str;
    /// Lets nobody new in; `false` where there are no sessions to finish.
    fn drain(&mut self) -> bool {
        false
    }
    /// Takes in another declaration of the same address.
    fn absorb(&mut self, _other: &Self) {}
    /// What it is known by in cookies; empty for its address.
    fn id(&self) -> &str {
        ""
    }
    /// From now on it is known by its address.
    fn forget_id(&mut self) {}
}

// === HTTP ===

impl Router for http::Router {
    fn service(&self) -> &str {
        &self.service
    }

    fn service_mut(&mut self) -> &mut String {
        &mut self.service
    }
}

impl Service for http::Service {
    type Server = http::Server;
    const LABEL: &'static str = "http";
    const TITLE: &'static str = "HTTP service";

    fn balanced() -> Self {
        Self {
            load_balancer: Some(http::LoadBalancer::default()),
            ..Self::default()
        }
    }

    fn servers(&self) -> Option<&Vec<http::Server>> {
        self.load_balancer.as_ref().map(|balancer| &balancer.servers)
    }

    fn servers_mut(&mut self) -> Option<&mut Vec<http::Server>> {
        self.load_balancer.as_mut().map(|balancer| &mut balancer.servers)
    }

    fn agrees(&self, other: &Self) -> bool {
        match (&self.load_balancer, &other.load_balancer) {
            (Some(one), Some(other)) => balances_alike(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    fn is_sticky(&self) -> bool {
        let sticky = self
            .load_balancer
            .as_ref()
            .and_then(|balancer| balancer.sticky.as_ref());
        sticky.is_some_and(|sticky| sticky.cookie.is_some())
    }
}

/// All but the servers; spelled out, so that no new field is forgotten.
fn balances_alike(one: &http::LoadBalancer, other: &http::LoadBalancer) -> bool {
    let http::LoadBalancer {
        strategy,
        sticky,
        servers: _,
        health_check,
        passive_health_check,
        pass_host_header,
        response_forwarding,
        servers_transport,
        slow_start,
        max_in_flight,
        max_wait,
    } = one;
    *strategy == other.strategy
        && *sticky == other.sticky
        && *health_check == other.health_check
        && *passive_health_check == other.passive_health_check
        && *pass_host_header == other.pass_host_header
        && *response_forwarding == other.response_forwarding
        && *servers_transport == other.servers_transport
        && *slow_start == other.slow_start
        && *max_in_flight == other.max_in_flight
        && *max_wait == other.max_wait
}

impl Server for http::Server {
    fn place(&mut self, container: &mut Whereabouts<'_>, notes: &mut Notes<'_>) -> Result<(), Unreachable> {
        if !self.url.is_empty() {
            if self.scheme.is_empty() && self.port.is_empty() {
                return Ok(());
            }
            let why = "defining scheme or port is not allowed when URL is defined";
            return Err(Unreachable::Because(why.to_owned()));
        }
        let address = container.find(&self.port, notes)?;
        let scheme = match self.scheme.as_str() {
            "" => "http",
            scheme => scheme,
        };
        self.url = format!("{scheme}://{address}");
        self.port.clear();
        self.scheme.clear();
        Ok(())
    }

    fn target(&self) -> &str {
        &self.url
    }

    fn drain(&mut self) -> bool {
        self.drain = true;
        true
    }

    fn absorb(&mut self, other: &Self) {
        // An address is used again at once: the container that stops must not drain its successor.
        if !other.drain && other.drain_until.is_none() {
            self.drain = false;
            self.drain_until = None;
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn forget_id(&mut self) {
        self.id.clear();
    }
}

// === TCP ===

impl Router for tcp::Router {
    fn service(&self) -> &str {
        &self.service
    }

    fn service_mut(&mut self) -> &mut String {
        &mut self.service
    }
}

impl Service for tcp::Service {
    type Server = tcp::TcpServer;
    const LABEL: &'static str = "tcp";
    const TITLE: &'static str = "TCP service";

    fn balanced() -> Self {
        Self {
            load_balancer: Some(tcp::LoadBalancer::default()),
            ..Self::default()
        }
    }

    fn servers(&self) -> Option<&Vec<tcp::TcpServer>> {
        self.load_balancer.as_ref().map(|balancer| &balancer.servers)
    }

    fn servers_mut(&mut self) -> Option<&mut Vec<tcp::TcpServer>> {
        self.load_balancer.as_mut().map(|balancer| &mut balancer.servers)
    }

    fn agrees(&self, other: &Self) -> bool {
        match (&self.load_balancer, &other.load_balancer) {
            (Some(one), Some(other)) => {
                let tcp::LoadBalancer {
                    proxy_protocol,
                    servers: _,
                    servers_transport,
                    termination_delay,
                    health_check,
                } = one;
                *proxy_protocol == other.proxy_protocol
                    && *servers_transport == other.servers_transport
                    && *termination_delay == other.termination_delay
                    && *health_check == other.health_check
            }
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Server for tcp::TcpServer {
    fn place(&mut self, container: &mut Whereabouts<'_>, notes: &mut Notes<'_>) -> Result<(), Unreachable> {
        self.address = container.find(&self.port, notes)?.to_string();
        self.port.clear();
        Ok(())
    }

    fn target(&self) -> &str {
        &self.address
    }
}

// === UDP ===

impl Router for udp::Router {
    fn service(&self) -> &str {
        &self.service
    }

    fn service_mut(&mut self) -> &mut String {
        &mut self.service
    }
}

impl Service for udp::Service {
    type Server = udp::UdpServer;
    const LABEL: &'static str = "udp";
    const TITLE: &'static str = "UDP service";

    fn balanced() -> Self {
        Self {
            load_balancer: Some(udp::LoadBalancer::default()),
            ..Self::default()
        }
    }

    fn servers(&self) -> Option<&Vec<udp::UdpServer>> {
        self.load_balancer.as_ref().map(|balancer| &balancer.servers)
    }

    fn servers_mut(&mut self) -> Option<&mut Vec<udp::UdpServer>> {
        self.load_balancer.as_mut().map(|balancer| &mut balancer.servers)
    }

    fn agrees(&self, other: &Self) -> bool {
        self.load_balancer.is_some() == other.load_balancer.is_some()
    }
}

impl Server for udp::UdpServer {
    fn place(&mut self, container: &mut Whereabouts<'_>, notes: &mut Notes<'_>) -> Result<(), Unreachable> {
        self.address = container.find(&self.port, notes)?.to_string();
        self.port.clear();
        Ok(())
    }

    fn target(&self) -> &str {
        &self.address
    }
}
