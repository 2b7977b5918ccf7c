//! Metrics under Traefik's names, and piton's own (traefik-core 9.1).
//!
//! Counters of services live with what their servers have in common and so go on over reloads; those of entry points
//! and routers are here.

mod names;
mod process;
mod scrape;
mod text;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use http::{HeaderName, HeaderValue, header};
use once_cell::sync::Lazy;
use std::hash::BuildHasher;

use super::{Ended, Routed};
use crate::balance::{ServerState, Signals};
use crate::config::install;
use crate::meter::{Amount, Buckets, Key, PlaceMeter, ServiceMeter, Values};

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    buckets: Buckets,
    add_internals: bool,
    of_services: bool,
    /// Further labels, and the header that each is taken from.
    headers: Box<[(Box<str>, HeaderName)]>,
    entry_points: Box<[EntryPoint]>,
    of_entry_points: bool,
    routers: Option<Routers>,
    hasher: RandomState,
    /// What was shown last: it is shown once more when it is gone.
    shown: Mutex<Shown>,
}

/// Counters of one entry point.
#[derive(Debug)]
struct EntryPoint {
    name: String,
    connections: AtomicI64,
    meter: PlaceMeter,
}

/// Counters of routers, by name.
#[derive(Debug, Default)]
struct Routers {
    known: ArcSwap<HashMap<Arc<str>, Arc<Router>, RandomState>>,
    /// Held while one is added.
    adding: Mutex<()>,
}

/// Counters of one router.
#[derive(Debug)]
struct Router {
    /// Where it leads.
    service: Box<str>,
    meter: PlaceMeter,
}

/// What the last text was about.
#[derive(Debug, Default)]
struct Shown {
    services: HashMap<String, Arc<Signals>>,
    servers: HashMap<(String, String), Arc<ServerState>>,
    /// Routers that were gone when the last text was made.
    gone_routers: Vec<Arc<str>>,
}

/// An open connection, counted as long as this lives.
#[derive(Debug)]
pub struct Connection(&'static AtomicI64);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lines of the access log that were not written, whichever log.
pub(super) static DROPPED_LINES: AtomicU64 = AtomicU64::new(0);

/// Spans that did not reach the collector.
pub(super) static DROPPED_SPANS: AtomicU64 = AtomicU64::new(0);

/// Longest value of a field that is a label, in bytes: clients choose them.
const LONGEST_VALUE: usize = 128;

static OTHER: Lazy<Box<str>> = Lazy::new(|| "other".into());

impl Metrics {
    /// What is written; `None` when nothing is counted. `entry_points` by number.
    pub(super) fn new(written: &install::Metrics, entry_points: &[String]) -> Option<Self> {
        let prometheus = written.prometheus.as_ref()?;
        let headers = prometheus.header_labels.iter();
        let headers = headers.filter_map(|(label, name)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((label.as_str().into(), name))
        });
        let entry_points = entry_points.iter().map(|name| EntryPoint {
            name: name.clone(),
            connections: AtomicI64::new(0),
            meter: PlaceMeter::default(),
        });
        Some(Self {
            // The static configuration was checked.
            buckets: Buckets::new(&prometheus.buckets).unwrap_or_default(),
            add_internals: written.add_internals,
            of_services: prometheus.add_services_labels,
            headers: headers.collect(),
            entry_points: entry_points.collect(),
            of_entry_points: prometheus.add_entry_points_labels,
            routers: prometheus.add_routers_labels.then(Routers::default),
            hasher: RandomState::default(),
            shown: Mutex::default(),
        })
    }

    /// Counts an open connection at entry point number `index`.
    #[must_use]
    pub fn connected(&'static self, index: usize) -> Option<Connection> {
        let open = &self.entry_points.get(index)?.connections;
        open.fetch_add(1, Ordering::Relaxed);
        Some(Connection(open))
    }

    /// A connection to a server of the service was made in `micros`.
    pub fn connected_to(&self, service: &Signals, micros: u64) {
        if self.of_services {
            service.meter().add_connect(micros);
        }
    }

    /// The first byte of an answer came `micros` after the request was sent.
    pub fn first_byte(&self, service: &Signals, micros: u64) {
        if self.of_services {
            service.meter().add_first_byte(micros);
        }
    }

    /// A request is over.
    pub(super) fn ended(&self, ended: &Ended<'_>) {
        if ended.is_internal && !self.add_internals {
            return;
        }
        let key = ended.key();
        let amount = Amount {
            micros: ended.micros(),
            request_bytes: ended.request_bytes,
            response_bytes: ended.response_bytes,
        };
        let entry_point = self.entry_points.get(ended.place.entry_point);
        if let Some(entry_point) = entry_point.filter(|_| self.of_entry_points) {
            self.add_to_place(&entry_point.meter, key, amount, ended);
        }
        if let (Some(routers), Some(routed)) = (&self.routers, &ended.routed) {
            routers.with(routed, |meter| self.add_to_place(meter, key, amount, ended));
        }
        if let Some(leaf) = ended.leaf.filter(|_| self.of_services) {
            self.add_to_place(&leaf.meter().place, key, amount, ended);
            self.add_to_service(leaf.meter(), ended);
        }
    }

    fn add_to_place(&self, meter: &PlaceMeter, key: Key, amount: Amount, ended: &Ended<'_>) {
        meter.traffic.add(key, &self.buckets, amount);
        if !self.headers.is_empty() {
            meter
                .by_headers
                .add((key, self.values(ended)), || (key, self.others()));
        }
        if let Some(tls) = ended.place.tls {
            meter.tls.add(tls, || ("other", "other"));
        }
    }

    fn add_to_service(&self, meter: &ServiceMeter, ended: &Ended<'_>) {
        meter.add_outcome(ended.outcome);
        let is_served = ended.origin_status.is_some();
        // The last of them is no other one, unless somebody answered in its place.
        let elsewhere = ended.retries.saturating_sub(u32::from(!is_served));
        (0..elsewhere).for_each(|_| meter.add_elsewhere());
        if let Some(server) = ended.server.filter(|_| is_served) {
            server.state().seen().add(self.session(ended), ended.ended);
        }
    }

    /// Who asks, as far as a session can be told from another: the client's address and what it says it is.
    fn session(&self, ended: &Ended<'_>) -> u64 {
        let address = ended.place.client.map(|client| client.ip());
        let forwarded = ended.headers.get("x-forwarded-for").map(HeaderValue::as_bytes);
        let agent = ended.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
        let hash = self.hasher.hash_one((address, forwarded, agent));
        // The hash is a fast one; an estimate of how many there are wants every bit mixed (MurmurHash3's finaliser).
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }

    fn values(&self, ended: &Ended<'_>) -> Values {
        let value = |(_, name): &(Box<str>, HeaderName)| {
            let value = ended.headers.get(name);
            match value.map(HeaderValue::as_bytes) {
                Some(value) if value.len() > LONGEST_VALUE => OTHER.clone(),
                value => String::from_utf8_lossy(value.unwrap_or_default()).into(),
            }
        };
        self.headers.iter().map(value).collect()
    }

    fn others(&self) -> Values {
        self.headers.iter().map(|_| OTHER.clone()).collect()
    }
}

impl Routers {
    /// Adds to the counters of a router, which are made when it is first used and when it leads elsewhere.
    fn with(&self, routed: &Routed<'_>, add: impl FnOnce(&PlaceMeter)) {
        let is_same = |router: &&Arc<Router>| *router.service == *routed.service;
        if let Some(router) = self.known.load().get(routed.router).filter(is_same) {
            return add(&router.meter);
        }
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = HashMap::clone(&self.known.load());
        if let Some(router) = known.get(routed.router).filter(is_same) {
            return add(&router.meter);
        }
        let router = Arc::new(Router {
            service: routed.service.into(),
            meter: PlaceMeter::default(),
        });
        add(&router.meter);
        known.insert(Arc::clone(routed.router), router);
        self.known.store(Arc::new(known));
    }

    /// Forgets these.
    fn forget(&self, gone: &[Arc<str>]) {
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = HashMap::clone(&self.known.load());
        known.retain(|name, _| !gone.contains(name));
        self.known.store(Arc::new(known));
    }
}
