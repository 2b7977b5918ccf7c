//! The events, applied to piton and to the model, and the comparison of both.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use fastrand::Rng;
use http::{HeaderMap, HeaderValue, header};
use piton::balance::{Draw, Lease, Micros, ServerState, Waiting};
use piton::routing::Snapshot;
use piton::service::{Ask, Attempts, Choice, Kind, Level, OnError, Refusal, Service};
use piton::sticky::legacy_values;

use super::model::{Asked, End, Jar, Key, Model, Outcome, Shared};
use super::written::{change, children, compiled, generate};

/// A request that a server has not answered yet.
struct Held {
    _lease: Lease,
    model: Shared,
}

/// A request that waits for a place.
struct Waiter {
    _waiting: Waiting,
    model: Shared,
}

/// One request on its way.
struct Request {
    service: String,
    /// Whose jar gets the cookies.
    client: usize,
    asked: Asked,
    attempts: Attempts,
}

pub struct World {
    /// Where we are, for messages.
    pub at: String,
    rng: Rng,
    now: Micros,
    snapshot: Snapshot,
    model: Model,
    clients: Vec<Jar>,
    held: Vec<Held>,
    waiters: Vec<Waiter>,
    /// How often each thing happened: a simulation in which something never does proves nothing about it.
    pub seen: std::collections::BTreeMap<&'static str, u64>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let written = generate(&mut rng);
        let mut world = Self {
            at: format!("seed {seed}, at the start"),
            rng,
            now: 1_000_000,
            snapshot: Snapshot::default(),
            model: Model::default(),
            clients: vec![Jar::new(); 6],
            held: Vec::new(),
            waiters: Vec::new(),
            seen: std::collections::BTreeMap::new(),
        };
        world.reload(written);
        world
    }

    pub fn step(&mut self) {
        match self.rng.u8(..100) {
            0..60 => self.request(),
            60..75 => self.answer(),
            75..85 => self.flip(),
            85..90 => {
                let passed = self.rng.u64(..2_000);
                self.now += passed * 1000;
                self.model.wall += passed;
            }
            90..93 => self.end_wait(),
            _ => {
                let mut written = self.model.written.clone();
                change(&mut self.rng, &mut written, self.model.wall);
                self.reload(written);
            }
        }
        self.counts_agree();
    }

    /// Everything is answered: nothing may stay in flight.
    pub fn finish(&mut self) {
        self.waiters.clear();
        self.held.clear();
        for server in self
            .snapshot
            .services
            .values()
            .filter_map(|service| service.servers())
        {
            for server in server.pool.servers() {
                assert_eq!(server.state().in_flight(), 0, "{}: {}", self.at, server.url());
            }
        }
    }

    fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn service(&self, name: &str) -> Arc<Service> {
        Arc::clone(&self.snapshot.services[&format!("{name}@file")])
    }

    // === requests ===

    /// One request of a client: attempts, failovers and waits until it is held, refused or given up.
    fn request(&mut self) {
        let service = self.rng.choice(self.model.written.keys()).unwrap().clone();
        let client = self.rng.usize(..self.clients.len());
        let mut jar = match self.rng.u8(..10) {
            0 | 1 => Jar::new(),
            _ => self.clients[client].clone(),
        };
        if self.rng.u8(..8) == 0 {
            self.age(&service, &mut jar);
        }
        let address = IpAddr::from([10, 1, 0, client as u8]);
        let mut request = Request {
            service,
            client,
            asked: Asked {
                jar,
                client: Some(address),
                ..Asked::default()
            },
            attempts: Attempts::default(),
        };
        for _ in 0..4 {
            let Some((choice, outcome)) = self.attempt(&mut request) else {
                return;
            };
            let (End::Server(key), Ok(choice)) = (&outcome.end, choice) else {
                return;
            };
            let model = self.model.known[key].clone();
            model.borrow_mut().in_flight += 1;
            self.check_limit(key, &model);
            let held = Held {
                _lease: choice.lease,
                model,
            };
            match self.rng.u8(..10) {
                0 => {
                    self.note("retry");
                    request.attempts.add_tried(Arc::clone(held._lease.server()));
                    request.asked.tried.insert(key.clone());
                    held.model.borrow_mut().in_flight -= 1;
                }
                1 | 2 if !choice.extra.watched.is_empty() => {
                    self.note("failover by status");
                    let nth = self.rng.usize(..choice.extra.watched.len());
                    let path = choice.extra.path.clone();
                    request
                        .attempts
                        .fail_over(Arc::clone(&choice.extra.watched[nth]), path);
                    request.asked.failed_over.insert(outcome.watched[nth].clone());
                    held.model.borrow_mut().in_flight -= 1;
                }
                _ => return self.held.push(held),
            }
        }
    }

    /// One of the cookies on the way of the request becomes one of an older Traefik.
    fn age(&mut self, service: &str, jar: &mut Jar) {
        let mut name = service.to_owned();
        loop {
            let written = &self.model.written[super::written::bare(&name)];
            let below = children(written);
            let level = level_of(&self.service(super::written::bare(&name)))
                .map(|level| level.sticky().name().to_owned());
            if let (Some(cookie), true) = (level, self.rng.bool()) {
                let servers = written
                    .load_balancer
                    .iter()
                    .flat_map(|balancer| &balancer.servers);
                let mut names: Vec<String> = servers
                    .map(|server| super::model::identity(server).to_owned())
                    .collect();
                names.extend(below);
                if let Some(name) = self.rng.choice(&names) {
                    jar.insert(cookie, legacy_values(name)[self.rng.usize(..3)].clone());
                }
                return;
            }
            match self.rng.choice(&below) {
                Some(child) => name.clone_from(child),
                None => return,
            }
        }
    }

    /// One attempt, or two where it has to wait; its cookies are in the client's jar. `None` when it waits on.
    fn attempt(&mut self, request: &mut Request) -> Option<(Result<Choice, Refusal>, Outcome)> {
        let (answer, outcome) = self.ask(request);
        if let (Err(Refusal::Full { server, max_wait }), End::Full(key)) = (&answer, &outcome.end) {
            self.note("full");
            assert!(!max_wait.is_zero(), "{}", self.at);
            if self.rng.bool() {
                let model = self.model.known[key].clone();
                model.borrow_mut().waiting += 1;
                let _waiting = Waiting::at(Arc::clone(server));
                self.waiters.push(Waiter { _waiting, model });
                return None;
            }
            request.attempts.give_up_waiting();
            request.asked.has_waited = true;
            return Some(self.ask(request));
        }
        Some((answer, outcome))
    }

    /// What piton answers, and the outcome of the model that it is.
    fn ask(&mut self, request: &mut Request) -> (Result<Choice, Refusal>, Outcome) {
        let outcomes = self.model.outcomes(&request.service, &request.asked);
        let service = self.service(&request.service);
        let answer = self.choose(&service, request);
        if let Ok(choice) = &answer {
            request.attempts.add_counted(choice.extra.counted.clone());
        }
        let outcome = self.matching(request, &answer, outcomes);
        match &outcome.end {
            End::Server(key) => {
                self.note("served");
                let key = key.clone();
                self.take_cookies(request, &answer, &outcome);
                self.count_copies(request, &answer, &outcome);
                if outcome.is_stable {
                    return (self.again(&service, request, answer, &key), outcome);
                }
            }
            End::NoServer => self.note("nobody"),
            End::SessionLost => self.note("session lost"),
            End::Full(_) => {}
        }
        (answer, outcome)
    }

    fn choose(&mut self, service: &Service, request: &Request) -> Result<Choice, Refusal> {
        let draw = Draw {
            now: self.now,
            entropy: self.rng.u64(..),
            client: request.asked.client,
        };
        service.choose(&Ask {
            headers: &header_of(&request.asked.jar),
            draw,
            wall: self.model.wall,
            attempts: &request.attempts,
        })
    }

    /// The same request again, once its first place is free again: the same server.
    fn again(
        &mut self,
        service: &Service,
        request: &Request,
        answer: Result<Choice, Refusal>,
        key: &Key,
    ) -> Result<Choice, Refusal> {
        let Choice {
            lease,
            cookies,
            outcome,
            extra,
        } = answer.unwrap();
        drop(lease);
        let again = self.choose(service, request);
        let again = again.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", self.at));
        assert_eq!(
            self.key_of(again.server().state()),
            *key,
            "{}: not stable",
            self.at
        );
        assert_eq!(cookies, again.cookies, "{}", self.at);
        assert!(again.extra.mirrors.is_empty(), "{}: counted twice", self.at);
        Ok(Choice {
            lease: again.lease,
            cookies,
            outcome,
            extra,
        })
    }

    fn matching(
        &self,
        request: &Request,
        answer: &Result<Choice, Refusal>,
        outcomes: Vec<Outcome>,
    ) -> Outcome {
        let (end, cookies, watched, mirrorings) = match answer {
            Ok(choice) => (
                End::Server(self.key_of(choice.server().state())),
                choice
                    .cookies
                    .iter()
                    .map(|line| line.to_str().unwrap().to_owned())
                    .collect(),
                choice
                    .extra
                    .watched
                    .iter()
                    .map(|on_error| self.failover_of(on_error))
                    .collect(),
                self.copied(choice)
                    .into_iter()
                    .map(|(mirroring, _)| mirroring)
                    .collect(),
            ),
            Err(Refusal::NoServer(_)) => (End::NoServer, Vec::new(), Vec::new(), BTreeSet::new()),
            Err(Refusal::SessionLost) => (End::SessionLost, Vec::new(), Vec::new(), BTreeSet::new()),
            Err(Refusal::Full { server, .. }) => {
                let key = self.key_of(server.state());
                (End::Full(key), Vec::new(), Vec::new(), BTreeSet::new())
            }
        };
        let matches = |outcome: &Outcome| {
            let passed: BTreeSet<String> = outcome
                .mirrorings
                .difference(&request.asked.met)
                .cloned()
                .collect();
            outcome.end == end
                && (answer.is_err()
                    || outcome.cookies == cookies && outcome.watched == watched && passed == mirrorings)
        };
        let mut all = outcomes.iter().filter(|outcome| matches(outcome));
        let Some(first) = all.next() else {
            panic!(
                "{}: {}: {:?}\nfound {end:?} {cookies:?} {watched:?} {mirrorings:?}\nallowed {outcomes:#?}\n{:#?}",
                self.at, request.service, request.asked, self.model.written
            )
        };
        let mut found = first.clone();
        // Two ways of the same look: stable when both are.
        found.is_stable &= all.all(|other| other.is_stable);
        found
    }

    fn take_cookies(&mut self, request: &Request, answer: &Result<Choice, Refusal>, outcome: &Outcome) {
        for line in &answer.as_ref().unwrap().cookies {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            self.clients[request.client].insert(name.to_owned(), value);
        }
        match outcome.cookies.len() {
            0 => {}
            1 => self.note("one cookie"),
            _ => self.note("several cookies"),
        }
    }

    /// Copies are exact after every request.
    fn count_copies(&mut self, request: &mut Request, answer: &Result<Choice, Refusal>, outcome: &Outcome) {
        let mut expected = BTreeSet::new();
        for mirroring in &outcome.mirrorings {
            if request.asked.met.insert(mirroring.clone()) {
                let copies = self.model.copies(mirroring);
                expected.extend(copies.into_iter().map(|index| (mirroring.clone(), index)));
            }
        }
        assert_eq!(
            self.copied(answer.as_ref().unwrap()),
            expected,
            "{}: copies",
            self.at
        );
        if !expected.is_empty() {
            self.note("copied");
        }
    }

    fn check_limit(&self, key: &Key, model: &Shared) {
        let (leaf, _, url) = key;
        let balancer = self.model.written[leaf].load_balancer.as_ref().unwrap();
        let server = balancer.servers.iter().find(|server| server.url == *url).unwrap();
        assert!(
            model.borrow().in_flight <= self.model.limit(leaf, server),
            "{}: {url} has too many",
            self.at
        );
    }

    fn answer(&mut self) {
        if !self.held.is_empty() {
            let held = self.held.swap_remove(self.rng.usize(..self.held.len()));
            held.model.borrow_mut().in_flight -= 1;
        }
    }

    fn end_wait(&mut self) {
        if let Some(waiter) = self.waiters.pop() {
            waiter.model.borrow_mut().waiting -= 1;
        }
    }

    // === the rest of the world ===

    fn flip(&mut self) {
        let leaves: Vec<String> = self
            .model
            .known
            .keys()
            .map(|key| key.0.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let Some(leaf) = self.rng.choice(&leaves).cloned() else {
            return;
        };
        // Sometimes all of a leaf: then its parents have to see a lost child.
        let (all, up) = (self.rng.bool(), self.rng.u8(..3) > 0);
        let service = self.service(&leaf);
        let servers = service.servers().unwrap().pool.servers();
        let one = self.rng.usize(..servers.len());
        for (at, server) in servers.iter().enumerate() {
            if all || at == one {
                if server.state().probed(up) && up {
                    server.state().rose(self.now);
                }
                let key = self.key_of(server.state());
                self.model.known[&key].borrow_mut().is_down = !up;
            }
        }
    }

    fn reload(&mut self, written: super::written::Written) {
        self.snapshot = compiled(&written, self.now, &self.snapshot);
        let replica = compiled(&written, 0, &Snapshot::default());
        for (name, service) in self.snapshot.services.iter() {
            let all = |service: &Service| -> Vec<Option<HeaderValue>> {
                let level = level_of(service);
                let line = |index| level.and_then(|level| level.sticky().set_cookie(index, 0, None));
                (0..8).map(line).collect()
            };
            let (own, other) = (all(service), all(&replica.services[name]));
            assert_eq!(own, other, "{}: two replicas disagree on {name}", self.at);
            for line in own.iter().flatten() {
                let pair = line.to_str().unwrap().split(';').next().unwrap();
                let headers = HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())]);
                let find = |service| level_of(service).unwrap().sticky().find(&headers, 0);
                assert_eq!(
                    find(service),
                    find(&replica.services[name]),
                    "{}: {name}",
                    self.at
                );
            }
        }
        self.model.reload(written);
    }

    fn counts_agree(&self) {
        for (name, service) in self.snapshot.services.iter() {
            for server in service
                .servers()
                .iter()
                .flat_map(|servers| servers.pool.servers())
            {
                let key = self.key_of(server.state());
                let expected = self.model.known[&key].borrow().in_flight;
                assert_eq!(
                    server.state().in_flight(),
                    expected,
                    "{}: {name} {}",
                    self.at,
                    server.url()
                );
            }
        }
    }

    // === who is who ===

    fn key_of(&self, state: &Arc<ServerState>) -> Key {
        for (name, service) in self.snapshot.services.iter() {
            for server in service
                .servers()
                .iter()
                .flat_map(|servers| servers.pool.servers())
            {
                if Arc::ptr_eq(server.state(), state) {
                    let leaf = super::written::bare(name).to_owned();
                    return (leaf, server.identity().to_owned(), server.url().to_owned());
                }
            }
        }
        panic!("{}: a server of no service", self.at)
    }

    fn failover_of(&self, on_error: &Arc<OnError>) -> String {
        let mut all = self.snapshot.services.iter();
        let found = all.find(|(_, service)| match service.kind() {
            Kind::Failover(failover) => failover.on_error().is_some_and(|own| Arc::ptr_eq(own, on_error)),
            _ => false,
        });
        super::written::bare(found.expect("a failover of now").0).to_owned()
    }

    /// Mirrors that get a copy, by mirroring and position.
    fn copied(&self, choice: &Choice) -> BTreeSet<(String, usize)> {
        let mut found = BTreeSet::new();
        for (name, service) in self.snapshot.services.iter() {
            let Kind::Mirroring(mirroring) = service.kind() else {
                continue;
            };
            for (index, mirror) in mirroring.mirrors().iter().enumerate() {
                if choice.extra.mirrors.iter().any(|copy| Arc::ptr_eq(copy, mirror)) {
                    found.insert((super::written::bare(name).to_owned(), index));
                }
            }
        }
        assert_eq!(
            found.len(),
            choice.extra.mirrors.len(),
            "{}: a copy twice",
            self.at
        );
        found
    }
}

fn level_of(service: &Service) -> Option<&Level> {
    match service.kind() {
        Kind::Servers(servers) => servers.level.as_ref(),
        Kind::Weighted(weighted) => weighted.level(),
        _ => None,
    }
}

/// The client's `Cookie` field.
fn header_of(jar: &Jar) -> HeaderMap {
    let line: Vec<String> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::from_str(&line.join("; ")).unwrap());
    headers
}
