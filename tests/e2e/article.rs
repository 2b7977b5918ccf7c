//! The samples of the article, unchanged but for the ports: those come from the kernel here.

use std::collections::HashMap;

use piton::sticky::{CookieValue, legacy_values};

use crate::harness::{Piton, Server, cookie_of, get, get_as, run_to_end, sticky_app};

const DEFAULTS: &str = r#"http:
  services:
    my-service:
      loadBalancer:
        sticky:
          cookie: {}
        servers:
          - url: "http://127.0.0.1:8081"
          - url: "http://127.0.0.1:8082"
"#;

const PRODUCTION: &str = r#"http:
  services:
    my-service:
      loadBalancer:
        sticky:
          cookie:
            name: my_sticky_cookie
            secure: true
            httpOnly: true
            sameSite: none
            domain: example.com
            maxAge: 3600
        servers:
          - url: "http://127.0.0.1:8081"
          - url: "http://127.0.0.1:8082"
"#;

/// Two servers, and piton in front of them with a sample.
fn run(sample: &str) -> (Piton, [Server; 2]) {
    let servers = [Server::named("one"), Server::named("two")];
    let text = sample
        .replace("http://127.0.0.1:8081", &servers[0].url())
        .replace("http://127.0.0.1:8082", &servers[1].url());
    (Piton::with(&text), servers)
}

fn url_of(servers: &[Server; 2], name: &str) -> String {
    servers[usize::from(name == "two")].url()
}

#[test]
fn the_first_response_sets_the_cookie_and_the_same_client_stays() {
    let (piton, servers) = run(DEFAULTS);
    let first = get(piton.address(), "/");
    assert_eq!(first.status, 200);
    let value = CookieValue::of(&url_of(&servers, &first.text()));
    assert_eq!(first.cookies(), [format!("_4fcce={value}; Path=/")]);
    for _ in 0..6 {
        let next = get_as(piton.address(), &format!("_4fcce={value}"));
        assert_eq!(next.text(), first.text());
        assert_eq!(next.cookies(), [""; 0], "nothing to rewrite");
    }
}

#[test]
fn ten_requests_without_a_cookie_spread_five_to_five() {
    let (piton, _servers) = run(DEFAULTS);
    let answers: Vec<String> = (0..10).map(|_| get(piton.address(), "/").text()).collect();
    assert_eq!(answers.iter().filter(|name| *name == "one").count(), 5, "{answers:?}");
    assert_eq!(answers.iter().filter(|name| *name == "two").count(), 5, "{answers:?}");
}

#[test]
fn the_production_sample_sets_every_attribute_in_gos_order() {
    let (piton, servers) = run(PRODUCTION);
    for _ in 0..2 {
        let first = get(piton.address(), "/");
        let value = CookieValue::of(&url_of(&servers, &first.text()));
        let attributes = "Path=/; Domain=example.com; Max-Age=3600; HttpOnly; Secure; SameSite=None";
        assert_eq!(first.cookies(), [format!("my_sticky_cookie={value}; {attributes}")]);
        let stays = get_as(piton.address(), &format!("my_sticky_cookie={value}"));
        assert_eq!(stays.text(), first.text());
        assert_eq!(stays.cookies(), [""; 0]);
    }
}

#[test]
fn the_articles_own_servers_have_the_values_traefik_gives_them() {
    let output = run_to_end(&["cookie", "http://127.0.0.1:8081", "--service", "my-service@file"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "08d5f409490f61fc");
    for (line, legacy) in lines[1..4].iter().zip(["http://127.0.0.1:8081", "5a1cc52f3f46040d", "7d49894b220072d2"]) {
        assert!(line.starts_with(legacy), "{text}");
    }
    assert_eq!(lines[4], "curl -b '_4fcce=08d5f409490f61fc'");
    let output = run_to_end(&["cookie", "http://127.0.0.1:8082"]);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("6bf4bc2f5d722cee\n"));
}

#[test]
fn values_of_older_traefiks_find_their_server_and_are_rewritten() {
    let (piton, servers) = run(DEFAULTS);
    for (server, name) in servers.iter().zip(["one", "two"]) {
        for legacy in legacy_values(&server.url()) {
            let answer = get_as(piton.address(), &format!("_4fcce={legacy}"));
            assert_eq!(answer.text(), name, "{legacy}");
            let value = CookieValue::of(&server.url());
            assert_eq!(answer.cookies(), [format!("_4fcce={value}; Path=/")]);
        }
    }
}

#[test]
fn two_pitons_with_the_same_file_agree_on_every_cookie() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let servers = NAMES.map(Server::named);
    let text = sticky_app(&servers.each_ref(), "");
    let pitons = [Piton::with(&text), Piton::with(&text)];
    let mut given = [HashMap::new(), HashMap::new()];
    for (piton, given) in pitons.iter().zip(&mut given) {
        for _ in NAMES {
            let answer = get(piton.address(), "/");
            given.insert(answer.text(), answer.sid().unwrap().to_owned());
        }
        assert_eq!(given.len(), NAMES.len());
    }
    assert_eq!(given[0], given[1]);
    for (server, name) in servers.iter().zip(NAMES) {
        for piton in &pitons {
            let answer = get_as(piton.address(), &cookie_of(server));
            assert_eq!((answer.text().as_str(), answer.sid()), (name, None));
        }
    }
}
