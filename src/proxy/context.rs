//! What one request carries through Pingora's callbacks.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use pingora::http::RequestHeader;
use pingora::{Error, Result};
use tokio::time::{Instant, sleep, timeout_at};

use super::dialling::Dialling;
use super::entry_point::{EntryPoint, Facts, address_value};
use super::failure::{Denial, Failure, is_final};
use super::kept::{Budgets, Kept};
use super::mirror::Queue;
use super::patience::IsOver;
use super::retry::is_websocket;
use super::second::{Second, TooLarge};
use super::tries::Tries;
use super::watched::Watched;
use crate::balance::{Draw, Micros, Server, ServerState, Signals, Waiting};
use crate::clock;
use crate::middleware::Passage;
use crate::routing::{Route, Snapshot};
use crate::service::{Ask, Attempts, Choice, Cookies, OnError, Refusal, Service};
use crate::sticky::{Outcome, Verdict};
use crate::stop::Stop;

/// Servers that are looked at in a row before a request waits at the last of them.
const MAX_LOOKS: u32 = 4;

/// The state of one request.
#[derive(Default)]
pub struct Context {
    route: Option<Arc<Route>>,
    /// The service of the route as a newer configuration has it.
    renewed: Option<Arc<Service>>,
    client: Option<IpAddr>,
    is_tls: bool,
    /// The client's address as text, for the fields about it.
    client_text: Option<HeaderValue>,
    /// No field about the client's origin is there yet, neither from the client nor from piton.
    pub(super) origin_is_clean: bool,
    /// Piton has stated the client's origin already.
    pub(super) origin_is_stated: bool,
    /// Server and lease of the attempt under way; a retry replaces it.
    choice: Option<Choice>,
    /// What was tried for this request in vain.
    attempts: Attempts,
    /// When it has waited long enough for a place at its session's server.
    patience: Option<Instant>,
    /// The connection of the attempt under way is not to be kept.
    pub(super) closes_connection: bool,
    /// Connects that failed.
    pub(super) failed_connects: u32,
    /// Addresses of the chosen server's name that did not answer.
    pub(super) failed_addresses: usize,
    /// Its connects.
    pub(super) dialling: Dialling,
    /// Exchanges that broke before an answer.
    pub(super) broken_exchanges: u32,
    /// The next attempt waits a moment: one exchange too many broke just now.
    pub(super) is_to_settle: bool,
    /// When the first connect began; 0 before.
    pub(super) began: Micros,
    /// The server answered: nothing can be tried again.
    answered: bool,
    failure: Option<Failure>,
    /// Its way through the middlewares of its route, where there are any.
    passage: Option<Box<Passage>>,
    /// What they say about tries.
    tries: Tries,
    /// Bytes of its body so far.
    body_bytes: u64,
    /// The request itself, where it may have to be sent a second time.
    second: Option<Box<Second>>,
    /// What became of the session's cookie.
    pub(super) outcome: Outcome,
    /// What is collected for whoever looks on.
    pub(super) watched: Option<Box<Watched>>,
}

impl Context {
    /// Who asks, and whether over TLS.
    pub(super) fn met(&mut self, client: Option<IpAddr>, is_tls: bool) {
        self.client = client;
        self.is_tls = is_tls;
        self.client_text = client.map(address_value);
    }

    /// The request goes this way.
    pub(super) fn routed(&mut self, route: Arc<Route>) {
        self.route = Some(route);
    }

    /// States the client's origin on the request, if that was not done. What middlewares make of it stays.
    pub(super) fn state_origin(
        &mut self,
        request: &mut RequestHeader,
        entry_point: &EntryPoint,
        machine: &HeaderValue,
    ) -> Result<()> {
        if !self.origin_is_stated {
            let facts = self.facts(is_websocket(&request.headers), machine);
            entry_point
                .forwarded()
                .state(request, &facts, self.origin_is_clean)?;
        }
        self.origin_is_stated = true;
        self.origin_is_clean = false;
        Ok(())
    }

    /// A way through the middlewares of its route, if there are any.
    pub(super) fn passage(&self) -> Option<Box<Passage>> {
        let route = self.route.as_ref().filter(|route| !route.chain.is_empty())?;
        Some(Box::new(Passage::new(Arc::clone(&route.chain))))
    }

    /// The request has come as far as `passage` says.
    pub(super) fn passed(&mut self, passage: Box<Passage>, method: &Method) {
        self.tries = Tries::new(passage.retry(), method, clock::now());
        self.passage = Some(passage);
    }

    /// The way that its answer has to take.
    pub(super) fn passage_mut(&mut self) -> Option<&mut Passage> {
        self.passage.as_deref_mut()
    }

    /// Shall servers not be told the client's address?
    pub(super) fn hides_client(&self) -> bool {
        self.passage
            .as_ref()
            .is_some_and(|passage| passage.hides_client())
    }

    /// A try ended without an answer; do the middlewares allow another?
    pub(super) fn may_try_again(&mut self) -> bool {
        self.tries.failed(clock::now(), clock::random())
    }

    /// Waits as long as the middlewares want between two tries.
    pub(super) async fn pause(&mut self) {
        if let Some(pause) = self.tries.take_pause() {
            sleep(pause).await;
            // That was no connecting.
            self.began = clock::now();
        }
    }

    fn service(&self) -> Option<&Arc<Service>> {
        let routed = self.route.as_ref().map(|route| &route.service);
        self.renewed.as_ref().or(routed)
    }

    /// The client's address.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// Did it come over TLS?
    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// What is to be said of the client's origin.
    pub(super) fn facts<'a>(&'a self, is_upgrade: bool, machine: &'a HeaderValue) -> Facts<'a> {
        Facts {
            client: self.client_text.as_ref(),
            is_tls: self.is_tls,
            is_upgrade,
            machine,
        }
    }

    /// Chooses a server among those not tried, and waits for a place at it where the session is worth that.
    /// The configuration it came under counts, unless nobody of that is left and the one that is `published` now knows
    /// more.
    pub(super) async fn place(
        &mut self,
        headers: &HeaderMap,
        budgets: &Budgets,
        published: &ArcSwap<Snapshot>,
    ) -> Result<(), Denial> {
        let mut waiting: Option<Waiting> = None;
        let mut looks = 0;
        loop {
            // Made before looking, so that no place that becomes free meanwhile is missed.
            let left = waiting.as_ref().map(Waiting::left);
            let (server, max_wait) = match self.choose(headers) {
                Ok(()) => {
                    if waiting.is_some() {
                        // The wait for a place was no connecting.
                        self.began = clock::now();
                    }
                    return self.provide(headers, budgets);
                }
                Err(Refusal::NoServer(_) | Refusal::SessionLost) if self.renew(published) => continue,
                // Who asks for tries gets them, of the same server if there is no other.
                Err(Refusal::NoServer(_)) if self.tries.are_asked_for() && self.attempts.forget_tried() => {
                    continue;
                }
                Err(Refusal::NoServer(_)) => return Err(Denial::NoServer),
                Err(Refusal::SessionLost) => return Err(Denial::SessionLost),
                Err(Refusal::Full { server, max_wait }) => (server, max_wait),
            };
            let patience = *self.patience.get_or_insert_with(|| Instant::now() + max_wait);
            let is_same = |waiting: &Waiting| Arc::ptr_eq(waiting.server().state(), server.state());
            match left.filter(|_| waiting.as_ref().is_some_and(is_same) || looks >= MAX_LOOKS) {
                Some(left) => {
                    looks = 0;
                    if timeout_at(patience, left).await.is_err() {
                        self.attempts.give_up_waiting();
                    }
                }
                // This one is looked at once more when the wait at it has begun. Not for ever: two could be
                // full in turn.
                None => {
                    looks += 1;
                    waiting = Some(Waiting::at(server));
                }
            }
        }
    }

    /// Takes the service as it is configured now, once; false when that is no other. Servers that are in both are known
    /// by the same states, so what was tried stays tried.
    fn renew(&mut self, published: &ArcSwap<Snapshot>) -> bool {
        let Some(service) = self.service().filter(|_| self.renewed.is_none()) else {
            return false;
        };
        let snapshot = published.load();
        let now = snapshot.services.get(service.name());
        // After an answer that was discarded the tree it came through has to stay.
        let Some(now) = now.filter(|now| !Arc::ptr_eq(now, service) && !self.attempts.has_failed_over_any())
        else {
            return false;
        };
        self.renewed = Some(Arc::clone(now));
        true
    }

    /// Keeps the request from here on if the choice makes that necessary.
    fn provide(&mut self, headers: &HeaderMap, budgets: &Budgets) -> Result<(), Denial> {
        match (&mut self.second, &mut self.choice) {
            (Some(second), Some(choice)) => second.resume(choice),
            (None, Some(choice)) => {
                self.second = Second::of(choice, headers, budgets, self.tries.body_limit());
            }
            (_, None) => {}
        }
        match &self.second {
            Some(second) => second.check(headers).map_err(|TooLarge| Denial::BodyTooLarge),
            None => Ok(()),
        }
    }

    fn choose(&mut self, headers: &HeaderMap) -> Result<(), Refusal> {
        // The old lease ends before the next is counted.
        self.choice = None;
        self.failed_addresses = 0;
        self.dialling.turn();
        let draw = Draw {
            now: clock::now(),
            entropy: clock::random(),
            client: self.client,
        };
        if self.began == 0 {
            self.began = draw.now;
        }
        let ask = Ask {
            headers,
            draw,
            wall: clock::wall(),
            attempts: &self.attempts,
        };
        if let Some(watched) = &mut self.watched {
            watched.asked(draw.now);
        }
        let service = self.service().ok_or(Refusal::NoServer(Outcome::default()))?;
        let mut choice = match service.choose(&ask) {
            Ok(choice) => {
                self.outcome = choice.outcome;
                choice
            }
            Err(refusal) => {
                match &refusal {
                    Refusal::NoServer(outcome) => self.outcome = *outcome,
                    Refusal::SessionLost => self.outcome = Outcome::stays(Verdict::Down),
                    Refusal::Full { .. } => {}
                }
                return Err(refusal);
            }
        };
        if !choice.extra.is_empty() {
            self.attempts
                .add_counted(std::mem::take(&mut choice.extra.counted));
        }
        self.choice = Some(choice);
        // Whatever fails from here on is another failure.
        self.failure = None;
        Ok(())
    }

    /// The attempt under way.
    pub(super) fn choice(&self) -> Option<&Choice> {
        self.choice.as_ref()
    }

    /// The server of the attempt under way.
    pub(super) fn server(&self) -> Option<&Arc<Server>> {
        self.choice.as_ref().map(Choice::server)
    }

    /// What the servers have in common that serve it, or that should have: of the attempt under way, else of the last
    /// one, else of the service if that has servers.
    pub(super) fn leaf(&self) -> Option<&Signals> {
        let server = self.server().or_else(|| self.last_tried());
        match server {
            Some(server) => Some(server.state().signals()),
            None => self.service()?.servers().map(|servers| &**servers.pool.signals()),
        }
    }

    /// The last server that was tried in vain.
    pub(super) fn last_tried(&self) -> Option<&Arc<Server>> {
        self.attempts.last_tried()
    }

    /// Servers that were tried in vain.
    pub(super) fn retries(&self) -> u32 {
        u32::try_from(self.attempts.tried()).unwrap_or(u32::MAX)
    }

    /// The route it came by.
    pub(super) fn route(&self) -> Option<&Route> {
        self.route.as_deref()
    }

    /// The attempt under way failed: what the client is told if it was the last.
    pub(super) fn failed(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// Gives the chosen server up for this request, and charges it with the failure: its latency and its
    /// passive health.
    pub(super) fn give_up_server(&mut self) {
        let now = clock::now();
        self.trace_end_of_attempt(self.failure);
        self.passive(false, now);
        if let Some(mut choice) = self.choice.take() {
            choice.lease.failed(now);
            self.attempts.add_tried(Arc::clone(choice.server()));
        }
    }

    /// The attempt under way failed with `error`: said in the log when the server's count of that doubles.
    pub(super) fn complain(&self, error: &Error) {
        let Some(server) = self.server() else {
            return;
        };
        let failures = server.state().count_failure();
        if failures.is_power_of_two() {
            tracing::warn!(
                service = self.service_name(),
                server = server.url(),
                failures,
                "the server could not be asked: {error}"
            );
        }
    }

    /// A response header came, final or not.
    pub(super) fn answered(&mut self, status: StatusCode) {
        let now = clock::now();
        if let Some(choice) = &mut self.choice {
            choice.lease.first_byte(now);
        }
        if is_final(status) {
            self.trace_answer(status.as_u16());
            self.answered = true;
            self.failure = None;
            self.passive(!status.is_server_error(), now);
        }
    }

    /// The failover, if any, whose fallback takes over when the answer has this status.
    fn watching(&self, status: StatusCode) -> Option<&Arc<OnError>> {
        let watched = &self.choice.as_ref()?.extra.watched;
        watched.iter().find(|on_error| on_error.matches(status.as_u16()))
    }

    /// Is an answer with this status to be discarded, if it can be?
    pub(super) fn is_watched(&self, status: StatusCode) -> bool {
        let is_watched = || self.watching(status).is_some() || self.tries.discards(status, clock::now());
        self.second.is_some() && is_watched()
    }

    /// May any answer of the attempt under way be discarded?
    pub(super) fn is_watched_at_all(&self) -> bool {
        let choice = self.choice.as_ref();
        self.tries.discards_at_all() || choice.is_some_and(|choice| !choice.extra.watched.is_empty())
    }

    /// Gives up the attempt under way because of its answer: the fallback is next.
    pub(super) fn discard(&mut self, status: StatusCode) {
        let now = clock::now();
        self.trace_answer(status.as_u16());
        self.trace_end_of_attempt(None);
        self.passive(!status.is_server_error(), now);
        // The wait for the answer was no connecting.
        self.began = now;
        let on_error = self.watching(status).cloned();
        if on_error.is_none() {
            self.tries.discarded(now, clock::random());
        }
        if let Some(mut choice) = self.choice.take() {
            choice.lease.first_byte(now);
            if let Some(on_error) = on_error {
                self.attempts
                    .fail_over(on_error, std::mem::take(&mut choice.extra.path));
            }
        }
        if let Some(second) = &mut self.second {
            second.failing_over = true;
        }
    }

    /// Was an answer discarded, and nobody chosen since?
    pub(super) fn is_failing_over(&self) -> bool {
        self.second.as_ref().is_some_and(|second| second.failing_over)
    }

    /// An attempt begins with this header.
    pub(super) fn begin(&mut self, head: &RequestHeader, has_body: bool) {
        self.body_bytes = 0;
        if let Some(second) = &mut self.second {
            second.begin(head, has_body);
        }
    }

    /// Counts a part of the request's body; all so far, in bytes. A body that is sent again is the same one.
    pub(super) fn read(&mut self, part: Option<&Bytes>) -> u64 {
        self.body_bytes += part.map_or(0, |part| part.len() as u64);
        self.body_bytes
    }

    /// Tells when a WebSocket to the chosen server has to end: when the drain of that server is over in the
    /// configuration that is `published` then, or the process is about to.
    pub(super) fn end_of_socket(&self, published: &Arc<ArcSwap<Snapshot>>, stop: &Arc<Stop>) -> IsOver {
        let (published, stop) = (Arc::clone(published), Arc::clone(stop));
        let state = self.server().map(|server| Arc::clone(server.state()));
        Box::new(move || {
            let is_drained = |state: &Arc<ServerState>| {
                let snapshot = published.load();
                // Its own service, wherever in a tree the request went through.
                let service = snapshot.services.get(state.signals().service())?;
                let servers = service.servers()?.pool.servers();
                let server = servers.iter().find(|server| Arc::ptr_eq(server.state(), state))?;
                Some(server.terms().drain.is_over(clock::wall()))
            };
            stop.is_time_to_part() || state.as_ref().and_then(is_drained).unwrap_or(false)
        })
    }

    /// A part of the request's body passes.
    pub(super) fn keep(&mut self, part: Option<&Bytes>, is_last: bool) -> Result<(), Failure> {
        match &mut self.second {
            Some(second) => second
                .pass(part, is_last)
                .map_err(|TooLarge| Failure::BodyTooLarge),
            None => Ok(()),
        }
    }

    /// The request as it was kept.
    pub(super) fn kept(&self) -> Option<&Kept> {
        self.second.as_ref().map(|second| &second.kept)
    }

    /// Did the server answer?
    pub(super) fn was_answered(&self) -> bool {
        self.answered
    }

    fn passive(&self, success: bool, now: Micros) {
        let policy = self.server().and_then(|server| server.terms().passive);
        let (Some(policy), Some(server)) = (policy, self.server()) else {
            return;
        };
        if success {
            server.state().succeeded();
        } else if server.state().failed(&policy, now) {
            tracing::warn!(
                service = self.service_name(),
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
        self.service().map_or("-", |service| service.name())
    }

    /// URL of the server, for logs.
    pub(super) fn server_url(&self) -> &str {
        self.server().map_or("-", |server| server.url())
    }

    /// The request is over: no longer in flight, before the connection is drained and reused. Its mirrors
    /// get their copies, unless the client left.
    pub(super) fn end(&mut self, mirrors: &Queue, client_left: bool) {
        self.choice = None;
        self.passage = None;
        if let Some(second) = self.second.take().filter(|_| !client_left) {
            second.leave(mirrors, self.client);
        }
    }
}
