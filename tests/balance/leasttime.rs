//! Least time (traefik-core 2.4), with piton's differences (design.md, difference 3).

use std::sync::Arc;

use http::HeaderMap;
use piton::balance::{Lease, Micros, Pool, Strategy};

use crate::servers::{self, draw, header_with_cookie, lettered, set_up, sticky_service};

const MS: Micros = 1000;

/// A pool, the time, and how often each server was picked.
struct Run {
    pool: Pool,
    now: Micros,
    seen: Vec<u32>,
}

impl Run {
    fn new(weights: &[u32]) -> Self {
        Self {
            pool: lettered(Strategy::LeastTime, weights),
            now: 1,
            seen: vec![0; weights.len()],
        }
    }

    /// Gives server `index` ten samples.
    fn warm(&mut self, index: usize, elapsed: Micros) {
        for _ in 0..10 {
            self.pool.servers()[index]
                .state()
                .latency()
                .record(elapsed, self.now);
        }
    }

    fn pick(&mut self) -> usize {
        let index = self.pool.pick(&draw(self.now, 0), &[]).unwrap() as usize;
        self.seen[index] += 1;
        index
    }

    fn hold(&mut self) -> Lease {
        let index = self.pick();
        Lease::new(Arc::clone(&self.pool.servers()[index]), self.now)
    }

    /// Requests one after the other, answered in `latency` of their server, `gap` apart.
    fn requests(&mut self, count: usize, gap: Micros, latency: impl Fn(usize) -> Micros) {
        for _ in 0..count {
            let index = self.pick();
            let mut lease = Lease::new(Arc::clone(&self.pool.servers()[index]), self.now);
            self.now += latency(index);
            lease.first_byte(self.now);
            self.now += gap;
        }
    }
}

#[test]
fn equal_servers_share_evenly() {
    let mut two = Run::new(&[1, 1]);
    two.requests(50, 0, |_| 5 * MS);
    assert!(two.seen[0].abs_diff(25) <= 1, "{:?}", two.seen);
    let mut three = Run::new(&[1, 1, 1]);
    three.requests(90, 0, |_| 5 * MS);
    assert!(
        three.seen.iter().all(|&seen| seen.abs_diff(30) <= 1),
        "{:?}",
        three.seen
    );
}

#[test]
fn the_faster_server_gets_nearly_all() {
    let mut run = Run::new(&[1, 1]);
    run.requests(50, 0, |index| [20, 100][index] * MS);
    assert!(run.seen[0] > 48, "{:?}", run.seen);
}

#[test]
fn differences_below_a_millisecond_count() {
    let mut run = Run::new(&[1, 1]);
    run.requests(50, 0, |index| [700, 300][index]);
    assert!(run.seen[1] > 48, "{:?}", run.seen);
}

#[test]
fn a_server_that_degrades_loses_its_traffic() {
    let mut run = Run::new(&[1, 1]);
    run.requests(40, 0, |_| 5 * MS);
    run.seen = vec![0; 2];
    run.requests(60, 0, |index| [50, 5][index] * MS);
    assert!(run.seen[1] > 35, "{:?}", run.seen);
}

#[test]
fn of_equally_fast_servers_an_idle_one_goes_to_the_heavier() {
    let mut run = Run::new(&[3, 1]);
    run.warm(0, 5 * MS);
    run.warm(1, 5 * MS);
    run.requests(10, 0, |_| 5 * MS);
    assert_eq!(run.seen, [10, 0]);
}

#[test]
fn ties_are_broken_by_weight() {
    let mut run = Run::new(&[3, 1]);
    for _ in 0..80 {
        run.pick();
    }
    assert!(
        run.seen[0].abs_diff(60) <= 1,
        "unmeasured servers tie: {:?}",
        run.seen
    );
}

#[test]
fn requests_in_flight_count() {
    let mut run = Run::new(&[1, 1]);
    run.warm(0, 10 * MS);
    run.warm(1, 10 * MS);
    let _busy: Vec<_> = (0..5)
        .map(|_| Lease::new(Arc::clone(&run.pool.servers()[0]), 1))
        .collect();
    run.requests(5, 0, |_| 10 * MS);
    assert_eq!(run.seen, [0, 5]);
}

#[test]
fn concurrent_requests_spread_over_equal_servers_and_by_weight() {
    let mut run = Run::new(&[1, 1]);
    let _held: Vec<_> = (0..50).map(|_| run.hold()).collect();
    assert!(run.seen[0].abs_diff(25) <= 1, "{:?}", run.seen);

    let mut run = Run::new(&[3, 1]);
    run.warm(0, 5 * MS);
    run.warm(1, 5 * MS);
    let _held: Vec<_> = (0..80).map(|_| run.hold()).collect();
    assert!(run.seen[0].abs_diff(60) <= 1, "{:?}", run.seen);
}

#[test]
fn one_server_up_needs_no_measurement_and_none_up_is_nobody() {
    let mut run = Run::new(&[1, 1]);
    set_up(&run.pool, "A", false);
    run.requests(3, 0, |_| MS);
    assert_eq!(run.seen, [0, 3]);
    set_up(&run.pool, "B", false);
    assert_eq!(run.pool.pick(&draw(1, 0), &[]), None);
}

#[test]
fn a_server_that_was_down_shares_again_without_a_burst() {
    let mut run = Run::new(&[1, 1]);
    run.requests(10, 0, |_| 5 * MS);
    set_up(&run.pool, "B", false);
    run.requests(500, 0, |_| 5 * MS);
    set_up(&run.pool, "B", true);
    run.seen = vec![0; 2];
    run.requests(20, 0, |_| 5 * MS);
    assert!(run.seen[1].abs_diff(10) <= 1, "{:?}", run.seen);
}

#[test]
fn a_dead_server_does_not_attract() {
    let mut run = Run::new(&[1, 1, 1]);
    for _ in 0..300 {
        let index = run.pick();
        let mut lease = Lease::new(Arc::clone(&run.pool.servers()[index]), run.now);
        run.now += MS;
        if index == 1 {
            lease.failed(run.now);
        } else {
            lease.first_byte(run.now);
        }
    }
    assert!(run.seen[1] <= 2, "{:?}", run.seen);
}

#[test]
fn a_cold_server_gets_no_herd() {
    let mut run = Run::new(&[1, 1, 1, 1]);
    for index in 0..3 {
        run.warm(index, 10 * MS);
    }
    let _held: Vec<_> = (0..100).map(|_| run.hold()).collect();
    assert!((15..=35).contains(&run.seen[3]), "an equal share: {:?}", run.seen);
}

#[test]
fn a_cold_server_is_measured_soon_even_when_a_fast_one_is_always_idle() {
    let mut run = Run::new(&[1, 1, 1]);
    run.warm(0, MS);
    run.warm(1, 30 * MS);
    run.requests(20, 0, |index| [1, 30, 1][index] * MS);
    assert!(run.seen[2] >= 1, "{:?}", run.seen);
}

#[test]
fn a_light_cold_server_is_measured_soon_beside_a_heavy_one() {
    let mut run = Run::new(&[10, 1]);
    run.warm(0, 100 * MS);
    run.requests(20, 0, |index| [100, 1][index] * MS);
    assert!(run.seen[1] >= 1, "{:?}", run.seen);
}

#[test]
fn a_server_that_was_slow_once_is_tried_again_and_wins_its_share_back() {
    let mut run = Run::new(&[1, 1]);
    run.warm(0, 5 * MS);
    run.warm(1, 5000 * MS);
    run.requests(20, 100 * MS, |_| 5 * MS);
    assert_eq!(run.seen[1], 0, "not while its measurement is of today");
    run.requests(2000, 100 * MS, |_| 5 * MS);
    assert!(run.seen[1] > 5, "{:?}", run.seen);
}

#[test]
fn no_slow_server_is_forgotten_among_servers_of_different_speed() {
    let mut run = Run::new(&[1, 1, 1]);
    for (index, elapsed) in [1, 30, 1000].into_iter().enumerate() {
        run.warm(index, elapsed * MS);
    }
    // Five minutes; the third server has recovered meanwhile.
    run.requests(3000, 100 * MS, |index| [1, 30, 1][index] * MS);
    assert!(run.seen[2] > 5, "{:?}", run.seen);
    assert!(run.seen[1] > 5, "{:?}", run.seen);
}

#[test]
fn a_dead_server_costs_one_attempt_in_ten_seconds() {
    let mut run = Run::new(&[1, 1]);
    let minute = 60_000 * MS;
    while run.now < minute {
        let index = run.pick();
        let mut lease = Lease::new(Arc::clone(&run.pool.servers()[index]), run.now);
        if index == 1 {
            lease.failed(run.now);
        } else {
            run.now += MS;
            lease.first_byte(run.now);
        }
        run.now += 4 * MS;
    }
    assert!((5..=7).contains(&run.seen[1]), "{:?}", run.seen);
}

#[test]
fn weight_zero_is_never_taken() {
    let mut run = Run::new(&[0, 1, 1]);
    run.requests(20, 0, |_| MS);
    assert_eq!(run.seen[0], 0);
}

#[test]
fn sticky_requests_count_as_load_and_as_measurements() {
    let service = sticky_service(lettered(Strategy::LeastTime, &[1, 1]));
    let bound = header_with_cookie("A", 1);
    let choose = |headers: &HeaderMap| servers::choose(&service, headers, draw(1, 0)).unwrap();
    let mut busy: Vec<_> = (0..4).map(|_| choose(&bound).lease).collect();
    let states: Vec<_> = service
        .servers()
        .unwrap()
        .pool
        .servers()
        .iter()
        .map(|server| server.state())
        .collect();
    assert_eq!(states[0].in_flight(), 4);
    states[1].latency().record(10 * MS, 1);
    busy.iter_mut().for_each(|lease| lease.first_byte(1 + 10 * MS));
    assert_eq!(
        states[0].latency().mean(),
        Some(10_000.0),
        "measured by sticky requests alone"
    );
    assert_eq!(
        choose(&HeaderMap::new()).server().url(),
        "B",
        "equally fast, but idle"
    );
    drop(busy);
    states[1].latency().record(500 * MS, 1);
    assert_eq!(choose(&HeaderMap::new()).server().url(), "A");
}
