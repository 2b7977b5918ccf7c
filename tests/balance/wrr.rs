//! Weighted round robin (traefik-core 2.1).

use std::time::{Duration, Instant};

use piton::balance::{MAX_WEIGHT, Strategy};

use crate::servers::{draw, lettered, reloaded, sequence, set_up};

fn count(sequence: &str, name: char) -> usize {
    sequence.chars().filter(|&c| c == name).count()
}

#[test]
fn sequences_of_a_fixed_order_are_traefiks() {
    for (weights, expected) in [
        (&[11, 3][..], "AAABAAAABAAABA"),
        (&[3, 1], "AABAAAABAABA"),
        (&[2, 1], "ABAABAABA"),
        (&[1, 2], "BABBABBAB"),
        (&[1, 1], "ABABAB"),
        (&[1, 1, 1], "ACBCBABACACB"),
        (&[1, 1, 1, 1], "ADBCBCADADBC"),
        (&[5, 1, 1], "AAAACABAAAAABC"),
        (&[4, 2, 1], "ABAABACABAABAC"),
    ] {
        let pool = lettered(Strategy::Wrr, weights);
        assert_eq!(sequence(&pool, expected.len()), expected, "{weights:?}");
    }
}

#[test]
fn every_round_follows_the_weights_exactly() {
    for weights in [&[3, 1][..], &[11, 3], &[7, 5, 3, 1], &[1, 1, 1], &[100, 1]] {
        let round: u32 = weights.iter().sum();
        let picks = sequence(&lettered(Strategy::Wrr, weights), 50 * round as usize);
        for (name, &weight) in ('A'..).zip(weights) {
            let off = count(&picks, name).abs_diff(50 * weight as usize);
            assert!(off <= 1, "{weights:?} {name}: {off} off");
        }
    }
}

#[test]
fn a_server_that_was_down_comes_back_without_a_burst() {
    let pool = lettered(Strategy::Wrr, &[1, 1]);
    set_up(&pool, "B", false);
    assert_eq!(sequence(&pool, 3), "AAA");
    set_up(&pool, "B", true);
    let two = sequence(&pool, 2);
    assert_eq!(
        (count(&two, 'A'), count(&two, 'B')),
        (1, 1),
        "as Traefik: 3, then 1/1"
    );

    set_up(&pool, "B", false);
    sequence(&pool, 1000);
    set_up(&pool, "B", true);
    let after = sequence(&pool, 10);
    assert_eq!(count(&after, 'B'), 5, "{after}");
    assert!(!after.contains("BBB"), "{after}");
}

#[test]
fn flapping_of_one_server_does_not_disturb_the_others() {
    let pool = lettered(Strategy::Wrr, &[3, 2, 1]);
    let mut picks = String::new();
    for round in 0..1000 {
        set_up(&pool, "C", round % 2 == 0);
        picks += &sequence(&pool, 5);
    }
    let (a, b) = (count(&picks, 'A') as f64, count(&picks, 'B') as f64);
    assert!((a / b - 1.5).abs() < 0.05, "A {a} to B {b}");
}

#[test]
fn weight_zero_gets_no_new_session_and_all_zero_is_nobody() {
    assert_eq!(sequence(&lettered(Strategy::Wrr, &[1, 0]), 5), "AAAAA");
    assert_eq!(lettered(Strategy::Wrr, &[0, 0]).pick(&draw(1, 0), &[]), None);
    assert_eq!(lettered(Strategy::Wrr, &[]).pick(&draw(1, 0), &[]), None);
}

#[test]
fn nobody_up_is_nobody() {
    let pool = lettered(Strategy::Wrr, &[1, 1]);
    set_up(&pool, "A", false);
    set_up(&pool, "B", false);
    assert_eq!(pool.pick(&draw(1, 0), &[]), None);
}

#[test]
fn a_heavy_server_that_is_down_does_not_hold_up_the_light_one() {
    let pool = lettered(Strategy::Wrr, &[MAX_WEIGHT, 1]);
    sequence(&pool, 10);
    set_up(&pool, "A", false);
    let start = Instant::now();
    assert_eq!(count(&sequence(&pool, 1000), 'B'), 1000);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    set_up(&pool, "A", true);
    assert_eq!(
        count(&sequence(&pool, 1000), 'B'),
        0,
        "its next turn is a million picks away"
    );
}

#[test]
fn a_tried_server_is_passed_over_and_shares_stay_even() {
    let pool = lettered(Strategy::Wrr, &[1, 1, 1]);
    let mut seen = [0; 3];
    for _ in 0..300 {
        let first = pool.pick(&draw(1, 0), &[]).unwrap();
        let second = pool.pick(&draw(1, 0), &[first]).unwrap();
        let third = pool.pick(&draw(1, 0), &[first, second]).unwrap();
        assert_eq!(pool.pick(&draw(1, 0), &[first, second, third]), None);
        seen[first as usize] += 1;
        assert_eq!(first + second + third, 3, "each once");
    }
    assert!(seen.iter().all(|&picks| (99..=101).contains(&picks)), "{seen:?}");
}

#[test]
fn a_reload_that_changes_nothing_changes_no_turn() {
    let servers = [("A", 5), ("B", 3), ("C", 1)];
    let straight = sequence(&lettered(Strategy::Wrr, &[5, 3, 1]), 900);
    let mut pool = lettered(Strategy::Wrr, &[5, 3, 1]);
    let mut picks = String::new();
    for _ in 0..300 {
        picks += &sequence(&pool, 3);
        pool = reloaded(&pool, Strategy::Wrr, &servers);
    }
    for name in ['A', 'B', 'C'] {
        let off = count(&picks, name).abs_diff(count(&straight, name));
        assert!(off <= 1, "{name}: {off} off");
    }
}

#[test]
fn reordering_and_adding_servers_keeps_the_turns_of_those_that_stay() {
    let mut pool = lettered(Strategy::Wrr, &[1, 1]);
    let mut picks = String::new();
    for round in 0..200 {
        picks += &sequence(&pool, 3);
        let order: &[(&str, u32)] = match round % 3 {
            0 => &[("B", 1), ("A", 1)],
            1 => &[("A", 1), ("new", 1), ("B", 1)],
            _ => &[("A", 1), ("B", 1)],
        };
        pool = reloaded(&pool, Strategy::Wrr, order);
    }
    let (a, b) = (count(&picks, 'A'), count(&picks, 'B'));
    assert!(a.abs_diff(b) <= 4, "A {a}, B {b}");
}

#[test]
fn a_new_server_gets_its_share_and_no_burst() {
    let old = lettered(Strategy::Wrr, &[1, 1]);
    sequence(&old, 1001);
    let pool = reloaded(&old, Strategy::Wrr, &[("A", 1), ("B", 1), ("C", 1)]);
    let picks = sequence(&pool, 30);
    assert_eq!(count(&picks, 'C'), 10, "{picks}");
    assert!(!picks.contains("CC"), "{picks}");
}

#[test]
fn a_changed_weight_rules_from_the_next_round_on() {
    let old = lettered(Strategy::Wrr, &[1, 1]);
    sequence(&old, 7);
    let pool = reloaded(&old, Strategy::Wrr, &[("A", 3), ("B", 1)]);
    let picks = sequence(&pool, 400);
    assert!(count(&picks, 'A').abs_diff(300) <= 2, "{}", count(&picks, 'A'));
}

#[test]
fn many_threads_share_one_round_robin() {
    let pool = lettered(Strategy::Wrr, &[2, 1]);
    let per_thread = || {
        let mut seen = [0_u32; 2];
        for _ in 0..3000 {
            seen[pool.pick(&draw(1, 0), &[]).unwrap() as usize] += 1;
        }
        seen
    };
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(per_thread)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .fold([0; 2], |sum, seen| [sum[0] + seen[0], sum[1] + seen[1]])
    });
    assert!(seen[0].abs_diff(8000) <= 1, "{seen:?}");
}
