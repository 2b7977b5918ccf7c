//! An engine that is slow, huge or talkative.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::{SOON, Yard, newcomers, replica, wait_for};
use crate::fake::{Answer, Container};
use crate::harness::{Server, app_of, eventually, get, within};

#[test]
fn an_engine_that_is_slow_holds_up_nobody_else() {
    let servers = ["a", "b", "file"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0])]);
    let file = |server: &Server| {
        format!(
            "http:\n  routers:\n    f: {{rule: 'Path(`/file`)', service: f, priority: 100}}\n  services:\n    \
             f: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}\n",
            server.url()
        )
    };
    let setup = yard.setup("").provider("filename: {dir}/dynamic.yaml");
    setup.dir().write("dynamic.yaml", &file(&servers[0]));
    let piton = setup.start();
    wait_for(&piton, &["a"]);
    yard.is_followed();
    yard.engine.misbehave("/json", Answer::Held);
    yard.engine.start(replica("b", &servers[1]));
    eventually("it asks", || !yard.engine.inspected().is_empty());
    assert_eq!(get(piton.address(), "/").text(), "a");
    piton.reload(&file(&servers[2]));
    assert_eq!(get(piton.address(), "/file").text(), "file");
    yard.engine.behave();
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn an_engine_that_does_not_answer_at_the_start_holds_up_nobody() {
    let server = Server::named("a");
    let yard = Yard::new([replica("a", &server)]);
    yard.engine.misbehave("/", Answer::Held);
    let setup = yard.setup("").provider("filename: {dir}/dynamic.yaml");
    let text = app_of(&[&format!("url: {}", server.url())], "");
    setup.dir().write("dynamic.yaml", &text);
    let piton = setup.start();
    within(SOON, "the file's service is served", || {
        get(piton.address(), "/").status == 200
    });
}

#[test]
fn with_five_thousand_containers_one_event_is_one_inspection() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let yard = Yard::new([replica("a", &a)]);
    yard.engine.put((0..5000).map(|number| {
        let name = format!("crowd-{number:04}");
        Container::named(&name)
            .port(80)
            .label(
                &format!("traefik.http.routers.{name}.rule"),
                &format!("Host(`{name}`)"),
            )
            .network("bridge", &format!("10.9.{}.{}", number / 250, 1 + number % 250))
    }));
    let piton = yard.setup("").start();
    within(Duration::from_secs(60), "all are there", || {
        piton.count(&["published", "routers=5001"]) > 0
    });
    yard.is_followed();
    // Each once, and those again that were under way when piton stopped waiting for them and listened.
    let inspected = yard.engine.inspected().len();
    assert!((5001..=5017).contains(&inspected), "{inspected}");
    yard.engine.forget();
    yard.engine.start(replica("b", &b));
    within(Duration::from_secs(60), "the new one is served", || {
        newcomers(&piton).contains("b")
    });
    let inspected: BTreeSet<String> = yard.engine.inspected().into_iter().collect();
    assert_eq!(inspected, BTreeSet::from(["b".to_owned()]));
    assert_eq!(yard.engine.count("/containers/json"), 0);
}

#[test]
fn a_burst_of_events_is_one_configuration() {
    let server = Server::named("a");
    let yard = Yard::new([replica("a", &server)]);
    let piton = yard.setup("").throttle("1s").start();
    wait_for(&piton, &["a"]);
    yard.is_followed();
    let generation = piton.generation();
    for number in 0..50 {
        yard.engine.start(replica(&format!("b{number}"), &server));
    }
    let other = Server::named("last");
    yard.engine.start(replica("last", &other));
    within(SOON, "the last one is served", || {
        newcomers(&piton).contains("last")
    });
    let published = piton.generation() - generation;
    assert!((1..=4).contains(&published), "{published} configurations");
}

#[test]
fn events_that_change_nothing_publish_nothing() {
    let server = Server::named("a");
    let yard = Yard::new([replica("a", &server)]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a"]);
    yard.is_followed();
    let (generation, container) = (piton.generation(), yard.engine.find("a"));
    for action in [
        "exec_create: /bin/sh",
        "exec_start: /bin/sh",
        "top",
        "attach",
        "start",
        "rename",
    ] {
        yard.engine.tell(&container, action, &[]);
    }
    let other = Server::named("b");
    yard.engine.start(replica("b", &other));
    wait_for(&piton, &["a", "b"]);
    assert_eq!(piton.generation(), generation + 1);
}

#[test]
fn an_engine_without_a_swarm_is_named_when_a_swarm_is_asked_for() {
    let server = Server::named("a");
    let yard = Yard::new([replica("a", &server)]);
    let swarm = format!("endpoint: {}", yard.engine.endpoint(""));
    let piton = yard.setup("").and_engine("swarm", &swarm).start();
    piton.wait_for_line(&["ERROR", "swarm", "not a swarm manager"]);
    wait_for(&piton, &["a"]);
}
