//! What one request carries through Pingora's callbacks.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::entry_point::{Facts, address_value};
use super::failure::{Failure, is_final};
use crate::balance::{Draw, Micros, Server, Tried};
use crate::clock;
use crate::service::{Choice, Cookies, Service};

/// The state of one request.
#[derive(Default)]
pub struct Context {
    service: Option<Arc<Service>>,
    client: Option<IpAddr>,
    /// The client's address as text, for the fields about it.
    client_text: Option<HeaderValue>,
    /// No field about the client's origin is there yet, neither from the client nor from piton.
    pub(super) origin_is_clean: bool,
    /// Piton has stated the client's origin already.
    pub(super) origin_is_stated: bool,
    /// Server and lease of the attempt under way; a retry replaces it.
    choice: Option<Choice>,
    /// Servers this request was sent to in vain.
    tried: Tried,
    /// Connects that failed.
    pub(super) failed_connects: u32,
    /// Addresses of the chosen server's name that did not answer.
    pub(super) failed_addresses: usize,
    /// Exchanges that broke before an answer.
    pub(super) broken_exchanges: u32,
    /// When the first connect began; 0 before.
    pub(super) began: Micros,
    /// The server answered: nothing can be tried again.
    answered: bool,
    failure: Option<Failure>,
}

impl Context {
    /// Who asks.
    pub(super) fn met(&mut self, client: Option<IpAddr>) {
        self.client = client;
        self.client_text = client.map(address_value);
    }

    /// The request was routed to `service`.
    pub(super) fn routed(&mut self, service: Arc<Service>) {
        self.service = Some(service);
    }

    /// The client's address.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// What is to be said of the client's origin.
    pub(super) fn facts<'a>(&'a self, is_upgrade: bool, machine: &'a HeaderValue) -> Facts<'a> {
        Facts {
            client: self.client_text.as_ref(),
            is_upgrade,
            machine,
        }
    }

    /// Chooses a server among those not tried; false when there is none.
    pub(super) fn choose(&mut self, headers: &HeaderMap) -> bool {
        // The old lease ends before the next is counted.
        self.choice = None;
        self.failed_addresses = 0;
        let draw = Draw {
            now: clock::now(),
            entropy: clock::random(),
            client: self.client,
        };
        if self.began == 0 {
            self.began = draw.now;
        }
        let service = self.service.as_ref();
        self.choice = service.and_then(|service| service.choose(headers, &draw, &self.tried));
        self.choice.is_some()
    }

    /// The attempt under way.
    pub(super) fn choice(&self) -> Option<&Choice> {
        self.choice.as_ref()
    }

    /// The server of the attempt under way.
    pub(super) fn server(&self) -> Option<&Arc<Server>> {
        self.choice.as_ref().map(Choice::server)
    }

    /// The service, once routed.
    pub(super) fn service(&self) -> Option<&Arc<Service>> {
        self.service.as_ref()
    }

    /// The attempt under way failed, for the reason given; it counts against the server.
    pub(super) fn attempt_failed(&mut self, failure: Failure) {
        self.failure = Some(failure);
        let now = clock::now();
        if let Some(choice) = &mut self.choice {
            choice.lease.failed(now);
        }
        self.passive(false, now);
    }

    /// Gives the chosen server up for this request.
    pub(super) fn give_up_server(&mut self) {
        if let Some(choice) = self.choice.take() {
            self.tried.push(choice.index);
        }
    }

    /// A response header came, final or not.
    pub(super) fn answered(&mut self, status: StatusCode) {
        let now = clock::now();
        if let Some(choice) = &mut self.choice {
            choice.lease.first_byte(now);
        }
        if is_final(status) {
            self.answered = true;
            self.failure = None;
            self.passive(!status.is_server_error(), now);
        }
    }

    /// Did the server answer?
    pub(super) fn was_answered(&self) -> bool {
        self.answered
    }

    fn passive(&self, success: bool, now: Micros) {
        let (Some(service), Some(server)) = (&self.service, self.server()) else {
            return;
        };
        let Some(policy) = &service.servers().passive else {
            return;
        };
        if success {
            server.state().succeeded();
        } else if server.state().failed(policy, now) {
            tracing::warn!(
                service = service.name(),
                server = server.url(),
                "server is down: live requests failed"
            );
        }
    }

    /// Cookies for the final answer; a second call gives none.
    pub(super) fn take_cookies(&mut self) -> Cookies {
        self.choice
            .as_mut()
            .map(|choice| std::mem::take(&mut choice.cookies))
            .unwrap_or_default()
    }

    /// Why the last attempt failed, unless the server answered.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Name of the service, for logs.
    pub(super) fn service_name(&self) -> &str {
        self.service.as_ref().map_or("-", |service| service.name())
    }

    /// URL of the server, for logs.
    pub(super) fn server_url(&self) -> &str {
        self.server().map_or("-", |server| server.url())
    }

    /// The request is over: no longer in flight, before the connection is drained and reused.
    pub(super) fn end(&mut self) {
        self.choice = None;
    }
}
