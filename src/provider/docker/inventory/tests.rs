//! What is learned, what is forgotten, and when a container is about to end.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::provider::engine::wire::{Inspect, Signal};

fn inspect(id: &str, status: &str) -> Inspect {
    let text = json!({
        "Id": id,
        "Name": format!("/{id}"),
        "Created": "2026-11-22T12:00:00Z",
        "State": {"Status": status},
        "Config": {"Labels": null, "StopSignal": "SIGQUIT"},
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Ports": {}, "Networks": null},
    });
    serde_json::from_value(text).unwrap()
}

fn with(ids: &[&str]) -> Inventory {
    let mut inventory = Inventory::default();
    for id in ids {
        assert_eq!(inventory.learn(inspect(id, "running"), Some(1)), News::Change);
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
    assert_eq!(inventory.learn(inspect("a", "running"), Some(1)), News::Nothing);
    assert!(Arc::ptr_eq(&before[0], &inventory.containers()[0]));
    assert_eq!(inventory.learn(inspect("a", "exited"), Some(2)), News::End);
    assert_eq!(inventory.learn(inspect("a", "running"), Some(3)), News::Change);
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
    for told in ["SIGTERM", "15", "QUIT", "3", "9"] {
        let mut inventory = with(&["a"]);
        assert_eq!(
            inventory.signalled("a", &signal(told), Instant::now()),
            News::End,
            "{told}"
        );
        assert_eq!(life(&inventory, "a"), Life::Stopping);
        inventory.learn(inspect("a", "running"), None);
        assert_eq!(life(&inventory, "a"), Life::Stopping, "looking changes nothing");
        inventory.learn(inspect("a", "exited"), None);
        assert_eq!(life(&inventory, "a"), Life::Stopped);
        inventory.learn(inspect("a", "running"), None);
        assert_eq!(life(&inventory, "a"), Life::Running, "started again");
    }
}

#[test]
fn a_signal_that_asks_for_something_else_changes_nothing() {
    for told in ["HUP", "1", "USR1", "SIGUSR2", "28", "", "garbage"] {
        let mut inventory = with(&["a"]);
        assert_eq!(
            inventory.signalled("a", &signal(told), Instant::now()),
            News::Nothing,
            "{told}"
        );
        assert_eq!(life(&inventory, "a"), Life::Running);
    }
    assert_eq!(
        with(&[]).signalled("a", &signal("15"), Instant::now()),
        News::Nothing
    );
}

#[test]
fn a_restart_between_two_looks_is_no_end() {
    let mut inventory = with(&["a"]);
    inventory.signalled("a", &signal("15"), Instant::now());
    inventory.turned("a");
    inventory.learn(inspect("a", "running"), None);
    assert_eq!(life(&inventory, "a"), Life::Running);
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
    assert_eq!(inventory.retain(&listed, asked), News::End);
    let ids: Vec<&String> = inventory.known.keys().collect();
    assert_eq!(ids, ["a", "new"]);
    assert_eq!(inventory.retain(&listed, asked), News::Nothing, "nothing more");
    assert_eq!(inventory.forget("a"), News::End);
    assert_eq!(inventory.forget("a"), News::Nothing);
}
