//! `providers.docker` follows an engine: events, cuts, absences.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::fake::{Answer, Container, Engine};
use crate::harness::{Browser, Piton, Server, Setup, TempDir, eventually, get, holds_for, within};

/// How soon piton is there again after its engine is: its pause grows while nobody answers.
pub const SOON: Duration = Duration::from_secs(20);

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

    /// Returns once piton listens to events and has listed after that: what happens now comes by events.
    pub fn is_followed(&self) {
        eventually("it is followed", || {
            let asked = self.engine.asked();
            let last = |part: &str| asked.iter().rposition(|asked| asked.target.contains(part));
            self.engine.listeners() == 1 && last("/containers/json") > last("/events")
        });
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

/// A user whose session is at this server.
fn user_at(piton: &Piton, name: &str) -> Browser {
    loop {
        let mut user = Browser::new();
        if user.ask(piton.address()).text() == name {
            return user;
        }
    }
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
    yard.is_followed();
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
    yard.is_followed();
    let mut user = user_at(&piton, "a");
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
fn the_end_of_a_container_is_known_without_a_look_at_it() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let yard = Yard::new([replica("a", &a), replica("b", &b)]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    yard.is_followed();
    // As an engine does that is removing it.
    yard.engine.misbehave(&yard.engine.find("a").id, Answer::Held);
    yard.engine.becomes("a", "exited", "die");
    wait_for(&piton, &["b"]);
    yard.engine.behave();
}

#[test]
fn a_container_that_is_restarted_unseen_is_not_taken_for_one_that_stops() {
    let (a, b) = (Server::named("a"), Server::named("b"));
    let yard = Yard::new([replica("a", &a), replica("b", &b)]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a", "b"]);
    yard.is_followed();
    yard.engine
        .tell(&yard.engine.find("a"), "kill", &[("signal", "15")]);
    wait_for(&piton, &["b"]);
    // Its end and its start are lost with the stream, and its address is the same.
    yard.engine.change("a", |container| container.runs += 1);
    yard.engine.cut();
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
    yard.is_followed();
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
    yard.is_followed();
    let mut user = user_at(&piton, "a");
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
    yard.is_followed();
    yard.engine.forget();
    yard.engine.take("b");
    yard.engine.put([replica("c", &servers[2])]);
    yard.engine.cut();
    wait_for(&piton, &["a", "c"]);
    yard.is_followed();
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
    piton.wait_for_line(&["ERROR", "docker"]);
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
