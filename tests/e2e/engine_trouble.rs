//! An engine that answers nonsense, and containers whose labels are wrong.

use std::time::Duration;

use crate::engine::{Yard, newcomers, replica, wait_for};
use crate::fake::{Answer, Container};
use crate::harness::{Browser, Piton, Server, eventually, get, holds_for};

fn bytes(text: &str) -> Answer {
    Answer::Bytes(text.as_bytes().to_vec())
}

/// The most memory the process ever had, in MiB.
fn peak(piton: &Piton) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", piton.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
}

/// When the engine is asked for `part` again it answers wrongly: a line says so, and what was there stays
/// until it comes to its senses.
fn nonsense(part: &str, answer: Answer) {
    let servers = ["a", "b"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a"]);
    yard.is_followed();
    let (generation, lines) = (piton.generation(), piton.count(&["docker"]));
    yard.engine.misbehave(part, answer);
    yard.engine.put([replica("b", &servers[1])]);
    yard.engine.forget();
    yard.engine.cut();
    eventually("it asks again", || yard.engine.count(part) > 0);
    eventually("the log says so", || {
        piton.count(&["WARN", "docker"]) + piton.count(&["ERROR", "docker"]) > 0
            && piton.count(&["docker"]) > lines
    });
    holds_for(Duration::from_millis(300), "the last good one stays", || {
        let answer = get(piton.address(), "/");
        (answer.status, answer.text().as_str()) == (200, "a")
    });
    assert_eq!(piton.generation(), generation, "{part}");
    assert!(peak(&piton) < 400, "{} MiB", peak(&piton));
    assert!(
        piton.log().iter().all(|line| line.len() < 2000),
        "no line is a page"
    );
    yard.engine.behave();
    wait_for(&piton, &["a", "b"]);
}

#[test]
fn a_listing_that_is_no_json_changes_nothing() {
    let body = r#"[{"Id": "#;
    nonsense(
        "/containers/json",
        bytes(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )),
    );
}

#[test]
fn a_listing_of_another_shape_changes_nothing() {
    nonsense(
        "/containers/json",
        Answer::Status(200, "application/json", r#"{"Id": [1, 2]}"#),
    );
}

#[test]
fn a_listing_that_is_cut_in_half_changes_nothing() {
    nonsense("/containers/json", Answer::Half);
}

#[test]
fn a_listing_that_never_ends_is_given_up() {
    nonsense("/containers/json", Answer::Endless);
}

#[test]
fn an_answer_that_is_not_http_changes_nothing() {
    nonsense("/containers/json", bytes("SSH-2.0-OpenSSH_9.2p1\r\n\r\n"));
}

#[test]
fn an_answer_with_a_wrong_length_changes_nothing() {
    nonsense(
        "/containers/json",
        bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[{\"Id\": \"x\"}]"),
    );
}

#[test]
fn an_engine_with_an_internal_error_changes_nothing() {
    let page = r#"{"message": "the store is locked"}"#;
    nonsense("/containers/json", Answer::Status(500, "application/json", page));
}

#[test]
fn a_page_of_a_proxy_in_between_changes_nothing() {
    let page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    nonsense("/version", Answer::Status(200, "text/html", page));
}

#[test]
fn an_engine_that_hangs_up_changes_nothing() {
    nonsense("/version", Answer::Nothing);
}

#[test]
fn an_inspection_that_is_nonsense_is_asked_again_later() {
    nonsense("/json?", Answer::Nothing);
}

#[test]
fn an_event_that_is_nonsense_loses_nothing() {
    let servers = ["a", "b"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a"]);
    yard.is_followed();
    for event in [
        serde_json::json!({"Type": "container"}),
        serde_json::json!({"Type": "container", "Action": "start", "Actor": {"ID": "nobody"}}),
        serde_json::json!({"Type": "container", "Action": "die", "Actor": {"ID": "../../version", "Attributes": {}}}),
        serde_json::json!({"Type": 7}),
    ] {
        yard.engine.send(event);
    }
    yard.engine.start(replica("b", &servers[1]));
    wait_for(&piton, &["a", "b"]);
    assert!(
        yard.engine
            .asked()
            .iter()
            .all(|asked| !asked.target.contains(".."))
    );
}

#[test]
fn a_wrong_label_takes_its_container_down_and_nobody_else() {
    let servers = ["a", "b"].map(Server::named);
    let wrong = [
        ("traefik.http.services.app.loadbalancer.server.prot", "80"),
        ("traefik.http.services.app.loadbalancer.passhostheader", "yes"),
        ("Traefik.enable", "true"),
        ("traefik.http.routers.other.priority", "high"),
        (
            "traefik.http.services.app.loadbalancer.sticky.cookie.maxage",
            "1h",
        ),
    ];
    let containers = wrong
        .iter()
        .enumerate()
        .map(|(number, (label, value))| replica(&format!("wrong-{number}"), &servers[1]).label(label, value));
    let yard = Yard::new(containers.chain([replica("a", &servers[0])]));
    let piton = yard.setup("").start();
    wait_for(&piton, &["a"]);
    for (number, (label, _)) in wrong.iter().enumerate() {
        piton.wait_for_line(&[&format!("wrong-{number}"), label]);
    }
}

#[test]
fn a_container_without_a_port_is_named() {
    let server = Server::named("a");
    let yard = Yard::new([replica("a", &server), Container::named("portless")]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a"]);
    piton.wait_for_line(&["portless", "port"]);
}

#[test]
fn one_changed_label_among_replicas_keeps_the_older_definition() {
    let servers = ["a", "b"].map(Server::named);
    let yard = Yard::new([replica("a", &servers[0])]);
    let piton = yard.setup("").start();
    wait_for(&piton, &["a"]);
    yard.is_followed();
    let mut user = Browser::new();
    assert_eq!(user.ask(piton.address()).text(), "a");
    let mut newer = replica("b", &servers[1]).label(
        "traefik.http.services.app.loadbalancer.sticky.cookie.name",
        "other",
    );
    newer.created += 60;
    yard.engine.start(newer);
    piton.wait_for_line(&["WARN", "app"]);
    holds_for(Duration::from_millis(300), "sessions stay", || {
        user.ask(piton.address()).text() == "a"
    });
    assert!(!newcomers(&piton).contains("404"));
    yard.engine.remove("a");
    eventually("the newer definition is used", || {
        let answer = get(piton.address(), "/");
        answer.text() == "b" && answer.cookies().iter().any(|cookie| cookie.starts_with("other="))
    });
}

#[test]
fn whoever_shows_the_log_shows_no_secret() {
    let server = Server::named("a");
    let secret = "correct-horse-battery-staple";
    let container = replica("a", &server).variable("DATABASE_PASSWORD", secret);
    let broken = replica("b", &server)
        .variable("API_TOKEN", secret)
        .label("traefik.http.routers.app.priority", "high");
    let yard = Yard::new([container, broken]);
    let options = format!("username: piton\npassword: {secret}");
    let piton = yard.setup(&options).level("DEBUG").start();
    wait_for(&piton, &["a"]);
    yard.engine.cut();
    yard.engine.start(replica("c", &server).variable("TOKEN", secret));
    yard.is_followed();
    assert!(piton.log().len() > 3, "it logs");
    // The password in base64, as in the header.
    for found in [secret, "cGl0b246Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ"] {
        assert_eq!(piton.count(&[found]), 0, "{found}");
    }
}
