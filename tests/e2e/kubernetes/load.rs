//! Users under load while the cluster changes: nobody fails while an endpoint serves, sessions leave only what is gone.
//! `--nocapture` prints the table.

use super::app::{App, Pod, is_followed, wait_for};
use super::cluster::Cluster;
use crate::harness::crowd::{Crowd, Row};
use crate::harness::{Piton, Server, eventually};
use crate::upgrade::upgrade;

const USERS: usize = 9;

/// Users of three pods, with sessions at each.
fn crowd_of(piton: &Piton, names: [&str; 3]) -> Crowd {
    wait_for(piton, &names);
    let mut crowd = Crowd::of(USERS, piton.address());
    eventually("somebody is at each", || {
        let alone = names.iter().any(|name| crowd.at(name) == 0);
        if alone {
            crowd.join(1);
        }
        !alone
    });
    crowd
}

/// Replaces one pod by another as a Deployment does: the new one starts and gets ready, the old one is told to stop, its
/// sessions stay until it is gone.
fn replace(
    app: &App,
    crowd: &Crowd,
    piton: &Piton,
    old: (&str, &mut Server),
    new: (&str, &Server),
    rest: &[&str],
) -> Row {
    crowd.during(&format!("{} takes over from {}", new.0, old.0), || {
        app.becomes(new.1, Pod::Starting);
        app.becomes(new.1, Pod::Serving);
        app.becomes(old.1, Pod::Stopping);
        let mut names = rest.to_vec();
        names.push(new.0);
        wait_for(piton, &names);
        let there = crowd.at(old.0);
        crowd.all_ask_again();
        assert_eq!(crowd.at(old.0), there, "while it serves, its sessions stay");
        crowd.may_leave(old.0);
        // It ends before anybody hears of it.
        old.1.kill();
        crowd.wait_until_nobody_is_at(old.0);
        app.loses(old.1);
    })
}

#[test]
fn a_rolling_update_fails_nobody_and_moves_each_session_when_its_pod_is_gone() {
    let cluster = Cluster::new();
    let mut old = cluster.pods(["a1", "b1", "c1"]);
    let port = old[0].address().port();
    let new = ["a2", "b2", "c2"].map(|name| cluster.pod_at(name, port));
    let app = App::sticky(&cluster, &[&old[0], &old[1], &old[2]]);
    let piton = cluster.setup("").start();
    let crowd = crowd_of(&piton, ["a1", "b1", "c1"]);
    let mut names = vec!["a1", "b1", "c1"];
    let mut total = (0, 0);
    for ((now, next), (server, replacement)) in [("a1", "a2"), ("b1", "b2"), ("c1", "c2")]
        .into_iter()
        .zip(old.iter_mut().zip(&new))
    {
        let there = crowd.at(now);
        names.remove(0);
        let row = replace(&app, &crowd, &piton, (now, server), (next, replacement), &names);
        names.push(next);
        assert_eq!(row.moved, there, "who was there, and nobody else");
        total = (total.0 + row.requests, total.1 + row.moved);
    }
    println!(
        "rolling update: {} requests, 0 failed, {} sessions moved",
        total.0, total.1
    );
    // The last look: everything is where it should be.
    let row = crowd.during("afterwards", || wait_for(&piton, &["a2", "b2", "c2"]));
    assert_eq!(row.moved, 0);
}

#[test]
fn scaling_up_moves_nobody_and_scaling_down_only_those_whose_pod_goes() {
    let cluster = Cluster::new();
    let [a, b, mut c, d] = cluster.pods(["a", "b", "c", "d"]);
    let app = App::sticky(&cluster, &[&a, &b, &c]);
    let piton = cluster.setup("").start();
    let crowd = crowd_of(&piton, ["a", "b", "c"]);
    let row = crowd.during("scaled up", || {
        app.becomes(&d, Pod::Serving);
        wait_for(&piton, &["a", "b", "c", "d"]);
    });
    assert_eq!(row.moved, 0);
    let there = crowd.at("c");
    let row = crowd.during("scaled down", || {
        app.becomes(&c, Pod::Stopping);
        wait_for(&piton, &["a", "b", "d"]);
        crowd.may_leave("c");
        app.loses(&c);
        crowd.wait_until_nobody_is_at("c");
        c.kill();
    });
    assert_eq!(row.moved, there);
}

#[test]
fn what_does_not_concern_servers_moves_nobody() {
    let cluster = Cluster::new();
    let [a, b, c] = cluster.pods(["a", "b", "c"]);
    let app = App::sticky(&cluster, &[&a, &b, &c]);
    let piton = cluster.setup("").start();
    let crowd = crowd_of(&piton, ["a", "b", "c"]);
    let row = crowd.during("other annotations, other objects", || {
        for round in 0..5 {
            let before = piton.generation();
            let seconds = (60 + round).to_string();
            app.service(&[("sticky.cookie.name", "sid"), ("sticky.cookie.maxage", &seconds)]);
            eventually("it is in use", || piton.generation() > before);
            app.ingress("", &[("example.com/note", &seconds)]);
            app.tell();
        }
    });
    assert_eq!(row.moved, 0);
    let other = App::new(&cluster, "app-2", &[&a]);
    let row = crowd.during("another service of the same pods", || {
        other.service(&[]);
        other.ingress("other.example.com", &[]);
        cluster.delete("Ingress", "app-2");
        cluster.delete("Service", "app-2");
    });
    assert_eq!(row.moved, 0);
}

#[test]
fn an_api_server_that_is_started_again_is_missed_by_nobody() {
    let mut cluster = Cluster::restartable();
    let [a, b, c, d] = cluster.pods(["a", "b", "c", "d"]);
    App::sticky(&cluster, &[&a, &b, &c]);
    let piton = cluster.setup("").start();
    let crowd = crowd_of(&piton, ["a", "b", "c"]);
    let row = crowd.during("the API server goes and returns", || {
        cluster.leave();
        piton.wait_for_line(&["asking again", "kubernetes"]);
        crowd.all_ask_again();
        cluster.come_back();
        App::sticky(&cluster, &[&a, &b, &c, &d]);
        wait_for(&piton, &["a", "b", "c", "d"]);
    });
    assert_eq!(row.moved, 0);
    piton.wait_for_line(&["answers again"]);
    crowd.may_leave("b");
    let there = crowd.at("b");
    let row = crowd.during("and a pod goes", || {
        App::sticky(&cluster, &[&a, &c, &d]);
        crowd.wait_until_nobody_is_at("b");
    });
    assert_eq!(row.moved, there);
}

#[test]
fn a_pod_that_went_while_the_api_server_was_away_is_made_up_for() {
    let mut cluster = Cluster::ours();
    let [a, b, c] = cluster.pods(["a", "b", "c"]);
    App::sticky(&cluster, &[&a, &b, &c]);
    let piton = cluster.setup("").start();
    let crowd = crowd_of(&piton, ["a", "b", "c"]);
    is_followed(&cluster);
    crowd.may_leave("b");
    let there = crowd.at("b");
    let row = crowd.during("a pod goes while the API server is away", || {
        cluster.leave();
        App::sticky(&cluster, &[&a, &c]);
        crowd.all_ask_again();
        assert_eq!(crowd.at("b"), there, "nobody knows yet");
        cluster.come_back();
        crowd.wait_until_nobody_is_at("b");
    });
    assert_eq!(row.moved, there);
}

#[test]
fn a_new_binary_takes_over_and_goes_on_following() {
    let cluster = Cluster::new();
    let [a, b, c] = cluster.pods(["a", "b", "c"]);
    let app = App::sticky(&cluster, &[&a, &b, &c]);
    let old = cluster.setup("").upgradable().start();
    let crowd = crowd_of(&old, ["a", "b", "c"]);
    let mut new = None;
    let row = crowd.during("a new binary takes over", || {
        let mut old = old;
        new = Some(upgrade(&mut old));
        assert!(old.wait_for_end().1);
    });
    assert_eq!(row.moved, 0);
    let new = new.unwrap();
    crowd.may_leave("c");
    crowd.during("and hears of changes", || {
        app.becomes(&c, Pod::Stopped);
        crowd.wait_until_nobody_is_at("c");
    });
    wait_for(&new, &["a", "b"]);
    drop(crowd);
}
