//! Two pitons of one cluster: what a cookie decides, what is written, and who writes it.

use std::time::Duration;

use serde_json::Value;

use super::app::{App, ROUTER, SERVICE, user_at, wait_for};
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

#[test]
fn who_stops_in_order_gives_the_lease_up() {
    let cluster = Cluster::new();
    let [a] = cluster.pods(["a"]);
    let _app = App::sticky(&cluster, &[&a]);
    let mut first = cluster.setup(STATUS).start();
    eventually("somebody holds the Lease", || holder(&cluster).is_some());
    let leader = holder(&cluster);
    let _second = cluster.setup(STATUS).start();
    first.signal("TERM");
    assert!(first.wait_for_end().1);
    // Much sooner than a Lease lasts, or not before: both are right, but it is somebody else in the end.
    within(TAKE_OVER, "another one holds the Lease", || {
        holder(&cluster).is_some_and(|now| Some(now) != leader)
    });
}

/// Events about an object, by their notes.
fn events_about(cluster: &Cluster, name: &str) -> Vec<String> {
    let events = cluster.all("Event").into_iter();
    let about = events.filter(|event| event["regarding"]["name"] == name);
    about
        .map(|event: Value| event["note"].as_str().unwrap_or_default().to_owned())
        .collect()
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
    for (name, part) in [("bad", "maxage"), ("worse", "priority")] {
        for piton in &pitons {
            piton.wait_for_line(&[name, part]);
        }
        eventually("there is an Event", || {
            let notes = events_about(&cluster, name);
            notes.iter().any(|note| note.to_lowercase().contains(part))
        });
    }
    let both = || {
        (
            events_about(&cluster, "bad").len(),
            events_about(&cluster, "worse").len(),
        )
    };
    let seen = both();
    if !cluster.is_real() {
        // One of them came too late.
        let server = cluster.server();
        eventually("both have tried", || {
            server.count("create", "events") >= 2 * (seen.0 + seen.1)
        });
    }
    assert_eq!(both(), seen, "each is told once");
    assert_eq!(seen, (1, 1), "{:?}", events_about(&cluster, "bad"));
    // The rest is served.
    for piton in &pitons {
        user_at(piton, "a");
    }
    // A change that says the same again is not told again.
    worse.ingress(
        "worse.example.com",
        &[(&format!("{ROUTER}.priority"), "high"), ("example.com/note", "1")],
    );
    holds_for(Duration::from_millis(500), "each is told once", || both() == seen);
    // Repaired, it is served.
    bad.service(&[("sticky.cookie.maxage", "60")]);
    let ask = || {
        let request = "GET / HTTP/1.1\r\nHost: bad.example.com\r\nConnection: close\r\n\r\n";
        crate::harness::Client::connect(pitons[0].address())
            .exchange(request)
            .text()
    };
    eventually("it is served", || ask() == "b");
    let _ = SERVICE;
}
