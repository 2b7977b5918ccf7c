//! `providers.docker` in front of an engine that is cut off, slow, away or huge.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fake::{Answer, Container, Engine};
use crate::harness::{Browser, Piton, Server, Setup, TempDir, eventually, get, holds_for, within};

/// How soon piton is there again after its engine is: its pause grows while nobody answers.
const SOON: Duration = Duration::from_secs(20);

/// A replica of the sticky service `app` for every path; it is that server.
pub fn replica(name: &str, server: &Server) -> Container {
    let service = "traefik.http.services.app.loadbalancer";
    Container::named(name)
        .label("traefik.http.routers.app.rule", "PathPrefix(`/`)")
        .label(&format!("{service}.sticky.cookie.name"), "sid")
        .label(
            &format!("{service}.server.port"),
            &server.address().port().to_string(),
        )
}

/// An engine in a directory that goes with it.
pub struct Yard {
    pub engine: Engine,
    dir: TempDir,
}

impl Yard {
    pub fn new(containers: impl IntoIterator<Item = Container>) -> Self {
        let dir = TempDir::new();
        let engine = Engine::at(&dir.join("docker.sock"));
        engine.put(containers);
        Self { engine, dir }
    }

    /// A piton of it, with more options.
    pub fn setup(&self, options: &str) -> Setup {
        let endpoint = self.dir.join("docker.sock");
        Setup::engine(
            "docker",
            &format!("endpoint: unix://{}\n{options}", endpoint.display()),
        )
    }
}

/// Who answers users that are new.
pub fn newcomers(piton: &Piton) -> BTreeSet<String> {
    (0..6)
        .map(|_| {
            let answer = get(piton.address(), "/");
            match answer.status {
                200 => answer.text(),
                status => status.to_string(),
            }
        })
        .collect()
}

/// Returns once new users arrive at exactly these servers.
pub fn wait_for(piton: &Piton, names: &[&str]) {
    let expected: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
    within(SOON, &format!("new users arrive at {names:?}"), || {
        newcomers(piton) == expected
    });
}

#[test]
fn the_first_request_finds_what_the_engine_listed() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let yard = Yard::new([replica("a", &a), replica("b", &b)]);
    let piton = yard.setup("").start();
    assert_eq!(get(piton.address(), "/").status, 200);
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn one_event_is_one_inspection() {
    let servers = ["a", "b", "c"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0]), replica("b", &servers[1])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    eventually("it listens to events", || yard.engine.listeners() == 1);
    yard.engine.forget();
    yard.engine.start(replica("c", &servers[2]));
    wait_for(&piton, &["a", "b", "c"]);
    let inspected: BTreeSet<String> = yard.engine.inspected().into_iter().collect();
    assert_eq!(inspected, BTreeSet::from(["c".to_owned()]));
    assert_eq!(
        yard.engine.count("/containers/json"),
        0,
        "nothing is listed again"
    );
    yard.engine.becomes("a", "exited", "die");
    wait_for(&piton, &["b", "c"]);
    yard.engine.remove("b");
    wait_for(&piton, &["c"]);
}

#[test]
fn a_container_that_is_told_to_stop_keeps_its_sessions_and_gets_no_new_ones() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let yard = Yard::new([replica("a", &a), replica("b", &b)]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    eventually("it listens to events", || yard.engine.listeners() == 1);
    let mut user = Browser::new();
    while user.ask(piton.address()).text() != "a" {
        user = Browser::new();
    }
    let container = yard.engine.find("a");
    // A signal that stops nothing.
    yard.engine.tell(&container, "kill", &[("signal", "1")]);
    yard.engine.tell(&container, "kill", &[("signal", "15")]);
    wait_for(&piton, &["b"]);
    let answer = user.ask(piton.address());
    assert_eq!((answer.text().as_str(), answer.cookies().len()), ("a", 0));
    yard.engine.becomes("a", "exited", "die");
    eventually("the session moves", || user.ask(piton.address()).text() == "b");
    yard.engine.becomes("a", "running", "start");
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn a_signal_that_ends_nothing_changes_nothing() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let mut container = replica("a", &a);
    container.stop_signal = Some("SIGUSR1".to_owned());
    let yard = Yard::new([container.clone(), replica("b", &b)]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    eventually("it listens to events", || yard.engine.listeners() == 1);
    yard.engine.tell(&container, "kill", &[("signal", "12")]);
    yard.engine.tell(&container, "kill", &[("signal", "1")]);
    holds_for(Duration::from_millis(400), "both are served", || {
        newcomers(&piton).len() == 2
    });
    // Its own stop signal.
    yard.engine.tell(&container, "kill", &[("signal", "10")]);
    wait_for(&piton, &["b"]);
}

#[test]
fn an_unhealthy_container_drains_and_a_paused_one_goes() {
    let servers = ["a", "b"].map(Server::named);
    let well = |name, server| replica(name, server).health("healthy");
    let yard = Yard::new([well("a", &servers[0]), well("b", &servers[1])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    eventually("it listens to events", || yard.engine.listeners() == 1);
    let mut user = Browser::new();
    while user.ask(piton.address()).text() != "a" {
        user = Browser::new();
    }
    yard.engine.health("a", "unhealthy");
    wait_for(&piton, &["b"]);
    assert_eq!(user.ask(piton.address()).text(), "a");
    yard.engine.health("a", "healthy");
    wait_for(&piton, &["a", "b"]);
    assert_eq!(user.ask(piton.address()).text(), "a");
    yard.engine.becomes("a", "paused", "pause");
    wait_for(&piton, &["b"]);
    assert_eq!(user.ask(piton.address()).text(), "b");
    yard.engine.becomes("a", "running", "unpause");
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn a_stream_that_is_cut_is_opened_again_and_what_was_missed_is_found() {
    let servers = ["a", "b", "c"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0]), replica("b", &servers[1])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    eventually("it listens to events", || yard.engine.listeners() == 1);
    yard.engine.forget();
    yard.engine.take("b");
    yard.engine.put([replica("c", &servers[2])]);
    yard.engine.cut();
    wait_for(&piton, &["a", "c"]);
    eventually("it listens again", || yard.engine.listeners() == 1);
    assert_eq!(
        yard.engine.inspected(),
        ["c"],
        "of those that did not change nothing is asked"
    );
    yard.engine.becomes("a", "exited", "die");
    wait_for(&piton, &["c"]);
}

#[test]
fn while_the_engine_is_away_everything_stays_as_it_was() {
    let servers = ["a", "b", "c"].map(Server::named);
    let mut yard = Yard::new([replica("a", &servers[0]), replica("b", &servers[1])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    let mut user = Browser::new();
    let home = user.ask(piton.address()).text();
    let generation = piton.generation();
    yard.engine.leave();
    piton.wait_for_line(&["WARN", "docker"]);
    holds_for(Duration::from_millis(1500), "sessions stay", || {
        let answer = user.ask(piton.address());
        answer.text() == home && answer.cookies().is_empty()
    });
    assert_eq!(piton.generation(), generation);
    yard.engine.put([replica("c", &servers[2])]);
    yard.engine.come_back();
    wait_for(&piton, &["a", "b", "c"]);
    assert_eq!(user.ask(piton.address()).text(), home);
}

#[test]
fn an_engine_that_is_away_at_the_start_is_found_later() {
    let server = Server::named("a");
    let dir = TempDir::new();
    let mut engine = Engine::away(&dir.join("docker.sock"));
    engine.put([replica("a", &server)]);
    let options = format!("endpoint: {}", engine.endpoint(""));
    let piton = Setup::engine("docker", &options).start();
    assert_eq!(get(piton.address(), "/").status, 404);
    piton.wait_for_line(&["docker.sock"]);
    engine.come_back();
    wait_for(&piton, &["a"]);
}

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
    eventually("it listens to events", || yard.engine.listeners() == 1);
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
    let text = crate::harness::app_of(&[&format!("url: {}", server.url())], "");
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
        get(piton.address(), "/").status == 200 && yard.engine.inspected().len() >= 5001
    });
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
    eventually("it listens to events", || yard.engine.listeners() == 1);
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
    eventually("it listens to events", || yard.engine.listeners() == 1);
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
