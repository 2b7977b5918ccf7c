//! The events, applied to piton and to the model, and the comparison of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use http::{HeaderMap, HeaderValue, header};
use piton::balance::{Draw, Lease};
use piton::routing::Snapshot;
use piton::service::{Ask, Attempts, Choice, Service};
use piton::sticky::{CookieValue, legacy_values};

use super::model::{Bound, Model, Shared};
use super::written::{Written, change, compiled, generate};

/// Cookies of one client by name.
type Jar = BTreeMap<String, String>;

/// A request that a server has not answered yet.
struct Held {
    service: String,
    lease: Lease,
    model: Shared,
}

pub struct World {
    /// Where we are, for messages.
    pub at: String,
    rng: Rng,
    snapshot: Snapshot,
    model: Model,
    clients: Vec<Jar>,
    held: Vec<Held>,
    /// Attempts that fail, of 256.
    failing: u8,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let written = generate(&mut rng);
        let mut world = Self {
            at: String::new(),
            snapshot: Snapshot::default(),
            model: Model::at(1),
            clients: vec![Jar::new(); 8],
            held: Vec::new(),
            failing: *rng.choice(&[0, 0, 20, 120]).unwrap(),
            rng,
        };
        world.reload(written);
        world
    }

    pub fn step(&mut self) {
        match self.rng.u8(..100) {
            0..55 => self.request(),
            55..75 => self.answer(),
            75..82 => self.flip(),
            82..92 => self.model.now += self.rng.u64(..2_000_000),
            _ => {
                let mut written = self.model.written.clone();
                change(&mut self.rng, &mut written);
                self.reload(written);
            }
        }
        self.counts_agree();
    }

    /// Everything is answered: nothing may stay in flight.
    pub fn finish(&mut self) {
        self.held.clear();
        for service in self.snapshot.services.values() {
            for server in service.servers().unwrap().pool.servers() {
                assert_eq!(server.state().in_flight(), 0, "{}: {}", self.at, server.url());
            }
        }
    }

    fn a_service(&mut self) -> (String, Arc<Service>) {
        let name = self.rng.choice(self.model.written.keys()).unwrap().clone();
        let service = Arc::clone(&self.snapshot.services[&format!("{name}@file")]);
        (name, service)
    }

    // === requests ===

    /// One request of a client, retried until it is sent or nobody is left.
    fn request(&mut self) {
        let (name, service) = self.a_service();
        let client = self.rng.usize(..self.clients.len());
        // Some requests come from strangers, and some clients were bound by an old Traefik.
        let jar = match self.rng.u8(..10) {
            0..4 => Jar::new(),
            4 => self.older(&name),
            _ => self.clients[client].clone(),
        };
        let mut tried: Vec<String> = Vec::new();
        while let Some(choice) = self.attempt(&name, &service, &jar, &tried) {
            for line in &choice.cookies {
                let (cookie, value) = line.to_str().unwrap().split_once('=').unwrap();
                let value = value.split(';').next().unwrap();
                self.clients[client].insert(cookie.to_owned(), value.to_owned());
            }
            let url = choice.server().url().to_owned();
            let mut held = Held {
                model: self.model.known(&name, &url).clone(),
                service: name.clone(),
                lease: choice.lease,
            };
            if self.rng.u8(..) >= self.failing {
                self.held.push(held);
                return;
            }
            held.lease.failed(self.model.now);
            self.fail(held);
            tried.push(url);
        }
    }

    /// A jar with one of the older values of one of the service's servers.
    fn older(&mut self, service: &str) -> Jar {
        let server = self.rng.choice(&self.model.written[service].servers);
        match (self.model.cookie_name(service), server) {
            (Some(name), Some(server)) => {
                let value = legacy_values(&server.url)[self.rng.usize(..3)].clone();
                Jar::from([(name, value)])
            }
            _ => Jar::new(),
        }
    }

    fn attempt(&mut self, name: &str, service: &Service, jar: &Jar, tried: &[String]) -> Option<Choice> {
        let servers = service.servers().unwrap().pool.servers();
        let mut attempts = Attempts::default();
        let vain = servers
            .iter()
            .filter(|server| tried.iter().any(|url| url == server.url()));
        vain.for_each(|server| attempts.add_tried(Arc::clone(server)));
        let draw = Draw {
            now: self.model.now,
            entropy: self.rng.u64(..),
            client: Some([10, 1, 0, self.rng.u8(..)].into()),
        };
        let ask = Ask {
            headers: &header_of(jar),
            draw,
            wall: 0,
            attempts: &attempts,
        };
        let choice = service.choose(&ask).ok();
        self.check(name, jar, tried, choice.as_ref());
        let choice = choice?;
        self.model
            .known(name, choice.server().url())
            .borrow_mut()
            .in_flight += 1;
        Some(choice)
    }

    /// Is this choice one that the rules allow?
    fn check(&mut self, name: &str, jar: &Jar, tried: &[String], choice: Option<&Choice>) {
        let at = self.at.clone();
        let bound = self.model.bound(name, jar, tried);
        let mut open = self.model.open(name);
        open.retain(|url, _| !tried.contains(url));
        let Some(choice) = choice else {
            assert!(
                bound.is_none() && open.is_empty(),
                "{at}: nobody chosen of {open:?}, {bound:?}"
            );
            return;
        };
        let url = choice.server().url();
        assert!(!tried.iter().any(|tried| tried == url), "{at}: {url} was tried");
        let cookie = self.model.cookie_name(name);
        let sets = match &bound {
            Some(Bound {
                url: expected,
                rewrite,
            }) => {
                assert_eq!(url, expected, "{at}: a bound client moved");
                *rewrite
            }
            None => {
                assert!(open.contains_key(url), "{at}: {url} is not open: {open:?}");
                let fair = self.model.picked(name, url, !tried.is_empty());
                fair.unwrap_or_else(|off| panic!("{at}: {name}: {off}"));
                cookie.is_some()
            }
        };
        let expected = sets.then(|| format!("{}={}; Path=/", cookie.unwrap(), CookieValue::of(url)));
        let found: Vec<&str> = choice.cookies.iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(
            found,
            expected.iter().map(String::as_str).collect::<Vec<_>>(),
            "{at}: Set-Cookie"
        );
    }

    /// A server answers, or breaks off.
    fn answer(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let mut held = self.held.swap_remove(self.rng.usize(..self.held.len()));
        self.model.now += self.rng.u64(..20_000);
        if self.rng.u8(..) < self.failing / 2 {
            held.lease.failed(self.model.now);
            self.fail(held);
        } else {
            held.lease.first_byte(self.model.now);
            held.lease.server().state().succeeded();
            let mut model = held.model.borrow_mut();
            model.succeeded();
            model.in_flight -= 1;
        }
    }

    /// Live traffic's verdict, by the policy of now, and the end of the attempt.
    fn fail(&mut self, held: Held) {
        let policy = held.lease.server().terms().passive;
        if let Some(policy) = policy {
            held.lease.server().state().failed(&policy, self.model.now);
        }
        let mut model = held.model.borrow_mut();
        model.failed(&self.model.written[&held.service], self.model.now);
        model.in_flight -= 1;
    }

    // === the rest of the world ===

    fn flip(&mut self) {
        let (name, service) = self.a_service();
        if let Some(server) = self.rng.choice(service.servers().unwrap().pool.servers()) {
            let up = self.rng.bool();
            server.state().probed(up);
            self.model.known(&name, server.url()).borrow_mut().probed(up);
        }
    }

    fn reload(&mut self, written: Written) {
        self.snapshot = compiled(&written, &self.snapshot);
        let elsewhere = compiled(&written, &Snapshot::default());
        for (name, service) in self.snapshot.services.iter() {
            let cookies = |service: &Service| -> Vec<Option<HeaderValue>> {
                let servers = service.servers().unwrap();
                let lines = |index| {
                    let level = servers.level.as_ref();
                    level.and_then(|level| level.sticky().set_cookie(index, 0, None))
                };
                (0..servers.pool.servers().len()).map(lines).collect()
            };
            let other = &elsewhere.services[name];
            assert_eq!(
                cookies(service),
                cookies(other),
                "{}: two replicas disagree on {name}",
                self.at
            );
        }
        self.model.reload(written);
    }

    /// In-flight counts, and no other server than the model's.
    fn counts_agree(&self) {
        for (name, written) in &self.model.written {
            let service = &self.snapshot.services[&format!("{name}@file")];
            let servers = service.servers().unwrap().pool.servers();
            assert_eq!(servers.len(), written.servers.len(), "{}: {name}", self.at);
            for server in servers {
                let expected = self.model.known(name, server.url()).borrow().in_flight;
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
}

/// The client's `Cookie` field, among others' cookies.
fn header_of(jar: &Jar) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut line = String::from("theme=dark");
    for (name, value) in jar {
        line += &format!("; {name}={value}");
    }
    headers.insert(header::COOKIE, HeaderValue::from_str(&line).unwrap());
    headers
}
