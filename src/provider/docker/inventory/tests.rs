//! What is learned, what is forgotten, and when a container is about to end.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::provider::engine::wire::{Inspect, Signal};

fn inspect(id: &str, status: &str) -> Inspect {
    run_of(id, status, "2026-11-22T12:00:01Z")
}

fn run_of(id: &str, status: &str, started: &str) -> Inspect {
    let text = json!({
        "Id": id,
        "Name": format!("/{id}"),
        "Created": "2026-11-22T12:00:00Z",
        "State": {"Status": status, "StartedAt": started},
        "Config": {"Labels": null, "StopSignal": "SIGQUIT"},
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Ports": {}, "Networks": null},
    });
    serde_json::from_value(text).unwrap()
}

fn with(ids: &[&str]) -> Inventory {
    let mut inventory = Inventory::default();
    for id in ids {
        assert!(inventory.learn(inspect(id, "running"), Some(1)));
    }
    inventory
}

fn life(inventory: &Inventory, id: &str) -> Life {
    inventory.known[id].container.life
}

fn signal(text: &str) -> Signal {
    Signal::from(text.to_owned())
}

#[test]
fn the_same_container_seen_again_is_no_news_and_stays_the_same_object() {
    let mut inventory = with(&["a"]);
    let before = inventory.containers();
    assert!(!inventory.learn(inspect("a", "running"), Some(1)));
    assert!(Arc::ptr_eq(&before[0], &inventory.containers()[0]));
    assert!(inventory.learn(inspect("a", "exited"), Some(2)));
}

#[test]
fn only_a_summary_that_is_another_one_is_worth_a_look() {
    let mut inventory = with(&["a"]);
    assert!(!inventory.is_news("a", 1));
    assert!(inventory.is_news("a", 2));
    assert!(inventory.is_news("b", 1));
    inventory.doubt("a");
    assert!(inventory.is_news("a", 1));
}

#[test]
fn a_container_that_is_told_to_stop_is_stopping_until_it_ends() {
    for told in ["SIGTERM", "15", "QUIT", "3"] {
        let mut inventory = with(&["a"]);
        assert!(inventory.signalled("a", &signal(told), Instant::now()), "{told}");
        assert_eq!(life(&inventory, "a"), Life::Stopping);
        assert!(inventory.is_news("a", 1), "to be looked at again");
        inventory.learn(inspect("a", "running"), Some(1));
        assert_eq!(life(&inventory, "a"), Life::Stopping, "looking changes nothing");
        assert!(
            inventory.is_news("a", 1),
            "it may be another run by the next listing"
        );
        inventory.learn(inspect("a", "exited"), None);
        assert_eq!(life(&inventory, "a"), Life::Stopped);
    }
}

#[test]
fn a_signal_that_does_not_ask_to_end_changes_nothing() {
    // SIGKILL is no question: the end follows at once.
    for told in ["HUP", "1", "USR1", "SIGUSR2", "28", "9", "SIGKILL", "", "garbage"] {
        let mut inventory = with(&["a"]);
        assert!(!inventory.signalled("a", &signal(told), Instant::now()), "{told}");
        assert_eq!(life(&inventory, "a"), Life::Running);
    }
    assert!(!with(&[]).signalled("a", &signal("15"), Instant::now()));
}

#[test]
fn what_was_heard_of_one_run_says_nothing_about_the_next() {
    let mut inventory = with(&["a"]);
    inventory.signalled("a", &signal("15"), Instant::now());
    inventory.learn(run_of("a", "running", "2026-11-22T13:00:00Z"), None);
    assert_eq!(
        life(&inventory, "a"),
        Life::Running,
        "restarted between two looks"
    );
}

#[test]
fn an_end_is_known_at_once_and_a_look_that_began_before_does_not_undo_it() {
    let mut inventory = with(&["a"]);
    assert!(inventory.ended("a"));
    assert!(!inventory.ended("a"), "no news");
    assert_eq!(life(&inventory, "a"), Life::Stopped);
    inventory.learn(inspect("a", "running"), Some(7));
    assert_eq!(life(&inventory, "a"), Life::Stopped);
    assert!(inventory.is_news("a", 7), "the next listing looks again");
    inventory.learn(run_of("a", "running", "2026-11-22T13:00:00Z"), Some(8));
    assert_eq!(life(&inventory, "a"), Life::Running, "its next run");
    assert!(!inventory.ended("nobody"));
}

#[test]
fn a_container_that_outlives_its_signal_gets_sessions_again() {
    let mut inventory = with(&["a"]);
    let told = Instant::now();
    inventory.signalled("a", &signal("15"), told);
    assert!(inventory.outlived(told + ENDS_WITHIN).is_empty());
    assert_eq!(
        inventory.outlived(told + ENDS_WITHIN + Duration::from_secs(1)),
        ["a"]
    );
    inventory.learn(inspect("a", "running"), None);
    assert_eq!(life(&inventory, "a"), Life::Running);
}

#[test]
fn a_listing_forgets_what_it_lacks_but_not_what_was_learned_after_it_was_asked_for() {
    let mut inventory = with(&["a", "b"]);
    let asked = inventory.now();
    inventory.learn(inspect("new", "running"), None);
    let listed = HashSet::from(["a".to_owned()]);
    assert!(inventory.retain(&listed, asked));
    let ids: Vec<&String> = inventory.known.keys().collect();
    assert_eq!(ids, ["a", "new"]);
    assert!(!inventory.retain(&listed, asked), "nothing more");
    assert!(inventory.forget("a"));
    assert!(!inventory.forget("a"));
}
