//! Power of two choices (traefik-core 2.2).

use std::sync::Arc;

use fastrand::Rng;
use piton::balance::{Lease, Pool, Strategy};

use crate::servers::{chi_square, draw, lettered, set_up};

/// Enters server `index` of the pool `count` times.
fn enter(pool: &Pool, index: usize, count: usize) -> Vec<Lease> {
    (0..count)
        .map(|_| Lease::new(Arc::clone(&pool.servers()[index]), 1))
        .collect()
}

fn histogram(pool: &Pool, picks: usize, seed: u64) -> Vec<u32> {
    let mut rng = Rng::with_seed(seed);
    let mut seen = vec![0; pool.servers().len()];
    for _ in 0..picks {
        seen[pool.pick(&draw(1, rng.u64(..)), &[]).unwrap() as usize] += 1;
    }
    seen
}

/// Far beyond the statistic's one-in-a-million quantile for up to ten classes.
const UNLIKELY: f64 = 50.0;

#[test]
fn the_only_candidate_is_taken() {
    let pool = lettered(Strategy::P2c, &[1, 1, 1]);
    set_up(&pool, "A", false);
    set_up(&pool, "C", false);
    assert_eq!(histogram(&pool, 100, 1), [0, 100, 0]);
    set_up(&pool, "B", false);
    assert_eq!(pool.pick(&draw(1, 7), &[]), None);
}

#[test]
fn of_two_servers_the_one_with_fewer_in_flight_is_taken() {
    let pool = lettered(Strategy::P2c, &[1, 1]);
    let _busy = enter(&pool, 1, 1);
    assert_eq!(histogram(&pool, 1000, 2), [1000, 0]);
}

#[test]
fn the_busiest_of_all_is_never_taken() {
    let pool = lettered(Strategy::P2c, &[1, 1, 1]);
    let _busy = [enter(&pool, 0, 10), enter(&pool, 1, 90), enter(&pool, 2, 40)];
    let seen = histogram(&pool, 30_000, 3);
    assert_eq!(seen[1], 0);
    assert!(
        chi_square(&[seen[0], seen[2]], &[2.0, 1.0]) < UNLIKELY,
        "{seen:?}"
    );
}

#[test]
fn idle_servers_are_taken_evenly() {
    let seen = histogram(&lettered(Strategy::P2c, &[1; 10]), 100_000, 4);
    assert!(chi_square(&seen, &[1.0; 10]) < UNLIKELY, "{seen:?}");
}

#[test]
fn idle_servers_are_taken_by_weight() {
    let weights = [1, 2, 3, 4];
    let seen = histogram(&lettered(Strategy::P2c, &weights), 100_000, 5);
    assert!(chi_square(&seen, &weights.map(f64::from)) < UNLIKELY, "{seen:?}");
}

#[test]
fn busy_servers_are_filled_by_weight() {
    let weights = [1, 2, 3, 4];
    let pool = lettered(Strategy::P2c, &weights);
    let mut rng = Rng::with_seed(6);
    let mut leases = Vec::new();
    for _ in 0..1000 {
        let index = pool.pick(&draw(1, rng.u64(..)), &[]).unwrap();
        leases.extend(enter(&pool, index as usize, 1));
    }
    for (server, weight) in pool.servers().iter().zip(weights) {
        let in_flight = server.state().in_flight();
        assert!(
            in_flight.abs_diff(100 * weight) <= 10,
            "weight {weight}: {in_flight}"
        );
    }
    drop(leases);
    assert!(
        pool.servers()
            .iter()
            .all(|server| server.state().in_flight() == 0)
    );
}

#[test]
fn neighbours_are_not_preferred() {
    // Server k has k in flight, so that a pick is the smaller of the pair: its share counts the pairs.
    let pool = lettered(Strategy::P2c, &[1; 5]);
    let _busy: Vec<_> = (0..5).map(|index| enter(&pool, index, index)).collect();
    let seen = histogram(&pool, 100_000, 7);
    assert_eq!(seen[4], 0);
    assert!(
        chi_square(&seen[..4], &[4.0, 3.0, 2.0, 1.0]) < UNLIKELY,
        "{seen:?}"
    );
}

#[test]
fn weight_zero_and_tried_servers_are_not_taken() {
    let pool = lettered(Strategy::P2c, &[1, 0, 5, 1]);
    assert_eq!(histogram(&pool, 1000, 8)[1], 0);
    let mut rng = Rng::with_seed(9);
    for _ in 0..1000 {
        let index = pool.pick(&draw(1, rng.u64(..)), &[2, 0]).unwrap();
        assert_eq!(index, 3);
    }
    assert_eq!(pool.pick(&draw(1, 1), &[0, 2, 3]), None);
}

#[test]
fn the_same_entropy_gives_the_same_pick() {
    let pool = lettered(Strategy::P2c, &[1, 2, 3]);
    assert_eq!(histogram(&pool, 500, 10), histogram(&pool, 500, 10));
}
