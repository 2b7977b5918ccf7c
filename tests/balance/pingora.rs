//! The selectors inside Pingora's own `LoadBalancer`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use pingora_load_balancing::discovery::{ServiceDiscovery, Static};
use pingora_load_balancing::{Backend, Backends, LoadBalancer};
use piton::balance::pingora::{Follows, LeastTime, P2c, Selection, Shared, Wrr};

const ADDRESSES: [&str; 3] = ["127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"];

fn backend(index: usize, weight: usize) -> Backend {
    Backend::new_with_weight(ADDRESSES[index], weight).unwrap()
}

fn backends(weights: &[usize]) -> BTreeSet<Backend> {
    weights
        .iter()
        .enumerate()
        .map(|(index, &weight)| backend(index, weight))
        .collect()
}

/// Time that tests move, and a different number at every call.
fn shared(clock: &Arc<AtomicU64>) -> Arc<Shared> {
    let clock = Arc::clone(clock);
    let rng = std::sync::Mutex::new(fastrand::Rng::with_seed(12));
    Shared::new(
        move || clock.load(Ordering::Relaxed),
        move || rng.lock().unwrap().u64(..),
    )
}

struct Balancer<F: Follows> {
    inner: LoadBalancer<Selection<F>>,
    shared: Arc<Shared>,
    clock: Arc<AtomicU64>,
}

impl<F: Follows> Balancer<F> {
    async fn over(discovery: Box<dyn ServiceDiscovery + Send + Sync>) -> Self {
        let clock = Arc::new(AtomicU64::new(1));
        let shared = shared(&clock);
        let backends = Backends::new(discovery);
        let inner = LoadBalancer::from_backends_with_config(backends, Some(Arc::clone(&shared)));
        inner.update().await.unwrap();
        Self { inner, shared, clock }
    }

    async fn new(weights: &[usize]) -> Self {
        Self::over(Static::new(backends(weights))).await
    }

    fn select(&self) -> Option<Backend> {
        self.inner.select(b"", 10)
    }

    /// How often each address is selected in `picks`.
    fn shares(&self, picks: usize) -> [usize; 3] {
        let mut seen = [0; 3];
        for _ in 0..picks {
            let address = self.select().unwrap().addr.to_string();
            seen[ADDRESSES.iter().position(|known| *known == address).unwrap()] += 1;
        }
        seen
    }
}

/// Discovery whose answer tests change.
#[derive(Clone, Default)]
struct Changing(Arc<std::sync::Mutex<BTreeSet<Backend>>>);

#[async_trait]
impl ServiceDiscovery for Changing {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, std::collections::HashMap<u64, bool>)> {
        Ok((self.0.lock().unwrap().clone(), std::collections::HashMap::new()))
    }
}

#[tokio::test]
async fn round_robin_follows_the_weights() {
    let balancer = Balancer::<Wrr>::new(&[5, 3, 1]).await;
    assert_eq!(balancer.shares(90), [50, 30, 10]);
}

#[tokio::test]
async fn an_unhealthy_backend_is_passed_over_and_the_rest_is_even() {
    let balancer = Balancer::<Wrr>::new(&[1, 1, 1]).await;
    balancer.inner.backends().set_enable(&backend(1, 1), false);
    let seen = balancer.shares(100);
    assert_eq!(seen[1], 0);
    assert!(seen[0].abs_diff(50) <= 1, "{seen:?}");
    balancer.inner.backends().set_enable(&backend(1, 1), true);
    let seen = balancer.shares(90);
    assert!(
        seen.iter().all(|picks| picks.abs_diff(30) <= 1),
        "no burst: {seen:?}"
    );
}

#[tokio::test]
async fn select_with_names_every_backend_once_and_then_ends() {
    fn once_each<F: Follows>(balancer: &Balancer<F>) {
        let named = std::cell::RefCell::new(Vec::new());
        let found = balancer.inner.select_with(b"", 100, |backend, _| {
            named.borrow_mut().push(backend.addr.to_string());
            false
        });
        assert!(found.is_none());
        let mut named = named.into_inner();
        named.sort();
        assert_eq!(named, ADDRESSES);
    }
    once_each(&Balancer::<Wrr>::new(&[1, 2, 3]).await);
    once_each(&Balancer::<P2c>::new(&[1, 2, 3]).await);
    once_each(&Balancer::<LeastTime>::new(&[1, 2, 3]).await);
}

#[tokio::test]
async fn nobody_healthy_is_nobody() {
    let balancer = Balancer::<P2c>::new(&[1, 1]).await;
    for index in 0..2 {
        balancer.inner.backends().set_enable(&backend(index, 1), false);
    }
    assert!(balancer.select().is_none());
}

#[tokio::test]
async fn leases_lead_p2c_to_the_idle_backend() {
    let balancer = Balancer::<P2c>::new(&[1, 1]).await;
    let busy = balancer.shared.lease(&backend(0, 1)).unwrap();
    assert_eq!(balancer.shares(50), [0, 50, 0]);
    drop(busy);
    assert!(balancer.shares(200)[0] > 50);
}

#[tokio::test]
async fn first_bytes_lead_least_time_to_the_fast_backend() {
    let balancer = Balancer::<LeastTime>::new(&[1, 1, 1]).await;
    for _ in 0..60 {
        let selected = balancer.select().unwrap();
        let mut lease = balancer.shared.lease(&selected).unwrap();
        let elapsed = if selected == backend(2, 1) { 1000 } else { 50_000 };
        balancer.clock.fetch_add(elapsed, Ordering::Relaxed);
        lease.first_byte(balancer.shared.now());
    }
    assert_eq!(balancer.shares(20), [0, 0, 20]);
}

#[tokio::test]
async fn state_and_turns_outlive_a_change_of_membership() {
    let discovery = Changing::default();
    *discovery.0.lock().unwrap() = backends(&[1, 1]);
    let balancer = Balancer::<Wrr>::over(Box::new(discovery.clone())).await;
    balancer.shares(7);
    let held = balancer.shared.lease(&backend(1, 1)).unwrap();
    *discovery.0.lock().unwrap() = backends(&[1, 1, 1]);
    balancer.inner.update().await.unwrap();
    assert_eq!(held.server().state().in_flight(), 1);
    let again = balancer.shared.lease(&backend(1, 1)).unwrap();
    assert_eq!(again.server().state().in_flight(), 2, "the same state");
    let seen = balancer.shares(90);
    assert!(seen.iter().all(|picks| picks.abs_diff(30) <= 1), "{seen:?}");

    *discovery.0.lock().unwrap() = backends(&[1]);
    balancer.inner.update().await.unwrap();
    assert!(
        balancer.shared.lease(&backend(2, 1)).is_none(),
        "no longer a backend"
    );
    assert_eq!(balancer.shares(5), [5, 0, 0]);
}

#[tokio::test]
async fn without_a_configuration_round_robin_still_goes_round() {
    let backends = Backends::new(Static::new(backends(&[2, 1])));
    let balancer = LoadBalancer::<Selection<Wrr>>::from_backends(backends);
    balancer.update().await.unwrap();
    let first = (0..9)
        .filter(|_| balancer.select(b"", 10) == Some(backend(0, 2)))
        .count();
    assert_eq!(first, 6);
}
