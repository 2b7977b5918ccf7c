//! Services of services over a reload: what was counted goes on.

use super::*;
use crate::service::{Kind, Mirroring};

const PAIR: &str = "a: {loadBalancer: {servers: [{url: 'http://a'}]}}, \
                    b: {loadBalancer: {servers: [{url: 'http://b'}]}}";

fn yaml(app: &str) -> String {
    format!("http: {{services: {{app: {{{app}}}, {PAIR}}}}}")
}

/// Who answers `count` requests in a row, and how many copies they make.
fn answers(snapshot: &Snapshot, count: usize) -> (String, usize) {
    let service = &snapshot.services["app@file"];
    let choices = (0..count).map(|_| choose_from(service, &HeaderMap::new(), draw(0)).unwrap());
    choices.fold((String::new(), 0), |(names, copies), choice| {
        let name = choice.server().url().trim_start_matches("http://").to_owned();
        (names + &name, copies + choice.extra.mirrors.len())
    })
}

#[test]
fn weighted_turns_go_on_over_a_reload() {
    let written = yaml("weighted: {services: [{name: a, weight: 3}, {name: b}]}");
    let undisturbed = answers(&compiled(&written), 24).0;
    assert_eq!(&undisturbed[..12], "aabaaaabaaba");
    let mut snapshot = compiled(&written);
    let mut seen = String::new();
    for _ in 0..24 {
        seen += &answers(&snapshot, 1).0;
        snapshot = recompile(&written, &snapshot);
    }
    // Equal deadlines may swap; nobody gets more or less.
    assert_eq!(seen.matches('b').count(), 6, "{seen}");
    assert!(!seen.contains("bb") && !seen.contains("aaaaaaa"), "{seen}");
}

#[test]
fn a_new_child_gets_its_share_and_no_burst() {
    let two = yaml("weighted: {services: [{name: a}, {name: b}]}");
    let before = compiled(&two);
    answers(&before, 1001);
    let three = yaml("weighted: {services: [{name: a}, {name: b}, {name: c}]}").replace(
        "services: {app",
        "services: {c: {loadBalancer: {servers: [{url: 'http://c'}]}}, app",
    );
    let seen = answers(&recompile(&three, &before), 30).0;
    for name in ['a', 'b', 'c'] {
        assert!((9..=11).contains(&seen.matches(name).count()), "{seen}");
    }
}

fn mirroring(snapshot: &Snapshot) -> &Mirroring {
    match snapshot.services["app@file"].kind() {
        Kind::Mirroring(mirroring) => mirroring,
        _ => panic!("it is a mirroring"),
    }
}

#[test]
fn mirrors_go_on_counting_over_a_reload() {
    let written = yaml("mirroring: {service: a, mirrors: [{name: b, percent: 10}]}");
    let before = compiled(&written);
    assert_eq!(answers(&before, 5).1, 1);
    mirroring(&before).mirrors()[0].count_dropped();
    let after = recompile(&written, &before);
    assert_eq!(answers(&after, 5).1, 0, "five of the first ten had theirs");
    assert_eq!(answers(&after, 1).1, 1);
    assert_eq!(mirroring(&after).mirrors()[0].dropped(), 1);
    let all = recompile(&written.replace("percent: 10", "percent: 100"), &after);
    assert_eq!(answers(&all, 7).1, 7);
}

#[test]
fn mirrors_of_one_service_keep_their_own_counts() {
    let written = yaml("mirroring: {service: a, mirrors: [{name: b, percent: 10}, {name: b, percent: 50}]}");
    let before = compiled(&written);
    mirroring(&before).mirrors()[1].count_dropped();
    let after = recompile(&written, &before);
    let dropped: Vec<u64> = mirroring(&after).mirrors().iter().map(|m| m.dropped()).collect();
    assert_eq!(dropped, [0, 1]);
    mirroring(&after).mirrors()[0].count_dropped();
    assert_eq!(mirroring(&after).mirrors()[1].dropped(), 1);
}

#[test]
fn a_failover_stays_at_its_fallback_over_a_reload_until_the_main_is_up() {
    let written = yaml("failover: {service: a, fallback: b}");
    let before = compiled(&written);
    let main = &before.services["a@file"].servers().unwrap().pool;
    main.servers()[0].state().probed(false);
    assert_eq!(answers(&before, 3).0, "bbb");
    let after = recompile(&written.replace("http://b", "http://x"), &before);
    assert_eq!(answers(&after, 3).0, "xxx");
    main.servers()[0].state().probed(true);
    assert_eq!(answers(&after, 3).0, "aaa");
}
