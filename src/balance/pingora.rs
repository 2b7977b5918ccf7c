//! The selectors as Pingora's `BackendSelection`, for users of `pingora_load_balancing::LoadBalancer`.
//!
//! Pingora itself has no least connections, power of two choices or least time (its issues 144 and 195).
//! Piton's own request path does not go through `LoadBalancer`: finding a server by its cookie and
//! counting what is in flight need the server itself, not a copy of its address (pingora-0.9 2.3, 2.4).

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use pingora_load_balancing::Backend;
use pingora_load_balancing::selection::{BackendIter, BackendSelection};

use super::{Draw, Lease, MAX_WEIGHT, Micros, Pool, Server, ServerState, Signals, Strategy, Terms, Tried};
use crate::upstream::{Address, ServerUrl, Transport, Upstream};

/// Which strategy a [`Selection`] follows.
pub trait Follows: Send + Sync + 'static {
    /// The strategy.
    const STRATEGY: Strategy;
}

/// Weighted round robin.
#[derive(Debug)]
pub struct Wrr;
/// Power of two choices.
#[derive(Debug)]
pub struct P2c;
/// Least time.
#[derive(Debug)]
pub struct LeastTime;

impl Follows for Wrr {
    const STRATEGY: Strategy = Strategy::Wrr;
}
impl Follows for P2c {
    const STRATEGY: Strategy = Strategy::P2c;
}
impl Follows for LeastTime {
    const STRATEGY: Strategy = Strategy::LeastTime;
}

/// What outlives a selector: Pingora builds a new one at every membership change.
pub struct Shared {
    signals: Arc<Signals>,
    states: Mutex<HashMap<String, Arc<ServerState>>>,
    previous: Mutex<Option<Arc<Pool>>>,
    /// Microseconds now.
    clock: Box<dyn Fn() -> Micros + Send + Sync>,
    /// 64 random bits.
    random: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Shared {
    /// State to be handed to `LoadBalancer::from_backends_with_config`, with the caller's clock and
    /// randomness.
    pub fn new(
        clock: impl Fn() -> Micros + Send + Sync + 'static,
        random: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            signals: Arc::default(),
            states: Mutex::default(),
            previous: Mutex::default(),
            clock: Box::new(clock),
            random: Box::new(random),
        })
    }

    /// Enters `backend`: hold the lease while the request runs, tell it the first byte.
    ///
    /// `None` for an address that is not an IP, or that was never a backend.
    #[must_use]
    pub fn lease(&self, backend: &Backend) -> Option<Lease> {
        let pool = self
            .previous
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        let url = url_of(backend)?;
        let server = pool.servers().iter().find(|server| server.url() == url)?;
        Some(Lease::new(Arc::clone(server), (self.clock)()))
    }

    /// Time on the clock handed in.
    #[must_use]
    pub fn now(&self) -> Micros {
        (self.clock)()
    }

    fn server(&self, backend: &Backend) -> Option<Arc<Server>> {
        let url = url_of(backend)?;
        let address = *backend.addr.as_inet()?;
        let parsed = ServerUrl::parse(&url).ok()?;
        let address = Address::Fixed(address);
        let upstream = Upstream::new(&parsed, &Transport::default(), address, false).ok()?;
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states
            .entry(url.clone())
            .or_insert_with(|| Arc::new(ServerState::new(Arc::clone(&self.signals))));
        let weight = u32::try_from(backend.weight).unwrap_or(MAX_WEIGHT);
        Some(Arc::new(Server::new(
            url,
            weight,
            Terms::default(),
            upstream,
            Arc::clone(state),
        )))
    }
}

fn url_of(backend: &Backend) -> Option<String> {
    let address: &SocketAddr = backend.addr.as_inet()?;
    Some(format!("http://{address}"))
}

/// A selector over Pingora backends.
pub struct Selection<F> {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    backends: Box<[Backend]>,
    follows: PhantomData<F>,
}

impl<F: Follows> BackendSelection for Selection<F> {
    type Iter = Picks<F>;
    type Config = Arc<Shared>;

    fn build_with_config(backends: &BTreeSet<Backend>, shared: &Arc<Shared>) -> Self {
        let (backends, servers): (Vec<Backend>, Vec<Arc<Server>>) = backends
            .iter()
            .filter_map(|backend| Some((backend.clone(), shared.server(backend)?)))
            .unzip();
        let mut previous = shared.previous.lock().unwrap_or_else(PoisonError::into_inner);
        let signals = Arc::clone(&shared.signals);
        let pool = Pool::new(servers, F::STRATEGY, signals, previous.as_deref());
        let pool = Arc::new(pool);
        *previous = Some(Arc::clone(&pool));
        Self {
            shared: Arc::clone(shared),
            pool,
            backends: backends.into(),
            follows: PhantomData,
        }
    }

    /// Without a configuration there is no clock and no randomness: a fixed draw, for round robin only.
    fn build(backends: &BTreeSet<Backend>) -> Self {
        Self::build_with_config(backends, &Shared::new(|| 0, || 0))
    }

    fn iter(self: &Arc<Self>, _key: &[u8]) -> Picks<F> {
        Picks {
            selection: Arc::clone(self),
            tried: Tried::new(),
        }
    }
}

/// First choice, then fallbacks, until every server was named once.
pub struct Picks<F> {
    selection: Arc<Selection<F>>,
    tried: Tried,
}

impl<F: Follows> BackendIter for Picks<F> {
    fn next(&mut self) -> Option<&Backend> {
        let draw = Draw {
            now: self.selection.shared.now(),
            entropy: (self.selection.shared.random)(),
            client: None::<IpAddr>,
        };
        let index = self.selection.pool.pick(&draw, &self.tried)?;
        self.tried.push(index);
        self.selection.backends.get(index as usize)
    }
}
