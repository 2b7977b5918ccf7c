//! Two pitons of one cluster: what a cookie decides, what is written, and who writes it.

use std::time::Duration;

use serde_json::Value;

use super::app::{App, ROUTER, SOON, user_at, wait_for};
use super::cluster::Cluster;
use crate::harness::{Browser, Piton, eventually, holds_for, within};

/// How soon another one takes over from one that died: as long as a Lease lasts, and a look or two.
const TAKE_OVER: Duration = Duration::from_secs(40);
/// The status that is written.
const STATUS: &str = "ingressEndpoint: {ip: 203.0.113.7}";

/// Where the status of an Ingress says that it is reached.
fn published(cluster: &Cluster, name: &str) -> Option<String> {
    let ingress = cluster.get("Ingress", name)?;
    let ip = &ingress["status"]["loadBalancer"]["ingress"][0]["ip"];
    ip.as_str().map(str::to_owned)
}

fn holder(cluster: &Cluster) -> Option<String> {
    let leases = cluster.all("Lease");
    assert!(leases.len() < 2, "one Lease");
    let holder = leases.first()?["spec"]["holderIdentity"].as_str()?;
    (!holder.is_empty()).then(|| holder.to_owned())
}

#[test]
fn each_honours_the_cookies_of_the_other() {
    let cluster = Cluster::new();
    let pods = cluster.pods(["a", "b", "c"]);
    let _app = App::sticky(&cluster, &pods.each_ref());
    let pitons = [(); 2].map(|()| cluster.setup("").start());
    for piton in &pitons {
        wait_for(piton, &["a", "b", "c"]);
    }
    for turn in 0..8 {
        let mut user = Browser::new();
        let home = user.ask(pitons[turn % 2].address()).text();
        for piton in pitons.iter().chain(&pitons) {
            let answer = user.ask(piton.address());
            assert_eq!((answer.text(), answer.cookies().len()), (home.clone(), 0));
        }
    }
}

#[test]
fn one_of_two_writes_statuses_and_the_other_takes_over_when_it_dies() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let app = App::sticky(&cluster, &[&a]);
    let start = || cluster.setup(STATUS).start();
    let mut first = start();
    eventually("the status is written", || published(&cluster, "app").is_some());
    assert_eq!(published(&cluster, "app").as_deref(), Some("203.0.113.7"));
    let leader = holder(&cluster).expect("somebody holds the Lease");
    let second = start();
    wait_for(&second, &["a"]);
    if !cluster.is_real() {
        let server = cluster.server();
        eventually("the other one has looked", || server.count("get", "leases") > 1);
        assert_eq!(server.written("ingresses/status").len(), 1, "it is written once");
    }
    assert_eq!(holder(&cluster), Some(leader.clone()));
    first.kill();
    let other = App::new(&cluster, "later", &[&a]);
    other.service(&[]);
    other.ingress("later.example.com", &[]);
    within(TAKE_OVER, "the other one writes", || {
        published(&cluster, "later").is_some()
    });
    assert_ne!(holder(&cluster), Some(leader), "another one holds the Lease");
    if !cluster.is_real() {
        assert_eq!(cluster.server().written("ingresses/status").len(), 2);
    }
    // Also what somebody else wrote over it.
    let before = cluster.get("Ingress", "app").unwrap();
    app.ingress("", &[("example.com/note", "1")]);
    assert_eq!(
        published(&cluster, "app").as_deref(),
        Some("203.0.113.7"),
        "{before}"
    );
}

/// Kinds of the objects of this name that have Events, and their notes.
fn events_about(cluster: &Cluster, name: &str) -> Vec<(String, String)> {
    let mut events = cluster.all("Event");
    events.retain(|event| event["regarding"]["name"] == name);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = events
        .iter()
        .map(|event| (text(&event["regarding"]["kind"]), text(&event["note"])));
    let mut told: Vec<(String, String)> = told.collect();
    told.sort_unstable();
    told
}

#[test]
fn a_bad_annotation_is_one_event_on_its_object_though_both_see_it() {
    let cluster = Cluster::new();
    let [a, b] = cluster.pods(["a", "b"]);
    let good = App::sticky(&cluster, &[&a]);
    good.service(&[("sticky.cookie.name", "sid")]);
    let bad = App::new(&cluster, "bad", &[&b]);
    bad.service(&[("sticky.cookie.maxage", "soon")]);
    bad.ingress("bad.example.com", &[]);
    let worse = App::new(&cluster, "worse", &[&b]);
    worse.service(&[]);
    worse.ingress("worse.example.com", &[(&format!("{ROUTER}.priority"), "high")]);
    let pitons: [Piton; 2] = [(); 2].map(|()| cluster.setup("").start());
    for piton in &pitons {
        piton.wait_for_line(&["ERROR", "service", "/bad", "maxage"]);
        piton.wait_for_line(&["ERROR", "ingress", "/worse", "priority"]);
    }
    // On the Service what is wrong, on each Ingress what does not work.
    let all = || ["bad", "worse"].map(|name| events_about(&cluster, name));
    let kinds = || all().map(|told| told.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>());
    let expected = [
        vec!["Ingress".to_owned(), "Service".to_owned()],
        vec!["Ingress".to_owned()],
    ];
    within(SOON, "there are Events", || kinds() == expected);
    let [of_bad, of_worse] = all();
    assert!(of_bad[1].1.contains("sticky.cookie.maxage"), "{of_bad:?}");
    assert!(of_worse[0].1.contains("router.priority"), "{of_worse:?}");
    if !cluster.is_real() {
        // One of them came too late.
        let server = cluster.server();
        eventually("both have tried", || server.count("create", "events") >= 6);
        assert_eq!(server.count("create", "events"), 6);
    }
    assert_eq!(kinds(), expected, "each is told once");
    // The rest is served.
    for piton in &pitons {
        user_at(piton, "a");
    }
    // A change that says the same again is not told again.
    worse.ingress(
        "worse.example.com",
        &[(&format!("{ROUTER}.priority"), "high"), ("example.com/note", "1")],
    );
    holds_for(Duration::from_millis(500), "each is told once", || {
        kinds() == expected
    });
    // Repaired, it is served.
    bad.service(&[("sticky.cookie.maxage", "60")]);
    let ask = || {
        let request = "GET / HTTP/1.1\r\nHost: bad.example.com\r\nConnection: close\r\n\r\n";
        crate::harness::Client::connect(pitons[0].address())
            .exchange(request)
            .text()
    };
    eventually("it is served", || ask() == "b");
}
