//! Containers start, stop, die, pause and fall ill under sticky load.

use crate::crowd::{Crowd, name_in, newcomers, wait_for_newcomers_at};
use crate::engine::Lab;
use crate::harness::{Browser, Piton, eventually};

/// Three replicas `a`, `b`, `c` and eight users, of whom some are at each.
fn three_replicas(lab: &Lab) -> (Piton, Crowd) {
    lab.replicas(&["a", "b", "c"], &[]);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["a", "b", "c"]);
    let crowd = Crowd::of(9, piton.address());
    for name in ["a", "b", "c"] {
        assert!(crowd.at(name) > 0, "somebody is at {name}");
    }
    (piton, crowd)
}

#[test]
fn a_container_that_starts_gets_new_sessions_and_takes_none_away() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    let row = crowd.during("start", || {
        lab.replica("d", &[]);
        wait_for_newcomers_at(piton.address(), &["a", "b", "c", "d"]);
    });
    assert_eq!(row.moved, 0);
}

#[test]
fn a_container_that_is_stopped_loses_its_sessions_and_no_request_fails() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    let there = crowd.at("b");
    crowd.may_leave("b");
    let row = crowd.during("stop", || {
        lab.act("stop", "b");
        crowd.wait_until_nobody_is_at("b");
    });
    assert_eq!(row.moved, there);
    let row = crowd.during("start again", || {
        lab.act("start", "b");
        wait_for_newcomers_at(piton.address(), &["a", "b", "c"]);
    });
    assert_eq!(row.moved, 0);
}

#[test]
fn a_container_that_is_killed_loses_its_sessions_and_no_request_fails() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    let there = crowd.at("c");
    crowd.may_leave("c");
    let row = crowd.during("kill", || {
        lab.act("kill", "c");
        crowd.wait_until_nobody_is_at("c");
        wait_for_newcomers_at(piton.address(), &["a", "b"]);
    });
    assert_eq!(row.moved, there);
}

#[test]
fn a_paused_container_gets_no_new_session_until_it_goes_on() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    crowd.may_leave("a");
    // Who was waiting for an answer waits until the container goes on; everybody else is served elsewhere.
    crowd.during("pause, unpause", || {
        lab.act("pause", "a");
        eventually("nobody new arrives at a", || {
            piton.count(&["configuration published"]) > 1
        });
        wait_for_newcomers_at(piton.address(), &["b", "c"]);
        lab.act("unpause", "a");
        wait_for_newcomers_at(piton.address(), &["a", "b", "c"]);
    });
}

#[test]
fn a_container_that_falls_ill_keeps_its_sessions_and_gets_new_ones_when_it_is_well() {
    let Some(lab) = Lab::here() else { return };
    let check = [
        "--health-cmd=[ ! -e /ill ]",
        "--health-interval=300ms",
        "--health-retries=1",
    ];
    lab.replicas(&["a", "b"], &check);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["a", "b"]);
    let crowd = Crowd::of(8, piton.address());
    let there = crowd.at("a");
    assert!(there > 0);
    let container = lab.name("a");
    let row = crowd.during("health turns unhealthy", || {
        lab.docker
            .run(&["exec", &container, "/bin/busybox", "touch", "/ill"]);
        wait_for_newcomers_at(piton.address(), &["b"]);
    });
    assert_eq!((row.moved, crowd.at("a")), (0, there));
    let row = crowd.during("health turns good again", || {
        lab.docker
            .run(&["exec", &container, "/bin/busybox", "rm", "/ill"]);
        wait_for_newcomers_at(piton.address(), &["a", "b"]);
    });
    assert_eq!(row.moved, 0);
}

#[test]
fn a_container_that_is_still_starting_gets_nobody() {
    let Some(lab) = Lab::here() else { return };
    lab.replica("a", &[]);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["a"]);
    lab.replica(
        "b",
        &[
            "--health-cmd=[ -e /well ]",
            "--health-interval=300ms",
            "--health-retries=100",
        ],
    );
    lab.replica("c", &[]);
    wait_for_newcomers_at(piton.address(), &["a", "c"]);
    let container = lab.name("b");
    lab.docker
        .run(&["exec", &container, "/bin/busybox", "touch", "/well"]);
    wait_for_newcomers_at(piton.address(), &["a", "b", "c"]);
}

#[test]
fn a_renamed_container_keeps_its_sessions() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    let row = crowd.during("rename", || {
        lab.docker.run(&["rename", &lab.name("a"), &lab.name("z")]);
        // Whatever the rename does has been done when a later event has had its effect.
        lab.replica("d", &[]);
        wait_for_newcomers_at(piton.address(), &["a", "b", "c", "d"]);
    });
    assert_eq!(row.moved, 0);
}

#[test]
fn a_container_made_again_at_another_address_is_another_server() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    let (there, before) = (crowd.at("a"), lab.address("a", "bridge"));
    crowd.may_leave("a");
    let row = crowd.during("made again at another address", || {
        lab.docker.run(&["rm", "--force", &lab.name("a")]);
        // Takes the address if it is given out again.
        lab.start("filler", &["--label", "traefik.enable=false"]);
        lab.replica("a", &[]);
        wait_for_newcomers_at(piton.address(), &["a", "b", "c"]);
    });
    assert_ne!(lab.address("a", "bridge"), before);
    assert_eq!(row.moved, there);
}

#[test]
fn a_container_made_again_with_its_id_gets_its_sessions_back_without_a_cookie() {
    let Some(lab) = Lab::here() else { return };
    let run = |name: &str| {
        let id = format!("traefik.http.services.app.loadbalancer.server.id={name}");
        lab.replica(name, &["--label", &id]);
    };
    run("a");
    run("b");
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["a", "b"]);
    // One who is away meanwhile, among others who are not.
    let mut user = Browser::new();
    while name_in(&user.ask(piton.address())) != "a" {
        user = Browser::new();
    }
    let (cookie, before) = (user.field(), lab.address("a", "bridge"));
    let crowd = Crowd::of(8, piton.address());
    let there = crowd.at("a");
    crowd.may_leave("a");
    let row = crowd.during("made again with its id", || {
        lab.docker.run(&["rm", "--force", &lab.name("a")]);
        crowd.wait_until_nobody_is_at("a");
        lab.start("filler", &["--label", "traefik.enable=false"]);
        run("a");
        wait_for_newcomers_at(piton.address(), &["a", "b"]);
    });
    assert_eq!(row.moved, there);
    assert_ne!(lab.address("a", "bridge"), before);
    let answer = user.ask(piton.address());
    assert_eq!((name_in(&answer).as_str(), answer.cookies()), ("a", vec![]));
    assert_eq!(user.field(), cookie);
}

#[test]
fn a_second_container_with_the_same_id_harms_nobody() {
    let Some(lab) = Lab::here() else { return };
    let id = |name: &str| format!("traefik.http.services.app.loadbalancer.server.id={name}");
    lab.replica("a", &["--label", &id("a")]);
    lab.replica("b", &["--label", &id("b")]);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["a", "b"]);
    let crowd = Crowd::of(8, piton.address());
    let row = crowd.during("a second container with the same id", || {
        lab.replica("a2", &["--label", &id("a")]);
        piton.wait_for_line(&["WARN", &lab.name("a2"), "id"]);
    });
    assert_eq!(row.moved, 0);
    let there = crowd.at("a");
    crowd.may_leave("a");
    // It takes the id over: sessions that it got meanwhile know it by its URL.
    crowd.may_leave("a2");
    let row = crowd.during("the first one goes", || {
        lab.docker.run(&["rm", "--force", &lab.name("a")]);
        crowd.wait_until_nobody_is_at("a");
        wait_for_newcomers_at(piton.address(), &["a2", "b"]);
    });
    assert!(row.moved >= there);
}

#[test]
fn twenty_replicas_come_and_go_and_no_user_notices() {
    // As most applications do, each goes on for a moment after it was told to stop.
    twenty_replicas("0.5");
}

#[test]
fn eighteen_replicas_that_end_at_once_at_sigterm_fail_no_request() {
    twenty_replicas("0");
}

/// 2, 20 and 2 replicas; each ends so many seconds after SIGTERM.
fn twenty_replicas(grace: &str) {
    let Some(lab) = Lab::here() else { return };
    let names: Vec<String> = (1..=20).map(|number| format!("r{number:02}")).collect();
    let variable = format!("GRACE={grace}");
    let grace = ["--env", &variable];
    lab.replicas(&["r01", "r02"], &grace);
    let piton = lab.piton("");
    wait_for_newcomers_at(piton.address(), &["r01", "r02"]);
    let mut crowd = Crowd::of(4, piton.address());
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let row = crowd.during("2 -> 20 replicas", || {
        for some in all[2..].chunks(6) {
            lab.replicas(some, &grace);
        }
        wait_for_newcomers_at(piton.address(), &all);
    });
    assert_eq!(row.moved, 0);
    crowd.join(20);
    crowd.all_ask_again();
    let there: usize = all[2..].iter().map(|name| crowd.at(name)).sum();
    let containers: Vec<String> = all[2..].iter().map(|name| lab.name(name)).collect();
    let mut stop = vec!["stop", "--time", "5"];
    stop.extend(containers.iter().map(String::as_str));
    let row = crowd.during("20 -> 2 replicas", || {
        for name in &all[2..] {
            crowd.may_leave(name);
        }
        lab.docker.run(&stop);
        wait_for_newcomers_at(piton.address(), &all[..2]);
        for name in &all[2..] {
            crowd.wait_until_nobody_is_at(name);
        }
    });
    assert!(there > 0 && row.moved >= there, "{} of {there} moved", row.moved);
    assert_eq!(newcomers(piton.address(), 4).len(), 2);
}

#[test]
fn events_that_change_nothing_move_nobody() {
    let Some(lab) = Lab::here() else { return };
    let (piton, crowd) = three_replicas(&lab);
    let generation = piton.generation();
    let row = crowd.during("20 events of others", || {
        for turn in 0..5 {
            let name = format!("other-{turn}");
            lab.start(&name, &["--rm", "--label", "traefik.enable=false"]);
            lab.act("kill", &name);
        }
        lab.replica("d", &[]);
        wait_for_newcomers_at(piton.address(), &["a", "b", "c", "d"]);
    });
    assert_eq!(row.moved, 0);
    assert!(
        piton.generation() <= generation + 2,
        "only the last one changed anything: {generation} -> {}",
        piton.generation()
    );
}
