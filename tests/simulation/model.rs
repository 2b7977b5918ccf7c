//! What should be, written as plainly as possible: no atomics, no lists kept, no sharing but by `Rc`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use piton::balance::Micros;
use piton::config::dynamic::http::LoadBalancer;
use piton::sticky::{CookieValue, cookie_name, legacy_values};

use super::written::Written;

/// What is known about one server of one service. Held requests keep it beyond its removal.
#[derive(Debug, Default)]
pub struct Known {
    pub in_flight: u32,
    pub probed_down: bool,
    /// Down by live failures until then.
    pub passive_until: Micros,
    failures: Vec<Micros>,
}

pub type Shared = Rc<RefCell<Known>>;

impl Known {
    fn is_up(&self, now: Micros) -> bool {
        !self.probed_down && self.passive_until <= now
    }

    pub fn probed(&mut self, up: bool) {
        self.probed_down = !up;
        if up {
            self.passive_until = 0;
            self.failures.clear();
        }
    }

    pub fn succeeded(&mut self) {
        self.failures.clear();
    }

    pub fn failed(&mut self, written: &LoadBalancer, now: Micros) {
        let Some(passive) = &written.passive_health_check else {
            return;
        };
        let window = passive.failure_window.positive().unwrap().as_micros() as Micros;
        self.failures.retain(|at| now - at < window);
        self.failures.push(now);
        if self.failures.len() >= passive.max_failed_attempts as usize {
            self.failures.clear();
            // No probe is at work in a simulation of ring 1: time alone revives.
            self.passive_until = now + window;
        }
    }
}

/// Picks of a round robin since its candidates last changed.
#[derive(Debug, Default)]
pub struct Window {
    open: BTreeMap<String, u64>,
    picks: HashMap<String, u32>,
    retries: u32,
}

/// Everything, by service and URL.
#[derive(Debug, Default)]
pub struct Model {
    pub now: Micros,
    pub written: Written,
    pub known: HashMap<(String, String), Shared>,
    windows: HashMap<String, Window>,
}

/// What a request's cookie means.
#[derive(Debug, PartialEq, Eq)]
pub struct Bound {
    pub url: String,
    pub rewrite: bool,
}

impl Model {
    /// No services, at a time.
    pub fn at(now: Micros) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// Takes over a new configuration: states of servers that stay, fresh ones for the others.
    pub fn reload(&mut self, written: Written) {
        let mut known = HashMap::new();
        for (name, service) in &written {
            for server in &service.servers {
                let key = (name.clone(), server.url.clone());
                let state = self.known.remove(&key).unwrap_or_default();
                known.insert(key, state);
            }
            if self
                .written
                .get(name)
                .is_some_and(|old| old.strategy != service.strategy)
            {
                self.windows.remove(name);
            }
        }
        self.known = known;
        self.written = written;
    }

    pub fn known(&self, service: &str, url: &str) -> &Shared {
        &self.known[&(service.to_owned(), url.to_owned())]
    }

    fn is_up(&self, service: &str, url: &str) -> bool {
        self.known(service, url).borrow().is_up(self.now)
    }

    /// Who may get a new session, with weights.
    pub fn open(&self, service: &str) -> BTreeMap<String, u64> {
        let servers = self.written[service].servers.iter();
        servers
            .filter(|server| !server.drain && server.weight != Some(0) && self.is_up(service, &server.url))
            .map(|server| (server.url.clone(), server.weight.unwrap_or(1) as u64))
            .collect()
    }

    /// The effective cookie name, when the service is sticky.
    pub fn cookie_name(&self, service: &str) -> Option<String> {
        let written = &self.written[service];
        let cookie = written.sticky.as_ref()?.cookie.as_ref()?;
        (written.strategy != "hrw").then(|| cookie_name(&cookie.name, &format!("{service}@file")))
    }

    /// The server that a jar of cookies names, if it may be used.
    pub fn bound(&self, service: &str, jar: &BTreeMap<String, String>, tried: &[String]) -> Option<Bound> {
        let value = jar.get(&self.cookie_name(service)?)?;
        let servers = &self.written[service].servers;
        let named = servers.iter().find_map(|server| {
            let url = &server.url;
            if CookieValue::of(url).to_string() == *value {
                return Some((url, false));
            }
            legacy_values(url).contains(value).then_some((url, true))
        });
        let (url, rewrite) = named?;
        (self.is_up(service, url) && !tried.contains(url)).then(|| Bound {
            url: url.clone(),
            rewrite,
        })
    }

    /// Notes a pick by strategy, and how far the shares of a round robin are off; `Err` when too far.
    pub fn picked(&mut self, service: &str, url: &str, is_retry: bool) -> Result<(), String> {
        if self.written[service].strategy != "wrr" {
            return Ok(());
        }
        let open = self.open(service);
        let window = self.windows.entry(service.to_owned()).or_default();
        if window.open != open {
            *window = Window {
                open,
                ..Window::default()
            };
        }
        *window.picks.entry(url.to_owned()).or_default() += 1;
        window.retries += u32::from(is_retry);
        window.check()
    }
}

impl Window {
    /// Each server has its share of all picks to within two turns, the others' part of a round, and the
    /// retries, which went past the queue.
    fn check(&self) -> Result<(), String> {
        let total: u64 = self.open.values().sum();
        let picks: u32 = self.picks.values().sum();
        for (url, &weight) in &self.open {
            let share = weight as f64 / total as f64;
            let expected = f64::from(picks) * share;
            let found = f64::from(self.picks.get(url).copied().unwrap_or_default());
            let allowed = 2.0 + self.open.len() as f64 * share + f64::from(self.retries);
            if (found - expected).abs() > allowed {
                return Err(format!(
                    "{url}: {found} picks, {expected} expected, {allowed} off allowed: {self:?}"
                ));
            }
        }
        Ok(())
    }
}
